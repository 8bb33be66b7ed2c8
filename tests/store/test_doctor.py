"""What `dg doctor` finds out, agrees with what the servers are known to do."""

from __future__ import annotations

import json
import random
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from script import Answer, Script, script

from deltaloft.base_cache import BaseCache
from deltaloft.bucket import Attributes, Bucket
from deltaloft.cli.main import run
from deltaloft.doctor import diagnose, examine
from deltaloft.doctor.leftovers import remove_probes, unfinished_uploads
from deltaloft.doctor.promises import PROMISES
from deltaloft.errors import AlreadyExists, BucketNotFound, Unreachable, Unsupported
from deltaloft.findings import Finding, recall, remember
from deltaloft.folder_bucket import FolderBucket
from deltaloft.s3_bucket import S3Bucket
from deltaloft.s3_bucket.probing import CHECKS, Probe, answered
from deltaloft.store import Store
from deltaloft.testing import FaultyS3, LostAnswer

NewS3Bucket = Callable[..., S3Bucket]


def answers(report: Any) -> dict[str, str]:
    """Return the answers by check."""
    return {each.check: each.answer for each in report.findings}


def nos(report: Any) -> set[str]:
    """Return all that is a no."""
    return {check for check, answer in answers(report).items() if answer == "no"}


def is_old(bucket: S3Bucket) -> bool:
    """Say whether this is Ceph 16, which does not tell an upload's ETag."""
    target: dict[str, Any] = {"Bucket": bucket.name, "Key": "which"}
    upload = bucket.client.create_multipart_upload(**target)["UploadId"]
    target["UploadId"] = upload
    part = bucket.client.upload_part(**target, PartNumber=1, Body=b"x")
    parts: Any = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    done = bucket.client.complete_multipart_upload(**target, MultipartUpload=parts)
    bucket.delete("which")
    return done.get("ETag", "") in ("", '""')


# ---- What is found ---------------------------------------------------------------------------


def test_every_bucket_keeps_the_promises(bucket: Bucket) -> None:
    """All that is essential is a yes wherever the other tests pass, and nothing is left behind."""
    told: list[Finding] = []
    report = examine(bucket, told=told.append)
    assert report.healthy
    assert tuple(told) == report.findings
    assert {"yes"} == {each.answer for each in report.findings if each.essential}
    assert "yes" == answers(report)["unusual_keys"]
    assert [] == list(bucket.list())
    assert () == report.unfinished
    assert bucket.url == report.url


def test_ceph(rgw_endpoint: str, new_s3_bucket: NewS3Bucket) -> None:
    """Ceph 16 ignores what Ceph 20 honours, and refuses quotes and trailers."""
    bucket = new_s3_bucket(rgw_endpoint)
    report = examine(bucket)
    tls = rgw_endpoint.startswith("https")
    unknown = {check for check, answer in answers(report).items() if answer == "undetermined"}
    assert (set() if tls else {"trailers"}) == unknown
    if not is_old(bucket):
        assert {"metadata_limit", "page_limit"} == nos(report)
        return
    assert {
        "replace_quoted",
        "complete_create_condition",
        "complete_replace_condition",
        "complete_etag",
        "copy_source_condition",
        "delete_condition",
        "checksum",
        "metadata_names",
        "metadata_limit",
        *({"trailers"} if tls else set()),
    } == nos(report)


def test_moto(moto_endpoint: str, new_s3_bucket: NewS3Bucket) -> None:
    """moto takes wrong checksums, ignores some conditions, and fails where Ceph refuses."""
    found = answers(examine(new_s3_bucket(moto_endpoint)))
    assert {
        "complete_replace_condition": "no",
        "copy_source_condition": "no",
        "content_md5": "no",
        "checksum": "no",
        "abort_is_final": "undetermined",
        "create_race": "yes",
        "create_condition": "yes",
        "replace_quoted": "yes",
        "complete_create_condition": "yes",
        "complete_etag": "yes",
        "delete_condition": "yes",
        "clock": "yes",
    }.items() <= found.items()


@pytest.mark.parametrize("prefix", ["", "team/a"])
def test_only_probes_are_written(
    prefix: str, s3_endpoint: str, new_s3_bucket: NewS3Bucket, requests: Any
) -> None:
    """Nothing but what lies below .deltaloft/probe/ of the bucket's prefix is touched."""
    bucket = new_s3_bucket(s3_endpoint, prefix=prefix)
    root = f"{prefix}/" if prefix else ""
    bucket.put("mine", b"x", Attributes())
    requests.clear()
    examine(bucket, clean=True)
    written = {key for method, key in requests if method in ("PUT", "POST", "DELETE")}
    assert len(written) > 20
    assert all(key.startswith(f"{root}.deltaloft/probe/") for key in written)
    assert ["mine"] == [listed.key for listed in bucket.list()]


def test_an_interrupted_diagnosis_leaves_nothing(bucket: Bucket) -> None:
    """Whatever ends it, at any question, its objects and uploads are removed."""

    class Stop(BaseException):
        pass

    count = len(PROMISES) + len(CHECKS) * bucket.url.startswith("s3:")
    for last in (6, 20, count):

        def stop(_: Finding, left: list[int] = [last]) -> None:  # noqa: B006  counts down
            left[0] -= 1
            if left[0] == 0:
                raise Stop

        if last <= count:
            with pytest.raises(Stop):
                examine(bucket, told=stop)
            assert [] == list(bucket.list())


def test_no_bucket(s3_endpoint: str) -> None:
    """A bucket that is not there is an error, no list of undetermined answers."""
    with pytest.raises(BucketNotFound):
        diagnose("s3://there-is-no-such-bucket-here", endpoint_url=s3_endpoint)


def test_no_endpoint() -> None:
    """An endpoint that does not answer is an error."""
    client = boto3.client(
        "s3", endpoint_url="http://127.0.0.1:9", config=Config(retries={"total_max_attempts": 1})
    )
    with pytest.raises(Unreachable):
        examine(S3Bucket("b", client=client))


# ---- What counts as an answer ----------------------------------------------------------------


def probe_at(url: str) -> Probe:
    """Return a probe that asks once and waits for two seconds."""
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=2)
    return Probe(boto3.client("s3", endpoint_url=url, config=config), "b", "p/")


def error(status: int, code: str) -> Answer:
    """Return an error as S3 words it."""
    return Answer(status, f"<Error><Code>{code}</Code></Error>".encode())


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (error(412, "PreconditionFailed"), "yes"),
        (Answer(200, headers={"ETag": '"x"'}), "no"),
        (error(501, "NotImplemented"), "no"),
        (error(400, "InvalidArgument"), "no"),
        (error(500, "InternalError"), "undetermined"),
        (error(503, "SlowDown"), "undetermined"),
        (error(429, "TooManyRequests"), "undetermined"),
        (error(403, "AccessDenied"), "undetermined"),
        (Answer(200, headers={"Content-Length": "99"}), "undetermined"),
    ],
)
def test_kinds_of_answers(answer: Answer, expected: str) -> None:
    """Only a refusal is a yes, only a success or a 4xx or a 501 is a no."""
    (check,) = (each for each in CHECKS if each.name == "create_condition")
    with script(Answer(200, headers={"ETag": '"x"'}), answer) as server:
        probe = probe_at(server.url)
        found, detail = answered(check.ask, probe)
        list(probe.clean())
    assert expected == found
    assert detail


def test_silence_is_no_answer() -> None:
    """An endpoint that takes a request and says nothing has not said yes, nor no."""
    (check,) = (each for each in CHECKS if each.name == "create_condition")

    def silent(_: Script) -> Answer:
        import time

        time.sleep(2.5)
        return Answer(412)

    with script(Answer(200, headers={"ETag": '"x"'}), silent) as server:
        assert "undetermined" == answered(check.ask, probe_at(server.url))[0]


def test_a_line_that_breaks(moto_endpoint: str, new_s3_bucket: NewS3Bucket) -> None:
    """A race whose winner's answer is lost is no proof of anything but one winner."""
    bucket = new_s3_bucket(moto_endpoint)
    with FaultyS3(moto_endpoint) as line:
        client = boto3.client("s3", endpoint_url=line.url)
        line.inject("PutObject", LostAnswer())
        over = S3Bucket(bucket.name, client=client)
        report = examine(over)
    assert answers(report)["create_condition"] == "yes"
    assert [] == list(bucket.list())


# ---- What is remembered ----------------------------------------------------------------------


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for what is remembered."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "deltaloft" / "endpoints"


def test_answers_are_remembered(
    state: Path, moto_endpoint: str, new_s3_bucket: NewS3Bucket
) -> None:
    """They are in a file for this user alone, per endpoint and bucket, with a date."""
    bucket = new_s3_bucket(moto_endpoint)
    report = examine(bucket)
    (file,) = state.iterdir()
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    assert 0o700 == stat.S_IMODE(state.stat().st_mode)
    found = recall(moto_endpoint + "/", bucket.name)
    assert found is not None
    assert answers(report) == found.answers
    assert timedelta(0) <= datetime.now(UTC) - found.date < timedelta(minutes=1)
    assert recall(moto_endpoint, "another") is None
    assert recall("http://elsewhere", bucket.name) is None


def test_a_password_in_the_endpoint_is_not_kept(state: Path) -> None:
    """With and without it, it is the same endpoint."""
    path = remember("https://user:secret@host/", "b", {"ranges": "yes"})
    assert "secret" not in path.read_text()
    assert recall("https://host", "b") is not None


@pytest.mark.parametrize(
    "change",
    [
        {"date": "2020-01-01T00:00:00+00:00"},
        {"date": "2099-01-01T00:00:00+00:00"},
        {"date": "2026-11-21T00:00:00"},
        {"date": 7},
        {"version": 2},
        {"answers": {"create_condition": "perhaps"}},
        {"answers": ["no"]},
        {"answers": None},
        {"answers": {"create_condition": ["no"]}},
    ],
)
def test_what_makes_no_sense_is_forgotten(state: Path, change: dict[str, Any]) -> None:
    """Old, later and damaged files are as good as none."""
    path = remember("https://host", "b", {"create_condition": "no"})
    assert recall("https://host", "b") is not None
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    assert recall("https://host", "b") is None
    path.write_bytes(b"\xff{")
    assert recall("https://host", "b") is None


def test_a_state_folder_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moto_endpoint: str, new_s3_bucket: NewS3Bucket
) -> None:
    """Then nothing is remembered, and the report is none the worse."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert examine(new_s3_bucket(moto_endpoint)).healthy


# ---- What follows from it --------------------------------------------------------------------


@pytest.mark.parametrize("check", ["create_condition", "create_race"])
def test_no_clobber_where_it_is_ignored(
    state: Path, check: str, moto_endpoint: str, new_s3_bucket: NewS3Bucket, requests: Any
) -> None:
    """An endpoint known to ignore the condition is not asked to honour it."""
    bucket = new_s3_bucket(moto_endpoint)
    remember(moto_endpoint, bucket.name, {check: "no"})
    requests.clear()
    with pytest.raises(Unsupported, match=r"does not honour If-None-Match on a put \(dg doctor"):
        bucket.put("key", b"x", Attributes(), no_clobber=True)
    assert [] == requests
    bucket.put("key", b"x", Attributes())
    bucket.put("key", b"y", Attributes(), if_match=bucket.head("key").etag)


def test_if_match_where_it_is_ignored(
    state: Path, moto_endpoint: str, new_s3_bucket: NewS3Bucket
) -> None:
    """The same for a replacement on condition; creating on condition is another matter."""
    bucket = new_s3_bucket(moto_endpoint)
    remember(moto_endpoint, bucket.name, {"replace_condition": "no"})
    bucket.put("key", b"x", Attributes(), no_clobber=True)
    with pytest.raises(Unsupported, match="If-Match"):
        bucket.put("key", b"y", Attributes(), if_match=bucket.head("key").etag)


@pytest.mark.parametrize("answer", ["yes", "undetermined"])
def test_what_is_not_known_is_tried(
    state: Path, answer: Any, moto_endpoint: str, new_s3_bucket: NewS3Bucket
) -> None:
    """Without a no, the endpoint is asked."""
    bucket = new_s3_bucket(moto_endpoint)
    remember(moto_endpoint, bucket.name, {"create_condition": answer})
    bucket.put("key", b"x", Attributes(), no_clobber=True)
    with pytest.raises(AlreadyExists):
        bucket.put("key", b"x", Attributes(), no_clobber=True)


def test_a_large_put_where_only_parts_ignore_it(
    state: Path, moto_endpoint: str, new_s3_bucket: NewS3Bucket, tmp_path: Path
) -> None:
    """Conditions at the end of an upload in parts are refused by size, buffers and files alike."""
    bucket = new_s3_bucket(moto_endpoint)
    remember(moto_endpoint, bucket.name, {"complete_create_condition": "no"})
    bucket.put("small", b"x", Attributes(), no_clobber=True)
    size = (64 << 20) + 1
    (tmp_path / "large").touch()
    with (tmp_path / "large").open("r+b") as file:
        file.truncate(size + 10)
        for body in (bytes(size), file):
            with pytest.raises(Unsupported, match="on an upload in parts"):
                bucket.put("large", body, Attributes(), no_clobber=True)
        assert 0 == file.tell()
        file.seek(100)
        bucket.put("small too", file, Attributes(), no_clobber=True)
    assert ["small", "small too"] == [listed.key for listed in bucket.list()]


def test_the_store_works_without_conditions(
    state: Path,
    moto_endpoint: str,
    new_s3_bucket: NewS3Bucket,
    fresh_cache: Callable[[], BaseCache],
    requests: Any,
) -> None:
    """Bases and their index are written plainly where conditions are ignored."""
    bucket = new_s3_bucket(moto_endpoint)
    remember(moto_endpoint, bucket.name, {"create_condition": "no", "replace_condition": "no"})
    conditions: list[str] = []

    def note(request: Any, **_: object) -> None:
        conditions.extend(each for each in ("If-Match", "If-None-Match") if each in request.headers)

    bucket.client.meta.events.register("before-send.s3.PutObject", note)
    store = Store(bucket, cache=fresh_cache())
    content = random.Random(1).randbytes(100_000)
    store.put(content, "one")
    assert "delta" == store.put(content + b"more", "two").form
    assert content + b"more" == store.read("two")
    with pytest.raises(Unsupported):
        store.put(content, "two", no_clobber=True)
    assert content + b"more" == store.read("two")
    assert [] == conditions
    again = Store(bucket, cache=fresh_cache())
    assert not again.put(content + b"again", "three").new_base


# ---- Unfinished uploads ----------------------------------------------------------------------


def begin(bucket: S3Bucket, key: str) -> str:
    """Begin an upload and leave it."""
    return bucket.client.create_multipart_upload(Bucket=bucket.name, Key=key)["UploadId"]


def test_unfinished_uploads(s3_endpoint: str, new_s3_bucket: NewS3Bucket) -> None:
    """They are listed; those old enough are aborted if that is asked for, others never."""
    bucket = new_s3_bucket(s3_endpoint, prefix="team")
    mine, theirs = begin(bucket, "team/large"), begin(bucket, "other/large")
    # moto dates every upload to 2010.
    for clean, age in ((False, timedelta(0)), (True, timedelta(days=100 * 365))):
        (found,) = unfinished_uploads(bucket, clean, age)
        assert ("large", mine, False) == (found.key, found.upload_id, found.aborted)
    (found,) = unfinished_uploads(bucket, True, timedelta(days=-1))
    assert found.aborted
    left = bucket.client.list_multipart_uploads(Bucket=bucket.name)["Uploads"]
    assert [theirs] == [each["UploadId"] for each in left]
    bucket.client.abort_multipart_upload(Bucket=bucket.name, Key="other/large", UploadId=theirs)


def test_leftovers_of_a_killed_diagnosis(bucket: Bucket) -> None:
    """What a killed one has left is removed when it is old enough."""
    bucket.put(".deltaloft/probe/0123/x", b"x", Attributes())
    remove_probes(bucket, timedelta(days=1))
    assert 1 == len(list(bucket.list()))
    remove_probes(bucket, timedelta(days=-1))
    assert [] == list(bucket.list())


# ---- The command -----------------------------------------------------------------------------


def test_doctor_of_a_folder(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A folder has all that is essential; with --json each finding is a line."""
    FolderBucket(tmp_path / "store", create=True)
    assert 0 == run(["doctor", str(tmp_path / "store")])
    lines = capfd.readouterr().out.splitlines()
    assert all(line.startswith(("* yes ", "  yes ")) for line in lines)
    assert 0 == run(["doctor", (tmp_path / "store").as_uri(), "--json"])
    records = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert len(lines) == len(records)
    assert {"check", "question", "answer", "essential", "detail"} == set(records[0])


def test_doctor_of_a_service(
    moto_endpoint: str, new_s3_bucket: NewS3Bucket, capfd: pytest.CaptureFixture[str]
) -> None:
    """The report tells of S3's own questions and of unfinished uploads; a root may be named."""
    bucket = new_s3_bucket(moto_endpoint)
    begin(bucket, "team/large")
    url = f"s3://{bucket.name}/team"
    options = ["--endpoint-url", moto_endpoint]
    assert 2 == run(["doctor", url, *options])
    assert "--root" in capfd.readouterr().err
    assert 0 == run(["doctor", url, "--root", "team", "--clean", *options])
    out = capfd.readouterr().out
    assert "one winner of 16" in out
    assert "aborted: large, begun 2010" in out  # says moto


def test_doctor_of_something_else(capfd: pytest.CaptureFixture[str]) -> None:
    """Where a store cannot work the exit code says so, and every question is answered."""
    listing = Answer(200, b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
    with script(listing, *[error(501, "NotImplemented")] * 500) as server:
        assert 1 == run(["doctor", "s3://b", "--json", "--endpoint-url", server.url])
    captured = capfd.readouterr()
    records = [json.loads(line) for line in captured.out.splitlines()]
    assert len(records) > 25
    assert {"no", "undetermined"} >= {each["answer"] for each in records}
    assert "a store cannot work here" in captured.err
