"""dg on a bucket of DeltaGlider's: ls, get, stat, rm."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from commands import Commands
from deltaglider_vectors import VECTORS, Vector

from deltaloft.folder_bucket import FolderBucket


def test_a_bucket_of_deltaglider(here: Path, dg_: Commands) -> None:
    """Its files under their own names, and what became of one that cannot be made again."""
    vector = Vector.read(VECTORS["members"])
    vector.into(FolderBucket(here / "store", create=True))
    first, last = sorted(vector.files)
    assert [first, last] == [record["key"] for record in dg_.records("ls", "store")]
    raw = dg_.records("ls", "--deltaglider", "never", "store")
    assert sorted(vector.objects) == [record["key"] for record in raw]
    described = dg_.records("stat", f"store/{last}")[0]
    assert ("deltaglider", vector.files[last]) == (described["form"], described["sha256"])
    assert 0 == dg_("get", f"store/{first}", "target")
    assert vector.files[first] == hashlib.sha256(Path("target").read_bytes()).hexdigest()
    assert vector.files[first] in dg_.out
    assert re.fullmatch(rf"dg: {first}: deltaglider restored \S+ \S+, .* s of CPU\n", dg_.err)
    Path("target").unlink()
    assert 5 == dg_("get", "--replay-seconds", "0.1", f"store/{last}", "target")
    assert "its content of" in dg_.err
    assert "dg get --inflated" in dg_.err
    assert not Path("target").exists()
    assert 0 == dg_("get", "--inflated", f"store/{last}", "target")
    assert "not proven: inflated" in dg_.out
    assert b"ustar" == Path("target").read_bytes()[257:262]
    assert 0 == dg_("rm", f"store/{last}")
    assert 4 == dg_("get", f"store/{last}", "target")
    assert [first] == [record["key"] for record in dg_.records("ls", "store")]
