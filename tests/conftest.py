"""Fixtures for all tests; those about buckets have a file of their own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest
from neighbours import missing

# A script's background jobs ignore SIGINT, and so would all that tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No test has a time to keep: a machine may be busy.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")

pytest_plugins = ["deltaloft.testing.plugin", "store_fixtures"]


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
