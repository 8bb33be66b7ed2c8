"""docs/faults.md says which test holds us to which promise: all of them are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent.parent
PAGE = (TESTS.parent / "docs" / "faults.md").read_text()
ROWS = re.findall(r"^\| (\d+) \| (.+) \| (.+) \|$", PAGE, re.MULTILINE)


def promises_of(path: Path) -> dict[str, str]:
    """Return the tests of a file and what they promise."""
    return {
        f"{path.relative_to(TESTS)}::{node.name}": ast.get_docstring(node) or ""
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef)
    }


def test_every_fault_has_its_row() -> None:
    """Sixty faults, in order; each has tests, or a reason why there is none."""
    assert [str(number) for number in range(1, 61)] == [number for number, _, _ in ROWS]
    for number, _, tests in ROWS:
        named = re.fullmatch(r"(`[^`]+::test_\w+`(<br>|$))+", tests)
        assert named or tests.startswith("not tested: "), number


def test_every_test_of_the_list_exists() -> None:
    """A test that was renamed or removed is missed here; each says what it promises."""
    known: dict[str, str] = {}
    for path in TESTS.rglob("test_*.py"):
        known.update(promises_of(path))
    for _, _, tests in ROWS:
        for name in re.findall(r"`([^`]+)`", tests):
            assert known.get(name), name


def test_every_test_of_a_fault_is_in_the_list() -> None:
    """Each file of tests/faults serves the list: at least one of its tests stands there."""
    names = [name for _, _, tests in ROWS for name in re.findall(r"`([^`]+)`", tests)]
    listed = {name.partition("::")[0] for name in names}
    files = {str(path.relative_to(TESTS)) for path in TESTS.glob("faults/test_*.py")}
    assert {"faults/test_index.py"} == files - listed
