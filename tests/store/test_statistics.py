"""What `dg stats` sums up, and the page it makes of it."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
from neighbours import missing

from deltaloft import layout
from deltaloft.statistics import Totals, page, summarized
from deltaloft.statistics.summary import _history
from deltaloft.store import Entry, Store

MADE = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def release(version: int) -> bytes:
    """Return 100 kB of which 1 kB tells the version."""
    return random.Random(1).randbytes(100_000) + random.Random(100 + version).randbytes(1000)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with three releases in two folders, a copy of one, and a tiny file."""
    made = Store.open(str(tmp_path / "store"), create=True)
    made.put(release(0), "app/1.0")
    made.put(release(1), "app/1.1")
    made.put(release(2), "old/app/0.9")
    made.copy("app/1.1", "latest")
    made.put(b"tiny", "notes<b>.txt")
    return made


def test_all_keys_and_bytes_are_summed_up(store: Store) -> None:
    """Files, what is stored of them, the base, and what is saved, add up to the listing's."""
    found = summarized(store)
    entries = list(store.list())
    assert 5 == found.totals.keys
    assert 4 == found.totals.deltas
    assert 4 * 101_000 + 4 == found.totals.logical_size
    assert sum(entry.stored_size for entry in entries) == found.totals.stored_size
    assert 101_000 == found.bases_size
    assert found.totals.stored_size + 101_000 == found.stored_size
    assert found.totals.logical_size - found.stored_size == found.saved_size
    assert found.saved_share == pytest.approx(0.74, abs=0.01)


def test_prefixes_and_bases_have_totals_of_their_own(store: Store) -> None:
    """What stands before the first slash groups keys; a base has the keys that need it."""
    found = summarized(store)
    assert {"app/": 2, "old/": 1, "": 2} == {n: t.keys for n, t in found.prefixes.items()}
    (use,) = found.bases
    assert (4, 101_000) == (use.totals.keys, use.size)
    assert use.cost == 101_000 + use.totals.stored_size
    below = summarized(store, "old/")
    assert (1, {"old/app/": 1}) == (
        below.totals.keys,
        {n: t.keys for n, t in below.prefixes.items()},
    )
    assert 0 == below.unused_bases


def test_history_and_drift_are_in_order_of_time(store: Store) -> None:
    """Sums only grow, up to the totals; a delta against its own bytes has not drifted."""
    found = summarized(store)
    sums = [(each.logical_size, each.stored_size) for each in found.history]
    assert sorted(sums) == sums
    assert (found.totals.logical_size, found.stored_size) == sums[-1]
    assert 3 == len(found.drift)
    assert [0.01] * 3 == [pytest.approx(each.share, abs=0.005) for each in found.drift]


def test_a_file_of_no_bytes_counts_as_none_in_history_too() -> None:
    """Totals and history have one rule for sizes: that of a file, even 0, before that of a body."""
    empty = Entry("empty", 50, 0, "", MADE, "delta", "0" * 64, "1" * 64)
    (moment,) = _history([empty], [])
    assert (0, 50) == (moment.logical_size, moment.stored_size)
    assert 0 == Totals().plus(empty).logical_size


def test_bases_that_no_key_needs_and_bases_that_are_missing(store: Store, tmp_path: Path) -> None:
    """The former are told with their bytes, the latter cost nothing but are shown."""
    for entry in list(store.list()):
        if entry.form == "delta" and entry.key != "latest":
            store.delete(entry.key)
    store.delete("latest")
    found = summarized(store)
    assert (1, 101_000, 0) == (found.unused_bases, found.unused_size, found.bases_size)
    store.put(release(3), "again")
    (base,) = store.bases()
    store._bucket.delete(layout.base_key(base.sha256))
    (use,) = summarized(store).bases
    assert use.size is None
    assert "again" not in page(summarized(store), made=MADE)


def test_an_empty_store_has_a_page_too(tmp_path: Path) -> None:
    """No key, no division by it."""
    found = summarized(Store.open(str(tmp_path / "none"), create=True))
    assert 0.0 == found.saved_share
    assert "Nothing is stored here." in page(found, made=MADE)


def test_the_page_is_whole_and_asks_nobody(store: Store) -> None:
    """It parses, has the numbers, and no name from the store becomes markup."""
    store.put(b"x", "<script>alert(1)</script>/x")
    made = page(summarized(store), made=MADE)
    body = made.partition("</head>")[2].removesuffix("</html>\n")
    assert "body" == ElementTree.fromstring(body).tag
    assert "2026-01-02 03:04 UTC" in made
    assert "404.0 kB" in made
    assert 3 == made.count("<svg ")
    assert "&lt;script&gt;" in made
    assert not re.search(r"<script|https?:|url\(|@import|<link|<img", made)


def test_the_page_is_drawn_by_a_browser(store: Store, tmp_path: Path) -> None:
    """Headless Chromium draws much more of it than of an empty page."""
    chromium = shutil.which("chromium")
    if chromium is None:
        missing("chromium", "chromium not installed (apt-get install chromium)")

    def drawn(content: str) -> int:
        (tmp_path / "page.html").write_text(content)
        picture = tmp_path / "page.png"
        command = [chromium, "--headless", "--no-sandbox", "--disable-gpu"]
        command += [f"--user-data-dir={tmp_path}/profile", "--window-size=900,1500"]
        command += [f"--screenshot={picture}", (tmp_path / "page.html").as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        return picture.stat().st_size

    assert drawn(page(summarized(store), made=MADE)) > 5 * drawn("<!doctype html>")
