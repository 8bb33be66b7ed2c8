"""What happens when a neighbour that a test talks to is missing.

The tests that need it are skipped, unless the environment variable DELTALOFT_TEST_REQUIRE names it
(several are separated by commas): then they fail.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

__all__ = ["awscli", "missing"]


def missing(name: str, reason: str, *, whole_module: bool = False) -> NoReturn:
    """Skip the test, or its module, or fail where the environment requires the neighbour."""
    if name in os.environ.get("DELTALOFT_TEST_REQUIRE", "").split(","):
        pytest.fail(reason)
    pytest.skip(reason, allow_module_level=whole_module)


def awscli() -> str:
    """Return the real `aws`, which `make neighbours` installs."""
    own = Path(__file__).parents[1] / ".venv-awscli" / "bin"
    found = shutil.which("aws", path=f"{own}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        missing("awscli", "awscli is not installed (make neighbours)")
    return found
