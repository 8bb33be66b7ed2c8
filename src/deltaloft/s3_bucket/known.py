"""What `dg doctor` has found out about the endpoint.

Conditions that it does not honour are refused. An endpoint about which nothing is known is asked,
and believed; see docs/doctor.md.
"""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, BinaryIO, cast

from deltaloft.bucket_requests import view_of
from deltaloft.buffers import Buffer
from deltaloft.errors import Unsupported
from deltaloft.findings import Remembered, recall

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

__all__ = ["Known"]


class Known:
    """What is known of one bucket, read from the disk once. Several threads may share it."""

    def __init__(self, bucket: str, single_size: int) -> None:
        """Remember whom to ask about. Above `single_size` bytes a body is uploaded in parts."""
        self._bucket = bucket
        self._single_size = single_size
        self._lock = threading.Lock()
        self._recalled = False
        self._found: Remembered | None = None

    def forget(self) -> None:
        """Read it from the disk again when it is needed next."""
        self._recalled = False

    def check(
        self,
        client: S3Client,
        body: Buffer | BinaryIO,
        where: str,
        *,
        if_match: str | None,
        no_clobber: bool,
    ) -> None:
        """Refuse a condition on a put that would be ignored.

        Raises:
            Unsupported: the endpoint is known not to honour it.
        """
        if not no_clobber and if_match is None:
            return
        with self._lock:
            if not self._recalled:
                self._found = recall(client.meta.endpoint_url, self._bucket)
                self._recalled = True
            found = self._found
        if found is None:
            return
        header = "If-None-Match" if no_clobber else "If-Match"
        if found.lacks(*(("create_condition", "create_race") if no_clobber
                         else ("replace_condition", "replace_missing"))):  # fmt: skip
            what = "a put"
        elif found.lacks(
            "complete_create_condition" if no_clobber else "complete_replace_condition"
        ) and self._is_large(body):
            what = f"an upload in parts, from {self._single_size >> 20} MiB on"
        else:
            return
        raise Unsupported(
            f"{where}: the endpoint does not honour {header} on {what} "
            f"(dg doctor, {found.date:%Y-%m-%d})"
        )

    def _is_large(self, body: Buffer | BinaryIO) -> bool:
        view = view_of(body)
        if view is not None:
            return len(view) > self._single_size
        file = cast(BinaryIO, body)
        try:
            start = file.tell()
            size = file.seek(0, io.SEEK_END) - start
            file.seek(start)
        except OSError:
            return False  # the put refuses it
        return size > self._single_size
