"""Which files become deltas: what cannot is stored plain, and says so."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deltaloft.base_cache import BaseCache
from deltaloft.folder_bucket import FolderBucket
from deltaloft.store import Store, eligible


def test_what_no_memory_should_hold_becomes_no_base_in_s3(
    moto_endpoint: str,
    new_s3_bucket: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Above the limit a file is plain in S3, unless asked for; bases in a folder are mapped."""
    monkeypatch.setattr(eligible, "_LARGEST_IN_MEMORY", 100_000)
    content = random.Random(1).randbytes(100_001)
    with Store(new_s3_bucket(moto_endpoint), cache=BaseCache(tmp_path / "cache")) as store:
        assert "plain" == store.put(content, "image").form
        assert content == store.read("image")
        assert "delta" == store.put(content, "image", delta="always").form
        assert "delta" == store.put(content[1:], "smaller").form
    with Store(FolderBucket(tmp_path / "folder", create=True)) as store:
        assert "delta" == store.put(content, "image").form
