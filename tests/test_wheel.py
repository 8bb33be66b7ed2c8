"""The wheel, as who installs it gets it: one for all Pythons, complete, and of use by itself."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
# Nothing of the tree that is tested, or of this environment, may be of help.
CLEAN = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}


def run(*command: str | Path, folder: Path | None = None) -> str:
    """Run a program and return what it says."""
    done = subprocess.run(
        [str(each) for each in command],
        check=False,
        cwd=folder,
        env=CLEAN,
        capture_output=True,
        text=True,
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, built in isolation."""
    folder = tmp_path_factory.mktemp("wheel")
    build = f"-Cbuild-dir={folder / 'build'}"
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", build, "-w", folder, ROOT)
    (found,) = folder.glob("*.whl")
    return found


def python(version: str) -> str:
    """Return an interpreter of that version, found on the path or among pyenv's."""
    name = f"python{version}"
    versions = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    for path in (shutil.which(name), *sorted(versions.glob(f"{version}.*/bin/{name}"))):
        # One of pyenv's shims stands there for versions that it has not chosen, too.
        if (
            path
            and subprocess.run([path, "-c", ""], check=False, capture_output=True).returncode == 0
        ):
            return str(path)
    pytest.skip(f"{name} is not installed")


@pytest.fixture
def bin_folder(wheel: Path, version: str, tmp_path: Path) -> Iterator[Path]:
    """Where the programs of a fresh environment are into which the wheel was installed."""
    venv = tmp_path / "venv"
    run(python(version), "-m", "venv", venv)
    run(venv / "bin" / "pip", "install", "-q", wheel)
    yield venv / "bin"
    shutil.rmtree(venv)


def test_what_is_in_it(wheel: Path) -> None:
    """One file for CPython 3.11 and later: the package, its types and licences, nothing else."""
    assert "-cp311-abi3-" in wheel.name
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        assert f"\nVersion: {VERSION}\n" in archive.read(metadata).decode()
    info = metadata.partition("/")[0]
    assert {"deltaloft", info} == {name.partition("/")[0] for name in names}
    assert {"deltaloft/py.typed", "deltaloft/_vcdiff.abi3.so"} <= names
    assert 2 == len([name for name in names if "LICENSE" in name])
    ours = {str(p.relative_to(ROOT / "src")) for p in (ROOT / "src").rglob("*.py")}
    assert ours == {name for name in names if name.endswith(".py")}


def test_it_keeps_to_the_stable_abi(wheel: Path, tmp_path: Path) -> None:
    """No symbol of CPython is used that a later version may take away."""
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    run(tmp_path / "venv" / "bin" / "pip", "install", "-q", "abi3audit")
    run(tmp_path / "venv" / "bin" / "abi3audit", "--strict", wheel)


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_it_works_by_itself(bin_folder: Path, version: str, wheel: Path, tmp_path: Path) -> None:
    """In a fresh environment: a delta, a store, the command, types, and no quarrel of versions."""
    where = run(bin_folder / "python", "-c", "import deltaloft; print(deltaloft.__file__)")
    assert str(bin_folder.parent) in where
    assert "ok\n" == run(bin_folder / "python", "-W", "error", ROOT / "tests" / "smoke.py")
    assert VERSION in run(bin_folder / "dg", "--version")
    (tmp_path / "file").write_bytes(b"content")
    run(bin_folder / "dg", "put", "--create", "file", "store/key", folder=tmp_path)
    run(bin_folder / "dg", "get", "store/key", "back", folder=tmp_path)
    assert b"content" == (tmp_path / "back").read_bytes()
    run(bin_folder / "pip", "check")


def test_it_is_installed_by_its_hash(wheel: Path, tmp_path: Path) -> None:
    """Pip takes it where it has the digest that was asked for, and else refuses it."""
    asked = tmp_path / "requirements.txt"
    install = (sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--require-hashes")
    command = (*install, "--target", tmp_path / "there", "-r", asked)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    asked.write_text(f"{wheel} --hash=sha256:{digest[::-1]}\n")
    with pytest.raises(AssertionError, match="DO NOT MATCH"):
        run(*command)
    asked.write_text(f"{wheel} --hash=sha256:{digest}\n")
    run(*command)
    assert (tmp_path / "there" / "deltaloft" / "_vcdiff.abi3.so").exists()
