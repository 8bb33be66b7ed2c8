"""Differences: what to add to a target′ that its source′ predicts nearly right.

    target′  ── approximated: bytes beside the delta's copies become those of source′ ──→  almost
    body     delta from source′ to almost · places and values of the bytes that differ

    places, values      one LZMA2 stream each, cut into blocks of 16 MiB of target′

Programs that were linked again and tars with other dates in their headers shrink to a third or
half; where text changed it rarely pays. csrc/difference.h draws a block.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from deltaloft.buffers import Buffer
from deltaloft.delta_reader import open_delta
from deltaloft.errors import MalformedDelta
from deltaloft.native import Pinned, pinned
from deltaloft.native.difference import Approximator, DifferenceBlock, DifferenceReader
from deltaloft.secondary import SectionUnpacker
from deltaloft.unpack.packing import Unpacker, pack

__all__ = [
    "BLOCK_SIZE",
    "BlockSizes",
    "Differences",
    "added",
    "approximated",
    "packed_blocks",
    "restore",
]

# Of target′. Windows of our encoder never cross a multiple of it.
BLOCK_SIZE = 16 << 20

# Bytes of places for a byte of instructions. Programs and tars of releases have 0.75 to 0.85, and
# shrink to less than three quarters; JSON and source code have 0.2 and less, and grow.
_LEAST_JOINED = 0.4
_SURELY_JOINED = 0.7

# Bytes of places from which on they are those of programs: the number before tells something of the
# next one, 4 % of it (llvmlite, numpy). In tars it tells nothing.
_MANY_PLACES = 1 << 19
# And of values, from which on xz looks at a third of the candidates: 1.5 % more bytes in three
# quarters of the time, where that is seconds (llvmlite).
_MANY_VALUES = 1 << 21


@dataclass(frozen=True, slots=True)
class BlockSizes:
    """How many bytes of places and values a block has."""

    places: int
    values: int


@dataclass(frozen=True, slots=True)
class Differences:
    """The differences of a whole target′, packed."""

    sizes: tuple[BlockSizes, ...] = ()
    places: Buffer = b""
    values: Buffer = b""


def approximated(
    source: Pinned, target: bytearray, delta: Buffer
) -> tuple[list[DifferenceBlock], bool]:
    """Replace bytes of target′ by what source′ has beside the copies of a delta between them.

    Returns:
        What has to be added to get target′ back, one block for every 16 MiB of it; nothing, and
        target′ is as it was, where that promises no smaller body. And whether it is sure to be
        smaller.
    """
    approximator = Approximator(source)
    blocks: list[DifferenceBlock] = []
    position = instructions = 0
    with open_delta(delta) as opened, pinned(target) as room:
        unpacker = SectionUnpacker(opened)
        for number, window in enumerate(opened.window_headers()):
            if position >= BLOCK_SIZE * (len(blocks) + 1):
                blocks.append(approximator.end_block())
            sections = unpacker.unpack(number, window)
            approximator.approximate(opened, number, window, sections, room, position)
            instructions += len(sections.instructions) if sections else window.instruction_size
            position += window.target_size
            assert position <= BLOCK_SIZE * (len(blocks) + 1)
        blocks.append(approximator.end_block())
    places = sum(len(block.places) for block in blocks)
    if places < _LEAST_JOINED * instructions:
        restore(target, blocks)
        return [], False
    return blocks, places >= _SURELY_JOINED * instructions


def restore(target: bytearray, blocks: Sequence[DifferenceBlock]) -> None:
    """Make target′ of its approximation again, as far as there are blocks for it."""
    with memoryview(target) as view:
        for number, block in enumerate(blocks):
            with view[BLOCK_SIZE * number : BLOCK_SIZE * (number + 1)] as part:
                DifferenceReader(block).add_to(part)


def packed_blocks(blocks: Sequence[DifferenceBlock]) -> Differences:
    """Pack the blocks of a target′."""
    places = b"".join(block.places for block in blocks)
    values = b"".join(block.values for block in blocks)
    return Differences(
        tuple(BlockSizes(len(block.places), len(block.values)) for block in blocks),
        pack(places, literal_context=0 if len(places) < _MANY_PLACES else 4),
        pack(values, literal_context=3, depth=0 if len(values) < _MANY_VALUES else 16),
    )


def added(pieces: Iterable[memoryview], differences: Differences) -> Iterator[memoryview]:
    """Yield the pieces of target′, whose approximation they are; they are changed in place.

    Args:
        pieces: Of as many bytes as there are blocks for.
        differences: From a body, whose numbers have been checked.

    Raises:
        MalformedDelta: the differences break their format.
    """
    if not differences.sizes:
        yield from pieces
        return
    blocks = _blocks(differences)
    reader = DifferenceReader(next(blocks))
    left = BLOCK_SIZE
    for piece in pieces:
        at = 0
        while at < len(piece):
            if left == 0:
                reader, left = DifferenceReader(next(blocks)), BLOCK_SIZE
            size = min(left, len(piece) - at)
            with piece[at : at + size] as part:
                reader.add_to(part)
            at += size
            left -= size
        yield piece
    if next(blocks, None) is not None:  # which also makes sure that the streams end here
        raise MalformedDelta("differences: no more blocks than the target has expected")


def _blocks(differences: Differences) -> Iterator[DifferenceBlock]:
    places, values = Unpacker(differences.places), Unpacker(differences.values)
    for sizes in differences.sizes:
        yield DifferenceBlock(
            places.read(sizes.places, "places of differences"),
            values.read(sizes.values, "values of differences"),
        )
    places.finish("places of differences")
    values.finish("values of differences")
