"""What may be a source or a delta, and what may not."""

from __future__ import annotations

import io
import mmap
import tempfile
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from delta_builder import header, window

import deltaloft
from deltaloft.buffers import Buffer
from deltaloft.errors import InvalidRequest

SOURCE = bytes(range(256)) * 16
DELTA = header(app=b"no") + window(4096, b"\x13\xa0\x00", b"", b"\x00", segment=(4096, 0))


def as_mmap(data: bytes) -> mmap.mmap:
    """Return `data` in a mapped file."""
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


KINDS: dict[str, Callable[[bytes], Buffer]] = {
    "bytes": bytes,
    "bytearray": bytearray,
    "mmap": as_mmap,
    "memoryview": memoryview,
    "slice": lambda data: memoryview(b"12" + data + b"345")[2:-3],
    "read-only": lambda data: memoryview(bytearray(data)).toreadonly(),
    "array": lambda data: array("B", data),
}


@pytest.mark.parametrize("kind", KINDS)
def test_contiguous(kind: str) -> None:
    """Contiguous bytes of any kind serve, and are let go of afterwards."""
    source, delta = KINDS[kind](SOURCE), KINDS[kind](DELTA)
    assert SOURCE == deltaloft.decode(source, delta)
    assert 4096 == deltaloft.inspect(delta).target_size
    file = io.BytesIO()
    assert 4096 == deltaloft.decode_file(source, delta, file)
    assert SOURCE == file.getvalue()


def test_items_of_several_bytes() -> None:
    """A buffer counts in bytes, whatever its items are."""
    assert SOURCE == deltaloft.decode(array("I", SOURCE), DELTA)
    assert SOURCE == deltaloft.decode(memoryview(SOURCE).cast("I", (32, 32)), DELTA)


def test_let_go_of() -> None:
    """After a call, and after one that failed, a buffer can be resized again."""
    source, delta = bytearray(SOURCE), bytearray(DELTA)
    deltaloft.decode(source, delta)
    source.append(0)
    delta.append(0)
    with pytest.raises(deltaloft.MalformedDelta) as caught:
        deltaloft.decode(source, delta)
    source.append(0)
    delta.append(0)
    assert caught.value.window == 1


def test_not_contiguous() -> None:
    """Bytes that do not lie side by side are refused, not copied in secret."""
    for source, delta in ((memoryview(SOURCE)[::2], DELTA), (SOURCE, memoryview(DELTA)[::2])):
        with pytest.raises(BufferError, match="contiguous"):
            deltaloft.decode(source, delta)


@pytest.mark.parametrize("nonsense", ["text", 5, None, [1, 2]])
def test_no_buffer(nonsense: object) -> None:
    """What is no buffer is a TypeError."""
    with pytest.raises(TypeError):
        deltaloft.decode(nonsense, DELTA)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        deltaloft.decode(SOURCE, nonsense)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        deltaloft.inspect(nonsense)  # type: ignore[arg-type]


def test_no_file_name() -> None:
    """A file is named by a Path: a str could be meant for its content, and the error says so."""
    calls: list[Callable[[Any], object]] = [
        lambda name: deltaloft.encode(name, b""),
        lambda name: deltaloft.encode(b"", name),
        lambda name: deltaloft.decode(b"", name),
        deltaloft.inspect,
        deltaloft.Source,
    ]
    for call in calls:
        with pytest.raises(TypeError, match=r"bytes or a pathlib\.Path expected, found str"):
            call("name")


def test_no_such_engine() -> None:
    """An engine that is not there is an error, not the usual one."""
    engine: Any = "vcdiff"
    for call in (deltaloft.encode, deltaloft.decode):
        with pytest.raises(InvalidRequest, match="engine: one of auto, native, xdelta3 expected"):
            call(SOURCE, DELTA, engine=engine)
    with pytest.raises(InvalidRequest, match="engine"):
        deltaloft.decode_file(SOURCE, DELTA, io.BytesIO(), engine=engine)


def test_empty(tmp_path: Path) -> None:
    """Empty buffers and files are buffers and files."""
    (tmp_path / "empty").write_bytes(b"")
    for empty in (b"", bytearray(), memoryview(b""), tmp_path / "empty"):
        assert b"" == deltaloft.decode(empty, header())
        with pytest.raises(deltaloft.MalformedDelta):
            deltaloft.decode(b"", empty)


def test_fresh_memory_only() -> None:
    """A result is written in place, and must never be an object that others hold."""
    for size in (0, 1, 2, 4096):
        delta = header() + window(size, b"\x00" + bytes([0x80 | size >> 7, size & 0x7F]), b"\xee")
        held = bytes(size)
        assert b"\xee" * size == deltaloft.decode(b"", delta)
        assert b"\0" * size == held == bytes(size)
    assert b"\0" == bytes([0])


def test_position_of_a_file_object() -> None:
    """A file object is written from where it stands, and stays open."""
    file = io.BytesIO(b"head" + bytes(4))
    file.seek(4)
    deltaloft.decode_file(SOURCE, DELTA, file)
    assert b"head" + SOURCE == file.getvalue()


class Slow(io.BytesIO):
    """A file that takes a hundred bytes at a time, as an unbuffered one may."""

    def write(self, data: object) -> int:
        """Take a hundred bytes."""
        return super().write(memoryview(data)[:100])  # type: ignore[arg-type]


def test_short_writes() -> None:
    """A file that takes less than it is given gets the rest again."""
    file = Slow()
    deltaloft.decode_file(SOURCE, DELTA, file)
    assert SOURCE == file.getvalue()


def test_target_over_source(tmp_path: Path) -> None:
    """A target may replace the very file that it is made from."""
    path = tmp_path / "file"
    path.write_bytes(SOURCE)
    half = header() + window(128, b"\x13\x81\x00", b"", b"\x00", segment=(4096, 0))
    deltaloft.decode_file(path, half, path)
    assert SOURCE[:128] == path.read_bytes()
