"""Neighbours that a test may need, and what happens when one is missing.

A missing neighbour skips the tests that need it, unless the environment variable
DELTALOFT_TEST_REQUIRE names it (several are separated by commas): then they fail.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def xdelta3() -> Callable[..., None]:
    """Run Debian's xdelta3 with the given arguments."""
    program = shutil.which("xdelta3")
    if program is None:
        missing("xdelta3", "xdelta3 not installed (apt-get install xdelta3)")

    def run(*arguments: str | Path) -> None:
        # An empty XDELTA keeps a developer's own settings out.
        subprocess.run(
            [str(program), *map(str, arguments)],
            check=True,
            capture_output=True,
            env={**os.environ, "XDELTA": ""},
        )

    return run


def missing(name: str, reason: str) -> None:
    """Skip the test, or fail it where the environment requires the neighbour."""
    if name in os.environ.get("DELTALOFT_TEST_REQUIRE", "").split(","):
        pytest.fail(reason)
    pytest.skip(reason)
