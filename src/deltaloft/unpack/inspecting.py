"""What a body says of itself, without its source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from deltaloft.inspection import StreamInspection, UnpackInspection
from deltaloft.unpack.body import read_body
from deltaloft.unpack.recipe import TargetStream

__all__ = ["inspect_unpacked"]


def inspect_unpacked(body: memoryview) -> tuple[UnpackInspection, memoryview]:
    """Return what stands in front of the delta of a body, and the delta.

    Raises:
        MalformedDelta: it breaks the format.
        UnsupportedDelta: a later version of it, or of deflate.
    """
    parts = read_body(body)
    recipe, differences = parts.recipe, parts.differences
    found = UnpackInspection(
        size=len(body),
        delta_offset=len(body) - len(parts.delta),
        source_size=recipe.source_size,
        target_size=recipe.target_size,
        target_sha256=recipe.target_sha256.hex(),
        source_streams=len(recipe.source_streams),
        inflated_size=recipe.inflated_size,
        target_streams=tuple(_inspected(recipe.target_streams)),
        places_size=memoryview(differences.places).nbytes,
        values_size=memoryview(differences.values).nbytes,
    )
    return found, parts.delta


def _inspected(streams: Iterable[TargetStream]) -> Iterator[StreamInspection]:
    around: list[int] = []  # where the streams end that are open
    for stream in streams:
        while around and around[-1] <= stream.start:
            around.pop()
        how = stream.parameters
        size = stream.end - stream.start
        if isinstance(how, bytes):
            told = "corrected", 0, 0, len(how)
        else:
            told = how.family, how.level, how.mem_level, 0
        reused = stream.reused is not None
        yield StreamInspection(stream.start, size, len(around), *told, reused=reused)
        around.append(stream.end)
