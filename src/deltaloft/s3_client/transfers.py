"""upload_file, download_file, copy and their kin, as boto3 adds them to its client.

Config is taken and has no say: a store knows how it sends and fetches (see docs/buckets.md). Only
what a user would notice, a limit of the bandwidth, is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import ClientError
from s3transfer.manager import TransferManager

from deltaloft.s3_client import copying, reading, writing
from deltaloft.s3_client.stores import Stores

__all__ = ["copy", "download_file", "download_fileobj", "upload_file", "upload_fileobj"]

Extra = Mapping[str, Any] | None
Callback = Callable[[int], None] | None


def upload_file(
    stores: Stores, path: str | Path, bucket: str, key: str, extra: Extra, callback: Callback,
    config: Any,
) -> None:  # fmt: skip
    """See boto3's upload_file."""
    if not isinstance(path, str | Path):
        raise ValueError("Filename must be a string or a path-like object")
    try:
        _upload(stores, Path(path), bucket, key, extra, callback, config)
    except ClientError as error:
        raise S3UploadFailedError(f"Failed to upload {path} to {bucket}/{key}: {error}") from error


def upload_fileobj(
    stores: Stores, file: BinaryIO, bucket: str, key: str, extra: Extra, callback: Callback,
    config: Any,
) -> None:  # fmt: skip
    """See boto3's upload_fileobj."""
    if not hasattr(file, "read"):
        raise ValueError("Fileobj must implement read")
    _upload(stores, file, bucket, key, extra, callback, config)


def download_file(
    stores: Stores, bucket: str, key: str, path: str | Path, extra: Extra, callback: Callback,
    config: Any,
) -> None:  # fmt: skip
    """See boto3's download_file."""
    if not isinstance(path, str | Path):
        raise ValueError("Filename must be a string or a path-like object")
    _download(stores, bucket, key, Path(path), extra, callback, config)


def download_fileobj(
    stores: Stores, bucket: str, key: str, file: BinaryIO, extra: Extra, callback: Callback,
    config: Any,
) -> None:  # fmt: skip
    """See boto3's download_fileobj."""
    if not hasattr(file, "write"):
        raise ValueError("Fileobj must implement write")
    _download(stores, bucket, key, file, extra, callback, config)


def copy(
    stores: Stores, source: Any, bucket: str, key: str, extra: Extra, callback: Callback,
    source_stores: Stores | None, config: Any,
) -> None:  # fmt: skip
    """See boto3's copy; it looks at the source first, and so a missing one is HeadObject's."""
    _check(stores, "CopyObject", extra, TransferManager.ALLOWED_COPY_ARGS, config)
    if not isinstance(source, dict):
        raise TypeError(
            'Expecting dictionary formatted: {"Bucket": bucket_name, "Key": key} '
            f"but got {source} or type {type(source)}."
        )
    reader = source_stores or stores
    named = {name: source[name] for name in ("Bucket", "Key") if name in source}
    size = reading.head_object(reader, named)["ContentLength"]
    params = {**(extra or {}), "Bucket": bucket, "Key": key, "CopySource": source}
    copying.copy_object(stores, params, source_stores)
    if callback is not None:
        callback(size)


def _upload(
    stores: Stores, body: Path | BinaryIO, bucket: str, key: str, extra: Extra,
    callback: Callback, config: Any,
) -> None:  # fmt: skip
    _check(stores, "PutObject", extra, TransferManager.ALLOWED_UPLOAD_ARGS, config)
    params = {**(extra or {}), "Bucket": bucket, "Key": key, "Body": body}
    writing.put_object(stores, params, callback)


def _download(
    stores: Stores, bucket: str, key: str, target: Path | BinaryIO, extra: Extra,
    callback: Callback, config: Any,
) -> None:  # fmt: skip
    _check(stores, "HeadObject", extra, TransferManager.ALLOWED_DOWNLOAD_ARGS, config)
    stores.check("GetObject", {**(extra or {}), "Bucket": bucket, "Key": key}, {"Bucket", "Key"})
    place = stores.place("GetObject", bucket, key)
    with stores.failing_as("GetObject", place):
        place.store.get(place.key, target, progress=callback)


def _check(
    stores: Stores, operation: str, extra: Extra, allowed: Sequence[str], config: Any
) -> None:
    for name in extra or {}:
        if name not in allowed:
            raise ValueError(
                f"Invalid extra_args key '{name}', must be one of: {', '.join(allowed)}"
            )
    if getattr(config, "max_bandwidth", None) is not None:
        stores.refuse(operation, "NotImplemented", "Config: max_bandwidth is not supported")
