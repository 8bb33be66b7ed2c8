"""What `dg doctor` has found out about the endpoint.

Conditions that it does not honour are refused. An endpoint about which nothing is known is asked,
and believed; see docs/doctor.md.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from deltaloft.errors import Unsupported
from deltaloft.findings import Remembered, recall

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

__all__ = ["Known"]


class Known:
    """What is known of one bucket, read from the disk once. Several threads may share it."""

    def __init__(self, bucket: str) -> None:
        """Remember whom to ask about."""
        self._bucket = bucket
        self._lock = threading.Lock()
        self._recalled = False
        self._found: Remembered | None = None

    def forget(self) -> None:
        """Read it from the disk again when it is needed next."""
        self._recalled = False

    def check(self, client: S3Client, where: str, *, no_clobber: bool, in_parts: bool) -> None:
        """Refuse a condition on a put that would be ignored: `no_clobber`, or that of an ETag.

        Raises:
            Unsupported: the endpoint is known not to honour it.
        """
        with self._lock:
            if not self._recalled:
                self._found = recall(client.meta.endpoint_url, self._bucket)
                self._recalled = True
            found = self._found
        if found is None:
            return
        if no_clobber:
            header, asked = "If-None-Match", ["create_condition", "create_race"]
            at_the_end = "complete_create_condition"
        else:
            header, asked = "If-Match", ["replace_condition", "replace_missing"]
            at_the_end = "complete_replace_condition"
        if in_parts:
            asked.append(at_the_end)
        if found.lacks(*asked):
            what = "an upload in parts" if in_parts else "a put"
            raise Unsupported(
                f"{where}: the endpoint does not honour {header} on {what} "
                f"(dg doctor, {found.date:%Y-%m-%d})"
            )
