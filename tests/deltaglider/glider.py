"""Objects as DeltaGlider writes them, made with Debian's xdelta3."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from deltaloft.bucket import Attributes, Bucket

__all__ = ["Glider", "sha256"]

TYPE = "application/octet-stream"


def sha256(data: bytes) -> str:
    """Return the digest as hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


@dataclass
class Glider:
    """Writes objects as DeltaGlider 6.2 does, with Debian's xdelta3."""

    bucket: Bucket
    xdelta3: Callable[..., None]
    folder: Path
    options: tuple[str, ...] = ("-9",)

    def put(self, key: str, data: bytes) -> None:
        """Store an archive: the first of a folder becomes its reference, all become deltas."""
        space = key.rpartition("/")[0]
        reference = f"{space}/reference.bin" if space else "reference.bin"
        now = datetime.now(UTC).replace(tzinfo=None).isoformat()
        name = key.rpartition("/")[2]
        if reference not in {each.key for each in self.bucket.list(reference)}:
            self._put(reference, data, {
                "dg-source-name": name, "dg-file-sha256": sha256(data),
                "dg-created-at": f"{now}Z", "dg-note": "reference",
            })  # fmt: skip
        with self.bucket.get(reference) as reading:
            assert reading is not None
            source = b"".join(reading.chunks())
        delta = self.delta(source, data)
        self._put(f"{key}.delta", delta, {
            "dg-original-name": name, "dg-file-sha256": sha256(data),
            "dg-file-size": str(len(data)), "dg-created-at": f"{now}Z",
            "dg-ref-key": reference, "dg-ref-sha256": sha256(source),
            "dg-delta-size": str(len(delta)),
            "dg-delta-cmd": f"xdelta3 -e -9 -s reference.bin {name} {name}.delta",
        })  # fmt: skip

    def put_direct(self, key: str, data: bytes) -> None:
        """Store a file as it is."""
        now = datetime.now(UTC).replace(tzinfo=None).isoformat()
        self._put(key, data, {
            "dg-original-name": key.rpartition("/")[2], "dg-file-sha256": sha256(data),
            "dg-file-size": str(len(data)), "dg-created-at": now, "dg-compression": "none",
        })  # fmt: skip

    def delta(self, source: bytes, target: bytes) -> bytes:
        """Run xdelta3."""
        paths = [self.folder / name for name in ("source", "target", "delta")]
        paths[0].write_bytes(source)
        paths[1].write_bytes(target)
        self.xdelta3("-e", "-f", *self.options, "-s", *paths)
        return paths[2].read_bytes()

    def _put(self, key: str, body: bytes, metadata: dict[str, str]) -> None:
        metadata = {"dg-tool": "deltaglider/6.2.0", **metadata}
        self.bucket.put(key, body, Attributes(metadata=metadata, content_type=TYPE))

    def rewrite(self, key: str, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
        """Change an object's metadata, as a copy does."""
        with self.bucket.get(key) as reading:
            assert reading is not None
            body, attributes = b"".join(reading.chunks()), reading.info.attributes
        metadata = change(dict(attributes.metadata))
        self.bucket.put(key, body, replace(attributes, metadata=metadata))
