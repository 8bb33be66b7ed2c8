"""Buckets that DeltaGlider wrote, read in place, byte for byte; see docs/deltaglider.md.

DeltaGlider     which object gives which key: find, listed, check_put, delete
StoredDelta     a file kept as its delta, on the way out
Limits          how much time and memory one file may take

overlay ─> listing · stored_delta ─> references ─> metadata
                                   └ members, inflating
                                   └ recovery ─> gzip_header ─> kin ─> tar_facts, xz_blocks
                                               └ recompressors ─> xz_blocks
"""

from deltaloft.deltaglider.metadata import Direct, user_attributes
from deltaloft.deltaglider.overlay import DeltaGlider, Mode
from deltaloft.deltaglider.stored_delta import Limits, StoredDelta

__all__ = ["DeltaGlider", "Direct", "Limits", "Mode", "StoredDelta", "user_attributes"]
