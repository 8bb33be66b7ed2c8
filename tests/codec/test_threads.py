"""Windows side by side: the same bytes, the same errors, nothing left running."""

from __future__ import annotations

import io
import signal
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from delta_builder import COPY, DATACOMP, add, add_window, header, packed, varint, window

import deltaloft
from deltaloft.delta_reader import side_by_side

SIZE = 1 << 20
SOURCE = b"".join(bytes([i]) * SIZE for i in range(8))


def copies(*, wrong: tuple[int, ...] = ()) -> bytes:
    """Return a delta that copies SOURCE in windows of 1 MiB, some with a wrong Adler-32."""
    delta = header()
    for i in range(8):
        adler32 = zlib.adler32(bytes([i]) * SIZE) ^ (i in wrong)
        delta += window(
            SIZE,
            bytes([COPY]) + varint(SIZE),
            b"",
            b"\0",
            segment=(SIZE, i * SIZE),
            adler32=adler32,
        )
    return delta


@pytest.mark.parametrize("threads", [None, 1, 2, 4, 20])
def test_same_bytes(threads: int | None) -> None:
    """The number of threads does not show in the target."""
    delta = copies()
    assert SOURCE == deltaloft.decode(SOURCE, delta, threads=threads)
    file = io.BytesIO()
    assert 8 * SIZE == deltaloft.decode_file(SOURCE, delta, file, threads=threads)
    assert SOURCE == file.getvalue()


@pytest.mark.parametrize("threads", [1, 4])
def test_packed_in_order(threads: int) -> None:
    """Sections of one stream are unpacked in their order, whoever decodes them."""
    delta = header(secondary=2)
    for i in range(8):
        data = bytes([i]) * SIZE
        section = packed(data, first=i == 0)
        delta += window(SIZE, add(data)[0], section, packed=DATACOMP, adler32=zlib.adler32(data))
    assert SOURCE == deltaloft.decode(b"", delta, threads=threads)


@pytest.mark.parametrize("threads", [1, 4])
def test_windows_that_look_back(threads: int) -> None:
    """A window that copies from earlier windows finds them complete."""
    delta = copies() + window(
        8 * SIZE,
        bytes([COPY]) + varint(8 * SIZE),
        b"",
        b"\0",
        segment=(8 * SIZE, 0),
        from_target=True,
    )
    assert SOURCE * 2 == deltaloft.decode(SOURCE, delta, threads=threads)
    file = io.BytesIO()
    deltaloft.decode_file(SOURCE, delta, file, threads=threads)
    assert SOURCE * 2 == file.getvalue()


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_first_error(threads: int) -> None:
    """Of several bad windows the first is reported; a file has all before it."""
    delta = copies(wrong=(3, 4, 6))
    with pytest.raises(deltaloft.WrongSource) as caught:
        deltaloft.decode(SOURCE, delta, threads=threads)
    assert 3 == caught.value.window
    file = io.BytesIO()
    with pytest.raises(deltaloft.WrongSource):
        deltaloft.decode_file(SOURCE, delta, file, threads=threads)
    assert SOURCE[: 3 * SIZE] == file.getvalue()


class FullDisk(io.BytesIO):
    """A file that refuses to be written."""

    def write(self, _data: object) -> int:
        """Refuse."""
        raise OSError(28, "no space left on device")


def test_disk_full() -> None:
    """A file that refuses ends the call, with no thread left that looks into the buffers."""
    source, delta = bytearray(SOURCE), bytearray(copies())
    with pytest.raises(OSError, match="no space") as caught:
        deltaloft.decode_file(source, delta, FullDisk(), threads=2)
    source.clear()  # a BufferError if anybody still held it
    delta.clear()
    assert caught.value.errno == 28
    assert not [t for t in threading.enumerate() if t.name.startswith("deltaloft")]


def test_many_at_once() -> None:
    """One source and one delta serve many decoders at the same time."""
    delta = copies()
    with ThreadPoolExecutor(8) as pool:
        results = pool.map(lambda _: deltaloft.decode(SOURCE, delta, threads=2), range(16))
        assert all(result == SOURCE for result in results)


@pytest.mark.parametrize("threads", [0, -1])
def test_no_threads(threads: int) -> None:
    """Fewer threads than one cannot work."""
    with pytest.raises(deltaloft.InvalidRequest):
        deltaloft.decode(SOURCE, copies(), threads=threads)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_few_on_their_way(threads: int) -> None:
    """Items are taken as results are, at most `threads` + 1 ahead; results keep their order."""
    taken = 0
    most = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for item in range(40):
            taken += 1
            yield item

    def work(item: int) -> int:
        time.sleep(0.002 * (item % 3))
        return item * item

    results = []
    for result in side_by_side(work, items(), threads):
        most = max(most, taken - len(results))
        results.append(result)
    assert [i * i for i in range(40)] == results
    assert most <= threads + 1


def test_nothing_runs_after_close() -> None:
    """When a caller stops early, work that has begun is waited for and the rest is dropped."""
    running = []

    def work(item: int) -> int:
        running.append(item)
        time.sleep(0.01)
        running.remove(item)
        return item

    results = side_by_side(work, range(100), 4)
    next(results)
    results.close()
    assert [] == running


def test_interrupt_while_waiting() -> None:
    """Ctrl-C while threads are being waited for comes out, but not before they are done."""
    running = []

    def work(item: int) -> int:
        running.append(item)
        time.sleep(0.3)
        running.remove(item)
        return item

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    results = side_by_side(work, range(100), 2)
    next(results)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(KeyboardInterrupt):
            results.close()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert [] == running


def test_small_windows_share_a_batch() -> None:
    """Thousands of small windows in a large target keep their places."""
    pieces = [bytes([i % 251]) * (i % 1500) for i in range(8000)]
    delta = header() + b"".join(add_window(piece) for piece in pieces)
    assert b"".join(pieces) == deltaloft.decode(b"", delta, threads=3)
