"""Deltas that look inside deflate: the codec unpack/1.

    target   container of streams ── the changed ones inflated ──→ target′
    source   container of streams ── their counterparts inflated behind it ──→ source′
    body     a recipe, and a VCDIFF delta from source′ to target′

docs/unpack.md tells what it costs, docs/format.md what stands in a body. A verb is imported when it
is first asked for: whoever has a plain VCDIFF delta needs none, and they take 20 ms.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deltaloft.unpack.decoder import decode_unpacked
    from deltaloft.unpack.encoder import encode_unpacked
    from deltaloft.unpack.inspecting import inspect_unpacked

__all__ = ["decode_unpacked", "encode_unpacked", "inspect_unpacked"]

_HOMES = {
    "decode_unpacked": "decoder",
    "encode_unpacked": "encoder",
    "inspect_unpacked": "inspecting",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'deltaloft.unpack' has no attribute {name!r}")
    return getattr(importlib.import_module(f"deltaloft.unpack.{_HOMES[name]}"), name)
