"""What a body of unpack/1 may ask for: part of the format, so that readers take what writers make.

most_plain(size)    what a file of `size` bytes may hold, inflated: 64 MiB + 64 times its size,
                    and never more than 4 GiB
MOST_STREAMS        streams on each side
MOST_DEPTH          streams inside streams
MOST_BLOCKS         of differences, 16 MiB of target′ each
MOST_RANGES         of symbols that are reused, of all streams
LARGEST_RECIPE      in bytes, unpacked
"""

from __future__ import annotations

__all__ = [
    "LARGEST_RECIPE",
    "MOST_BLOCKS",
    "MOST_DEPTH",
    "MOST_RANGES",
    "MOST_STREAMS",
    "most_plain",
]

MOST_DEPTH = 8
MOST_STREAMS = 1 << 17
MOST_BLOCKS = 1 << 14
MOST_RANGES = 1 << 17
# Eight integers of up to 7 bytes for a source stream and a target stream, two for a block, three
# for a range.
LARGEST_RECIPE = 4096 + 7 * (8 * MOST_STREAMS + 2 * MOST_BLOCKS + 3 * MOST_RANGES)

_PLAIN_FLOOR = 64 << 20
_PLAIN_RATIO = 64
_PLAIN_CEILING = 4 << 30


def most_plain(size: int) -> int:
    """Return the most that all streams of a file of `size` bytes may inflate to together."""
    return min(_PLAIN_FLOOR + _PLAIN_RATIO * size, _PLAIN_CEILING)
