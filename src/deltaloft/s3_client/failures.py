"""From the errors of `deltaloft.errors` to those that boto3's callers catch.

    IntegrityError       stays what it is: S3 has no code for a file that is not the file
    StorageError         ClientError; the code is the endpoint's own word, if there was one
    Unreachable and      botocore's own exception, if that was the cause
    no credentials
    InvalidRequest       ClientError with 400 InvalidArgument

A HEAD has no body, so that its codes are numbers: 404, 412.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from botocore.exceptions import BotoCoreError, ClientError

from deltaloft.errors import (
    AccessDenied,
    AlreadyExists,
    BucketNotFound,
    ClockSkewed,
    DeltaloftError,
    IntegrityError,
    InvalidRequest,
    NotFound,
    ObjectArchived,
    PreconditionFailed,
    StorageError,
    Throttled,
    Unreachable,
    Unsupported,
    UnsupportedFormat,
)

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

__all__ = ["UNMET", "failing_as", "refuse"]

UNMET = "At least one of the pre-conditions you specified did not hold"
# The first that fits: class, code, status, words; without words the error's own are given.
_CODES: tuple[tuple[type[DeltaloftError], str, int, str | None], ...] = (
    (BucketNotFound, "NoSuchBucket", 404, "The specified bucket does not exist"),
    (NotFound, "NoSuchKey", 404, "The specified key does not exist."),
    (AlreadyExists, "PreconditionFailed", 412, UNMET),
    (PreconditionFailed, "PreconditionFailed", 412, UNMET),
    (AccessDenied, "AccessDenied", 403, None),
    (ClockSkewed, "RequestTimeTooSkewed", 403, None),
    (Throttled, "SlowDown", 503, None),
    (Unreachable, "RequestTimeout", 400, None),
    (ObjectArchived, "InvalidObjectState", 403, None),
    (Unsupported, "NotImplemented", 501, None),
    (UnsupportedFormat, "NotImplemented", 501, None),
    (InvalidRequest, "InvalidArgument", 400, None),
    (StorageError, "InternalError", 500, None),
)
_OF_HEAD = {304: "Not Modified", 400: "Bad Request", 403: "Forbidden", 404: "Not Found",
            412: "Precondition Failed", 416: "Requested Range Not Satisfiable"}  # fmt: skip


@contextmanager
def failing_as(client: S3Client, operation: str, named: Mapping[str, str]) -> Iterator[None]:
    """Turn what a store raises in the block into what boto3 would raise for `operation`.

    Of what is `named`, bucket and key, an error repeats what is missing.
    """
    try:
        yield
    except IntegrityError:
        raise
    except DeltaloftError as error:
        cause = _cause(error)
        if cause is not None and not isinstance(cause, ClientError):
            raise cause from error
        code, status, words = next(each[1:] for each in _CODES if isinstance(error, each[0]))
        told: Any = {} if cause is None else cause.response
        word = str(told.get("Error", {}).get("Code", "404"))
        if not word.isdigit():
            _raise(client, operation, told, error)
        missing = {"NoSuchBucket": "BucketName", "NoSuchKey": "Key"}.get(code, "")
        more = {missing: named[missing]} if missing in named else {}
        refusal = _response(operation, code, status, words or str(error), **more)
        _raise(client, operation, refusal, error)


def refuse(
    client: S3Client, operation: str, code: str, status: int, words: str, **more: Any
) -> NoReturn:
    """Raise what boto3 raises when an endpoint refuses `operation` in these words."""
    _raise(client, operation, _response(operation, code, status, words, **more), None)


def _cause(error: BaseException) -> ClientError | BotoCoreError | None:
    """Return the exception of botocore that an error comes from, however far below."""
    cause = error.__cause__
    while cause is not None and not isinstance(cause, (ClientError, BotoCoreError)):
        cause = cause.__cause__
    return cause


def _response(operation: str, code: str, status: int, words: str, **more: Any) -> dict[str, Any]:
    if operation.startswith("Head"):
        code, words, more = str(status), _OF_HEAD.get(status, words), {}
    return {
        "Error": {"Code": code, "Message": words, **more},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": {}, "RetryAttempts": 0},
    }


def _raise(
    client: S3Client, operation: str, response: Any, cause: BaseException | None
) -> NoReturn:
    # boto3 knows the modelled exceptions by their codes; any other code gives a ClientError.
    kind: Any = client.exceptions.from_code(response["Error"]["Code"])
    raise kind(response, operation) from cause
