"""Questions to an S3 endpoint that need requests of their own; see `deltaloft.doctor`.

A check asks with objects of its own and returns a yes or no, with a word on what was seen. What
else may happen to it decides `answered`: an endpoint that does not answer, is not allowed to, or
fails, leaves the question open.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from deltaloft.findings import Answer, Finding
from deltaloft.s3_bucket.answers import unquoted
from deltaloft.s3_bucket.failures import code_of, status_of

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

__all__ = ["CHECKS", "Probe", "answered"]

_RACERS = 16
_OFF = timedelta(minutes=5)  # of the 15 that S3 tolerates
_STALE = '"00000000000000000000000000000000"'

Seen = tuple[bool, str]


class _Unclear(Exception):
    """What was seen allows no answer."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A place to try things out: keys of `bucket` that begin with `prefix`."""

    client: S3Client
    bucket: str
    prefix: str
    written: set[str] = field(default_factory=set)
    uploads: dict[str, str] = field(default_factory=dict)

    def at(self, name: str) -> dict[str, Any]:
        """Return Bucket and Key of an object to try things out with."""
        key = self.prefix + name
        self.written.add(key)
        return {"Bucket": self.bucket, "Key": key}

    def put(self, name: str, body: bytes = b"x", **how: Any) -> str:
        """Put an object; return its ETag as the endpoint says it."""
        return self.client.put_object(**self.at(name), Body=body, **how)["ETag"]

    def read(self, name: str) -> bytes:
        """Return an object's bytes."""
        return self.client.get_object(**self.at(name))["Body"].read()

    def etag(self, name: str) -> str:
        """Return an object's ETag by HEAD, in quotes whatever the endpoint thinks of them."""
        return f'"{unquoted(self.client.head_object(**self.at(name))["ETag"])}"'

    def begin(self, name: str) -> dict[str, Any]:
        """Begin an upload in parts; return Bucket, Key and UploadId."""
        target = self.at(name)
        upload = self.client.create_multipart_upload(**target)["UploadId"]
        self.uploads[upload] = target["Key"]
        return {**target, "UploadId": upload}

    def complete(self, name: str, **condition: Any) -> Mapping[str, Any]:
        """Upload an object of one part, with a condition at its end."""
        upload = self.begin(name)
        part = self.client.upload_part(**upload, PartNumber=1, Body=b"part")
        parts: Any = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        return self.client.complete_multipart_upload(**upload, MultipartUpload=parts, **condition)

    def clean(self) -> Iterator[Exception]:
        """Remove all of it; yield what gets in the way."""
        for upload, key in self.uploads.items():
            try:
                self.client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload)
            except (ClientError, BotoCoreError) as error:
                if not (isinstance(error, ClientError) and status_of(error) == 404):
                    yield error
        for key in self.written:
            try:
                self.client.delete_object(Bucket=self.bucket, Key=key)
            except (ClientError, BotoCoreError) as error:
                yield error


def answered(check: Callable[[Probe], Seen], probe: Probe) -> tuple[Answer, str]:
    """Ask one question."""
    try:
        right, detail = check(probe)
    except ClientError as error:
        status, code = status_of(error), code_of(error)
        detail = code if code == str(status) else f"{code}, HTTP {status}"
        open_question = status in (0, 401, 403, 408, 429) or (status >= 500 and status != 501)
        return ("undetermined" if open_question else "no"), detail
    except (BotoCoreError, OSError) as error:
        return "undetermined", f"no answer ({type(error).__name__})"
    except _Unclear as error:
        return "undetermined", str(error)
    except (KeyError, ValueError) as error:
        return "undetermined", f"an answer without sense ({type(error).__name__})"
    return ("yes" if right else "no"), detail


def _refused(call: Callable[[], object], *statuses: int) -> Seen:
    """Say whether a call is answered with one of these; one that succeeds was not refused."""
    try:
        call()
    except ClientError as error:
        if status_of(error) in statuses:
            return True, f"{code_of(error)}"
        raise
    return False, "accepted"


# ---- Conditions on PutObject -----------------------------------------------------------------


def _create_race(probe: Probe) -> Seen:
    start = threading.Barrier(_RACERS)

    def create(number: int) -> bytes | None:
        body = b"%d" % number
        start.wait()
        try:
            probe.put("race", body, IfNoneMatch="*")
        except ClientError as error:
            if status_of(error) in (409, 412):
                return None
            raise
        return body

    with ThreadPoolExecutor(_RACERS) as threads:
        tried = [threads.submit(create, number) for number in range(_RACERS)]
        winners = [body for each in tried if (body := each.result()) is not None]
    found = f"{len(winners)} of {_RACERS} succeeded"
    if not winners:  # the answer to the one who won was lost, and its repetition refused
        raise _Unclear(found)
    return len(winners) == 1 and probe.read("race") == winners[0], found


def _create_condition(probe: Probe) -> Seen:
    probe.put("create")
    return _refused(lambda: probe.put("create", b"y", IfNoneMatch="*"), 412)


def _replace_condition(probe: Probe) -> Seen:
    probe.put("replace")
    seen = _refused(lambda: probe.put("replace", b"y", IfMatch=_STALE), 412)
    return seen[0] and probe.read("replace") == b"x", seen[1]


def _replace_missing(probe: Probe) -> Seen:
    return _refused(lambda: probe.put("missing", IfMatch=_STALE), 404, 412)


def _replace_quoted(probe: Probe) -> Seen:
    probe.put("quoted")
    probe.put("quoted", b"y", IfMatch=probe.etag("quoted"))
    return True, "the ETag in quotes is taken"


def _replace_unquoted(probe: Probe) -> Seen:
    probe.put("unquoted")
    probe.put("unquoted", b"y", IfMatch=unquoted(probe.etag("unquoted")))
    return True, "the bare ETag is taken"


# ---- Uploads in parts ------------------------------------------------------------------------


def _complete_create_condition(probe: Probe) -> Seen:
    probe.put("complete-create")
    return _refused(lambda: probe.complete("complete-create", IfNoneMatch="*"), 409, 412)


def _complete_replace_condition(probe: Probe) -> Seen:
    probe.put("complete-replace")
    return _refused(lambda: probe.complete("complete-replace", IfMatch=_STALE), 404, 409, 412)


def _complete_etag(probe: Probe) -> Seen:
    said = probe.complete("complete").get("ETag", "")
    return f'"{unquoted(said)}"' == probe.etag("complete"), said or "none"


def _abort_is_final(probe: Probe) -> Seen:
    upload = probe.begin("aborted")
    probe.client.abort_multipart_upload(**upload)
    return _refused(lambda: probe.client.upload_part(**upload, PartNumber=1, Body=b"part"), 404)


def _small_parts_refused(probe: Probe) -> Seen:
    upload = probe.begin("small")
    parts = [
        {
            "PartNumber": n,
            "ETag": probe.client.upload_part(**upload, PartNumber=n, Body=b"p")["ETag"],
        }
        for n in (1, 2)
    ]
    given: Any = {"Parts": parts}
    return _refused(
        lambda: probe.client.complete_multipart_upload(**upload, MultipartUpload=given), 400
    )


# ---- Copy and delete -------------------------------------------------------------------------


def _copy(probe: Probe, source: str, target: str, **how: Any) -> Mapping[str, Any]:
    place: Any = probe.at(source)
    return probe.client.copy_object(**probe.at(target), CopySource=place, **how)


def _copy_keeps(probe: Probe) -> Seen:
    probe.put("source", b"copied", Metadata={"m": "1"}, ContentType="text/x-probe")
    _copy(probe, "source", "copied")
    found = probe.client.head_object(**probe.at("copied"))
    kept = (found["Metadata"], found.get("ContentType")) == ({"m": "1"}, "text/x-probe")
    return kept and probe.read("copied") == b"copied", "metadata and Content-Type"


def _copy_source_condition(probe: Probe) -> Seen:
    probe.put("source")
    return _refused(lambda: _copy(probe, "source", "copy", CopySourceIfMatch=_STALE), 412)


def _delete_condition(probe: Probe) -> Seen:
    probe.put("delete")
    return _refused(
        lambda: probe.client.delete_object(**probe.at("delete"), IfMatch=_STALE), 409, 412
    )


# ---- Checksums -------------------------------------------------------------------------------


def _content_md5(probe: Probe) -> Seen:
    return _refused(lambda: probe.put("md5", ContentMD5="AAAAAAAAAAAAAAAAAAAAAA=="), 400)


def _checksum(probe: Probe) -> Seen:
    how: Any = {"ChecksumAlgorithm": "CRC32", "ChecksumCRC32": "AAAAAA=="}
    return _refused(lambda: probe.put("checksum", **how), 400)


def _trailers(probe: Probe) -> Seen:
    """A PutObject with its CRC32 behind the body, as boto3 sends it by default over https."""
    probe.put("trailer", b"x" * 1000, ChecksumAlgorithm="CRC32")
    encoding = probe.client.head_object(**probe.at("trailer")).get("ContentEncoding") or ""
    if "aws-chunked" in encoding:
        return False, f"Content-Encoding {encoding} is stored"
    return probe.read("trailer") == b"x" * 1000, "kept out of the object"


# ---- Listings, metadata, clock ---------------------------------------------------------------


def _pages(probe: Probe) -> Seen:
    keys = [probe.at(f"page/{n}")["Key"] for n in range(5)]
    for n in range(5):
        probe.put(f"page/{n}")
    asked: dict[str, Any] = {"Bucket": probe.bucket, "Prefix": probe.prefix + "page/", "MaxKeys": 2}
    found: list[list[str]] = []
    for _ in range(5):
        page = probe.client.list_objects_v2(**asked)
        found.append([each["Key"] for each in page.get("Contents", [])])
        if not page["IsTruncated"]:
            break
        asked["ContinuationToken"] = page["NextContinuationToken"]
    sizes = " + ".join(str(len(page)) for page in found)
    return found == [keys[:2], keys[2:4], keys[4:]], f"{sizes} keys"


def _page_limit(probe: Probe) -> Seen:
    page = probe.client.list_objects_v2(Bucket=probe.bucket, Prefix=probe.prefix, MaxKeys=5000)
    return page["MaxKeys"] <= 1000, f"MaxKeys {page['MaxKeys']}"


def _metadata_names(probe: Probe) -> Seen:
    given = {"plain": "1", "under_score": "2"}
    probe.put("names", Metadata=given)
    found = probe.client.head_object(**probe.at("names"))["Metadata"]
    lower = {name.lower(): value for name, value in found.items()}
    return lower == given, "as given" if lower == given else f"found {', '.join(sorted(found))}"


def _metadata_limit(probe: Probe) -> Seen:
    return _refused(lambda: probe.put("much", Metadata={"a": "x" * 3000}), 400)


def _clock(probe: Probe) -> Seen:
    answer = probe.client.head_bucket(Bucket=probe.bucket)
    theirs = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
    skew = datetime.now(UTC) - theirs
    return abs(skew) < _OFF, f"{skew.total_seconds():+.0f} s here"


def _secure(probe: Probe) -> bool:
    return urlsplit(probe.client.meta.endpoint_url).scheme == "https"


@dataclass(frozen=True, slots=True)
class Check:
    """A question, and whether it makes sense to ask it here."""

    name: str
    question: str
    ask: Callable[[Probe], Seen]
    essential: bool = False
    only_over_tls: bool = False

    def run(self, probe: Probe) -> Finding:
        """Ask it."""
        answer: Answer
        if self.only_over_tls and not _secure(probe):
            answer, detail = "undetermined", "asked over https only"
        else:
            answer, detail = answered(self.ask, probe)
        return Finding(self.name, self.question, answer, self.essential, detail)


CHECKS = (
    Check("create_race", f"one winner of {_RACERS} who create a key at once?", _create_race),
    Check("create_condition", "PutObject If-None-Match: * refused if the key is taken?",
          _create_condition),
    Check("replace_condition", "PutObject If-Match refused if the ETag is another?",
          _replace_condition),
    Check("replace_missing", "PutObject If-Match refused if there is no object?", _replace_missing),
    Check("replace_quoted", "PutObject If-Match with the ETag in quotes?", _replace_quoted),
    Check("replace_unquoted", "PutObject If-Match with the bare ETag?", _replace_unquoted),
    Check("complete_create_condition", "CompleteMultipartUpload If-None-Match: * honoured?",
          _complete_create_condition),
    Check("complete_replace_condition", "CompleteMultipartUpload If-Match honoured?",
          _complete_replace_condition),
    Check("complete_etag", "CompleteMultipartUpload tells the object's ETag?", _complete_etag),
    Check("abort_is_final", "no part is taken after AbortMultipartUpload?", _abort_is_final),
    Check("small_parts_refused", "parts under 5 MiB are refused?", _small_parts_refused),
    Check("copy_keeps", "CopyObject keeps metadata?", _copy_keeps),
    Check("copy_source_condition", "CopyObject x-amz-copy-source-if-match honoured?",
          _copy_source_condition),
    Check("delete_condition", "DeleteObject If-Match honoured?", _delete_condition),
    Check("content_md5", "a wrong Content-MD5 is refused?", _content_md5),
    Check("checksum", "a wrong x-amz-checksum-crc32 is refused?", _checksum),
    Check("trailers", "checksums in trailers, as boto3 sends them?", _trailers, only_over_tls=True),
    Check("pages", "listings continue page by page?", _pages, essential=True),
    Check("page_limit", "pages of at most 1,000 keys?", _page_limit),
    Check("metadata_names", "metadata names with underscores come back?", _metadata_names),
    Check("metadata_limit", "more than 2 KiB of metadata is refused?", _metadata_limit),
    Check("clock", "the clock here is right?", _clock),
)  # fmt: skip
