"""The house: who may import whom, and which room holds which tool."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import deltaloft

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "deltaloft"
CSRC = ROOT / "csrc"

# A module imports only from lines above its own, and from its own folder.
FLOORS = [
    {"errors", "buffers", "interruption", "lazily", "sizes"},
    {"atomic_file", "native", "xdelta3", "bucket", "encrypted_file"},
    {"bucket_requests", "containers", "findings", "inspection", "source", "base_cache", "sketch"}
    | {"known_files"},
    {"folder_bucket", "s3_bucket", "layout", "secondary"},
    {"bucket_url", "bases", "catalog", "delta_reader", "download", "place"},
    {"buckets", "delta_writer", "doctor"},
    {"unpack"},
    {"codec", "delta_range", "inspecting", "merging"},
    {"deltaglider"},
    {"store"},
    {"filesystem", "s3_client", "statistics", "testing", "transfers"},
    {"migration"},
    {"cli"},
]

C_FLOORS = [
    {"vcdiff", "format", "varint", "large_memory", "key_table", "effort", "growing"},
    {"common", "buffer", "address_cache", "copy_list", "evenness"},
    {"code_table", "adler32", "match_length", "source_index", "window_reader", "window_writer"}
    | {"range_coder", "sketch"},
    {"instruction_reader", "gap_parser", "key_search", "lzma_encoder", "seeker"},
    {"instruction_walk", "closer_look"},
    {"piece_list", "match_finder"},
    {"step_list"},
    {"difference", "decode", "encode", "inspect", "merge"},
]

# Deflate stands beside VCDIFF: neither includes the other, and these are all that they share.
DEFLATE_FLOORS = [
    {"common", "buffer", "growing", "match_length"},
    {"deflate", "deflate_format", "bit_writer", "chance_coder"},
    {"huffman_code", "inflate_table", "match_chains", "miniz_ring", "symbol_predictor"},
    {"block_writer", "inflate_symbols", "zlib_ng_chains"},
    {"block_reader", "inflate_header", "miniz_deflater", "zlib_ng_deflater"},
    {"code_corrections", "symbol_reader"},
    {"stream_corrections", "symbol_taker"},
    {"deflater", "deflate_guess", "inflater", "symbol_ranges", "corrector", "restorer"},
]

# Only these rooms may import the tool.
TOOLS = {
    "boto3": {"s3_client"},
    "botocore": {"s3_bucket", "s3_client"},
    "click": {"cli"},
    "cryptography": {"encrypted_file"},
    "deltaloft._vcdiff": {"native"},
    "deltaloft._xdelta3": {"xdelta3"},
    "distributed": {"migration"},
    "filelock": {"base_cache"},
    "fsspec": {"filesystem"},
    "moto": {"testing"},
    "platformdirs": {"base_cache", "findings", "known_files", "migration", "s3_bucket"},
    "pytest": {"testing"},
    "rich": {"cli"},
    "s3transfer": {"s3_client"},
    "sqlite3": {"folder_bucket", "known_files", "migration"},
    "xxhash": {"known_files"},
}

# Rooms above 400 lines, each with its reason.
LARGE: dict[str, str] = {}


def room_of(path: Path) -> str:
    """Return the module or folder a file belongs to: `native` for native/delta.py."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def modules() -> list[Path]:
    """Return all Python files but the package's own `__init__`."""
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"]


def c_files() -> list[Path]:
    """Return the sources and headers of csrc/, but for the door."""
    return [path for folder in (CSRC, CSRC / "deflate") for path in sorted(folder.glob("*.[ch]"))]


def pages() -> list[Path]:
    """Return what is there to be read, but for the changes."""
    here = [path for path in ROOT.glob("*.md") if path.name != "CHANGELOG.md"]
    return [*here, *ROOT.glob("docs/*.md"), *ROOT.glob("*/*/README.md")]


def imports_of(path: Path) -> Iterator[str]:
    """Yield what a file imports, by full name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None and node.level == 0, f"{path}: a full name expected"
            yield node.module
            if node.module == "deltaloft":
                yield from (f"deltaloft.{alias.name}" for alias in node.names)


def floor_of(room: str, floors: list[set[str]]) -> int:
    """Return how high a room lies."""
    (floor,) = (number for number, rooms in enumerate(floors) if room in rooms)
    return floor


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_downhill(path: Path) -> None:
    """A module imports only from lower floors and its own folder, so there is no circle."""
    room = room_of(path)
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] == "deltaloft" and len(parts) > 1 and not parts[1].startswith("_"):
            other = parts[1]
            assert other == room or floor_of(other, FLOORS) < floor_of(room, FLOORS), name


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_tools_stay_in_their_rooms(path: Path) -> None:
    """boto3, click, cryptography and their like are each imported by one room alone."""
    for name in imports_of(path):
        for tool, rooms in TOOLS.items():
            if name == tool or name.startswith(f"{tool}."):
                assert room_of(path) in rooms, name


def test_layout_does_no_io() -> None:
    """What stands in the bucket is said by pure functions."""
    names = set(imports_of(PACKAGE / "layout.py"))
    assert names.isdisjoint({"os", "io", "pathlib", "tempfile", "socket", "sqlite3", "mmap"})


@pytest.mark.parametrize("path", c_files(), ids=lambda path: path.name)
def test_c_includes_run_downhill(path: Path) -> None:
    """A C file includes libc, its own header and lower floors; no verb includes another."""
    floors = C_FLOORS if path.parent == CSRC else DEFLATE_FLOORS
    for name in re.findall(r'#include "(.+)\.h"', path.read_text()):
        if name != path.stem:
            assert floor_of(name, floors) < floor_of(path.stem, floors), name


def test_every_room_is_on_the_plan() -> None:
    """A new room has its place in CONTRIBUTING's floor plan."""
    plan = (ROOT / "CONTRIBUTING.md").read_text().partition("## The floor plan")[2]
    words = set(re.findall(r"[a-z_0-9]+", plan.partition("## Where do I put")[0]))
    rooms = {room_of(path) for path in modules()} | {path.stem for path in c_files()}
    assert rooms - words == set()


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_public_names_are_listed_in_order(path: Path) -> None:
    """Every module has a sorted __all__ whose names exist."""
    name = ".".join(("deltaloft", *path.relative_to(PACKAGE).with_suffix("").parts))
    module = importlib.import_module(name.removesuffix(".__init__"))
    listed = module.__all__
    # ruff's order: constants, classes, functions
    key = [(not n.isupper(), not n[:1].isupper(), n) for n in listed]
    assert sorted(key) == key
    assert all(hasattr(module, each) for each in listed)


def test_the_package_keeps_its_promises() -> None:
    """Every public name can be had, and nothing heavy is imported before."""
    assert sorted(deltaloft.__all__) == sorted(set(deltaloft.__all__))
    for name in deltaloft.__all__:
        assert getattr(deltaloft, name) is not None
    code = (
        "import deltaloft, sys; print([m for m in ('boto3', 'rich', 'lzma') if m in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "[]\n" == done.stdout


def test_a_put_or_get_pays_for_no_more_than_it_uses() -> None:
    """A store on S3 needs no boto3 extras, SQLite, locks or colours to begin."""
    code = (
        "import sys; from deltaloft.store import Store; store = Store.open('s3://bucket', "
        "region='us-east-1'); store._bucket.client; "
        "print([m for m in ('boto3', 's3transfer', 'sqlite3', 'filelock', 'rich') "
        "if m in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "[]\n" == done.stdout


def test_rooms_are_small() -> None:
    """A file past 400 lines is a folder waiting to happen, or has a reason."""
    sources = [*modules(), *c_files()]
    large = {path.name for path in sources if len(path.read_text().splitlines()) > 400}
    assert set(LARGE) == large


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """What a page links to is there, headings included, and so are the files that it names."""
    text = page.read_text()
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        name, _, heading = target.partition("#")
        other = page.parent / name if name else page
        assert other.exists(), target
        headings = re.findall(r"^#+ (.*)$", other.read_text(), re.MULTILINE) if heading else []
        marks = [re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings]
        assert not heading or heading in marks, target
    for name in re.findall(r"`((?:src|csrc|tests|benchmarks|docs)/[\w./-]+)", text):
        assert (ROOT / name).exists(), name
