"""An upload in parts ends whole or not at all; what a killed process left is gone on with."""

from __future__ import annotations

import fcntl
import hashlib
import io
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deltaloft.bucket import Attributes
from deltaloft.errors import AccessDenied, InvalidRequest, StorageError, Throttled
from deltaloft.s3_bucket import S3Bucket, multipart
from deltaloft.store import Store
from deltaloft.testing import (
    Answer,
    ConnectionLost,
    ErrorAnswer,
    FaultyS3,
    Forward,
    LostAnswer,
    LostRequest,
    Request,
)

MEBI = 1 << 20
SIZE = 68 * MEBI  # four parts of 16 MiB, and one of 4
ALL = [1, 2, 3, 4, 5]
PLAIN = Attributes()
REAL = ["moto", "rgw"]
Through = Callable[..., S3Bucket]

PUT = """
import sys
from pathlib import Path
from deltaloft.bucket import Attributes
from deltaloft.bucket_url import open_bucket

url, endpoint, file = sys.argv[1:]
with open(file, "rb") as body:
    open_bucket(url, endpoint_url=endpoint).put("key", body, Attributes(metadata={"a": "b"}))
"""
# Whoever starts tests in the background may have them ignore SIGINT.
INTERRUPTIBLE = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
SAME = Attributes(metadata={"a": "b"})


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of this test's own, where nothing may be left."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "deltaloft" / "uploads"


@pytest.fixture
def patient(through: Through) -> Through:
    """Make buckets whose client does not mind that many tests run at once."""
    return lambda **how: through(timeout=60, **how)


@pytest.fixture
def content() -> bytes:
    """The bytes of a large file; no two parts are alike."""
    return b"".join(random.Random(n).randbytes(MEBI) for n in range(SIZE // MEBI))


def parts(double: FaultyS3) -> list[int]:
    """Return the numbers of the parts that arrived, and forget all that was seen."""
    seen = double.matching("UploadPart")
    double.seen.clear()
    return sorted(int(each.request.query["partNumber"]) for each in seen if each.status == 200)


def uploads(bucket: S3Bucket) -> list[Any]:
    """Return what S3 says is unfinished."""
    name = bucket.url.removeprefix("s3://")
    return bucket.client.list_multipart_uploads(Bucket=name).get("Uploads", [])


def read(bucket: S3Bucket, key: str = "key") -> bytes:
    """Return an object's bytes."""
    with bucket.get(key) as reading:
        assert reading is not None
        return b"".join(reading.chunks())


@pytest.fixture
def killed(
    behind: S3Bucket, watched_s3: FaultyS3, content: bytes, tmp_path: Path, state: Path
) -> Iterator[S3Bucket]:
    """Return the bucket after an upload that was killed when three parts had arrived."""
    file = tmp_path / "file"
    file.write_bytes(content)
    gone = threading.Event()

    def silent(request: Request, forward: Forward) -> Answer:
        if int(request.query["partNumber"]) > 3:
            gone.wait()
            raise ConnectionLost
        return forward(request)

    rule = watched_s3.inject("UploadPart", silent, times=None)
    process = subprocess.Popen([sys.executable, "-c", PUT, behind.url, watched_s3.url, str(file)])
    until = time.monotonic() + 60
    while len([each for each in watched_s3.matching("UploadPart") if each.status]) < 3:
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    gone.set()
    watched_s3.rules.remove(rule)
    watched_s3.seen.clear()
    assert len(uploads(behind)) == 1
    (note,) = state.iterdir()
    assert note.stat().st_mode & 0o777 == 0o600
    yield behind
    assert uploads(behind) == []
    assert list(state.iterdir()) == []


# ---- Killed ------------------------------------------------------------------------------------


@pytest.mark.parametrize("s3_upstream", REAL, indirect=True)
def test_the_same_put_goes_on(
    killed: S3Bucket, patient: Through, watched_s3: FaultyS3, content: bytes
) -> None:
    """What arrived before the kill is not sent again; the object is what it would have been."""
    etag = patient().put("key", content, SAME)
    assert watched_s3.matching("CreateMultipartUpload") == []
    assert parts(watched_s3) == [4, 5]
    assert read(killed) == content
    info = killed.head("key")
    assert (info.etag, info.attributes.metadata) == (etag, {"a": "b"})


def test_a_part_that_differs_is_sent_again(
    killed: S3Bucket, patient: Through, watched_s3: FaultyS3, content: bytes
) -> None:
    """A file of the same size and attributes may be another: only parts alike are kept."""
    other = content[: 20 * MEBI] + b"other" + content[20 * MEBI + 5 :]
    patient().put("key", other, SAME)
    assert parts(watched_s3) == [2, 4, 5]
    assert read(killed) == other


@pytest.mark.parametrize(
    ("size", "attributes"),
    [
        (SIZE, Attributes(metadata={"a": "c"})),
        (SIZE, Attributes(metadata={"a": "b"}, content_type="text/plain")),
        (SIZE - 1, SAME),
        (1000, SAME),
    ],
)
def test_another_put_aborts(
    killed: S3Bucket,
    patient: Through,
    watched_s3: FaultyS3,
    content: bytes,
    size: int,
    attributes: Attributes,
) -> None:
    """What was begun with other attributes, or for another size, is of no use and not left."""
    patient().put("key", content[:size], attributes)
    assert len(watched_s3.matching("AbortMultipartUpload")) == 1
    assert parts(watched_s3) == (ALL if size > 1000 else [])
    assert read(killed) == content[:size]
    assert killed.head("key").attributes == attributes


def test_an_upload_that_is_gone_begins_anew(
    killed: S3Bucket, patient: Through, watched_s3: FaultyS3, content: bytes
) -> None:
    """The bucket's lifecycle may have been quicker."""
    (left,) = uploads(killed)
    name = killed.url.removeprefix("s3://")
    killed.client.abort_multipart_upload(Bucket=name, Key="key", UploadId=left["UploadId"])
    patient().put("key", content, SAME)
    assert parts(watched_s3) == ALL
    assert read(killed) == content


def test_parts_that_may_not_be_listed_are_sent(
    killed: S3Bucket, patient: Through, faulty_s3: FaultyS3, content: bytes
) -> None:
    """Without the permission to list parts nothing is proven: abort, and begin anew."""
    faulty_s3.inject("ListParts", ErrorAnswer(403, "AccessDenied"), times=None)
    patient().put("key", content, SAME)
    assert parts(faulty_s3) == ALL
    assert read(killed) == content


def test_what_a_living_process_uploads_is_left_alone(
    killed: S3Bucket, patient: Through, watched_s3: FaultyS3, content: bytes, state: Path
) -> None:
    """Two processes that put the same key have an upload each."""
    (note,) = state.iterdir()
    with note.open("rb") as theirs:
        fcntl.flock(theirs, fcntl.LOCK_EX)
        patient().put("key", content, SAME)
        assert parts(watched_s3) == ALL
        assert len(uploads(killed)) == 1
    patient().put("key", content, SAME)
    assert parts(watched_s3) == [4, 5]
    assert read(killed) == content


@pytest.mark.parametrize("text", [b"", b'{"upload_id": 1}', b"\xff" * 100_000])
def test_a_note_that_makes_no_sense_is_no_note(
    behind: S3Bucket, patient: Through, content: bytes, state: Path, text: bytes
) -> None:
    """A damaged note is overwritten."""
    name = behind.url.removeprefix("s3://")
    bucket = patient()
    place = "\n".join((bucket.client.meta.endpoint_url, name, "key"))
    state.mkdir(parents=True)
    (state / hashlib.sha256(place.encode()).hexdigest()).write_bytes(text)
    bucket.put("key", content, SAME)
    assert read(behind) == content
    assert list(state.iterdir()) == []


def test_without_a_state_folder_nothing_is_worse(
    behind: S3Bucket, patient: Through, content: bytes, state: Path
) -> None:
    """Where no note can be taken, an upload works as ever."""
    state.parent.parent.write_bytes(b"a file where the folder should be")
    patient().put("key", content, SAME)
    patient().put("small", b"x", SAME)
    assert read(behind) == content


# ---- Failed ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "fault", "error"),
    [
        ("UploadPart", ErrorAnswer(403, "AccessDenied"), AccessDenied),
        ("UploadPart", ErrorAnswer(503, "SlowDown"), Throttled),
        ("UploadPart", LostRequest(), StorageError),
        ("CompleteMultipartUpload", ErrorAnswer(400, "InvalidPart"), StorageError),
        ("CompleteMultipartUpload", ErrorAnswer(200, "InternalError"), StorageError),
        ("CompleteMultipartUpload", ErrorAnswer(501, "NotImplemented"), StorageError),
    ],
    ids=str,
)
def test_what_fails_is_aborted(
    behind: S3Bucket,
    patient: Through,
    faulty_s3: FaultyS3,
    content: bytes,
    state: Path,
    operation: str,
    fault: Any,
    error: type[Exception],
) -> None:
    """The error is the first one's, nothing is stored, and no part stays."""
    faulty_s3.inject(operation, fault, skip=3 if operation == "UploadPart" else 0)
    with pytest.raises(error):
        patient().put("key", content, PLAIN)
    assert len(faulty_s3.matching("AbortMultipartUpload")) == 1
    assert uploads(behind) == []
    assert list(behind.list()) == []
    assert list(state.iterdir()) == []


def test_ctrl_c_is_aborted(behind: S3Bucket, content: bytes, tmp_path: Path, state: Path) -> None:
    """A process that is interrupted in the middle of a part leaves no part behind."""
    file = tmp_path / "file"
    file.write_bytes(content)

    def slow(request: Request, forward: Forward) -> Answer:
        request.pause(0.5)
        return forward(request)

    with FaultyS3(behind.client.meta.endpoint_url) as double:
        double.inject("UploadPart", slow, times=None)
        process = subprocess.Popen(
            [sys.executable, "-c", INTERRUPTIBLE + PUT, behind.url, double.url, str(file)],
            stderr=subprocess.PIPE,
        )
        while not double.matching("UploadPart"):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert said.endswith(b"KeyboardInterrupt\n")
    assert uploads(behind) == []
    assert list(behind.list()) == []
    assert list(state.iterdir()) == []


def test_a_part_that_lands_late_is_aborted_too(
    behind: S3Bucket, patient: Through, faulty_s3: FaultyS3, content: bytes
) -> None:
    """S3 keeps a part that was on its way during an abort: the second look finds it."""

    def landed(request: Request, forward: Forward) -> Answer:
        body = (
            b"<ListPartsResult><Part><PartNumber>1</PartNumber><Size>1</Size>"
            b"<ETag>&quot;e&quot;</ETag></Part></ListPartsResult>"
        )
        return Answer(200, {"content-length": str(len(body))}, [body])

    faulty_s3.inject("UploadPart", ErrorAnswer(400, "Any"))
    faulty_s3.inject("ListParts", landed)
    with pytest.raises(StorageError):
        patient().put("key", content, PLAIN)
    aborts = faulty_s3.matching("AbortMultipartUpload")
    assert len(aborts) == 2
    assert len({each.request.target for each in aborts}) == 1


def test_an_abort_that_fails_is_remembered(
    behind: S3Bucket, patient: Through, faulty_s3: FaultyS3, content: bytes, state: Path
) -> None:
    """Should the abort fail, the next put of the key takes care, and the first error is told."""
    faulty_s3.inject("UploadPart", ErrorAnswer(403, "AccessDenied"), skip=4)
    faulty_s3.inject("AbortMultipartUpload", LostRequest())
    with pytest.raises(AccessDenied):
        patient().put("key", content, PLAIN)
    assert len(uploads(behind)) == 1
    patient().put("key", b"small", PLAIN)
    assert uploads(behind) == []
    assert list(state.iterdir()) == []


# ---- Lost answers and conflicts ----------------------------------------------------------------


@pytest.mark.parametrize("s3_upstream", REAL, indirect=True)
@pytest.mark.parametrize("then", [None, ErrorAnswer(404, "NoSuchUpload")])
@pytest.mark.parametrize("no_clobber", [True, False])
def test_complete_whose_answer_is_lost(
    behind: S3Bucket,
    patient: Through,
    faulty_s3: FaultyS3,
    content: bytes,
    then: Any,
    no_clobber: bool,
) -> None:
    """Completed, never heard of, sent again, NoSuchUpload: the object is there, so all is well."""
    faulty_s3.inject("CompleteMultipartUpload", LostAnswer())
    if then is not None:
        faulty_s3.inject("CompleteMultipartUpload", then)
    etag = patient(attempts=2).put("key", content, PLAIN, no_clobber=no_clobber)
    assert behind.head("key").etag == etag
    assert read(behind) == content
    assert uploads(behind) == []


def test_an_upload_that_is_gone_was_not_completed(
    behind: S3Bucket, patient: Through, faulty_s3: FaultyS3, content: bytes
) -> None:
    """NoSuchUpload, and another object at the key: somebody aborted it, and that is told."""
    behind.put("key", b"theirs", PLAIN)
    faulty_s3.inject("CompleteMultipartUpload", ErrorAnswer(404, "NoSuchUpload"), times=None)
    with pytest.raises(StorageError):
        patient(attempts=2).put("key", content, PLAIN)
    assert read(behind) == b"theirs"


def test_complete_that_meets_another_write(
    behind: S3Bucket, patient: Through, faulty_s3: FaultyS3, content: bytes
) -> None:
    """After 409 the upload is of no use any more: a new one, in which all parts are sent again."""
    faulty_s3.inject("CompleteMultipartUpload", ErrorAnswer(409, "ConditionalRequestConflict"))
    patient().put("key", content, PLAIN, no_clobber=True)
    assert len(faulty_s3.matching("CreateMultipartUpload")) == 2
    assert parts(faulty_s3) == sorted(ALL * 2)
    assert read(behind) == content
    assert uploads(behind) == []


def test_an_error_with_status_200_is_tried_again(
    behind: S3Bucket, patient: Through, faulty_s3: FaultyS3, content: bytes
) -> None:
    """An error inside a 200 is an error, and one that may pass."""
    faulty_s3.inject("CompleteMultipartUpload", ErrorAnswer(200, "InternalError"))
    patient(attempts=2).put("key", content, PLAIN)
    assert len(faulty_s3.matching("CompleteMultipartUpload")) == 2
    assert read(behind) == content


# ---- Limits ------------------------------------------------------------------------------------


class Endless(io.RawIOBase):
    """A file that says how large it is, and must not be read."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move nowhere."""
        return {0: offset, 2: self._size}[whence]

    def tell(self) -> int:
        """Stand at the beginning."""
        return 0


def test_more_than_s3_can_hold(patient: Through, watched_s3: FaultyS3) -> None:
    """What does not fit into 10,000 parts of 5 GiB is refused before the first byte."""
    largest = 10_000 * (5 << 30)
    assert multipart.part_size_for(largest, "") == 5 << 30
    with pytest.raises(InvalidRequest, match="10000 parts"):
        patient().put("key", Endless(largest + 1), PLAIN)  # type: ignore[arg-type]
    assert watched_s3.seen == []


@pytest.mark.parametrize("size", [1, 160 << 30, 1 << 40, 48 << 40])
def test_parts_are_never_too_many(size: int) -> None:
    """Above 160 GB parts grow."""
    part = multipart.part_size_for(size, "")
    assert -(-size // part) <= 10_000
    assert 16 * MEBI <= part <= 5 << 30


@pytest.mark.parametrize("kind", ["bytes", "file", "store"])
def test_parts_too_large_for_memory_are_read_as_they_are_sent(
    behind: S3Bucket,
    patient: Through,
    watched_s3: FaultyS3,
    content: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    """With fewer parts allowed, as for terabytes, parts above 16 MiB make the same object."""
    monkeypatch.setattr(multipart, "_PARTS", 3)
    file = tmp_path / "file"
    file.write_bytes(content)
    if kind == "store":
        Store(patient()).put(file, "key", delta="never")
    elif kind == "file":
        with file.open("rb") as body:
            body.seek(1)
            patient().put("key", body, PLAIN)
    else:
        patient().put("key", content, PLAIN)
    assert [1, 2, 3] == parts(watched_s3)
    assert read(behind) == (content[1:] if kind == "file" else content)
