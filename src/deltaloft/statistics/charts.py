"""Charts as SVG: lines over time, bars, points over time.

All of them are 720 units wide and scale with the page; colours are those of its style sheet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from html import escape

__all__ = ["bars", "lines", "points"]

_WIDTH, _HEIGHT = 720, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 74, 12, 12, 30
_MOST_POINTS = 1000  # more than there are pixels; a line through each of 200,000 keys takes 10 MB

Label = Callable[[float], str]


def lines(series: Sequence[tuple[str, Sequence[tuple[datetime, float]]]], label: Label) -> str:
    """Draw steps over time, one line for each series of the same times.

    Args:
        series: Names of the lines, which are CSS classes too, and their points, oldest first.
        label: Writes a value at the axis.
    """
    frame = _Frame([point for _, each in series for point in each])
    drawn = []
    for name, each in series:
        steps = [f"M{frame.x(each[0][0]):.1f},{frame.y(each[0][1]):.1f}"]
        for when, value in _thinned(each)[1:]:
            steps.append(f"H{frame.x(when):.1f}V{frame.y(value):.1f}")
        drawn.append(f'<path class="line {name}" d="{"".join(steps)}"/>')
    return _svg(_HEIGHT, frame.axes(label) + "".join(drawn))


def points(groups: Sequence[Sequence[tuple[datetime, float]]], label: Label) -> str:
    """Draw points over time; those of one group have one colour."""
    frame = _Frame([point for group in groups for point in group])
    drawn = [
        f'<circle class="point c{number % 6}" r="4"'
        f' cx="{frame.x(when):.1f}" cy="{frame.y(value):.1f}">'
        f"<title>{escape(label(value))}, {when:%Y-%m-%d %H:%M}</title></circle>"
        for number, group in enumerate(groups)
        for when, value in _thinned(group)
    ]
    return _svg(_HEIGHT, frame.axes(label) + "".join(drawn))


def bars(rows: Sequence[tuple[str, float, float, float]], label: Label) -> str:
    """Draw a bar of two parts for each row, on a pale one for the whole.

    Args:
        rows: A name, the two parts, and the whole.
        label: Writes a value.
    """
    most = max((max(first + second, whole) for _, first, second, whole in rows), default=0) or 1
    scale = (_WIDTH - 2 * _LEFT - 80) / most
    drawn = []
    for number, (name, first, second, whole) in enumerate(rows):
        top, left = 8 + 26 * number, _LEFT + 30
        a, b = first * scale, second * scale
        drawn.append(
            f'<text class="name" x="{left - 8}" y="{top + 13}">{escape(name)}</text>'
            f'<rect class="whole" x="{left}" y="{top}" width="{whole * scale:.1f}" height="18"/>'
            f'<rect class="base" x="{left}" y="{top}" width="{a:.1f}" height="18"/>'
            f'<rect class="delta" x="{left + a:.1f}" y="{top}" width="{b:.1f}" height="18"/>'
            f'<text x="{left + max(a + b, whole * scale) + 6:.1f}" y="{top + 13}">'
            f"{escape(label(first + second))} of {escape(label(whole))}</text>"
        )
    return _svg(16 + 26 * len(rows), "".join(drawn))


class _Frame:
    """Where times and values lie, from the first to the last and from nothing to the most."""

    def __init__(self, given: Sequence[tuple[datetime, float]]) -> None:
        self.first = min(when for when, _ in given)
        self.last = max(when for when, _ in given)
        self._seconds = (self.last - self.first).total_seconds() or 1.0
        self._most = max(value for _, value in given) or 1.0

    def x(self, when: datetime) -> float:
        share = (when - self.first).total_seconds() / self._seconds
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return _HEIGHT - _BOTTOM - value / self._most * (_HEIGHT - _TOP - _BOTTOM)

    def axes(self, label: Label) -> str:
        drawn = []
        for part in range(5):
            value = self._most * part / 4
            y = self.y(value)
            drawn.append(
                f'<path class="grid" d="M{_LEFT},{y:.1f}H{_WIDTH - _RIGHT}"/>'
                f'<text class="name" x="{_LEFT - 8}" y="{y + 4:.1f}">{escape(label(value))}</text>'
            )
        form = "%Y-%m-%d" if self.last.date() != self.first.date() else "%H:%M:%S"
        base = _HEIGHT - 8
        drawn.append(f'<text x="{_LEFT}" y="{base}">{self.first:{form}}</text>')
        drawn.append(
            f'<text class="name" x="{_WIDTH - _RIGHT}" y="{base}">{self.last:{form}}</text>'
        )
        return "".join(drawn)


def _thinned(given: Sequence[tuple[datetime, float]]) -> Sequence[tuple[datetime, float]]:
    """Return at most so many points that they can be told apart, the last one among them."""
    step = -(-len(given) // _MOST_POINTS)
    return [*given[:-1:step], given[-1]] if given else []


def _svg(height: int, content: str) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img">{content}</svg>'
