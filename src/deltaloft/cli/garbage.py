"""Python's search for garbage, kept from what dg imports: it took a quarter of the start.

main          hardly any search
a store open  what there is by now is never looked at again; from here on as usual
the end       what there is then is not looked at either
"""

from __future__ import annotations

import gc

__all__ = ["search_as_usual", "search_later", "search_no_more"]

_USUAL = gc.get_threshold()
_SELDOM = 100_000  # objects; commands that open no store go on with that


def search_later() -> None:
    """Put the search off until a store is open."""
    gc.set_threshold(_SELDOM, *_USUAL[1:])


def search_as_usual() -> None:
    """Leave what was imported alone, if the search was put off for it."""
    if gc.get_threshold()[0] == _SELDOM:
        gc.freeze()
        gc.set_threshold(*_USUAL)


def search_no_more() -> None:
    """Let the process end without a last search."""
    gc.freeze()
