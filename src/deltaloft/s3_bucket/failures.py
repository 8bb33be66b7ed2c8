"""What went wrong in boto3, in the words of `deltaloft.errors`.

    answer of the endpoint    its code decides, then its HTTP status (a HEAD has no code); a 404
                              without a code is no proof that something is missing
    no answer                 Unreachable
    nothing was sent          AccessDenied without credentials, else InvalidRequest

The text is ours: what an endpoint says in its own words may hold anything, so that only its code,
cut down to a word, is repeated. The original is chained.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import botocore.exceptions as boto
from botocore.parsers import ResponseParserError

from deltaloft.errors import (
    AccessDenied,
    BucketNotFound,
    ClockSkewed,
    DeltaloftError,
    InvalidRequest,
    NotFound,
    ObjectArchived,
    PreconditionFailed,
    StorageError,
    Throttled,
    Unreachable,
    Unsupported,
)

__all__ = ["code_of", "failing", "failure", "status_of"]

_CLOCK = "the clock of this machine is off by more than the endpoint allows"
_BY_CODE: dict[str, tuple[type[DeltaloftError], str]] = {
    "NoSuchBucket": (BucketNotFound, "no such bucket"),
    "NoSuchKey": (NotFound, "no such key"),
    "BucketNotEmpty": (StorageError, "the bucket is not empty"),
    "InvalidObjectState": (ObjectArchived, "archived, it has to be restored first"),
    "PreconditionFailed": (PreconditionFailed, "not, or no longer, what the condition named"),
    "InvalidRange": (InvalidRequest, "the range begins past the end of the object"),
    "KeyTooLongError": (InvalidRequest, "the key is too long"),
    "InvalidBucketName": (InvalidRequest, "not a name for a bucket"),
    "SignatureDoesNotMatch": (AccessDenied, "the secret key is wrong"),
    "InvalidAccessKeyId": (AccessDenied, "the access key is unknown"),
    "ExpiredToken": (AccessDenied, "the credentials have expired"),
    "ExpiredTokenException": (AccessDenied, "the credentials have expired"),
    "TokenRefreshRequired": (AccessDenied, "the credentials have expired"),
    "InvalidToken": (AccessDenied, "the session token is wrong"),
    "AuthorizationHeaderMalformed": (AccessDenied, "the region of the signature is wrong"),
    "RequestTimeTooSkewed": (ClockSkewed, _CLOCK),
    "RequestExpired": (ClockSkewed, _CLOCK),
    "NotImplemented": (Unsupported, "the endpoint does not know how"),
    "SlowDown": (Throttled, "the endpoint asks to slow down"),
    "RequestTimeout": (Unreachable, "the request took too long to arrive"),
    # A client that was handed in; see `connection` for those of our own.
    "MissingContentLength": (
        StorageError,
        'the endpoint needs a client with request_checksum_calculation="when_required"',
    ),
    "PermanentRedirect": (StorageError, "the bucket is in another region"),
}
_BY_STATUS: dict[int, tuple[type[DeltaloftError], str]] = {
    401: (AccessDenied, "credentials wrong or missing"),
    403: (AccessDenied, "access denied"),
    404: (NotFound, "no such key"),
    412: (PreconditionFailed, "not, or no longer, what the condition named"),
    416: (InvalidRequest, "the range begins past the end of the object"),
    429: (Throttled, "the endpoint asks to slow down"),
    501: (Unsupported, "the endpoint does not know how"),
    503: (Throttled, "the endpoint is overloaded"),
}
_NO_CREDENTIALS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.NoAuthTokenError,
    boto.TokenRetrievalError,
    boto.SSOError,
)
_NO_ANSWER = (boto.ConnectionError, boto.HTTPClientError, boto.IncompleteReadError)
_UNUSABLE = (
    boto.ParamValidationError,
    boto.ValidationError,
    boto.NoRegionError,
    boto.ProfileNotFound,
    boto.ConfigParseError,
    boto.ConfigNotFound,
    boto.InvalidConfigError,
    boto.EndpointProviderError,
    boto.InvalidProxiesConfigError,
    boto.UnsupportedS3ConfigurationError,
)


@contextmanager
def failing(where: str) -> Iterator[None]:
    """Turn what boto3 raises in the block into an error of ours about `where`."""
    try:
        yield
    except DeltaloftError:
        raise
    except (boto.ClientError, boto.BotoCoreError, ResponseParserError, ValueError) as error:
        raise failure(error, where) from error


def failure(error: Exception, where: str) -> DeltaloftError:
    """Return the error of ours for one of boto3's, to be raised `from` it."""
    if isinstance(error, boto.ClientError):
        kind, words = _answered(error)
    elif isinstance(error, _NO_CREDENTIALS):
        kind = AccessDenied
        words = f"no usable credentials ({type(error).__name__}) in the environment or AWS profile"
    elif isinstance(error, boto.SSLError):
        kind = Unreachable
        words = "no connection over TLS that is to be trusted (SSLError; AWS_CA_BUNDLE may help)"
    elif isinstance(error, _NO_ANSWER):
        kind, words = Unreachable, f"no answer from the endpoint ({type(error).__name__})"
    elif isinstance(error, boto.ProfileNotFound):
        words = f"no profile {error.kwargs['profile']!r} in the AWS configuration"
        kind = InvalidRequest
    elif isinstance(error, boto.InvalidRegionError):
        kind, words = InvalidRequest, "a region like us-east-1 expected"
    elif isinstance(error, _UNUSABLE):
        kind, words = InvalidRequest, f"a setting cannot work ({type(error).__name__})"
    elif isinstance(error, (ResponseParserError, ValueError)):
        kind, words = StorageError, "the endpoint's answer makes no sense"
    else:
        kind, words = StorageError, f"the request failed ({type(error).__name__})"
    return kind(f"{where}: {words}")


def code_of(error: boto.ClientError) -> str:
    """Return the endpoint's word for the error, or the HTTP status where it said none."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    return code if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", code) else str(status_of(error))


def status_of(error: boto.ClientError) -> int:
    """Return the HTTP status of the answer; 0 when unknown."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status if isinstance(status, int) else 0


def _answered(error: boto.ClientError) -> tuple[type[DeltaloftError], str]:
    code, status = code_of(error), status_of(error)
    if code == "404" and not error.operation_name.startswith("Head"):
        # Something before S3 may have said that, or the answer was cut: nothing is missing yet.
        return StorageError, "a word of S3 on what is missing expected, found HTTP 404 without one"
    kind, words = (
        _BY_CODE.get(code)
        or _BY_STATUS.get(status)
        or (StorageError, "the endpoint refused the request")
    )
    if code == str(status):
        return kind, f"{words} (HTTP {status})"
    return kind, f"{words} ({code}, HTTP {status})"
