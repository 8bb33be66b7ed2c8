"""What the logger `deltaloft` is told: a line per decision, and no secrets."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from deltaloft.errors import DeltaloftError
from deltaloft.place import locate
from deltaloft.store import Store
from deltaloft.transfers import Filters, LocalSide, Options, StoreSide, run, synced

SECRETS = ("wrong-horse-battery", "session-token-xyz", "SIGNATURE-abc", "hunter2")


def release(version: int) -> bytes:
    """Return 100 kB of which the last bytes tell the version."""
    return random.Random(1).randbytes(100_000) + b"version %d" % version


def lines(caplog: pytest.LogCaptureFixture, level: int = logging.INFO) -> list[str]:
    """Return what was told at a level since last asked."""
    found = [each.getMessage() for each in caplog.records if each.levelno == level]
    caplog.clear()
    return found


def test_a_line_per_decision(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Put says form, base, sizes and why; get, copy and gc one line each."""
    caplog.set_level(logging.INFO, "deltaloft")
    with Store.open(str(tmp_path / "store"), create=True) as store:
        first = store.put(release(0), "app-1.0")
        assert first.base is not None
        base = first.base[:12]
        for key, content, options, expected in (
            ("app-1.1", release(1), {}, f"delta of the base {base}, # bytes for 100009: most"),
            ("again", release(0), {}, f"delta of the base {base}, # bytes for 100009: same bytes"),
            ("tiny", b"tiny", {}, "plain, # bytes for 4: not eligible"),
            ("plain", release(2), {"delta": "never"}, "plain, # bytes for 100009: as asked"),
        ):
            lines(caplog)
            result = store.put(content, key, **options)  # type: ignore[arg-type]
            (line,) = lines(caplog)
            assert line.startswith(f"put {key}: " + expected.replace("#", str(result.stored_size)))
        store.get("app-1.1", tmp_path / "out")
        stored = store.stat("app-1.1").stored_size
        assert [f"get app-1.1: delta, 100009 bytes from {stored}, proven"] == lines(caplog)
        store.copy("app-1.1", "copy")
        assert ["copy app-1.1 to copy: delta, in the bucket"] == lines(caplog)
        store.gc(grace=timedelta(0))
        (line,) = lines(caplog)
        assert "1 of 1 bases in use, 0 deleted" in line
    assert [] == logging.getLogger("deltaloft").handlers


def test_a_sync_says_what_it_decided(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG there is a line for each file that was on both sides."""
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("same", "other"):
        (folder / name).write_bytes(release(0))
    with Store.open(str(tmp_path / "store"), create=True) as store:
        store.put(release(0), "same")
        store.put(release(1), "other")
        caplog.set_level(logging.DEBUG, "deltaloft.transfers")
        caplog.clear()
        left, right = LocalSide(folder, lambda *_: None), StoreSide(store, "")
        steps = synced(left.items(), right.items(), Filters(()), may_delete=lambda: False)
        assert 1 == len(list(run(steps, left, right, Options(jobs=1))))
    told = sorted(line.rpartition("/")[2] for line in lines(caplog, logging.DEBUG))
    assert ["other: has changed", "same: is up to date"] == told


def test_secrets_are_not_told(
    moto_endpoint: str,
    new_s3_bucket: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Keys, tokens, signatures and passwords in URLs are in no log and no message."""
    bucket = new_s3_bucket(moto_endpoint)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRETS[0])
    monkeypatch.setenv("AWS_SESSION_TOKEN", SECRETS[1])
    caplog.set_level(logging.DEBUG, "deltaloft")
    with Store.open(bucket.url, endpoint_url=moto_endpoint) as store:
        store.put(release(0), "app-1.0")
        store.put(release(1), "app-1.1")
        store.get("app-1.1", tmp_path / "out")
        store.gc()
    said = []
    for url, endpoint in (
        (f"https://bucket.example/key?X-Amz-Signature={SECRETS[2]}", None),
        (f"s3://key:{SECRETS[3]}@bucket", None),
        ("s3://bucket", f"https://user:{SECRETS[3]}@127.0.0.1:9"),
        (bucket.url, "http://127.0.0.1:9"),
    ):
        with pytest.raises(DeltaloftError) as caught:
            place = locate(url)
            Store.open(place.store, endpoint_url=endpoint).stat("key")
        said.append(str(caught.value))
    told = [each.getMessage() for each in caplog.records] + said
    assert len(told) > 7
    assert [] == [line for line in told if any(secret in line for secret in SECRETS)]
