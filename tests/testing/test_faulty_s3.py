"""The S3 that fails as told: it passes on what it should, and each fault is the fault it says.

Spoken to by http.client, so that no client's own cleverness hides anything.
"""

from __future__ import annotations

import http.client
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from deltaloft import testing
from deltaloft.testing import (
    Answer,
    ChecksumsRefused,
    ConditionsIgnored,
    Cut,
    Delay,
    ErrorAnswer,
    FaultyS3,
    FlippedBit,
    Forward,
    LostAnswer,
    LostRequest,
    NoLength,
    Request,
    ShortPages,
    StaleListing,
    Stall,
    WholeForRange,
    WrongLength,
    WrongRange,
)

BODY = bytes(range(256)) * 800  # more than one read of the proxy
BUCKET = "double"
# moto does not look at a signature, but takes a request without one for anybody's.
SIGNED = (
    "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, "
    "SignedHeaders=host, Signature=0"
)


@pytest.fixture
def s3(watched_s3: FaultyS3) -> FaultyS3:
    """Return an S3 with an empty bucket."""
    boto(watched_s3).create_bucket(Bucket=BUCKET)
    for listed in boto(watched_s3).list_objects_v2(Bucket=BUCKET).get("Contents", []):
        boto(watched_s3).delete_object(Bucket=BUCKET, Key=listed["Key"])
    watched_s3.seen.clear()
    return watched_s3


def boto(s3: FaultyS3, **config: Any) -> Any:
    """Return a boto3 client of its own, which tries once."""
    retries = {"total_max_attempts": 1}
    return boto3.client("s3", endpoint_url=s3.url, config=Config(retries=retries, **config))


class Line:
    """One kept connection."""

    def __init__(self, s3: FaultyS3, timeout: float = 10) -> None:
        self.connection = http.client.HTTPConnection(
            s3.url.removeprefix("http://"), timeout=timeout
        )

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Any:
        """Send a request; return the answer, its body unread."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named["Authorization"] = SIGNED
        self.connection.request(method, f"/{BUCKET}/{path}", body, named)
        return self.connection.getresponse()


@pytest.fixture
def line(s3: FaultyS3) -> Iterator[Line]:
    """Lend a connection, with an object `k` in the bucket."""
    line = Line(s3)
    assert 200 == _done(line.ask("PUT", "k", BODY)).status
    s3.seen.clear()
    yield line
    line.connection.close()


def _done(answer: Any) -> Any:
    answer.read()
    return answer


def _code(answer: Any) -> str | None:
    return ET.fromstring(answer.read()).findtext("Code")


def test_requests_pass_unchanged(s3: FaultyS3) -> None:
    """Without a fault boto3 sees the real endpoint, and the log has everything that was said."""
    client = boto(s3)
    client.put_object(Bucket=BUCKET, Key="a ü+%/k", Body=BODY, Metadata={"one": "1"})
    got = client.get_object(Bucket=BUCKET, Key="a ü+%/k", Range="bytes=5-9")
    assert BODY[5:10] == got["Body"].read()
    assert {"one": "1"} == client.head_object(Bucket=BUCKET, Key="a ü+%/k")["Metadata"]
    assert ["a ü+%/k"] == [
        each["Key"] for each in client.list_objects_v2(Bucket=BUCKET)["Contents"]
    ]
    client.delete_object(Bucket=BUCKET, Key="a ü+%/k")
    assert [
        ("PutObject", "a ü+%/k", 200, len(BODY), 0),
        ("GetObject", "a ü+%/k", 206, 0, 5),
        ("HeadObject", "a ü+%/k", 200, 0, 0),
        ("DeleteObject", "a ü+%/k", 204, 0, 0),
    ] == [
        (each.operation, each.key, each.status, each.received, each.sent)
        for each in s3.seen
        if each.operation != "ListObjectsV2"
    ]


def test_operations_have_the_names_of_s3(s3: FaultyS3) -> None:
    """Each request is named as its API call is."""
    client = boto(s3)
    named = {"Bucket": BUCKET, "Key": "k"}
    client.put_object(**named, Body=b"1")
    upload = {**named, "UploadId": client.create_multipart_upload(**named)["UploadId"]}
    etag = client.upload_part(**upload, PartNumber=1, Body=b"2")["ETag"]
    source = f"{BUCKET}/k"
    client.upload_part_copy(**upload, PartNumber=2, CopySource=source)
    client.list_parts(**upload)
    client.list_multipart_uploads(Bucket=BUCKET)
    client.complete_multipart_upload(
        **upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]}
    )
    client.abort_multipart_upload(
        **named, UploadId=client.create_multipart_upload(**named)["UploadId"]
    )
    client.copy_object(**named, CopySource=source, MetadataDirective="REPLACE")
    client.put_object_tagging(**named, Tagging={"TagSet": [{"Key": "t", "Value": "v"}]})
    client.get_bucket_location(Bucket=BUCKET)
    client.list_buckets()
    client.head_bucket(Bucket=BUCKET)
    client.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "k"}]})
    assert [
        "PutObject CreateMultipartUpload UploadPart UploadPartCopy ListParts",
        "ListMultipartUploads CompleteMultipartUpload CreateMultipartUpload",
        "AbortMultipartUpload CopyObject PutObjectTagging GetBucketLocation ListBuckets",
        "HeadBucket DeleteObjects",
    ] == _lines([each.operation for each in s3.seen], 5, 3, 5, 2)


def _lines(words: list[str], *counts: int) -> list[str]:
    rest = iter(words)
    lines = [" ".join(next(rest, "") for _ in range(count)) for count in counts]
    return lines + list(rest)


def test_a_connection_serves_many_requests(line: Line) -> None:
    """Connections are kept, as between a client and S3 itself."""
    for _ in range(3):
        assert BODY == line.ask("GET", "k").read()
        first = line.connection.sock
        assert first is not None
    assert 404 == _done(line.ask("GET", "missing")).status
    assert line.connection.sock is first


def test_chunked_requests_are_passed_on(s3: FaultyS3, line: Line) -> None:
    """A body without a length arrives whole."""
    line.connection.request(
        "PUT",
        f"/{BUCKET}/chunked",
        iter([BODY[:70_000], BODY[70_000:]]),
        {"Authorization": SIGNED, "Transfer-Encoding": "chunked"},
        encode_chunked=True,
    )
    assert 200 == _done(line.connection.getresponse()).status
    assert BODY == line.ask("GET", "chunked").read()
    assert len(BODY) == s3.seen[0].received


def test_a_body_is_sent_after_100(s3: FaultyS3, line: Line) -> None:
    """Who expects 100 gets it when the body is wanted, and not when the answer is an error."""
    for refused in (False, True):
        if refused:
            s3.inject("PutObject", ErrorAnswer(403, "AccessDenied"))
        connection = http.client.HTTPConnection(s3.url.removeprefix("http://"), timeout=10)
        connection.putrequest("PUT", f"/{BUCKET}/expected")
        connection.putheader("Content-Length", "4")
        connection.putheader("Authorization", SIGNED)
        connection.putheader("Expect", "100-continue")
        connection.endheaders()
        assert connection.sock is not None
        said = connection.sock.recv(65536)
        assert refused == said.startswith(b"HTTP/1.1 403")
        if not refused:
            assert b"HTTP/1.1 100 Continue\r\n\r\n" == said
            connection.send(b"body")
            assert 200 == _done(connection.getresponse()).status
        connection.close()
    assert [4, 0] == [each.received for each in s3.seen]


def test_a_request_waits_for_its_rule(s3: FaultyS3, line: Line) -> None:
    """Key, query and method have to fit, some pass before, and it happens so many times."""
    s3.inject(
        "GetObject", ErrorAnswer(500, "InternalError"), key="a/*", method="G*", skip=1, times=2
    )
    s3.inject("Put*", ErrorAnswer(503, "SlowDown"), query={"partNumber": None, "x": "?"})
    paths = ["a/1", "b/1", "a/2", "a/3", "a/4"]
    statuses = [_done(line.ask("GET", path)).status for path in paths]
    assert [404, 404, 500, 500, 404] == statuses
    puts = ["k", "k?x=12", "k?x=1&partNumber=1&uploadId=u", "k?x=1", "k?x=1"]
    assert [False, False, False, True, False] == [
        503 == _done(line.ask("PUT", path, b"1")).status for path in puts
    ]
    assert ["a/2", "a/3", "k"] == [each.key for each in s3.seen if each.fault]
    assert 1 == len(s3.matching("PutObject", query={"x": "1*", "partNumber": None}, key="?")) - 2


def test_earlier_rules_come_first(s3: FaultyS3, line: Line) -> None:
    """A rule counts only what earlier rules left, so that rules in a row are a script."""
    s3.inject("GetObject", ErrorAnswer(500, "InternalError"))
    s3.inject("GetObject", ErrorAnswer(503, "SlowDown"), times=2)
    assert [500, 503, 503, 200] == [_done(line.ask("GET", "k")).status for _ in range(4)]


def test_an_error_is_one_of_s3(s3: FaultyS3, line: Line) -> None:
    """Status and code are as told, and the server has acted or not."""
    s3.inject("DeleteObject", ErrorAnswer(409, "ConditionalRequestConflict"))
    s3.inject("DeleteObject", ErrorAnswer(200, "InternalError", acted=True))
    refused = line.ask("DELETE", "k")
    assert (409, "ConditionalRequestConflict") == (refused.status, _code(refused))
    assert 200 == _done(line.ask("GET", "k")).status
    assert "InternalError" == _code(line.ask("DELETE", "k"))
    assert 404 == _done(line.ask("GET", "k")).status


@pytest.mark.parametrize("reset", [False, True])
def test_what_is_lost_is_lost(s3: FaultyS3, line: Line, reset: bool) -> None:
    """After a lost answer the server has acted, after a lost request it has not."""
    s3.inject("PutObject", LostRequest(reset))
    s3.inject("PutObject", LostAnswer(reset))
    ends = (ConnectionResetError, BrokenPipeError) if reset else http.client.RemoteDisconnected
    for expected in (404, 200):
        with pytest.raises(ends):
            Line(s3).ask("PUT", "lost", BODY)
        assert expected == _done(line.ask("HEAD", "lost")).status
    assert [None, None] == [each.status for each in s3.matching("PutObject")]


@pytest.mark.parametrize("after", [0, 1, 65_536, 100_000, len(BODY)])
def test_a_body_is_cut(s3: FaultyS3, line: Line, after: int) -> None:
    """So many bytes come, and no more."""
    s3.inject("GetObject", Cut(after))
    answer = line.ask("GET", "k")
    if after == len(BODY):
        assert BODY == answer.read()
        return
    with pytest.raises(http.client.IncompleteRead) as raised:
        answer.read()
    assert BODY[:after] == raised.value.partial
    assert after == s3.seen[0].sent


def test_a_body_ends_in_a_reset(s3: FaultyS3, line: Line) -> None:
    """A reset is one for the client, too."""
    s3.inject("GetObject", Cut(1000, reset=True))
    with pytest.raises(ConnectionResetError):
        line.ask("GET", "k").read()


def test_a_body_stalls(s3: FaultyS3, line: Line) -> None:
    """After so many bytes nothing comes until the client loses patience, or for a while."""
    s3.inject("GetObject", Stall(1000))
    s3.inject("GetObject", Stall(1000, seconds=0.1))
    assert line.connection.sock is not None
    line.connection.sock.settimeout(0.3)
    answer = line.ask("GET", "k")
    assert BODY[:1000] == answer.read(1000)
    with pytest.raises(TimeoutError):
        answer.read(1)
    line.connection.close()
    assert BODY == line.ask("GET", "k").read()


def test_an_answer_comes_late(s3: FaultyS3, line: Line) -> None:
    """The answer waits, not the server."""
    s3.inject("PutObject", Delay(60))
    assert line.connection.sock is not None
    line.connection.sock.settimeout(0.3)
    with pytest.raises(TimeoutError):
        line.ask("PUT", "late", b"1")
    assert 200 == _done(Line(s3).ask("HEAD", "late")).status


def test_closing_ends_what_waits(s3_upstream: str) -> None:
    """No test has to wait for a fault to be over, and no thread stays."""
    before = set(threading.enumerate())
    with FaultyS3(s3_upstream) as s3:
        boto(s3).create_bucket(Bucket=BUCKET)
        line = Line(s3)
        _done(line.ask("PUT", "k", BODY))
        s3.inject("GetObject", Stall(10))
        answer = line.ask("GET", "k")
        assert BODY[:10] == answer.read(10)
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        answer.read()
    deadline = time.monotonic() + 10
    while (left := set(threading.enumerate()) - before) and time.monotonic() < deadline:
        time.sleep(0.01)
    # moto's own threads, one per connection to it, are none of ours
    assert [] == [each for each in left if "process_request_thread (127" in each.name]


def test_lengths_and_ranges_lie(s3: FaultyS3, line: Line) -> None:
    """Headers say what they were told to say; the body is what it was."""
    s3.inject("GetObject", NoLength())
    s3.inject("GetObject", WrongLength(-1000))
    s3.inject("GetObject", WrongLength(+1000))
    s3.inject("GetObject", WrongRange("bytes 7-9/10"))
    s3.inject("GetObject", WholeForRange())
    unsaid = line.ask("GET", "k")
    assert (None, BODY) == (unsaid.getheader("content-length"), unsaid.read())
    assert BODY[:-1000] == line.ask("GET", "k").read()
    line.connection.close()
    with pytest.raises(http.client.IncompleteRead) as raised:
        line.ask("GET", "k").read()
    assert BODY == raised.value.partial
    line.connection.close()
    other = line.ask("GET", "k", Range="bytes=0-2")
    assert ("bytes 7-9/10", BODY[:3]) == (other.getheader("content-range"), other.read())
    whole = line.ask("GET", "k", Range="bytes=0-2")
    assert (200, BODY) == (whole.status, whole.read())


@pytest.mark.parametrize("at", [0, 65_535, 65_536, len(BODY) - 1])
def test_a_bit_flips(s3: FaultyS3, line: Line, at: int) -> None:
    """One bit is another one, all else is as it was."""
    s3.inject("GetObject", FlippedBit(at))
    found = line.ask("GET", "k").read()
    assert [(at, 1)] == [
        (place, old ^ new)
        for place, (old, new) in enumerate(zip(BODY, found, strict=True))
        if old != new
    ]


def test_conditions_are_ignored(s3: FaultyS3, line: Line) -> None:
    """A second creator succeeds like the first."""
    s3.inject("PutObject", ConditionsIgnored())
    assert 200 == _done(line.ask("PUT", "k", b"2", If_None_Match="*")).status
    assert 412 == _done(line.ask("PUT", "k", b"3", If_None_Match="*")).status
    assert b"2" == line.ask("GET", "k").read()


def test_checksums_are_refused(s3: FaultyS3) -> None:
    """A client of today is refused, one that sends checksums only where S3 wants them is not."""
    s3.inject("PutObject", ChecksumsRefused(), times=None)
    named = {"Bucket": BUCKET, "Key": "k", "Body": b"1"}
    client = boto(s3)
    with pytest.raises(client.exceptions.ClientError) as raised:
        client.put_object(**named)
    assert "InvalidArgument" == raised.value.response["Error"]["Code"]
    boto(s3, request_checksum_calculation="when_required").put_object(**named)


def test_any_function_is_a_fault(s3: FaultyS3, line: Line) -> None:
    """A fault may act before the request, and change the answer."""

    def overwrite(request: Request, forward: Forward) -> Answer:
        assert 200 == _done(Line(s3).ask("PUT", request.key, b"new")).status
        answer = forward(request)
        return Answer(answer.status, {**answer.headers, "x-seen": "yes"}, answer.body)

    s3.inject("GetObject", overwrite, skip=1)
    assert BODY == line.ask("GET", "k").read()
    answer = line.ask("GET", "k")
    assert ("yes", b"new") == (answer.getheader("x-seen"), answer.read())


# ---- Listings --------------------------------------------------------------------------------


def _pages(s3: FaultyS3, limit: int = 6) -> list[tuple[list[str], bool, str | None]]:
    """Follow a listing: keys, truncated, token of each page."""
    pages: list[tuple[list[str], bool, str | None]] = []
    token: dict[str, str] = {}
    while len(pages) < limit:
        page = boto(s3).list_objects_v2(Bucket=BUCKET, **token)
        keys = [each["Key"] for each in page.get("Contents", [])]
        following = page.get("NextContinuationToken")
        pages.append((keys, page["IsTruncated"], following))
        if following is None:
            return pages
        token = {"ContinuationToken": following}
    return pages


@pytest.mark.parametrize(
    ("lie", "expected"),
    [
        (None, [("ab", True, "page-2"), ("cd", True, "page-3"), ("e", False, None)]),
        ("no token", [("ab", True, None)]),
        (
            "token loop",
            [("ab", True, "page-2"), ("cd", True, "page-2"), ("cd", True, "page-2")],
        ),
        (
            "duplicate page",
            [("ab", True, "page-2"), ("ab", True, "page-3"), ("e", False, None)],
        ),
        (
            "truncated forever",
            [
                *(("ab", True, "page-2"), ("cd", True, "page-3"), ("e", True, "page-4")),
                ("", True, "page-5"),
            ],
        ),
    ],
)
def test_listings_lie(s3: FaultyS3, lie: Any, expected: list[tuple[str, bool, str | None]]) -> None:
    """Pages are short, and each lie is told as described."""
    for key in "abcde":
        boto(s3).put_object(Bucket=BUCKET, Key=key, Body=b"")
    s3.inject("ListObjectsV2", ShortPages(2, lie), times=None)
    found = _pages(s3, len(expected))
    assert expected == [("".join(keys), more, token) for keys, more, token in found]


def test_one_page_has_a_fault_of_its_own(s3: FaultyS3) -> None:
    """Tokens are known beforehand, so that a rule can name a page."""
    for key in "abc":
        boto(s3).put_object(Bucket=BUCKET, Key=key, Body=b"")
    s3.inject(
        "ListObjectsV2",
        ErrorAnswer(500, "InternalError"),
        query={"continuation-token": "page-3"},
    )
    s3.inject("ListObjectsV2", ShortPages(1), times=None)
    with pytest.raises(boto(s3).exceptions.ClientError, match="InternalError"):
        _pages(s3)


def test_an_unknown_lie_is_refused() -> None:
    """A misspelt lie is not told silently as none."""
    with pytest.raises(ValueError, match="found 'no tokens'"):
        ShortPages(1, "no tokens")  # type: ignore[arg-type]


def test_listings_lag(s3: FaultyS3) -> None:
    """What was written shows up so many listings later."""
    s3.inject("ListObjectsV2", StaleListing(2), times=None)
    seen = []
    for key in "abcd":
        seen.append("".join(_pages(s3)[0][0]))
        boto(s3).put_object(Bucket=BUCKET, Key=key, Body=b"")
    assert ["", "", "", "a"] == seen


# ---- No vacuous passes -----------------------------------------------------------------------


def test_a_fault_that_never_happens_is_an_error(s3_upstream: str) -> None:
    """Who injects a fault learns when it did not happen."""
    with (
        pytest.raises(AssertionError, match=r"never happened: .*LostAnswer"),
        FaultyS3(s3_upstream) as s3,
    ):
        s3.inject("GetObject", LostAnswer())


def test_a_function_that_fails_is_an_error(s3_upstream: str) -> None:
    """An assertion inside a fault is not lost with the connection."""

    def fail(request: Request, forward: Forward) -> Answer:
        raise AssertionError(request.key)

    with (
        pytest.raises(AssertionError, match="while serving: AssertionError"),
        FaultyS3(s3_upstream) as s3,
    ):
        s3.inject("HeadObject", fail)
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            Line(s3).ask("HEAD", "k")


def test_fixtures_refuse_a_vacuous_test(tmp_path: Path) -> None:
    """A test passes only if it injected a fault and met it; a plain look at requests is free."""
    (tmp_path / "test_it.py").write_text(
        """
import http.client
import pytest
from deltaloft.testing import LostAnswer

@pytest.fixture(scope="session")
def s3_upstream():
    return "http://127.0.0.1:1"

def test_none_injected(faulty_s3):
    pass

def test_not_met(faulty_s3):
    faulty_s3.inject("GetObject", LostAnswer())

def test_looking(watched_s3):
    pass

def test_not_met_looking(watched_s3):
    watched_s3.inject("GetObject", LostAnswer())
"""
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "deltaloft.testing.plugin", "test_it.py"]
    done = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, text=True)
    assert "4 passed, 3 errors" in done.stdout
    assert "a fault expected, none was injected" in done.stdout
    assert 2 == done.stdout.count("E       AssertionError: faults that never happened")


def test_the_plugin_is_light() -> None:
    """pytest loads the plugin wherever deltaloft is installed: it imports next to nothing."""
    code = (
        "import pytest, sys; before = set(sys.modules); import deltaloft.testing.plugin;"
        "print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    light = ["deltaloft", "deltaloft.lazily", "deltaloft.testing", "deltaloft.testing.plugin"]
    assert f"{light}\n" == done.stdout


def test_every_public_name_can_be_had() -> None:
    """The list of names is the list of what there is."""
    assert set(testing.__all__) <= set(dir(testing))
    for name in testing.__all__:
        assert getattr(testing, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = testing.nothing
