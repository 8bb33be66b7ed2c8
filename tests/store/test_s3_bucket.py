"""What only S3 can get wrong: lost answers, cut bodies, lying listings, odd errors, secrets."""

from __future__ import annotations

import contextlib
import io
import logging
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import UnknownServiceError
from botocore.session import Session
from script import Answer, Script, script
from store_fixtures import Requests

from deltaloft.bucket import Attributes
from deltaloft.bucket_url import open_bucket
from deltaloft.errors import (
    AccessDenied,
    AlreadyExists,
    BucketNotFound,
    ClockSkewed,
    DeltaloftError,
    InputChanged,
    InvalidRequest,
    NotFound,
    PreconditionFailed,
    StorageError,
    Throttled,
    Unreachable,
    Unsupported,
)
from deltaloft.s3_bucket import S3Bucket
from deltaloft.s3_bucket.models import read_fast
from deltaloft.testing import Cut, FaultyS3, LostAnswer, LostRequest

PLAIN = Attributes()
SECRET = "Zq8+secret/of/nobody"
OBJECT = {"ETag": '"abc"', "Last-Modified": "Sat, 21 Nov 2026 10:00:00 GMT"}
NewS3Bucket = Callable[..., S3Bucket]


@pytest.fixture
def bucket(s3_endpoint: str, new_s3_bucket: NewS3Bucket) -> S3Bucket:
    """Return an empty bucket of each S3 server in turn."""
    return new_s3_bucket(s3_endpoint)


@pytest.fixture
def line(http_endpoint: str) -> Iterator[FaultyS3]:
    """Stand before each S3 server in turn, and see to it that every fault has happened."""
    with FaultyS3(http_endpoint) as line:
        yield line


def over(line: str, bucket: S3Bucket, requests: Requests) -> S3Bucket:
    """Return the same bucket by way of another endpoint."""
    from store_fixtures import record

    other = S3Bucket(bucket.url.removeprefix("s3://"), endpoint_url=line)
    record(other, requests)
    return other


def read(bucket: S3Bucket, key: str, **how: Any) -> bytes:
    """Return what a get yields."""
    with bucket.get(key, **how) as reading:
        assert reading is not None
        return b"".join(reading.chunks())


def xml_error(code: str, message: str = "") -> bytes:
    """Return an error as S3 words it."""
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


# ---- What is sent -----------------------------------------------------------------------------


def test_requests_per_call(bucket: S3Bucket, requests: Requests) -> None:
    """Each call is one request, beyond the documented second looks."""

    def sent(call: Callable[[], object]) -> list[tuple[str, str]]:
        requests.clear()
        with contextlib.suppress(DeltaloftError):
            call()
        return list(requests)

    etag = bucket.put("key", b"0123456789", PLAIN)
    assert sent(lambda: bucket.put("key", b"0123456789", PLAIN)) == [("PUT", "key")]
    assert sent(lambda: bucket.put("new", b"", PLAIN, no_clobber=True)) == [("PUT", "new")]
    assert sent(lambda: bucket.put("new", b"", PLAIN, no_clobber=True)) == [
        ("PUT", "new"),
        ("HEAD", "new"),
    ]
    assert sent(lambda: read(bucket, "key")) == [("GET", "key")]
    assert sent(lambda: read(bucket, "key", start=3, size=2)) == [("GET", "key")]
    assert sent(lambda: bucket.get("key", if_none_match=etag).__enter__()) == [("GET", "key")]
    assert sent(lambda: bucket.head("key")) == [("HEAD", "key")]
    assert sent(lambda: list(bucket.list())) == [("GET", "")]
    assert sent(lambda: bucket.delete("key")) == [("DELETE", "key")]
    assert sent(lambda: bucket.get("key").__enter__()) == [("GET", "key")]
    assert sent(lambda: bucket.head("key")) == [("HEAD", "key")]
    # How an endpoint wants its ETags is found out once.
    etag = bucket.put("key", b"", PLAIN)
    etag = bucket.put("key", b"1", PLAIN, if_match=etag)
    assert sent(lambda: bucket.put("key", b"2", PLAIN, if_match=etag)) == [("PUT", "key")]


def test_nothing_is_sent_before_the_first_call(requests: Requests) -> None:
    """To name a bucket needs neither an endpoint nor credentials."""
    assert open_bucket("s3://name/some/prefix/").url == "s3://name/some/prefix"


def test_the_first_missing_key_is_looked_at_twice(
    s3_endpoint: str, new_s3_bucket: NewS3Bucket, requests: Requests
) -> None:
    """A HEAD answered 404 does not tell key from bucket: one more look does, the first time."""
    bucket = new_s3_bucket(s3_endpoint)
    for expected in ([("HEAD", "key"), ("HEAD", "")], [("HEAD", "key")]):
        requests.clear()
        with pytest.raises(NotFound) as caught:
            bucket.head("key")
        assert type(caught.value) is NotFound
        assert requests == expected


def test_checksums_of_the_endpoint(bucket: S3Bucket) -> None:
    """Where S3 requires no checksum none is sent to a compatible endpoint, and none is stored."""
    sent: list[Any] = []
    bucket.client.meta.events.register("before-send.s3", lambda request, **_: sent.append(request))
    bucket.put("key", b"bytes", Attributes(content_encoding="zstd"))
    names = {name.lower() for name in sent[0].headers}
    assert not [name for name in names if "checksum" in name or name == "x-amz-trailer"]
    assert bucket.head("key").attributes.content_encoding == "zstd"


def test_checksums_for_aws() -> None:
    """AWS itself is sent what boto3 sends by default; any other endpoint is not, however named."""
    assert S3Bucket("b").client.meta.config.request_checksum_calculation == "when_supported"
    for url in ("https://s3.example.com", "https://amazonaws.example.com:9000"):
        config = S3Bucket("b", endpoint_url=url).client.meta.config
        expected = "when_supported" if "amazonaws" in url else "when_required"
        assert config.request_checksum_calculation == expected


def test_services_are_described_as_botocore_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading descriptions fast finds the same ones, a user's own included."""
    own = tmp_path / "own" / "2020-01-01"
    own.mkdir(parents=True)
    (own / "service-2.json").write_text('{"metadata": {"serviceId": "Own"}}')
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    theirs, ours = Session(), Session()
    read_fast(ours)

    for service in ("s3", "sts", "sso", "own"):  # all but S3 lend credentials
        assert theirs.get_service_data(service) == ours.get_service_data(service)
    rules = "endpoint-rule-set-1"
    both = [each.get_component("data_loader") for each in (theirs, ours)]
    expected, found = (loader.load_service_model("s3", rules) for loader in both)
    assert expected == found
    with pytest.raises(UnknownServiceError):
        ours.get_service_data("missing")


def test_prefix(s3_endpoint: str, new_s3_bucket: NewS3Bucket) -> None:
    """A root prefix is invisible in keys, and nothing beside it is seen or touched."""
    below = new_s3_bucket(s3_endpoint, prefix="team-a/")
    whole = S3Bucket(below.url.split("/")[2], client=below.client)
    assert below.url == f"{whole.url}/team-a"
    for key in ("team-a", "team-a/", "team-ab", "team", "b/c"):
        whole.put(key, b"theirs", PLAIN)
    below.put("b/c", b"ours", PLAIN)
    below.put("z", b"", PLAIN)
    assert read(below, "b/c") == b"ours"
    assert read(whole, "team-a/b/c") == b"ours"
    assert [listed.key for listed in below.list()] == ["b/c", "z"]
    assert [listed.key for listed in below.list("b", start_after="a")] == ["b/c"]
    assert [listed.key for listed in below.list(start_after="b/c")] == ["z"]
    below.delete("b/c")
    assert read(whole, "b/c") == b"theirs"
    with pytest.raises(InvalidRequest):
        below.put("x" * 1018, b"", PLAIN)  # with the prefix, 1,025 bytes


def test_listing_in_many_pages(bucket: S3Bucket) -> None:
    """A listing goes through all pages of the server."""
    keys = [f"{number:02}" for number in range(11)] + ["a+b c%/\u00e4", "\U0001f600"]
    for key in keys:
        bucket.put(key, b"", PLAIN)

    def two_at_once(params: dict[str, Any], **_: object) -> None:
        params["MaxKeys"] = 2

    bucket.client.meta.events.register("provide-client-params.s3.ListObjectsV2", two_at_once)
    assert [listed.key for listed in bucket.list()] == keys
    assert [listed.key for listed in bucket.list(start_after="05")] == keys[6:]


def test_the_write_number_is_ours(bucket: S3Bucket) -> None:
    """What a conditional put adds to the metadata is not seen by its reader."""
    bucket.put("key", b"", Attributes(metadata={"a": "b"}), no_clobber=True)
    stored = bucket.client.head_object(Bucket=bucket.url[5:], Key="key")["Metadata"]
    assert set(stored) == {"a", "dl-write"}
    assert bucket.head("key").attributes.metadata == {"a": "b"}


def test_logging_is_left_alone(bucket: S3Bucket) -> None:
    """The levels and handlers of boto3's loggers stay as the application has set them."""
    logger = logging.getLogger("botocore")
    before = (logger.level, list(logger.handlers))
    bucket.put("key", b"", PLAIN)
    assert (logger.level, list(logger.handlers)) == before


# ---- The line breaks --------------------------------------------------------------------------


def test_lost_answer_of_a_put(
    line: FaultyS3, http_endpoint: str, new_s3_bucket: NewS3Bucket, requests: Requests
) -> None:
    """A put whose answer is lost has succeeded, although its repetition is refused."""
    bucket = new_s3_bucket(http_endpoint)
    old = bucket.put("old", b"0", PLAIN)
    faulty = over(line.url, bucket, requests)
    for key, condition in (("new", {"no_clobber": True}), ("old", {"if_match": old})):
        if condition.get("if_match"):  # so that the endpoint's quotes are known
            old = condition["if_match"] = faulty.put("old", b"1", PLAIN, if_match=old)
        requests.clear()
        line.inject("PutObject", LostAnswer())
        etag = faulty.put(key, b"bytes", PLAIN, **condition)  # type: ignore[arg-type]
        assert requests == [("PUT", key), ("PUT", key), ("HEAD", key)]
        assert (bucket.head(key).etag, read(bucket, key)) == (etag, b"bytes")


def test_lost_answer_of_a_refusal(
    line: FaultyS3, http_endpoint: str, new_s3_bucket: NewS3Bucket, requests: Requests
) -> None:
    """A put that was refused stays refused when the answer is lost: the object is another's."""
    bucket = new_s3_bucket(http_endpoint)
    bucket.put("key", b"theirs", PLAIN, no_clobber=True)
    faulty = over(line.url, bucket, requests)
    line.inject("PutObject", LostAnswer())
    with pytest.raises(AlreadyExists):
        faulty.put("key", b"ours", PLAIN, no_clobber=True)
    assert read(bucket, "key") == b"theirs"


def test_lost_answer_and_no_second_look(
    line: FaultyS3, http_endpoint: str, new_s3_bucket: NewS3Bucket, requests: Requests
) -> None:
    """When it cannot be found out who wrote, the error says that, and neither yes nor no."""
    bucket = new_s3_bucket(http_endpoint)
    faulty = over(line.url, bucket, requests)
    line.inject("PutObject", LostAnswer())
    line.inject("HeadObject", LostRequest(), times=None)
    with pytest.raises(Unreachable):
        faulty.put("key", b"ours", PLAIN, no_clobber=True)


def test_lost_answer_of_a_large_put(
    line: FaultyS3, http_endpoint: str, new_s3_bucket: NewS3Bucket, requests: Requests
) -> None:
    """An upload in parts whose last answer is lost has succeeded, and leaves no parts."""
    bucket = new_s3_bucket(http_endpoint)
    content = bytes(range(256)) * (65 << 12)
    faulty = over(line.url, bucket, requests)
    line.inject("CompleteMultipartUpload", LostAnswer())
    etag = faulty.put("key", content, PLAIN, no_clobber=True)
    assert (bucket.head("key").etag, bucket.head("key").size) == (etag, len(content))


def head_of_the_write(server: Script) -> Answer:
    """Answer a HEAD as if the first request had been done."""
    number = server.requests[0][2]["x-amz-meta-dl-write"]
    return Answer(200, headers={**OBJECT, "x-amz-meta-dl-write": number, "Content-Length": "1"})


@pytest.mark.parametrize(
    ("then", "outcome"),
    [(head_of_the_write, "abc"), (Answer(200, headers=OBJECT), None), (Answer(404), None)],
)
def test_upload_that_was_completed_before(then: Any, outcome: str | None) -> None:
    """NoSuchUpload, when Complete is sent again, is success if the object is this upload's."""
    create = (
        b"<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"
    )
    part = Answer(200, headers={"ETag": '"part"'})
    gone = Answer(404, xml_error("NoSuchUpload"))
    with script(Answer(200, create), *[part] * 5, gone, gone, then) as server:
        bucket = S3Bucket("b", endpoint_url=server.url)
        if outcome is None:
            with pytest.raises(StorageError, match="NoSuchUpload"):
                bucket.put("key", bytes(65 << 20), PLAIN)
        else:
            assert bucket.put("key", bytes(65 << 20), PLAIN) == outcome


def test_cut_body_is_continued(
    line: FaultyS3, http_endpoint: str, new_s3_bucket: NewS3Bucket, requests: Requests
) -> None:
    """A body that breaks off is continued where it ended; only the rest is asked for again."""
    bucket = new_s3_bucket(http_endpoint)
    content = bytes(range(256)) * 4096 * 4
    bucket.put("key", content, PLAIN)
    faulty = over(line.url, bucket, requests)
    asked: list[str] = []
    faulty.client.meta.events.register(
        "before-send.s3", lambda request, **_: asked.append(request.headers.get("Range"))
    )
    requests.clear()
    for after in (1_000_000, 100, 2_000_000):
        line.inject("GetObject", Cut(after=after))
    assert read(faulty, "key") == content
    line.inject("GetObject", Cut(after=1_000_000))
    assert read(faulty, "key", start=5, size=3_000_000) == content[5:3_000_005]
    starts = [int(each.decode()[6:].split("-")[0]) for each in asked if each]
    assert [1_000_000, 1_000_100, 3_000_100, 5, 1_000_005] == starts


def test_cut_body_of_a_replaced_object(
    line: FaultyS3, http_endpoint: str, new_s3_bucket: NewS3Bucket, requests: Requests
) -> None:
    """A body that breaks off and was replaced meanwhile is an error: versions never mix."""
    bucket = new_s3_bucket(http_endpoint)
    bucket.put("key", b"old " * (1 << 20), PLAIN)
    faulty = over(line.url, bucket, requests)
    line.inject("GetObject", Cut(after=1_000_000))
    with faulty.get("key") as reading:
        assert reading is not None
        bucket.put("key", b"new " * (1 << 20), PLAIN)
        with pytest.raises(PreconditionFailed):
            for chunk in reading.chunks(1000):
                assert set(chunk) == set(b"old ")


def test_line_that_always_breaks(
    line: FaultyS3, http_endpoint: str, new_s3_bucket: NewS3Bucket, requests: Requests
) -> None:
    """A body that breaks off again and again ends as Unreachable, after a bounded number."""
    bucket = new_s3_bucket(http_endpoint)
    bucket.put("key", b"x" * (4 << 20), PLAIN)
    faulty = over(line.url, bucket, requests)
    line.inject("GetObject", Cut(after=1000), times=None)
    with pytest.raises(Unreachable, match="broke off"):
        read(faulty, "key")
    assert len(requests) < 10


def test_interrupted_upload_is_aborted(
    s3_endpoint: str, new_s3_bucket: NewS3Bucket, requests: Requests
) -> None:
    """Whatever ends an upload in parts, Ctrl-C included, no object and no part remains."""
    bucket = new_s3_bucket(s3_endpoint)

    class Interrupted(io.BytesIO):
        """A file that breaks off in the third part."""

        error: BaseException = KeyboardInterrupt()

        def read(self, size: int | None = -1) -> bytes:
            if self.tell() >= 32 << 20:
                raise self.error
            return super().read(size)

    for error in (KeyboardInterrupt(), OSError("cable"), ValueError("closed")):
        file = Interrupted(bytes(65 << 20))
        file.error = error
        with pytest.raises((type(error), StorageError)):
            bucket.put("key", file, PLAIN)
        assert ("DELETE", "key") in requests
        requests.clear()
    assert list(bucket.list()) == []  # and the fixture looks for parts


@pytest.mark.parametrize("size", [1 << 20, 65 << 20])
@pytest.mark.parametrize("change", [-1, 1])
def test_file_that_changes(
    moto_endpoint: str, new_s3_bucket: NewS3Bucket, tmp_path: Path, size: int, change: int
) -> None:
    """A file that grows or shrinks while it is sent is an error, and no object."""
    bucket = new_s3_bucket(moto_endpoint)

    class Changing(io.BytesIO):
        """A file that tells another size than it has."""

        def seek(self, offset: int, whence: int = 0) -> int:
            place = super().seek(offset, whence)
            return place - change if whence == 2 else place

    with pytest.raises(InputChanged):
        bucket.put("key", Changing(bytes(size)), PLAIN)
    assert list(bucket.list()) == []


def test_a_body_that_cannot_seek(moto_endpoint: str, new_s3_bucket: NewS3Bucket) -> None:
    """A pipe is refused before anything is sent, since a put may have to begin again."""
    bucket = new_s3_bucket(moto_endpoint)
    one, other = socket.socketpair()
    with one, other, one.makefile("rb") as file, pytest.raises(InvalidRequest):
        bucket.put("key", file, PLAIN)


# ---- Answers that cannot be trusted -----------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, xml_error("InternalError")),
        Answer(200, b"<html>Please log in</html>", {"Content-Type": "text/html"}),
        Answer(200, b"bytes", {"ETag": '"abc"'}),
        Answer(200, b"bytes", {"Last-Modified": OBJECT["Last-Modified"]}),
        Answer(200, b"bytes", {**OBJECT, "Last-Modified": "yesterday"}),
        Answer(206, b"bytes", {**OBJECT, "Content-Range": "bytes 0-4/9"}),
        Answer(200, b"bytes", {**OBJECT, "Transfer-Encoding": "identity", "Content-Length": "x"}),
    ],
)
def test_an_answer_that_is_no_object(answer: Answer) -> None:
    """What is not an S3 object is an error, whatever its status; its bytes are not returned."""
    with script(*[answer] * 5) as server:
        bucket = S3Bucket("b", endpoint_url=server.url)
        with pytest.raises(StorageError):
            read(bucket, "key")


@pytest.mark.parametrize(
    ("status", "content_range"),
    [
        (200, None),
        (206, None),
        (206, "bytes 0-1/10"),
        (206, "bytes 3-5/10"),
        (206, "bytes 3-3/10"),
        (206, "bytes 3-4/4"),
        (206, "bytes 3-4/*"),
        (206, "3-4"),
    ],
)
def test_an_answer_that_is_another_range(status: int, content_range: str | None) -> None:
    """Only the range that was asked for is taken for it."""
    headers = {**OBJECT, **({"Content-Range": content_range} if content_range else {})}
    with script(Answer(status, b"ab", headers)) as server:
        bucket = S3Bucket("b", endpoint_url=server.url)
        with pytest.raises(StorageError):
            read(bucket, "key", start=3, size=2)


def test_a_rest_of_another_object() -> None:
    """An endpoint that ignores If-Match cannot slip another version into a body."""
    first = Answer(200, b"old", {**OBJECT, "Content-Length": "6"})
    for changed in ({"ETag": '"new"'}, {"Content-Range": "bytes 3-5/7"}):
        rest = {**OBJECT, "Content-Range": "bytes 3-5/6", **changed}
        with script(first, Answer(206, b"new", rest)) as server:
            with pytest.raises(StorageError, match="replaced"):
                read(S3Bucket("b", endpoint_url=server.url), "key")
            assert server.requests[1][2]["If-Match"] == '"abc"'


@pytest.mark.parametrize(
    ("stored", "expected"),
    [("aws-chunked", None), ("zstd,aws-chunked", "zstd"), ("aws-chunked, gzip", "gzip")],
)
def test_encoding_of_the_transfer(stored: str, expected: str | None) -> None:
    """What some servers keep of the transfer's own encoding is not the object's."""
    headers = {**OBJECT, "Content-Encoding": stored, "x-amz-meta-Mixed": "Case"}
    with script(Answer(200, b"x", headers)) as server:
        attributes = S3Bucket("b", endpoint_url=server.url).head("key").attributes
    assert attributes == Attributes(metadata={"mixed": "Case"}, content_encoding=expected)


def test_a_put_that_says_nothing() -> None:
    """A PUT answered 200 without an ETag, or with an error inside, is not believed."""
    for answers in ([Answer(200), Answer(404)], [Answer(200, xml_error("InternalError"))] * 5):
        with script(*answers) as server, pytest.raises(StorageError):
            S3Bucket("b", endpoint_url=server.url).put("key", b"x", PLAIN)


def listing(*keys: str, token: str | None = None, truncated: bool | None = True) -> Answer:
    """Return a page of a listing."""
    lines = [
        f"<Contents><Key>{key}</Key><Size>1</Size><ETag>&quot;e&quot;</ETag>"
        "<LastModified>2026-11-21T10:00:00.000Z</LastModified></Contents>"
        for key in keys
    ]
    if truncated is not None:
        lines.append(f"<IsTruncated>{str(truncated).lower()}</IsTruncated>")
    if token is not None:
        lines.append(f"<NextContinuationToken>{token}</NextContinuationToken>")
    return Answer(200, f"<ListBucketResult>{''.join(lines)}</ListBucketResult>".encode())


@pytest.mark.parametrize(
    "pages",
    [
        [listing("a")],
        [listing("a", token="1"), listing("a", truncated=False)],
        [listing("b", token="1"), listing("a", truncated=False)],
        [listing("a", "a", truncated=False)],
        [listing("a", truncated=None)],
        [listing("a", token="1"), *[Answer(500, xml_error("InternalError"))] * 5],
        [listing("a", token="1"), *[Answer(200, xml_error("InternalError"))] * 5],
        [listing("a", token="1"), *[Answer(200, b"<ListBucketResult><Contents>")] * 5],
        [Answer(200, b"<html><body>Please log in</body></html>")],
        [Answer(200, b"")] * 5,
        [
            Answer(
                200,
                b"<ListBucketResult><IsTruncated>false</IsTruncated><Contents/></ListBucketResult>",
            )
        ],
    ],
)
def test_a_listing_that_lies(pages: list[Answer]) -> None:
    """A listing that may lack keys ends in an error, never as if it were complete."""
    with script(*pages) as server, pytest.raises(StorageError):
        list(S3Bucket("b", endpoint_url=server.url).list())


def test_a_listing_in_a_circle() -> None:
    """A listing that leads back to where it was is left at once."""
    with script(*[listing(token="1")] * 9) as server:
        with pytest.raises(StorageError):
            list(S3Bucket("b", endpoint_url=server.url).list())
        assert len(server.requests) == 2


def test_a_listing_of_something_else() -> None:
    """Keys without the prefix, or not after `start_after`, are an error."""
    for asked in ({"prefix": "a"}, {"start_after": "b"}, {"start_after": "c"}):
        with script(listing("b", truncated=False)) as server, pytest.raises(StorageError):
            list(S3Bucket("b", endpoint_url=server.url).list(**asked))


# ---- Errors -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (403, "AccessDenied", AccessDenied),
        (403, "SignatureDoesNotMatch", AccessDenied),
        (403, "RequestTimeTooSkewed", ClockSkewed),
        (400, "ExpiredToken", AccessDenied),
        (401, "Unauthorized", AccessDenied),
        (404, "NoSuchKey", NotFound),
        (404, "NoSuchBucket", BucketNotFound),
        (429, "TooManyRequests", Throttled),
        (503, "SlowDown", Throttled),
        (503, "ServiceUnavailable", Throttled),
        (500, "InternalError", StorageError),
        (501, "NotImplemented", Unsupported),
        (400, "EntityTooSmall", StorageError),
        (301, "PermanentRedirect", StorageError),
    ],
)
def test_errors_of_the_endpoint(status: int, code: str, expected: type[Exception]) -> None:
    """Each refusal is the error that a caller can decide on, and tells the endpoint's code."""
    with script(*[Answer(status, xml_error(code))] * 9) as server:
        client = boto3.client(
            "s3", endpoint_url=server.url, config=Config(retries={"total_max_attempts": 1})
        )
        with pytest.raises(StorageError) as caught:
            S3Bucket("b", client=client).put("key", b"x", PLAIN)
        assert type(caught.value) is expected
        assert str(caught.value).startswith("s3://b/key: ")
        assert code in str(caught.value)


def test_retries() -> None:
    """What may pass is tried five times, what will not once."""
    for status, expected in ((500, 5), (400, 1)):
        with script(*[Answer(status, xml_error("Any"))] * 9) as server:
            with pytest.raises(StorageError):
                S3Bucket("b", endpoint_url=server.url).put("key", b"x", PLAIN)
            assert len(server.requests) == expected


@pytest.mark.parametrize("condition", [{"no_clobber": True}, {"if_match": "abc"}])
def test_a_conflict_is_tried_again(condition: dict[str, Any]) -> None:
    """409, when two conditional writes meet, is repeated: a few times, then Throttled."""
    conflict = Answer(409, xml_error("ConditionalRequestConflict"))
    of_ceph = Answer(409, xml_error("ConcurrentModification"))
    with script(conflict, of_ceph, Answer(200, headers={"ETag": '"new"'})) as server:
        bucket = S3Bucket("b", endpoint_url=server.url)
        assert bucket.put("key", b"x", PLAIN, **condition) == "new"
    with script(*[conflict] * 50) as server:
        with pytest.raises(Throttled):
            S3Bucket("b", endpoint_url=server.url).put("key", b"x", PLAIN, **condition)
        assert len(server.requests) < 10


def test_missing_key_on_an_endpoint_without_words() -> None:
    """A GET answered 404 by something that is not S3 is not taken for a missing key."""
    answers = Answer(404, b"<html>not here</html>"), Answer(404), Answer(404)
    with script(*answers) as server, pytest.raises(BucketNotFound):
        read(S3Bucket("b", endpoint_url=server.url), "key")


def test_wrong_credentials(
    rgw_endpoint: str, new_s3_bucket: NewS3Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong secret is AccessDenied, in words without the secret."""
    bucket = new_s3_bucket(rgw_endpoint)
    bucket.put("key", b"x", PLAIN)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    denied = S3Bucket(bucket.url[5:], endpoint_url=rgw_endpoint)
    for call in (
        lambda: denied.head("key"),
        lambda: read(denied, "key"),
        lambda: denied.put("key", b"y", PLAIN),
        lambda: denied.put("key", b"y", PLAIN, no_clobber=True),
        lambda: list(denied.list()),
        lambda: denied.delete("key"),
    ):
        with pytest.raises(AccessDenied) as caught:
            call()
        assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert read(bucket, "key") == b"x"


def test_no_credentials(moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials the error is AccessDenied."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(AccessDenied):
        S3Bucket("b", endpoint_url=moto_endpoint).head("key")


def test_unreachable() -> None:
    """An endpoint where nobody answers, or that does not exist, is Unreachable."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}", "http://no-such-host.invalid"):
        bucket = S3Bucket("b", endpoint_url=url)
        with pytest.raises(Unreachable, match="s3://b/key"):
            bucket.head("key")
        with pytest.raises(Unreachable):
            list(bucket.list())


def test_a_region_that_can_be_none() -> None:
    """A region of nonsense is named as what is wrong, and not the endpoint made of it."""
    with pytest.raises(InvalidRequest, match="a region like us-east-1 expected"):
        S3Bucket("b", region="no region").head("key")


def test_unknown_certificate(tls_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate that is not trusted is Unreachable."""
    monkeypatch.delenv("AWS_CA_BUNDLE")
    with pytest.raises(Unreachable, match=r"to be trusted \(SSLError; AWS_CA_BUNDLE"):
        S3Bucket("b", endpoint_url=tls_endpoint).head("key")


def test_secrets_stay_out_of_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a hostile endpoint nor a careless user brings a secret into an error's text."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAUNIQUE")
    body = xml_error(f"{SECRET}&#10;", f"your secret is {SECRET}")
    body_in_message = xml_error("Odd", f"your secret is {SECRET} and AKIAUNIQUE")
    for answer in (Answer(400, body), Answer(400, body_in_message)):
        with script(answer) as server:
            with pytest.raises(StorageError) as caught:
                read(S3Bucket("b", endpoint_url=server.url), "key")
            assert SECRET not in str(caught.value)
            assert "AKIAUNIQUE" not in str(caught.value)
            assert str(caught.value).isprintable()
    for call in (
        lambda: S3Bucket("b", endpoint_url=f"http://me:{SECRET}@host").head("key"),
        lambda: open_bucket(f"https://me:{SECRET}@host/b"),
        lambda: open_bucket(f"s3://me:{SECRET}@b/key"),
    ):
        with pytest.raises(InvalidRequest) as refused:
            call()
        assert SECRET not in "".join(traceback.format_exception(refused.value))


def test_key_in_messages(bucket: S3Bucket) -> None:
    """A key with control characters is shown on one line, harmless to a terminal."""
    with pytest.raises(NotFound) as caught:
        bucket.head("a\nb\x1b[31m\u202e")
    assert str(caught.value).isprintable()


# ---- Settings ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"endpoint_url": "localhost:9000"},
        {"endpoint_url": "ftp://host"},
        {"endpoint_url": "https://"},
        {"endpoint_url": "http://[::1"},
        {"endpoint_url": "http://host:port"},
        {"profile": "missing"},
        {"region": "not a region!"},
    ],
)
def test_settings_that_cannot_work(options: dict[str, str]) -> None:
    """A setting that can never work is InvalidRequest."""
    with pytest.raises(InvalidRequest):
        S3Bucket("bucket", **options).head("key")  # type: ignore[arg-type]


def test_client_of_the_caller(bucket: S3Bucket) -> None:
    """A client that is handed in is used as it is, and goes with no other option."""
    config = Config(request_checksum_calculation="when_required", user_agent_extra="mine")
    client = boto3.client("s3", endpoint_url=bucket.client.meta.endpoint_url, config=config)
    given = open_bucket(bucket.url, client=client)
    given.put("key", b"x", PLAIN)
    assert read(bucket, "key") == b"x"
    with pytest.raises(InvalidRequest):
        open_bucket(bucket.url, client=client, region="eu-central-1")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "s3://",
        "s3:///key",
        "s3://b\u00fccket",
        "http://host/b",
        "gs://b",
        "file://host/x",
        "file://",
        "file:///a%00b",
        "file:relative",
        "a\0b",
    ],
)
def test_urls_that_are_none_of_ours(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A URL of another kind is refused with a hint, and no folder is made of it."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises((InvalidRequest, BucketNotFound)):
        open_bucket(url)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["plain", "with blank", "100%", "%41", "a#b?c", "\u00e4\u0308"])
def test_file_urls(name: str, tmp_path: Path) -> None:
    """A folder is found again by its URL and by its path, whatever its name."""
    made = open_bucket(str(tmp_path / name), create=True)
    made.put("key", b"x", PLAIN)
    assert made.url == (tmp_path / name).as_uri()
    for url in (made.url, str(tmp_path / name), made.url.replace("file://", "file://localhost")):
        assert open_bucket(url).head("key").size == 1
    assert [each.name for each in tmp_path.iterdir()] == [name]
    with pytest.raises(InvalidRequest):
        open_bucket(made.url, region="eu-central-1")


def test_create_is_idempotent(s3_endpoint: str, new_s3_bucket: NewS3Bucket) -> None:
    """To create a bucket that is there changes nothing."""
    bucket = new_s3_bucket(s3_endpoint)
    bucket.put("key", b"x", PLAIN)
    bucket.create()
    assert read(bucket, "key") == b"x"


def test_one_bucket_in_many_threads(moto_endpoint: str, new_s3_bucket: NewS3Bucket) -> None:
    """The first call may come from many threads at once: they share one client."""
    bucket = new_s3_bucket(moto_endpoint)
    fresh = S3Bucket(bucket.url[5:], endpoint_url=moto_endpoint)
    start, clients = threading.Barrier(8), []

    def use(number: int) -> None:
        start.wait()
        fresh.put(f"{number}", b"x", PLAIN)
        clients.append(fresh.client)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(bucket.list())) == 8
    assert len({id(client) for client in clients}) == 1
