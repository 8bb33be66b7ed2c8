"""dg explain: which base a file has or would get, and why."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import Commands, one_line, release


@pytest.fixture
def place(dg_: Commands, tmp_path: Path) -> Path:
    """A store with two releases of one thing, and one of another."""
    store = tmp_path / "store"
    files = {"notes.bin": release(3)[::-1], "v1/app.zip": release(1), "v2/app.zip": release(2)}
    for key, content in files.items():
        (tmp_path / "file").write_bytes(content)
        assert dg_("put", "--create", tmp_path / "file", f"{store}/{key}") == 0
    return store


def test_a_stored_file_is_explained(dg_: Commands, place: Path) -> None:
    """Its base comes first, with the delta's real size; the others follow."""
    (record,) = dg_.records("explain", f"{place}/v2/app.zip")
    first, second = record["alternatives"]
    assert ("delta", "most content in common") == (record["form"], record["reason"])
    assert record["base"] == first["base"]
    assert record["stored_size"] == first["measured_size"]
    assert first["resemblance"] > 0.9
    assert second["resemblance"] < 0.1
    assert first["estimated_size"] < second["estimated_size"]
    assert second["measured_size"] is None
    assert dg_("explain", f"{place}/v2/app.zip") == 0
    shown = dg_.out.splitlines()
    assert 3 == len(shown)
    assert shown[0].startswith("v2/app.zip  delta  100.0 kB as ")
    assert shown[1].startswith(f"* {first['base'][:12]} ")
    assert "~" in shown[2]


@pytest.mark.parametrize(
    ("content", "form", "new_base", "reason"),
    [
        (release(4), "delta", False, "most content in common"),
        (release(1), "delta", False, "same bytes as a base"),
        (bytes(range(256)) * 100, "plain", False, "too small for a base"),
        (release(5)[::-1][::2], "delta", True, "no base is close"),
        (release(4)[:40_000] + release(3)[::-1][::2], "delta", True, "a new base pays"),
        (b"tiny", "plain", False, "not eligible"),
    ],
)
def test_what_is_said_of_a_put_is_what_it_does(
    dg_: Commands,
    place: Path,
    tmp_path: Path,
    content: bytes,
    form: str,
    new_base: bool,
    reason: str,
) -> None:
    """Explaining writes nothing; putting then does what was said."""
    file = tmp_path / "file"
    file.write_bytes(content)
    (said,) = dg_.records("explain", file, f"{place}/other/name")
    assert (form, new_base, reason) == (said["form"], said["new_base"], said["reason"])
    assert dg_("stat", f"{place}/other/name") == 4
    (done,) = dg_.records("put", file, f"{place}/other/name")
    same = ("form", "size", "stored_size", "base", "new_base")
    assert {name: done[name] for name in same} == {name: said[name] for name in same}


def test_what_cannot_be_explained_is_said_in_a_line(dg_: Commands, place: Path) -> None:
    """A missing key, and too many arguments."""
    assert dg_("explain", f"{place}/missing") == 4
    one_line(dg_.err)
    assert dg_("explain", "a", "b", "c") == 2
    one_line(dg_.err)
