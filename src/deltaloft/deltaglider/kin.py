"""A file of the same folder as one that is to be made again: mostly the same program made it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from deltaloft.deltaglider.inflating import Kind, kind_of
from deltaloft.deltaglider.tar_facts import TarFacts
from deltaloft.deltaglider.xz_blocks import Blocks, blocks_of, traits_of

__all__ = ["Kin"]


@dataclass(frozen=True, slots=True)
class Kin:
    """A file as it was uploaded, and what is known of it; it may be of any kind.

    Attributes:
        view: The file.
        name: What it was called.
        uploaded: When.
        inside: What the tar inside tells.
    """

    view: memoryview = field(default_factory=lambda: memoryview(b""))
    name: str = ""
    uploaded: datetime | None = None
    inside: TarFacts = field(default_factory=TarFacts)

    @property
    def gzip_head(self) -> bytes:
        """Return the first bytes of a gzip file, or nothing."""
        head = bytes(self.view[:1024])
        return head if head[:3] == b"\x1f\x8b\x08" else b""

    def trait(self, kind: Kind) -> tuple[int, ...] | None:
        """Return what it tells of the program that made it, if it is of this kind.

        That is as of `Recompressor.trait`.
        """
        head = bytes(self.view[:64])
        if kind_of(self.view) != kind:
            return None
        if kind == "gzip":
            return (head[8],) if len(head) > 9 else None
        if kind == "bzip2":
            return (int(head[3:4]),) if head[3:4].isdigit() else None
        return traits_of(head)

    def blocks(self, kind: Kind) -> Blocks | None:
        """Return how it is parted, if it is of xz and that is asked for."""
        return blocks_of(self.view) if kind == kind_of(self.view) == "xz" else None
