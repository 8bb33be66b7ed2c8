"""The stores behind a client: one for each bucket, made when it is first named.

With a root, a bucket's store lies below it; keys stay whole, and those elsewhere are refused.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from botocore.exceptions import ParamValidationError
from botocore.handlers import validate_ascii_metadata, validate_bucket_name
from botocore.validate import ParamValidator

from deltaloft.base_cache import BaseCache
from deltaloft.layout import is_ours
from deltaloft.s3_client.failures import failing_as, refuse
from deltaloft.s3_client.hearing import Heard, Hearing
from deltaloft.store import CodecPolicy, Store

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

__all__ = ["Place", "Stores"]


_KEY_SIZE = 1024  # bytes of UTF-8
_STATUS = {
    "304": 304,
    "InvalidRange": 416,
    "NoSuchKey": 404,
    "NotImplemented": 501,
    "PreconditionFailed": 412,
}


@dataclass(frozen=True, slots=True)
class Place:
    """A key of a bucket, and what it is called in the store there."""

    store: Store
    key: str
    bucket: str
    whole_key: str


class Stores:
    """Stores over one boto3 client. Many threads may use them."""

    def __init__(
        self, client: S3Client, root: str, cache: BaseCache | None, codec: CodecPolicy | None
    ) -> None:
        """Open nothing yet."""
        self.client = client
        self.root = f"{root.strip('/')}/" if root.strip("/") else ""
        self._cache = cache
        self._codec = codec
        self._hearing = Hearing(client)
        self._stores: dict[str, Store] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let go of the client, which is closed by whoever made it."""
        self._hearing.close()

    def of(self, bucket: str) -> Store:
        """Return the store of a bucket.

        Raises:
            InvalidRequest: that can be no bucket's name.
        """
        with self._lock:
            store = self._stores.get(bucket)
            if store is None:
                url = f"s3://{bucket}/{self.root}"
                options: Any = {"cache": self._cache, "codec": self._codec}
                store = Store.open(url, client=self.client, **options)
                self._stores[bucket] = store
            return store

    def place(self, operation: str, bucket: str, key: str) -> Place:
        """Return where a key is, or refuse in S3's words one that can be no user's."""
        if is_ours(key):
            self.refuse(operation, "InvalidArgument", f"{key}: a key of deltaloft's own")
        if not key.startswith(self.root) or key == self.root:
            self.refuse(operation, "InvalidArgument", f"{key}: a key below {self.root} expected")
        if len(key.encode(errors="surrogatepass")) > _KEY_SIZE:
            self.refuse(operation, "KeyTooLongError", "Your key is too long")
        with failing_as(self.client, operation, {}):
            return Place(self.of(bucket), key.removeprefix(self.root), bucket, key)

    def check(self, operation: str, params: Mapping[str, Any], honoured: Collection[str]) -> None:
        """Refuse what boto3 would refuse, and parameters that are not honoured here.

        Raises:
            ParamValidationError: a name, type or length is wrong.
            ClientError: a parameter that S3 has, and that would have no effect: NotImplemented.
        """
        model = self.client.meta.service_model.operation_model(operation)
        shape: Any = model.input_shape
        if operation in ("PutObject", "CopyObject"):
            validate_ascii_metadata(dict(params))
        report = ParamValidator().validate(dict(params), shape)
        if report.has_errors():
            raise ParamValidationError(report=report.generate_report())
        validate_bucket_name(dict(params))
        for name in params:
            if name not in honoured:
                words = f"{operation}: {name} is not supported for objects of a store"
                self.refuse(operation, "NotImplemented", words)

    def refuse(self, operation: str, code: str, words: str, **more: Any) -> NoReturn:
        """Raise a ClientError with one of the codes that are our own to say."""
        refuse(self.client, operation, code, _STATUS.get(code, 400), words, **more)

    def failing_as(self, operation: str, place: Place) -> AbstractContextManager[None]:
        """Let what goes wrong in the block look as if `operation` had."""
        named = {"BucketName": place.bucket, "Key": place.whole_key}
        return failing_as(self.client, operation, named)

    @contextmanager
    def doing(self, operation: str, place: Place) -> Iterator[Heard]:
        """Do the work of `operation`: listen, and fail as it would."""
        with self.failing_as(operation, place), self._hearing.listening() as heard:
            yield heard

    @contextmanager
    def listing(self, operation: str, bucket: str, *, owner: bool) -> Iterator[Heard]:
        """List a bucket: listen, to the owners as well if asked to, and fail as S3 would."""
        named = {"BucketName": bucket}
        with failing_as(self.client, operation, named), self._hearing.listening(owner) as heard:
            yield heard
