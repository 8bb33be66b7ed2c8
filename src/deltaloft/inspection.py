"""What a delta says of itself, as `dg inspect` prints it.

delta of 234,911 bytes makes 81,789,312 from a source of at least 81,789,308
  application header  v-1.0.zip//v-0.0.zip/
  secondary           none
  ADD                 1,165 make 229,692 bytes
  ...
  window 0 at 27: 8,388,608 bytes from source 0 + 8,388,608; data 228,544, instructions 301, ...

In front of these lines, a body of unpack/1 has some for its recipe.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from deltaloft.native import Counts

__all__ = ["Inspection", "StreamInspection", "UnpackInspection", "WindowInspection"]


@dataclass(frozen=True, slots=True)
class WindowInspection:
    """One window of a delta.

    Attributes:
        number: From 0.
        offset: Where in the delta the window begins.
        size: Of the window in the delta, header included, in bytes.
        segment: Where the window copies from, besides itself: the source, earlier target, nothing.
        segment_position: Of the segment, in the source or target, in bytes.
        segment_size: In bytes.
        target_size: What the window makes, in bytes.
        data_size: Of the data section as it stands in the delta, packed or not, in bytes.
        instruction_size: The same of the instruction section.
        address_size: The same of the address section.
        packed: Which of data, instructions and addresses the secondary compressor has packed.
        adler32: Of the target window, or None when the delta does not tell.
        counts: What the instructions add up to; None behind a compressor that we do not read.
    """

    number: int
    offset: int
    size: int
    segment: Literal["source", "target"] | None
    segment_position: int
    segment_size: int
    target_size: int
    data_size: int
    instruction_size: int
    address_size: int
    packed: tuple[str, ...]
    adler32: int | None
    counts: Counts | None

    def __str__(self) -> str:
        """Return one line."""
        segment = (
            f" from {self.segment} {self.segment_position:,} + {self.segment_size:,}"
            if self.segment
            else ""
        )
        sizes = ", ".join(
            f"{name} {size:,}{' packed' if name in self.packed else ''}"
            for name, size in (
                ("data", self.data_size),
                ("instructions", self.instruction_size),
                ("addresses", self.address_size),
            )
        )
        proof = "no Adler-32" if self.adler32 is None else f"Adler-32 {self.adler32:08x}"
        return (
            f"window {self.number} at {self.offset:,}: {self.target_size:,} bytes{segment}; "
            f"{sizes}; {proof}"
        )


@dataclass(frozen=True, slots=True)
class StreamInspection:
    """A stream that a reader deflates again.

    Attributes:
        start: Where it begins in the target with all streams inflated, in bytes.
        size: Inflated, in bytes.
        depth: How many streams it lies in.
        family: Whose decisions are made: `zlib`, GNU `gzip`, `chromium`'s zlib, Rust's `miniz`,
            `zlib-ng` or `zlib-ng-full`;
            `corrected`: those of a program that we do not know.
        level: From 1 to 9; 0 where it is not known.
        mem_level: 8 or 9; 0 where it is not known.
        corrections_size: Of what is known of a stream instead, in bytes.
        reused: Whether it takes symbols over from a stream of the source.
    """

    start: int
    size: int
    depth: int
    family: str
    level: int
    mem_level: int
    corrections_size: int = 0
    reused: bool = False

    def __str__(self) -> str:
        """Return one line."""
        inside = f", {self.depth} deep in others" if self.depth else ""
        how = f"{self.family} level {self.level}, memLevel {self.mem_level}"
        if self.corrections_size:
            how = f"{self.corrections_size:,} bytes of corrections"
        reused = ", with symbols of the source" if self.reused else ""
        return f"stream at {self.start:,}: {self.size:,} bytes by {how}{reused}{inside}"


@dataclass(frozen=True, slots=True)
class UnpackInspection:
    """What a body of unpack/1 says beside the delta in it; docs/format.md has the words.

    Attributes:
        size: Of the whole body, in bytes.
        delta_offset: Where in the body the delta begins.
        source_size: Of the source, in bytes.
        target_size: Of the target, in bytes.
        target_sha256: Of the target.
        source_streams: How many streams of the source are inflated.
        inflated_size: What they hold, in bytes.
        target_streams: What is deflated again, in the order of the target.
        places_size: Of the differences' places as they stand in the body, packed, in bytes.
        values_size: Of the differences' values.
    """

    size: int
    delta_offset: int
    source_size: int
    target_size: int
    target_sha256: str
    source_streams: int
    inflated_size: int
    target_streams: tuple[StreamInspection, ...]
    places_size: int
    values_size: int

    @property
    def replayed_size(self) -> int:
        """How many bytes go through deflate, those of streams in streams once."""
        return sum(stream.size for stream in self.target_streams if stream.depth == 0)

    def lines(self, almost_size: int) -> Iterator[str]:
        """Yield lines of text; the delta makes `almost_size` bytes."""
        yield (
            f"unpack/1 body of {self.size:,} bytes makes {self.target_size:,}"
            f" from a source of {self.source_size:,}"
        )
        yield f"  target SHA-256      {self.target_sha256}"
        recipe = self.delta_offset - self.places_size - self.values_size
        yield f"  recipe              {recipe:,} bytes"
        places, values = self.places_size, self.values_size
        yield f"  differences         places {places:,}, values {values:,} bytes"
        inflated = self.inflated_size
        yield f"  source streams      {self.source_streams:,} inflate to {inflated:,} bytes"
        yield (
            f"  target streams      {len(self.target_streams):,} made again from "
            f"{self.replayed_size:,} bytes; {almost_size - self.replayed_size:,} stay as they are"
        )
        for stream in self.target_streams:
            yield f"  {stream}"
        yield f"  inside at {self.delta_offset:,}, a"


@dataclass(frozen=True, slots=True)
class Inspection:
    """A delta, header and windows.

    Of a body of unpack/1, all but `unpack` is about the delta inside, which makes the target with
    its streams inflated.

    Attributes:
        size: Of the delta, in bytes.
        target_size: What it makes, in bytes.
        source_size: What a source must have at least, in bytes.
        secondary: The secondary compressor that its header names, as in `LZMA`, or None.
        code_table: NEAR and SAME size of a custom code table, or None for the RFC's own.
        app_header: The bytes of xdelta3's application header, or None when there is none. xdelta3
            writes file names here, and how the inputs were inflated.
        windows: In the order of the target.
        unpack: The recipe of an unpack/1 body; None for what is a delta and nothing else.
    """

    size: int
    target_size: int
    source_size: int
    secondary: str | None
    code_table: tuple[int, int] | None
    app_header: bytes | None
    windows: tuple[WindowInspection, ...]
    unpack: UnpackInspection | None = None

    @property
    def counts(self) -> Counts | None:
        """What the instructions of all windows add up to, None if some could not be counted."""
        known = [window.counts for window in self.windows if window.counts is not None]
        if len(known) < len(self.windows):
            return None
        return Counts(*(sum(column) for column in zip(*known, strict=True))) if known else _NONE

    def as_dict(self) -> dict[str, Any]:
        """Return all of it for JSON; bytes that are not UTF-8 become `\\xNN`."""
        result = dataclasses.asdict(self)
        result["app_header"] = self._app_header_text()
        result["counts"] = _as_dict(self.counts)
        for window, line in zip(self.windows, result["windows"], strict=True):
            line["counts"] = _as_dict(window.counts)
        return result

    def __str__(self) -> str:
        """Return several lines, the last ones a window each."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        if self.unpack is not None:
            yield from self.unpack.lines(self.target_size)
        yield (
            f"delta of {self.size:,} bytes makes {self.target_size:,}"
            f" from a source of at least {self.source_size:,}"
        )
        if self.app_header is not None:
            yield f"  application header  {self._app_header_text()}"
        yield f"  secondary           {self.secondary or 'none'}"
        if self.code_table is not None:
            near, same = self.code_table
            yield f"  code table          custom, NEAR {near}, SAME {same}"
        counts = self.counts
        if counts is not None:
            yield f"  ADD                 {counts.adds:,} make {counts.add_bytes:,} bytes"
            yield f"  RUN                 {counts.runs:,} make {counts.run_bytes:,} bytes"
            yield (
                f"  COPY from segment   {counts.source_copies:,} make "
                f"{counts.source_copy_bytes:,} bytes"
            )
            yield (
                f"  COPY from target    {counts.target_copies:,} make "
                f"{counts.target_copy_bytes:,} bytes"
            )
        for window in self.windows:
            yield f"  {window}"

    def _app_header_text(self) -> str | None:
        if self.app_header is None:
            return None
        text = self.app_header.decode("utf-8", "backslashreplace")
        # It comes from a stranger and goes to a terminal.
        return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


_NONE = Counts(0, 0, 0, 0, 0, 0, 0, 0)


def _as_dict(counts: Counts | None) -> dict[str, int] | None:
    return None if counts is None else counts._asdict()
