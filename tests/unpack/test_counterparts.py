"""Which member of a source a changed one came from, told by its name and size."""

from __future__ import annotations

import random

import pytest
from packed import as_zip

from deltaloft.containers import parts_of
from deltaloft.unpack.counterparts import pair_up


def _content(name: str, size: int) -> bytes:
    return f"{name} ".encode() + b"x" * size + random.Random(name).randbytes(8)


def paired(old: dict[str, int], new: dict[str, int]) -> dict[str, str]:
    """Pair the members of two zips, which hold files of these sizes: by name, target's first."""
    source, target = (
        memoryview(as_zip({name: _content(f"{version}{name}", files[name]) for name in files}))
        for version, files in enumerate((old, new))
    )
    before, after = (parts_of(view, max_size=1 << 20) for view in (source, target))
    pairing = pair_up(source, before, target, after)
    return {
        after[number].name.decode(): before[other].name.decode()
        for number, other in pairing.counterparts.items()
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # auditwheel and delvewheel
        ("pillow.libs/libjpeg-68a96815.so.62.4.0", "pillow.libs/libjpeg-07dfe4c7.so.62.4.0"),
        ("x.libs/msvcp140-1a0962f2a91a74c6.dll", "x.libs/msvcp140-c4e3b1d58f7d60aa.dll"),
        # webpack and Next.js
        ("static/1091.f006368c55525d627dc3.js", "static/1091.0a32c5dd18f3a24ecb8f.js"),
        ("chunks/4bd1b696-100b9d70ed4e49c1.js", "chunks/4bd1b696-c023c6e3521b1417.js"),
        ("static/0b1c2d3e4f5a6b7c/manifest.js", "static/f9e8d7c6b5a49382/manifest.js"),
        # Vite
        ("static/js/index.Ckq2Xp8a.js", "static/js/index.B_x-3kZ9.js"),
        # releases
        ("app-1.2.3.dist-info/RECORD", "app-1.3.0.dist-info/RECORD"),
        ("lib/app-1.2.jar", "lib/app-1.10.jar"),
        # other folders
        ("lib/python3/dist-packages/app/core.py", "lib/app/core.py"),
        ("typeshed/stdlib/3/pathlib.pyi", "stubs/stdlib/pathlib.pyi"),
    ],
)
def test_another_name_for_what_it_was(old: str, new: str) -> None:
    """A hash, a number or a folder in the name may be another; the other members are no match.

    Libraries and chunks whose names hold a hash had no counterpart: they shared no symbols with
    what they came from, and only some of what was gone was inflated for them.
    """
    others = {"static/2002.4c5d6e7f8091a2b3.js": 300, "lib/other-1.2.so": 300, "README": 300}
    changed = {"static/2002.9d8c7b6a5f4e3d2c.js": 300, "lib/other-1.3.so": 300, "README": 300}
    found = paired({old: 300, **others}, {**changed, new: 300})
    assert {new: old, **dict(zip(changed, others, strict=True))} == found


def test_words_are_no_hashes() -> None:
    """What looks like a hash but is a word, or too short, tells members apart."""
    old = {"a-settings.js": 100, "a-handlers.js": 200, "b-abc.js": 300, "b-def.js": 400}
    assert {} == paired(old, {"a-counters.js": 200, "b-fed.js": 300})


def test_file_names_count_before_numbers() -> None:
    """In a folder of another version, a file added before others does not shift them all."""
    old = {f"app-1.2/part{number}.bin": 500 for number in range(1, 6)}
    new = {f"app-1.3/part{number}.bin": 500 for number in range(6)}
    expected = {f"app-1.3/part{n}.bin": f"app-1.2/part{n}.bin" for n in range(1, 6)}
    assert expected == paired(old, new)


def test_of_several_the_nearest_size_is_taken() -> None:
    """Where names tell no more, the sizes do."""
    old = {"js/index.Aaaaaaa1.js": 100, "js/index.Aaaaaaa2.js": 5000, "js/index.Aaaaaaa3.js": 900}
    new = {"js/index.Bbbbbbb1.js": 5200, "js/index.Bbbbbbb2.js": 890, "js/index.Bbbbbbb3.js": 120}
    sizes = {size: name for name, size in old.items()}
    expected = {name: sizes[near] for name, near in zip(new, (5000, 900, 100), strict=True)}
    assert expected == paired(old, new)
    # Of fewer than there are places for, each is taken by the nearest.
    one = {"js/index.Aaaaaaa9.js": 5000}
    assert {"js/index.Bbbbbbb1.js": "js/index.Aaaaaaa9.js"} == paired(one, new)
    some = {"js/index.Bbbbbbb1.js": 890, "js/index.Bbbbbbb2.js": 899}
    few = {"js/index.Aaaaaaa1.js": 100, "js/index.Aaaaaaa3.js": 900}
    assert dict(zip(some, few, strict=True)) == paired(few, some)
