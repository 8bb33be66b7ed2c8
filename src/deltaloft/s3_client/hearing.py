"""What the endpoint says while a store works: fields of an answer that a store has no use for.

A request id, a version id, the storage class in a listing: botocore tells its event handlers of
every answer in the thread that asked. Whoever listens in a thread hears those of that thread alone.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

__all__ = ["Heard", "Hearing"]

_LISTING = "ListObjectsV2"
_BEFORE_LISTING = f"provide-client-params.s3.{_LISTING}"


class Heard:
    """The answers of one call, in order."""

    def __init__(self) -> None:
        self._answers: list[tuple[str, dict[str, Any]]] = []

    def note(self, operation: str, answer: Mapping[str, Any]) -> None:
        """Keep an answer, without its body."""
        kept = {name: value for name, value in answer.items() if name != "Body"}
        self._answers.append((operation, kept))

    def about(self, etag: str, *operations: str) -> dict[str, Any]:
        """Return the last answer about the object with this ETag; empty if there is none."""
        for operation, answer in reversed(self._answers):
            told = answer.get("CopyObjectResult", answer).get("ETag", "")
            if operation in operations and told.strip('"') == etag:
                return dict(answer)
        return {}

    def last(self, operation: str) -> dict[str, Any]:
        """Return the last answer to an operation; empty if there is none."""
        for name, answer in reversed(self._answers):
            if name == operation:
                return dict(answer)
        return {}

    def listed(self) -> dict[str, Mapping[str, Any]]:
        """Return the lines of all listings by key, and forget them."""
        pages = [answer.pop("Contents", []) for name, answer in self._answers if name == _LISTING]
        return {line["Key"]: line for page in pages for line in page}


class Hearing:
    """An ear at one boto3 client. To be closed."""

    def __init__(self, client: S3Client) -> None:
        """Listen to `client`."""
        self._client = client
        self._local = threading.local()
        client.meta.events.register("after-call.s3", self._note)
        client.meta.events.register(_BEFORE_LISTING, self._ask)

    def close(self) -> None:
        """Listen no longer."""
        self._client.meta.events.unregister("after-call.s3", self._note)
        self._client.meta.events.unregister(_BEFORE_LISTING, self._ask)

    @contextmanager
    def listening(self, owner: bool = False) -> Iterator[Heard]:
        """Lend what is answered in this thread until the block ends.

        With `owner`, listings in the block are asked for the owners of objects.
        """
        before = self._now()
        heard = Heard()
        self._local.now = heard, owner
        try:
            yield heard
        finally:
            self._local.now = before

    def _note(self, parsed: Any = None, model: Any = None, **_: object) -> None:
        heard = self._now()[0]
        if heard is not None and isinstance(parsed, Mapping) and "Error" not in parsed:
            heard.note(model.name, parsed)

    def _ask(self, params: dict[str, Any], **_: object) -> None:
        if self._now()[1]:
            params["FetchOwner"] = True

    def _now(self) -> tuple[Heard | None, bool]:
        return getattr(self._local, "now", (None, False))
