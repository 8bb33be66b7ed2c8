"""Where the plaintext of a base stands while it is lent."""

from __future__ import annotations

from pathlib import Path

import pytest
from cffi import FFI
from origin import Downloads, base

from deltaloft.base_cache import BaseCache


def test_no_core_dump_and_no_file_holds_the_plaintext(tmp_path: Path) -> None:
    """The memory is private, belongs to no file, and is left out of what a crash writes to disk."""
    smaps = Path("/proc/self/smaps")
    if not smaps.exists():
        pytest.skip("only Linux tells the properties of a mapping")
    downloads = Downloads(base("a", 8 << 20))
    cache = BaseCache(tmp_path)
    ffi = FFI()
    with cache.open(downloads.sha256, 8 << 20, downloads.fetch) as view:
        place = int(ffi.cast("uintptr_t", ffi.from_buffer(view)))
        lines = smaps.read_text().splitlines()
    # A mapping is one line "from-to mode offset device inode [name]", then a line per property.
    mapping, flags = "", ""
    for line in lines:
        first = line.split()[0]
        if not first.endswith(":"):
            start, _, end = first.partition("-")
            inside = int(start, 16) <= place < int(end, 16)
            mapping = line if inside else mapping
        elif first == "VmFlags:" and inside:
            flags = line
    assert ["rw-p", "0"] == [mapping.split()[1], mapping.split()[4]]
    assert "dd" in flags.split()
