"""Bodies of unpack/1, built by hand, field by field."""

from __future__ import annotations

import hashlib
import lzma
from collections.abc import Sequence
from dataclasses import dataclass, field

import deltaloft

__all__ = ["BodyBuilder", "integers", "lzma2"]

ZLIB_6 = bytes([1, 6])  # version of deflate; zlib, memLevel 8, level 6


def integers(*values: int) -> bytes:
    """Write integers as RFC 3284 does."""
    out = b""
    for value in values:
        digits = bytes([value & 0x7F])
        while value := value >> 7:
            digits = bytes([0x80 | value & 0x7F]) + digits
        out += digits
    return out


def lzma2(plain: bytes) -> bytes:
    """Pack a part."""
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 4 << 20}]
    return lzma.compress(plain, format=lzma.FORMAT_RAW, filters=filters)


@dataclass
class BodyBuilder:
    """One body; `inflated` is what all source streams hold, `almost` what the delta makes.

    `reuse` are the integers of the recipe on symbols that are reused.
    """

    source: bytes
    target: bytes
    inflated: bytes = b""
    almost: bytes = b""
    offsets: Sequence[int] = ()
    starts: Sequence[int] = ()
    sizes: Sequence[int] = ()
    numbers: Sequence[int] = ()
    parameters: bytes = ZLIB_6
    corrections: Sequence[bytes] = ()
    blocks: Sequence[tuple[bytes, bytes]] = ()
    reuse: Sequence[int] = ()
    fields: dict[str, int] = field(default_factory=dict)

    def recipe(self) -> bytes:
        """Write the recipe, plain."""
        given = self.fields.get
        return b"".join(
            [
                integers(
                    given("source_size", len(self.source)), given("target_size", len(self.target))
                ),
                hashlib.sha256(self.target).digest(),
                integers(given("parameters", len(self.parameters) // 2)),
                self.parameters,
                integers(given("inflated_size", len(self.inflated))),
                integers(given("offsets", len(self.offsets)), *self.offsets),
                integers(given("starts", len(self.starts)), *self.starts),
                integers(*self.sizes, *self.numbers),
                integers(*(given("corrections_size", len(each)) for each in self.corrections)),
                integers(given("blocks", len(self.blocks))),
                integers(*(given("places_size", len(places)) for places, _ in self.blocks)),
                integers(*(given("values_size", len(values)) for _, values in self.blocks)),
                integers(*self.reuse),
            ]
        )

    def body(self, recipe: bytes | None = None, *, recipe_size: int | None = None) -> bytes:
        """Write the body, with this recipe or its own."""
        plain = self.recipe() if recipe is None else recipe
        parts = [lzma2(plain), b"", b""]
        if self.blocks:
            parts[1] = lzma2(b"".join(places for places, _ in self.blocks))
            parts[2] = lzma2(b"".join(values for _, values in self.blocks))
        delta = deltaloft.encode(self.source + self.inflated, self.almost or self.target)
        sizes = integers(len(plain) if recipe_size is None else recipe_size, *map(len, parts))
        parts += self.corrections
        return b"\xd5unp\x01" + sizes + b"".join(parts) + delta
