"""Buckets as DeltaGlider writes them, by hand or by the tool itself."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from glider import Glider
from neighbours import missing

from deltaloft.base_cache import BaseCache
from deltaloft.bucket import Bucket
from deltaloft.folder_bucket import FolderBucket
from deltaloft.store import Store

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder_bucket(tmp_path: Path) -> FolderBucket:
    """An empty bucket on this machine."""
    return FolderBucket(tmp_path / "bucket", create=True)


@pytest.fixture
def glider(folder_bucket: Bucket, xdelta3: Callable[..., None], tmp_path: Path) -> Glider:
    """Writes to the folder bucket."""
    return Glider(folder_bucket, xdelta3, tmp_path)


@pytest.fixture
def older(folder_bucket: Bucket, tmp_path: Path) -> Store:
    """The folder bucket as a store."""
    return Store(folder_bucket, cache=BaseCache(tmp_path / "cache", key=bytes(32)))


@pytest.fixture(scope="session")
def deltaglider(moto_endpoint: str) -> Iterator[Callable[..., str]]:
    """Run the tool itself; `make neighbours` installs it."""
    path = shutil.which("deltaglider", path=f"{ROOT / '.venv-deltaglider' / 'bin'}")
    path = path or shutil.which("deltaglider")
    if path is None:
        missing("deltaglider", "deltaglider is not installed (make neighbours)")
    if shutil.which("xdelta3") is None:
        missing("xdelta3", "xdelta3 not installed (apt-get install xdelta3)")

    def run(*arguments: str | Path) -> str:
        done = subprocess.run(
            [str(path), *map(str, arguments), "--endpoint-url", moto_endpoint],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "DG_SUPPRESS_DEPRECATION": "1", "XDELTA": ""},
        )
        return done.stdout

    yield run
