"""Buckets as DeltaGlider 6.2.0 left them, kept in tests/vectors/deltaglider.

tests/deltaglider/make_vectors.py makes them.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deltaloft.bucket import Attributes, Bucket

__all__ = ["FOLDER", "SIZE", "VECTORS", "Vector"]

FOLDER = Path(__file__).parent / "vectors" / "deltaglider"
VECTORS = {path.stem: path for path in sorted(FOLDER.glob("*.json"))}
SIZE = 20  # lines for each file of an archive, so that the vectors stay small


@dataclass(frozen=True)
class Vector:
    """A bucket: objects by key, as metadata and body in base64, and the digests of its files."""

    objects: dict[str, dict[str, Any]]
    files: dict[str, str]

    @classmethod
    def read(cls, path: Path) -> Vector:
        """Read one."""
        return cls(**json.loads(path.read_text()))

    def into(self, bucket: Bucket) -> None:
        """Put the objects."""
        for key, each in self.objects.items():
            attributes = Attributes(metadata=each["metadata"])
            bucket.put(key, base64.b64decode(each["body"]), attributes)
