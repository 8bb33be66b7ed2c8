"""Deltas that look inside deflate: the codec unpack/1.

    target   container of streams ── the changed ones inflated ──→ target′
    source   container of streams ── their counterparts inflated behind it ──→ source′
    body     a recipe, and a VCDIFF delta from source′ to target′

docs/unpack.md tells what it costs, docs/format.md what stands in a body.
"""

from deltaloft.delta_reader import is_unpacked
from deltaloft.unpack.decoder import decode_unpacked
from deltaloft.unpack.encoder import encode_unpacked
from deltaloft.unpack.inspecting import inspect_unpacked

__all__ = [
    "decode_unpacked",
    "encode_unpacked",
    "inspect_unpacked",
    "is_unpacked",
]
