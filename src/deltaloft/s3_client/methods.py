"""A client with boto3's face and a store behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self, cast

from deltaloft.base_cache import BaseCache
from deltaloft.s3_client import (
    copying,
    deleting,
    models,
    passing,
    presigning,
    reading,
    transfers,
    writing,
)
from deltaloft.s3_client.listing import Listings
from deltaloft.s3_client.presigning import Purged
from deltaloft.s3_client.stores import Stores
from deltaloft.store import CodecPolicy

if TYPE_CHECKING:
    from typing import Unpack

    from boto3.s3.transfer import TransferConfig
    from botocore.paginate import Paginator
    from botocore.waiter import Waiter
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import (
        CopyObjectOutputTypeDef,
        CopyObjectRequestTypeDef,
        CopySourceTypeDef,
        DeleteObjectOutputTypeDef,
        DeleteObjectRequestTypeDef,
        DeleteObjectsOutputTypeDef,
        DeleteObjectsRequestTypeDef,
        GetObjectAttributesOutputTypeDef,
        GetObjectAttributesRequestTypeDef,
        GetObjectOutputTypeDef,
        GetObjectRequestTypeDef,
        HeadObjectOutputTypeDef,
        HeadObjectRequestTypeDef,
        ListObjectsOutputTypeDef,
        ListObjectsRequestTypeDef,
        ListObjectsV2OutputTypeDef,
        ListObjectsV2RequestTypeDef,
        PutObjectOutputTypeDef,
        PutObjectRequestTypeDef,
    )

__all__ = ["Client"]

Callback = Callable[[int], None]


class Client:
    """boto3's S3 client, except that objects are kept as a store keeps files.

    Methods, arguments, answers and exceptions are boto3's, and speak of the files that were put.
    What differs is listed in docs/client.md. Everything else is the wrapped client's. Many threads
    may use it.
    """

    def __init__(
        self,
        client: S3Client,
        *,
        root: str = "",
        cache: BaseCache | None = None,
        codec: CodecPolicy | None = None,
    ) -> None:
        """Wrap a client of boto3.

        Args:
            client: Of S3. Whoever made it closes it.
            root: The store's root in each bucket. Keys stay whole; others are refused.
            cache: Where downloaded bases are kept; by default the cache of the environment.
            codec: As `Store.open` takes it, for all that is put.
        """
        self._wrapped = client
        self._stores = Stores(client, root, cache, codec)
        self._listings = Listings(self._stores)

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def __getattr__(self, name: str) -> Any:
        """Return what the wrapped client has by this name."""
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        theirs = getattr(self._wrapped, name)
        operation = self._wrapped.meta.method_to_api_mapping.get(name)
        return theirs if operation is None else passing.passed(self._stores, operation, theirs)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self._wrapped)})

    def close(self) -> None:
        """Let go of everything, and close the wrapped client."""
        self._listings.close()
        self._stores.close()
        self._wrapped.close()

    # ---- Objects ----

    def put_object(self, **params: Unpack[PutObjectRequestTypeDef]) -> PutObjectOutputTypeDef:
        """Store a file; Body may also be a path, or a stream of unknown length."""
        return cast("PutObjectOutputTypeDef", writing.put_object(self._stores, params))

    def get_object(self, **params: Unpack[GetObjectRequestTypeDef]) -> GetObjectOutputTypeDef:
        """Give a file back: whole and proven, or a range of it that nothing proves."""
        return cast("GetObjectOutputTypeDef", reading.get_object(self._stores, params))

    def head_object(self, **params: Unpack[HeadObjectRequestTypeDef]) -> HeadObjectOutputTypeDef:
        """Describe a file."""
        return cast("HeadObjectOutputTypeDef", reading.head_object(self._stores, params))

    def get_object_attributes(
        self, **params: Unpack[GetObjectAttributesRequestTypeDef]
    ) -> GetObjectAttributesOutputTypeDef:
        """Describe a file in other words."""
        return cast(
            "GetObjectAttributesOutputTypeDef", reading.get_object_attributes(self._stores, params)
        )

    def delete_object(
        self, **params: Unpack[DeleteObjectRequestTypeDef]
    ) -> DeleteObjectOutputTypeDef:
        """Remove a file."""
        return cast("DeleteObjectOutputTypeDef", deleting.delete_object(self._stores, params))

    def delete_objects(
        self, **params: Unpack[DeleteObjectsRequestTypeDef]
    ) -> DeleteObjectsOutputTypeDef:
        """Remove up to a thousand files."""
        return cast("DeleteObjectsOutputTypeDef", deleting.delete_objects(self._stores, params))

    def list_objects(self, **params: Unpack[ListObjectsRequestTypeDef]) -> ListObjectsOutputTypeDef:
        """List files, in the older way."""
        return cast("ListObjectsOutputTypeDef", self._listings.list_objects(params))

    def list_objects_v2(
        self, **params: Unpack[ListObjectsV2RequestTypeDef]
    ) -> ListObjectsV2OutputTypeDef:
        """List files."""
        return cast("ListObjectsV2OutputTypeDef", self._listings.list_objects_v2(params))

    def copy_object(self, **params: Unpack[CopyObjectRequestTypeDef]) -> CopyObjectOutputTypeDef:
        """Copy a file of any size."""
        return cast("CopyObjectOutputTypeDef", copying.copy_object(self._stores, params))

    # ---- Transfers ----

    def upload_file(
        self,
        Filename: str | Path,
        Bucket: str,
        Key: str,
        ExtraArgs: Mapping[str, Any] | None = None,
        Callback: Callback | None = None,
        Config: TransferConfig | None = None,
    ) -> None:
        """Store the file of a path."""
        transfers.upload_file(self._stores, Filename, Bucket, Key, ExtraArgs, Callback, Config)

    def upload_fileobj(
        self,
        Fileobj: BinaryIO,
        Bucket: str,
        Key: str,
        ExtraArgs: Mapping[str, Any] | None = None,
        Callback: Callback | None = None,
        Config: TransferConfig | None = None,
    ) -> None:
        """Store a file object, from where it stands to its end."""
        transfers.upload_fileobj(self._stores, Fileobj, Bucket, Key, ExtraArgs, Callback, Config)

    def download_file(
        self,
        Bucket: str,
        Key: str,
        Filename: str | Path,
        ExtraArgs: Mapping[str, Any] | None = None,
        Callback: Callback | None = None,
        Config: TransferConfig | None = None,
    ) -> None:
        """Give a file back, proven, as the file of a path, which is replaced whole."""
        transfers.download_file(self._stores, Bucket, Key, Filename, ExtraArgs, Callback, Config)

    def download_fileobj(
        self,
        Bucket: str,
        Key: str,
        Fileobj: BinaryIO,
        ExtraArgs: Mapping[str, Any] | None = None,
        Callback: Callback | None = None,
        Config: TransferConfig | None = None,
    ) -> None:
        """Write a file to a file object; the last piece only once the whole is proven."""
        transfers.download_fileobj(self._stores, Bucket, Key, Fileobj, ExtraArgs, Callback, Config)

    def copy(
        self,
        CopySource: CopySourceTypeDef,
        Bucket: str,
        Key: str,
        ExtraArgs: Mapping[str, Any] | None = None,
        Callback: Callback | None = None,
        SourceClient: Client | S3Client | None = None,
        Config: TransferConfig | None = None,
    ) -> None:
        """Copy a file; another client may be named that reads it."""
        wrapper = None if SourceClient is None else _wrapper(SourceClient, self)
        source = None if wrapper is None else wrapper._stores
        transfers.copy(self._stores, CopySource, Bucket, Key, ExtraArgs, Callback, source, Config)

    # ---- URLs ----

    def generate_presigned_url(
        self,
        ClientMethod: str,
        Params: Mapping[str, Any] | None = None,
        ExpiresIn: int = 3600,
        HttpMethod: str | None = None,
    ) -> str:
        """Return a URL that does what a method would; one that reads a delta reads a whole copy."""
        return presigning.presigned_url(
            self._stores, ClientMethod, Params or {}, ExpiresIn, HttpMethod
        )

    def purge(self, Bucket: str) -> Purged:
        """Remove the whole copies of a bucket whose presigned URLs have expired."""
        return presigning.purge(self._stores, Bucket)

    # ---- Pages and waiting ----

    def get_paginator(self, operation_name: str) -> Paginator[Any]:
        """Return what asks for page after page."""
        return models.paginator(self, self._wrapped, operation_name)

    def get_waiter(self, waiter_name: str) -> Waiter:
        """Return what asks until it is so."""
        return models.waiter(self, self._wrapped, waiter_name)


def _wrapper(client: Client | S3Client, like: Client) -> Client:
    if isinstance(client, Client):
        return client
    return Client(client, root=like._stores.root)
