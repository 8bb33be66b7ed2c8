"""One request and its answer, and what may go wrong between them.

    client ── Request ──> fault(request, forward) ── Answer ──> client
                              └── forward(request) asks the real server

A fault is any function of the two: it may wait, change the request, not forward it at all, answer
something else, or raise `ConnectionLost` before the answer or in the middle of its body.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, unquote, urlsplit

__all__ = ["Answer", "ConnectionLost", "Exchange", "Fault", "Forward", "Request"]


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the client sent it; names of headers are in lower case.

    `target` is path and query, still percent-encoded; buckets stand in the path. The body can be
    read once, by `forward` or by a fault.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: Iterator[bytes] = field(repr=False)
    _closing: threading.Event = field(repr=False, compare=False)

    @property
    def bucket(self) -> str:
        """The bucket, empty for a list of buckets."""
        return unquote(urlsplit(self.target).path).removeprefix("/").partition("/")[0]

    @property
    def key(self) -> str:
        """The key, empty for a request about a bucket."""
        return unquote(urlsplit(self.target).path).removeprefix("/").partition("/")[2]

    @property
    def query(self) -> dict[str, str]:
        """The parameters behind the question mark; one without a value has an empty one."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def operation(self) -> str:
        """What S3 calls this: `PutObject`, `UploadPart`, `ListObjectsV2`, ..."""
        return _operation(self)

    def without(self, *names: str) -> Request:
        """Return the request without these headers.

        boto3 signs most headers: what checks signatures, as moto does not, refuses such a request.
        """
        return replace(self, headers={k: v for k, v in self.headers.items() if k not in names})

    def pause(self, seconds: float | None = None) -> None:
        """Wait, for ever without `seconds`, but not longer than the double is open."""
        self._closing.wait(seconds)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; names of headers are in lower case.

    Without a content-length the body ends with the connection, unless transfer-encoding is
    `chunked`: then it is sent in chunks.
    """

    status: int
    headers: Mapping[str, str]
    body: Iterable[bytes]

    def read(self) -> bytes:
        """Return the whole body, which can be read only once."""
        return b"".join(self.body)


class ConnectionLost(Exception):
    """The end of a connection, by RST or in order; what was sent before stays sent."""

    def __init__(self, *, reset: bool = True) -> None:
        super().__init__("reset" if reset else "closed")
        self.reset = reset


Forward = Callable[[Request], Answer]
Fault = Callable[[Request, Forward], Answer]


@dataclass(slots=True)
class Exchange:
    """What was seen of a request and its answer. Complete before the client has the last byte.

    Attributes:
        request: The request.
        fault: What was done to it, if anything.
        status: Of the answer; None while, or because, there was none.
        received: Bytes of body that the client sent.
        sent: Bytes of body that were sent to the client.
    """

    request: Request
    fault: Fault | None = None
    status: int | None = None
    received: int = 0
    sent: int = 0

    @property
    def operation(self) -> str:
        """See `Request.operation`."""
        return self.request.operation

    @property
    def key(self) -> str:
        """See `Request.key`."""
        return self.request.key


_VERBS = {"GET": "Get", "HEAD": "Head", "PUT": "Put", "DELETE": "Delete", "POST": "Post"}
# Parameters that make another operation of a request, and its name where that is not the verb,
# `Object` or `Bucket`, and the word.
_ASPECTS = {
    "acl": "Acl",
    "attributes": "Attributes",
    "cors": "Cors",
    "encryption": "Encryption",
    "legal-hold": "LegalHold",
    "lifecycle": "LifecycleConfiguration",
    "location": "Location",
    "object-lock": "ObjectLockConfiguration",
    "policy": "Policy",
    "restore": "Restore",
    "retention": "Retention",
    "tagging": "Tagging",
    "versioning": "Versioning",
}
_NAMED = {
    ("GET", "bucket", "uploads"): "ListMultipartUploads",
    ("GET", "bucket", "versions"): "ListObjectVersions",
    ("GET", "bucket", "list-type"): "ListObjectsV2",
    ("GET", "object", "uploadId"): "ListParts",
    ("PUT", "object", "partNumber"): "UploadPart",
    ("POST", "object", "uploads"): "CreateMultipartUpload",
    ("POST", "object", "uploadId"): "CompleteMultipartUpload",
    ("POST", "bucket", "delete"): "DeleteObjects",
    ("DELETE", "object", "uploadId"): "AbortMultipartUpload",
}


def _operation(request: Request) -> str:
    thing = "object" if request.key else "bucket"
    verb = _VERBS.get(request.method, request.method)
    query = request.query
    for name in query:
        if named := _NAMED.get((request.method, thing, name)):
            copied = named == "UploadPart" and "x-amz-copy-source" in request.headers
            return f"{named}Copy" if copied else named
        if name in _ASPECTS:
            return f"{verb}{thing.title()}{_ASPECTS[name]}"
    if thing == "object":
        return "CopyObject" if "x-amz-copy-source" in request.headers else f"{verb}Object"
    if request.method == "GET":
        return "ListObjects" if request.bucket else "ListBuckets"
    return "CreateBucket" if request.method == "PUT" else f"{verb}Bucket"
