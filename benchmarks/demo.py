"""What `make demo` shows: five releases of botocore for little more than the price of one.

    pip download ──> demo-store/.wheels ──put──> demo-store/store ──get──> compared, byte for byte

Everything stays below ./demo-store, so that a second run needs no network, and can be looked at
with `dg ls demo-store/store`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from deltaloft.store import PutResult, Store

VERSIONS = ("1.44.1", "1.44.2", "1.44.3", "1.44.4", "1.44.5")
FOLDER = Path("demo-store")


def main() -> None:
    """Fetch, put, get, compare, print."""
    console = Console()
    wheels = [_wheel(version, FOLDER / ".wheels") for version in VERSIONS]
    shutil.rmtree(FOLDER / "store", ignore_errors=True)
    with Store.open(str(FOLDER / "store"), create=True) as store:
        results = [store.put(wheel, wheel.name) for wheel in wheels]
        for wheel, result in zip(wheels, results, strict=True):
            _check(store, result.key, wheel)
    console.print(_table(results))
    console.print(f"All {len(results)} came back byte for byte, each proven by its SHA-256.")


def _wheel(version: str, folder: Path) -> Path:
    """Return the wheel of a release, downloaded if it is not there yet."""
    name = f"botocore-{version}-py3-none-any.whl"
    if not (folder / name).exists():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--disable-pip-version-check", "--only-binary=:all:", "--dest", str(folder)]
        subprocess.run([*command, f"botocore=={version}"], check=True)
    return folder / name


def _check(store: Store, key: str, wheel: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        store.get(key, copy)
        if copy.read_bytes() != wheel.read_bytes():
            raise SystemExit(f"demo: {key} came back as other bytes")


def _table(results: list[PutResult]) -> Table:
    table = Table(title="deltaloft: five releases, one store")
    for heading in ("name", "plain", "stored", "saved", "base"):
        table.add_column(heading, justify="left" if heading in ("name", "base") else "right")
    for result in results:
        base = (result.base or "")[:12] + (" (new)" if result.new_base else "")
        name = result.key.removesuffix("-py3-none-any.whl")
        _add(table, name, result.size, result.added_size, base)
    table.add_section()
    plain, stored = (sum(sizes) for sizes in zip(*map(_sizes, results), strict=True))
    _add(table, "total", plain, stored, "")
    return table


def _sizes(result: PutResult) -> tuple[int, int]:
    return result.size, result.added_size


def _add(table: Table, name: str, plain: int, stored: int, base: str) -> None:
    saved = round(100 * (1 - stored / plain), 1) or 0.0  # never -0.0
    table.add_row(name, f"{plain:,}", f"{stored:,}", f"{saved:.1f} %", base)


if __name__ == "__main__":
    main()
