"""Names of a package that are imported when they are first asked for (PEP 562)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["imported"]


def imported(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Return what a module calls `__getattr__`: it imports a name from its home, and keeps it.

    Args:
        package: The module that is asked, and keeps them.
        homes: By name, the module that has it.
    """

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(homes[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    return get
