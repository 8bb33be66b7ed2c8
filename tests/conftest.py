"""What all tests share: the neighbours that really run."""

from __future__ import annotations

import os
import re
import shutil

import pytest


@pytest.fixture(scope="session")
def xdelta3() -> str:
    """Name the xdelta3 command; without it skip, or fail where DELTALOFT_TEST_REQUIRE lists it."""
    path = shutil.which("xdelta3")
    if path is None:
        reason = "xdelta3 not installed (apt-get install xdelta3)"
        if "xdelta3" in re.split(r"[\s,]+", os.environ.get("DELTALOFT_TEST_REQUIRE", "")):
            pytest.fail(reason)
        pytest.skip(reason)
    return path
