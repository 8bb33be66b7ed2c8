"""Make pairs of artifacts to measure codecs on.

    python benchmarks/corpus.py DIR            small pairs by recipe, the same bytes everywhere
    python benchmarks/corpus.py DIR --fetch    real releases as well, through pip and npm (130 MB)
    python benchmarks/corpus.py DIR --series   the pairs of series.csv instead (1 GB)

    DIR/pairs.csv     class,series,mode,reference,target; mode ref: oldest, chain: previous version
    DIR/recipe/...    made here
    DIR/fetched/...   whl and tgz as downloaded; tar and so taken out of them; bundles of them
    DIR/series/...    whl, sdist and tgz as downloaded

The classes are the kinds of change a codec meets:

    near-identical   large archives of which almost every member is the same
    similar          archives packed member by member (zip, jar, wheel), most members the same
    dissimilar       one deflate stream over all, or noise: hardly a byte recurs
    executable       shared objects: code moves, and every address in it changes
    source-tar       uncompressed sources of the next release

Nothing was tuned on the pairs of series.csv: they tell what to expect of others. The classes there
are pure, compiled and rust (wheels by what is in them), program (a single one, in a wheel or npm
package), sdist, and package (of npm).

Nothing of it is ever committed. Deflated bytes may differ between versions of zlib.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import random
import shutil
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

SEED = 3284
KIB = 1024

# Wheels by name: version and SHA-256, oldest first.
WHEELS = {
    "botocore": {
        "1.44.0": "9055745fc16400377ac7e825ac63b8f77af17305e1c77c9a5519a648d7b2e87c",
        "1.44.2": "f255849e8adc413812162e100cf53c4d096d07d9fd6f1773d90fa6034f7d8980",
        "1.44.5": "8f16a56d1dff125dd65322ae021efa7ba5195a6db5102b96862566055b748921",
    },
    "django": {
        "5.2.15": "0eb4a9bb1853a35b0286dbc6d916bd352c8c2687195a7f2d6f80cefd840e4970",
        "5.2.16": "04f354bf9d807a86ad1a8392fe3808d362358a8eafc322848e0e43e59b24371d",
        "5.2.19": "5965d974a5218a2b68a11dd1276434707f23886525c23f0598eccedaf4f4ca00",
    },
    "numpy": {
        "2.4.2": "c02ef4401a506fb60b411467ad501e1429a3487abca4664871d9ae0b46c8ba32",
        "2.4.3": "715de7f82e192e8cae5a507a347d97ad17598f8e026152ca97233e3666daaa71",
        "2.4.6": "89cd468399cfd2504718f0ba50e410dca55a170b61a02ad92bb18c8a65186e93",
    },
}
# npm checks what it packs against the registry's own digests.
PACKAGES = {"typescript": ["5.9.2", "5.9.3"]}

SERIES = Path(__file__).with_name("series.csv")  # class,series,release,sha256; npm's without

Rows = list[tuple[str, str, str, Path, Path]]
Tree = dict[str, bytes]


def series(kind: str, name: str, files: list[Path]) -> Rows:
    """Pair each version with the oldest and with the one before."""
    rows = [(kind, name, "ref", files[0], target) for target in files[1:]]
    return rows + [(kind, name, "chain", source, target) for source, target in pairwise(files[1:])]


# ---- Recipes --------------------------------------------------------------------------------


def prose(r: random.Random, lines: int) -> list[bytes]:
    """Write lines that repeat words and each other, as sources do."""
    words = [bytes(r.choices(b"etaoinshrdlucmfw", k=r.randint(2, 10))) for _ in range(600)]
    idioms = [b" ".join(r.choices(words, k=r.randint(3, 9))) for _ in range(200)]
    return [
        b"    " * r.randrange(4)
        + (r.choice(idioms) if r.random() < 0.4 else b" ".join(r.choices(words, k=7)))
        for _ in range(lines)
    ]


def sources(r: random.Random, files: int) -> dict[str, list[bytes]]:
    """Write a tree of source files, as lists of lines."""
    return {f"src/part{i % 20}/file{i}.py": prose(r, r.randint(20, 600)) for i in range(files)}


def released(r: random.Random, tree: dict[str, list[bytes]]) -> dict[str, list[bytes]]:
    """Edit one file in twelve here and there, and add one."""
    after = dict(tree)
    for name in r.sample(sorted(tree), len(tree) // 12):
        lines = list(tree[name])
        for _ in range(r.randint(1, 6)):
            at = r.randrange(len(lines))
            lines[at : at + r.randrange(4)] = prose(r, r.randrange(5))
        after[name] = lines
    after[f"src/new{r.randrange(1000)}.py"] = prose(r, 200)
    return after


def joined(tree: dict[str, list[bytes]]) -> Tree:
    """Make files of lines."""
    return {name: b"\n".join(lines) for name, lines in tree.items()}


Function = tuple[int, bytes, list[tuple[int, int]]]  # number, code, (where, number) of its calls
FUNCTIONS = 3000


def machine_code(r: random.Random, numbers: range) -> list[Function]:
    """Write functions of few opcodes that call each other."""
    opcodes = [r.randbytes(r.randint(1, 6)) for _ in range(300)]
    weights = [1 / (i + 1) for i in range(len(opcodes))]
    functions = []
    for number in numbers:
        code, calls = bytearray(), []
        for _ in range(r.randint(10, 60)):
            code += b"".join(r.choices(opcodes, weights, k=r.randint(3, 12))) + b"\xe8"
            calls.append((len(code), r.randrange(FUNCTIONS)))
            code += bytes(4)
        functions.append((number, bytes(code), calls))
    return functions


def linked(functions: list[Function]) -> bytes:
    """Lay functions out, relative calls filled in, behind a table of absolute addresses."""
    starts, here = {}, 8 * len(functions)
    for number, code, _ in functions:
        starts[number] = here
        here += len(code)
    image = bytearray(struct.pack(f"<{len(starts)}Q", *starts.values()))
    for number, code, calls in functions:
        image += code
        for at, callee in calls:
            place = starts[number] + at
            struct.pack_into("<i", image, place, starts.get(callee, 0) - (place + 4))
    return bytes(image)


def zipped(tree: Tree) -> bytes:
    """Pack a zip whose members all have one date."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in sorted(tree):
            member = zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0))
            archive.writestr(member, tree[name], zipfile.ZIP_DEFLATED, 6)
    return out.getvalue()


def tarred(tree: Tree, seconds: int) -> bytes:
    """Pack a tar whose members all have the date of their release."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted(tree):
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(tree[name]), seconds
            archive.addfile(member, io.BytesIO(tree[name]))
    return out.getvalue()


def recipes() -> dict[tuple[str, str], list[bytes]]:
    """Make three versions, oldest first, of every series: (class, series) -> versions."""
    r = random.Random(SEED)
    first = sources(r, 500)
    releases = [first, released(r, first)]
    releases.append(released(r, releases[1]))
    trees = [joined(tree) for tree in releases]
    parts = {f"lib/part{i}.bin": r.randbytes(600 * KIB) for i in range(8)}
    bundles = [
        parts | trees[0] | {"host.txt": b"host=8.%d\n" % i} | dict(sorted(tree.items())[: 40 * i])
        for i, tree in enumerate(trees)
    ]
    code = machine_code(r, range(FUNCTIONS))
    inserted = [*code[:900], *machine_code(r, range(5000, 5001)), *code[900:]]
    edited = [*inserted[:100], *machine_code(r, range(6000, 6004)), *inserted[110:]]
    noise = [r.randbytes(3 << 20) for _ in range(3)]
    return {
        ("near-identical", "zip"): [zipped(tree) for tree in bundles],
        ("near-identical", "tar"): [tarred(tree, 1_704_067_200) for tree in bundles],
        ("similar", "jar"): [zipped(tree) for tree in trees],
        ("dissimilar", "tgz"): [
            zlib.compress(tarred(tree, 1_704_067_200 + i), 6, 31) for i, tree in enumerate(trees)
        ],
        ("dissimilar", "noise"): noise,
        ("executable", "so"): [linked(version) for version in (code, inserted, edited)],
        ("source-tar", "tar"): [tarred(tree, 1_704_067_200 + i) for i, tree in enumerate(trees)],
    }


def make_small(folder: Path) -> None:
    """Write the recipes' pairs and pairs.csv."""
    rows: Rows = []
    for (kind, name), contents in recipes().items():
        files = []
        for i, content in enumerate(contents):
            file = folder / "recipe" / kind / f"{name}-1.{i}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            files.append(file)
        rows += series(kind, name, files)
    write_pairs(folder, rows)


# ---- Real releases --------------------------------------------------------------------------


MANYLINUX = "manylinux_2_28_x86_64.manylinux_2_27_x86_64"


def pip_download(folder: Path, requirement: str, sha256: str, platforms: str) -> None:
    """Let pip fetch a wheel for one of these platforms, or with none the source distribution."""
    pin = folder / "requirements.txt"
    pin.write_text(f"{requirement} --hash=sha256:{sha256}\n")
    options = "download --quiet --no-deps --require-hashes "
    if platforms:
        options += "--only-binary :all: --implementation cp --python-version 311 "
        options += " ".join(f"--platform {platform}" for platform in platforms.split("."))
    else:
        options += f"--no-binary {requirement.partition('==')[0]}"
    pip = [sys.executable, "-m", "pip", *options.split(), "-r", str(pin), "-d", str(folder)]
    subprocess.run(pip, check=True)
    pin.unlink()


def npm_pack(folder: Path, release: str) -> Path | None:
    """Let npm fetch a package unless it is there; None without npm."""
    file = folder / (release.lstrip("@").replace("/", "-").replace("@", "-") + ".tgz")
    if not file.exists():
        npm = shutil.which("npm")
        if npm is None:
            print(f"npm not installed: {release} is left out", file=sys.stderr)
            return None
        pack = [npm, "pack", "--silent", release]
        subprocess.run(pack, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return file


def download(folder: Path) -> dict[str, list[Path]]:
    """Let pip and npm fetch what is missing: series -> files, oldest first."""
    found: dict[str, list[Path]] = {}
    folder.mkdir(parents=True, exist_ok=True)
    for name, versions in WHEELS.items():
        for version, sha256 in versions.items():
            pattern = f"{name}-{version}-*.whl"
            if not any(folder.glob(pattern)):
                pip_download(folder, f"{name}=={version}", sha256, MANYLINUX)
            found.setdefault(name, []).extend(folder.glob(pattern))
    for name, numbers in PACKAGES.items():
        files = [npm_pack(folder, f"{name}@{number}") for number in numbers]
        found[name] = [file for file in files if file is not None]
    return found


def fetch_series(folder: Path) -> Rows:
    """Fetch series.csv: wheels and source distributions by file name, packages by name@version."""
    found: dict[tuple[str, str], list[Path]] = {}
    folder = folder / "series"
    folder.mkdir(parents=True, exist_ok=True)
    with SERIES.open(newline="") as file:
        for row in csv.DictReader(file):
            release = row["release"]
            here: Path | None = folder / release
            if not row["sha256"]:
                here = npm_pack(folder, release)
            elif not (folder / release).exists():
                name, version, *tags = release.removesuffix(".whl").split("-")
                version = version.removesuffix(".tar.gz")
                pip_download(folder, f"{name}=={version}", row["sha256"], tags[-1] if tags else "")
            if here is not None:
                found.setdefault((row["class"], row["series"]), []).append(here)
    rows = [series(kind, name, files) for (kind, name), files in found.items()]
    return [row for some in rows for row in some]


def members(wheel: Path) -> Tree:
    """Unpack a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {i.filename: archive.read(i) for i in archive.infolist() if not i.is_dir()}


def largest_object(wheel: Path) -> bytes:
    """Take out the largest shared object."""
    return max((c for n, c in members(wheel).items() if ".so" in n), key=len)


def derived(
    folder: Path, files: list[Path], suffix: str, make: Callable[[Path], bytes]
) -> list[Path]:
    """Make one file of each, under the same name with another suffix, unless it is there."""
    made = []
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        name, version = file.name.removesuffix(".tgz").split("-")[:2]
        goal = folder / f"{name}-{version}{suffix}"
        if not goal.exists():
            goal.write_bytes(make(file))
        made.append(goal)
    return made


def fetch(folder: Path) -> Rows:
    """Fetch real releases and derive what they hold."""
    fetched = folder / "fetched"
    found = download(fetched / "download")
    rows: Rows = []
    for name in WHEELS:
        rows += series("similar", name, found[name])
    rows += series(
        "executable", "numpy", derived(fetched / "so", found["numpy"], ".so", largest_object)
    )
    tars = derived(fetched / "tar", found["django"], ".tar", lambda f: tarred(members(f), 0))
    rows += series("source-tar", "django", tars)
    tgz = derived(fetched / "tgz", tars, ".tar.gz", lambda f: zlib.compress(f.read_bytes(), 6, 31))
    rows += series("dissimilar", "django", tgz)
    if typescript := found.get("typescript"):
        rows += series("dissimilar", "typescript", typescript)
        tars = derived(
            fetched / "tar", typescript, ".tar", lambda f: gzip.decompress(f.read_bytes())
        )
        rows += series("source-tar", "typescript", tars)
    ballast = members(found["numpy"][0]) | members(found["botocore"][0])

    def bundle(wheel: Path) -> Tree:
        core = {name: c for name, c in members(wheel).items() if name.startswith("django/core/")}
        return ballast | core | {"host.txt": wheel.name.encode()}

    zips = derived(fetched / "bundle", found["django"], ".zip", lambda f: zipped(bundle(f)))
    rows += series("near-identical", "bundle-zip", zips)
    tars = derived(fetched / "bundle", found["django"], ".tar", lambda f: tarred(bundle(f), 0))
    return rows + series("near-identical", "bundle-tar", tars)


def write_pairs(folder: Path, rows: Rows, *, add: bool = False) -> None:
    """Write pairs.csv, or add to it."""
    with (folder / "pairs.csv").open("a" if add else "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        if not add:
            out.writerow(["class", "series", "mode", "reference", "target"])
        for *names, source, target in rows:
            out.writerow([*names, source.relative_to(folder), target.relative_to(folder)])


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description="Make pairs of artifacts to measure codecs on.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fetch", action="store_true", help="real releases as well")
    parser.add_argument("--series", action="store_true", help="those of series.csv instead")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.series:
        write_pairs(options.folder, fetch_series(options.folder))
        return
    make_small(options.folder)
    if options.fetch:
        write_pairs(options.folder, fetch(options.folder), add=True)


if __name__ == "__main__":
    main()
