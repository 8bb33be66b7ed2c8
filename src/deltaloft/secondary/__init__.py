"""xdelta3's layer over RFC 3284: sections packed by a secondary compressor.

    packed section   plain size (the RFC's integer) · bytes
    LZMA             the bytes of all sections of one kind make one xz stream, flushed at each
                     section's end and never ended: data, instructions and addresses have three
    DJW, FGK         Huffman codes of xdelta3's own; named, not read

Delta_Indicator says which sections of a window are packed; the others do not pass through the
streams. A stream lives across windows, so windows are unpacked in their order; but where every
section of a kind begins with a chunk that forgets all before it, as ours do, each stands alone.
"""

from deltaloft.secondary.packing import LzmaFraming, Secondary, dictionary_for, pack, preset_of
from deltaloft.secondary.unpacking import PendingSections, SectionUnpacker
from deltaloft.secondary.xz import DJW, FGK, SECTIONS, compressor_name

__all__ = [
    "DJW",
    "FGK",
    "SECTIONS",
    "LzmaFraming",
    "PendingSections",
    "Secondary",
    "SectionUnpacker",
    "compressor_name",
    "dictionary_for",
    "pack",
    "preset_of",
]
