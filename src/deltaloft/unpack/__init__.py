"""Deltas that look inside deflate: the codec unpack/1.

    target   container of streams ── the changed ones inflated ──→ target′
    source   container of streams ── their counterparts inflated behind it ──→ source′
    body     a recipe, and a VCDIFF delta from source′ to target′

docs/unpack.md tells what it costs, docs/format.md what stands in a body. A verb is imported when it
is first asked for: whoever has a plain VCDIFF delta needs none, and they take 20 ms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from deltaloft.lazily import imported

if TYPE_CHECKING:
    from deltaloft.unpack.decoder import decode_unpacked
    from deltaloft.unpack.encoder import encode_unpacked
    from deltaloft.unpack.inspecting import inspect_unpacked

__all__ = ["decode_unpacked", "encode_unpacked", "inspect_unpacked"]

_HOMES = {
    "decode_unpacked": "deltaloft.unpack.decoder",
    "encode_unpacked": "deltaloft.unpack.encoder",
    "inspect_unpacked": "deltaloft.unpack.inspecting",
}

__getattr__ = imported(__name__, _HOMES)
