"""The door to the C codec: only the files of this folder say `lib.`.

    Python                          C
    buffer       ── pinned() ─────→ pointer, for as long as the block runs
    Delta        ── open, close ──→ vcd_read_header(), vcd_decode_window() and so on
    Index        ── Encoder ──────→ vcd_encode_window()
    Merger       ── two Deltas ───→ vcd_merger_read_first(), vcd_merge_window() and so on
    sections     ── LzmaEncoder ──→ vcd_lzma_encode()
    plain bytes  ── Deflater ─────→ dfl_deflate(); and back, Inflater, dfl_inflate()
    Sketcher     ── add, note ────→ vcd_sketch_add(), vcd_sketch_note()
    exception    ←────────────────  enum vcd_result

Nothing is copied on the way in. The GIL is free while C works.
"""

from deltaloft.native.deflate import (
    DEFLATE_VERSION,
    DeflateCaller,
    DeflateFamily,
    DeflateParameters,
    Deflater,
    Inflater,
    deflate,
    guess_parameters,
    inflate,
)
from deltaloft.native.delta import (
    VCD_ADLER32,
    VCD_SOURCE,
    VCD_TARGET,
    Counts,
    Delta,
    Sections,
    Window,
)
from deltaloft.native.encoder import WINDOW_MAX_SIZE, Encoder, Index, header, window_header
from deltaloft.native.lzma_encoder import SHRINKING_BLOCK, LzmaEncoder, shrinking_blocks
from deltaloft.native.memory import Pinned, fresh_bytes, fresh_room, pinned
from deltaloft.native.merger import Merger
from deltaloft.native.sketcher import SKETCH_BINS, Sketcher

__all__ = [
    "DEFLATE_VERSION",
    "SHRINKING_BLOCK",
    "SKETCH_BINS",
    "VCD_ADLER32",
    "VCD_SOURCE",
    "VCD_TARGET",
    "WINDOW_MAX_SIZE",
    "Counts",
    "DeflateCaller",
    "DeflateFamily",
    "DeflateParameters",
    "Deflater",
    "Delta",
    "Encoder",
    "Index",
    "Inflater",
    "LzmaEncoder",
    "Merger",
    "Pinned",
    "Sections",
    "Sketcher",
    "Window",
    "deflate",
    "fresh_bytes",
    "fresh_room",
    "guess_parameters",
    "header",
    "inflate",
    "pinned",
    "shrinking_blocks",
    "window_header",
]
