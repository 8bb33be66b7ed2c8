"""A large download comes in parallel ranges: whatever happens to them, of one version and whole."""

from __future__ import annotations

import io
import random
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from deltaloft.bucket import Attributes
from deltaloft.download import FIRST_SIZE, downloading
from deltaloft.errors import DamagedObject, PreconditionFailed, StorageError, Unreachable
from deltaloft.s3_bucket import S3Bucket
from deltaloft.store import Store
from deltaloft.testing import (
    Answer,
    Cut,
    ErrorAnswer,
    Fault,
    FaultyS3,
    Forward,
    NoLength,
    Request,
    Stall,
    WholeForRange,
    WrongLength,
    WrongRange,
)

REAL = ["moto", "rgw"]
SIZE = 40 << 20
Through = Callable[..., S3Bucket]


def version(number: int, size: int = SIZE) -> bytes:
    """Return a large file; two versions differ everywhere."""
    mebi = random.Random(number).randbytes(1 << 20)
    return mebi * (size >> 20) + mebi[: size % (1 << 20)]


def put(bucket: S3Bucket, content: bytes, key: str = "key") -> None:
    """Store a file as it is."""
    Store(bucket).put(content, key, delta="never")


def ranges(double: FaultyS3) -> list[str]:
    """Return the ranges that were asked for, in order of their beginnings."""
    asked = [each.request.headers["range"][6:] for each in double.matching("GetObject")]
    return sorted(asked, key=lambda text: int(text.partition("-")[0]))


def later(fault: Fault) -> Fault:
    """Let a fault happen to all ranges but the first of an object."""

    def made(request: Request, forward: Forward) -> Answer:
        first = request.headers["range"].startswith("bytes=0-")
        return forward(request) if first else fault(request, forward)

    return made


# ---- Without a fault --------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, FIRST_SIZE - 1, FIRST_SIZE])
def test_what_is_small_is_one_request(
    behind: S3Bucket, through: Through, watched_s3: FaultyS3, size: int
) -> None:
    """Up to 16 MiB the first answer holds all; nobody is asked for a delta of DeltaGlider."""
    behind.put("key", bytes(size), Attributes())
    assert Store(through(), deltaglider="never").read("key") == bytes(size)
    assert [each.status for each in watched_s3.matching()] == [206]


def test_what_is_empty_has_no_range(
    behind: S3Bucket, through: Through, watched_s3: FaultyS3
) -> None:
    """An object of no bytes is refused a range, and asked for without one."""
    put(behind, b"")
    assert Store(through()).read("key") == b""
    assert [each.status for each in watched_s3.matching()] == [416, 200]


@pytest.mark.parametrize("s3_upstream", REAL, indirect=True)
def test_what_is_large_comes_in_parts(
    behind: S3Bucket, through: Through, watched_s3: FaultyS3, tmp_path: Path
) -> None:
    """Each byte is asked for once, all but the first part on condition of the ETag."""
    put(behind, version(1, SIZE + 1))
    Store(through()).get("key", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == version(1, SIZE + 1)
    mebi = 1 << 20
    edges = [0, 16 * mebi, 24 * mebi, 32 * mebi, SIZE]
    assert ranges(watched_s3) == [f"{a}-{b - 1}" for a, b in pairwise([*edges, SIZE + 1])]
    conditions = {each.request.headers.get("if-match") for each in watched_s3.matching("GetObject")}
    assert conditions == {None, f'"{behind.head("key").etag}"'}


def test_parts_do_not_pile_up(behind: S3Bucket, through: Through, watched_s3: FaultyS3) -> None:
    """While nobody reads, four parts are fetched ahead, and no more."""
    put(behind, version(1, 96 << 20))
    with downloading(through(), "key") as reading:
        chunks = reading.chunks()
        read = 0
        while read <= FIRST_SIZE:
            read += len(next(chunks))
        time.sleep(0.3)
        assert len(ranges(watched_s3)) == 1 + 4


# ---- Replaced on the way ----------------------------------------------------------------------


class Overwritten:
    """Puts another version before a request is answered, each time the next."""

    def __init__(self, bucket: S3Bucket, *, believed: bool = True) -> None:
        """Without `believed`, the endpoint does not look at If-Match."""
        self._bucket = bucket
        self._believed = believed
        self.number = 1

    def __call__(self, request: Request, forward: Forward) -> Answer:
        """Make the fault."""
        self.number += 1
        put(self._bucket, version(self.number))
        return forward(request if self._believed else request.without("if-match"))


@pytest.mark.parametrize("s3_upstream", REAL, indirect=True)
def test_an_object_replaced_once_is_read_again(
    behind: S3Bucket, through: Through, faulty_s3: FaultyS3, tmp_path: Path
) -> None:
    """Overwritten between two ranges, the new version comes out, whole."""
    target = tmp_path / "file"
    for get in (lambda store: store.get("key", target), lambda store: store.read("key")):
        put(behind, version(1))
        faulty_s3.inject("GetObject", Overwritten(behind), skip=2)
        found = get(Store(through(attempts=3)))
        assert version(2) == (found if isinstance(found, bytes) else target.read_bytes())


@pytest.mark.parametrize("s3_upstream", REAL, indirect=True)
def test_an_object_replaced_twice_is_an_error(
    behind: S3Bucket, through: Through, faulty_s3: FaultyS3, tmp_path: Path
) -> None:
    """What never holds still is PreconditionFailed, and what stood at the target stays."""
    put(behind, version(1))
    target = tmp_path / "file"
    target.write_bytes(b"before")
    faulty_s3.inject("GetObject", later(Overwritten(behind)), times=None)
    with pytest.raises(PreconditionFailed, match="replaced or deleted"):
        Store(through(attempts=3)).get("key", target)
    assert target.read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_endpoint_without_conditions_mixes_nothing(
    behind: S3Bucket, through: Through, faulty_s3: FaultyS3
) -> None:
    """Where If-Match is ignored, the ETag of each answer tells; an object deleted tells as well."""
    put(behind, version(1))
    faulty_s3.inject("GetObject", Overwritten(behind, believed=False), skip=1)
    assert Store(through(attempts=3)).read("key") == version(2)

    def deleted(request: Request, forward: Forward) -> Answer:
        put(behind, version(3))  # so that the next try finds something
        return ErrorAnswer(404, "NoSuchKey")(request, forward)

    faulty_s3.inject("GetObject", deleted, skip=1)
    assert Store(through()).read("key") == version(3)


def test_a_pipe_gets_no_second_version(
    behind: S3Bucket, through: Through, faulty_s3: FaultyS3
) -> None:
    """A file object that has bytes of the old version gets none of the new one."""
    put(behind, version(1))
    faulty_s3.inject("GetObject", Overwritten(behind), skip=3)  # the last part
    target = io.BytesIO()
    with pytest.raises(PreconditionFailed):
        Store(through(attempts=3)).get("key", target)
    assert 0 < len(target.getvalue()) < SIZE
    assert version(1).startswith(target.getvalue())


# ---- Bodies and headers that are not right ----------------------------------------------------


@pytest.mark.parametrize(
    "fault", [Cut(5_000_000), Cut(5_000_000, reset=True), Cut(0), Stall(5_000_000)], ids=str
)
@pytest.mark.parametrize("skip", [0, 3])
def test_a_range_that_breaks_off_is_continued(
    behind: S3Bucket, through: Through, faulty_s3: FaultyS3, fault: Fault, skip: int
) -> None:
    """What came is not asked for again, and what is missing comes from the same version."""
    put(behind, version(1))
    faulty_s3.inject("GetObject", fault, skip=skip)
    # A stall lasts as long as the client's patience, which others on the machine try, too.
    assert Store(through(timeout=2 if isinstance(fault, Stall) else 60)).read("key") == version(1)
    assert len(ranges(faulty_s3)) == 4 + 1
    # What was on its way when the connection ended, and the reset's own loss.
    sent = sum(each.sent for each in faulty_s3.matching("GetObject"))
    assert SIZE <= sent + 1 < SIZE + (6 << 20)


@pytest.mark.parametrize("fault", [WholeForRange(), WrongRange("bytes 0-99/5242880")], ids=str)
def test_a_continuation_that_is_not_the_rest_is_an_error(
    behind: S3Bucket, through: Through, faulty_s3: FaultyS3, tmp_path: Path, fault: Fault
) -> None:
    """A file without a digest would not tell that its beginning came twice."""
    behind.put("key", version(1, 5 << 20), Attributes())
    faulty_s3.inject("GetObject", Cut(2_000_000))
    faulty_s3.inject("GetObject", fault)
    with pytest.raises(StorageError, match="from 2000000 expected"):
        Store(through(), deltaglider="never").get("key", tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fault", [Cut(1), Stall(1)], ids=str)
def test_a_line_that_stays_broken_is_an_error(
    behind: S3Bucket, through: Through, faulty_s3: FaultyS3, tmp_path: Path, fault: Fault
) -> None:
    """One byte and then nothing, each time: an error after a bounded number of requests."""
    put(behind, version(1))
    faulty_s3.inject("GetObject", fault, times=None)
    with pytest.raises(Unreachable):
        Store(through(timeout=0.5)).get("key", tmp_path / "file")
    assert len(ranges(faulty_s3)) <= 4 * 6
    assert list(tmp_path.iterdir()) == []


def proxy_page(request: Request, forward: Forward) -> Answer:
    """Answer with an error of somebody between, in the headers of the object."""
    answer = forward(request)
    body = b"<Error><Code>InternalError</Code></Error>".ljust(len(answer.read()))
    return replace(answer, body=[body])


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (NoLength(), StorageError),
        (WrongLength(-5), StorageError),
        (WrongLength(+5), StorageError),
        (WrongRange("bytes 5-104/1000"), StorageError),
        (WrongRange("none of your business"), StorageError),
        (ErrorAnswer(200, "InternalError"), StorageError),
        (ErrorAnswer(500, "InternalError"), StorageError),
        (proxy_page, DamagedObject),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
@pytest.mark.parametrize("skip", [0, 2])
def test_an_answer_that_is_not_the_range_is_an_error(
    behind: S3Bucket,
    through: Through,
    faulty_s3: FaultyS3,
    tmp_path: Path,
    fault: Fault,
    error: type[Exception],
    skip: int,
) -> None:
    """Headers that do not fit, or an error where bytes should be: nothing reaches the target."""
    put(behind, version(1))
    faulty_s3.inject("GetObject", fault, skip=skip)
    with pytest.raises(error):
        Store(through()).get("key", tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_a_range_past_the_end_is_another_version(
    behind: S3Bucket, through: Through, faulty_s3: FaultyS3
) -> None:
    """416 in the middle of an object means that it has shrunk: once, it is read again."""
    put(behind, version(1))
    faulty_s3.inject("GetObject", ErrorAnswer(416, "InvalidRange"), skip=2)
    assert Store(through()).read("key") == version(1)
    faulty_s3.inject("GetObject", later(ErrorAnswer(416, "InvalidRange")), times=None)
    with pytest.raises(PreconditionFailed):
        Store(through()).read("key")


def test_a_whole_object_for_its_beginning(
    behind: S3Bucket, through: Through, faulty_s3: FaultyS3
) -> None:
    """An endpoint that knows no ranges serves what is small; what is large is an error."""
    put(behind, b"small")
    put(behind, version(1), "large")
    faulty_s3.inject("GetObject", WholeForRange(), times=None)
    store = Store(through())
    assert store.read("key") == b"small"
    with pytest.raises(StorageError, match="the range from"):
        store.read("large")
