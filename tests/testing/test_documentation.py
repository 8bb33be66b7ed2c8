"""What docs/testing.md shows is what happens."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import is_dataclass
from pathlib import Path

import deltaloft
from deltaloft import testing

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text()


def test_the_example_passes(tmp_path: Path) -> None:
    """The tests of the page run as they stand, with nothing but the fixtures."""
    example = next(code for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
    (tmp_path / "test_example.py").write_text(example)
    source = Path(deltaloft.__file__).parents[1]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "deltaloft.testing.plugin"]
    done = subprocess.run(
        [*command, "-o", f"pythonpath={source}", "test_example.py"],
        check=False,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert "2 passed" in done.stdout, done.stdout


def test_every_fault_is_in_the_table() -> None:
    """A fault that is not described is not found."""
    described = set(re.findall(r"`(\w+)\(", PAGE.partition("## Faults")[2]))
    lying = {"ShortPages", "StaleListing"}
    values = {
        name
        for name in testing.__all__
        if is_dataclass(fault := getattr(testing, name))
        and fault.__module__ == "deltaloft.testing.faults"
    }
    assert values | lying == described - {"inject", "matching"}
