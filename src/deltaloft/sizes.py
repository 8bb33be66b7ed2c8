"""Sizes as people write them."""

from __future__ import annotations

__all__ = ["human"]


def human(size: float) -> str:
    """Return a size in bytes as people write it: 999 B, 1.2 kB, 14.3 MB."""
    if abs(size) < 999.5:
        return f"{size:.0f} B"
    scaled, units = float(size), iter(("kB", "MB", "GB", "TB", "PB", "EB"))
    unit = ""
    while abs(scaled) >= 999.95:
        scaled, unit = scaled / 1000, next(units)
    return f"{scaled:.1f} {unit}"
