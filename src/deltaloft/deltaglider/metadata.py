"""What DeltaGlider's keys and metadata say. Pure: nothing here reads or writes.

    P/reference.bin     reference   the first file of folder P that it took for an archive, raw
    P/NAME.delta        delta       of P/NAME, from P/reference.bin
    P/NAME              direct      a file that it stored as it is, with its digest

The form stands in the user metadata, under up to four spellings of each name. All of it is
somebody else's word: a digest or size is checked before it is used, and a reference is looked for
beside the delta first, whatever path the delta names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from deltaloft.bucket import Attributes, ObjectInfo
from deltaloft.errors import DamagedObject, UnsupportedFormat

__all__ = [
    "DELTA_SUFFIX",
    "Delta",
    "Direct",
    "Form",
    "Reference",
    "folder_of",
    "form_of",
    "is_reference_name",
    "user_attributes",
]

DELTA_SUFFIX = ".delta"

_REFERENCE_NAME = "reference.bin"
_LARGEST_SIZE = 2**46  # S3 ends at 50 TB; a larger number is a lie

_DIGEST = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_DECIMAL = re.compile(r"[0-9]{1,15}", re.ASCII)

_FIELDS = (
    *("tool", "original-name", "source-name", "file-sha256", "file-size", "created-at"),
    *("ref-key", "ref-sha256", "delta-size", "delta-cmd", "note", "compression"),
)
# What only the proxy of the same family writes.
_PROXY_FIELDS = ("ref-path", "md5", "multipart-etag", "encrypted", "encrypted-native")
_USER_PREFIX = "user-"


@dataclass(frozen=True, slots=True)
class Reference:
    """An object that deltas are made from; `sha256` is its own, if it says so."""

    sha256: str | None
    source_name: str
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class Delta:
    """An object whose body is a delta; `sha256` and `size` are the file's.

    `references` are the keys where the source of the delta may stand, the likeliest first.
    """

    sha256: str
    size: int
    reference_sha256: str | None
    references: tuple[str, ...]
    original_name: str
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class Direct:
    """An object whose body is the file; `sha256` proves it."""

    sha256: str


Form = Reference | Delta | Direct


# ---- Keys --------------------------------------------------------------------------------------


def folder_of(key: str) -> str:
    """Return what stands before a key's name, with its slash; empty at the root."""
    return key[: key.rfind("/") + 1]


def is_reference_name(key: str) -> bool:
    """Say whether DeltaGlider would take this key for a reference."""
    return key.rpartition("/")[2] == _REFERENCE_NAME


def _references(key: str, metadata: Mapping[str, str]) -> tuple[str, ...]:
    """Return where a delta's reference may stand.

    DeltaGlider takes the folder of the path that the delta names and ignores the file's name; the
    proxy takes the name and ignores the folder. Objects are moved, too. The folder of the delta
    itself serves all of them; a path that climbs or is absolute is never followed.
    """
    here = folder_of(key)
    path = _field(metadata, "ref-path") or _field(metadata, "ref-key") or ""
    found = [here + _REFERENCE_NAME]
    parts = path.split("/")
    if path and not {"", ".", ".."} & set(parts) and path.isprintable() and len(path) <= 1000:
        found += ["/".join([*parts[:-1], _REFERENCE_NAME]), here + parts[-1]]
    return tuple(dict.fromkeys(found))


# ---- Metadata ----------------------------------------------------------------------------------


def form_of(info: ObjectInfo, url: str) -> Form | None:
    """Tell what DeltaGlider says of an object; None if it is not DeltaGlider's.

    Raises:
        DamagedObject: a delta of DeltaGlider's that lost some of its metadata.
        UnsupportedFormat: the proxy encrypted it.
    """
    metadata = info.attributes.metadata
    if "dl-v" in metadata or not _is_deltaglider(metadata):
        return None
    if _field(metadata, "encrypted"):
        raise UnsupportedFormat(f"{url}: encrypted by the DeltaGlider proxy; read it through that")
    sha256 = _digest(metadata, "file-sha256")
    direct = "none" in (_field(metadata, "compression"),) or _is_note(metadata, "passthrough")
    if not direct and (info.key.endswith(DELTA_SUFFIX) or _field(metadata, "ref-sha256")):
        return _delta(info, metadata, url)
    if not direct and is_reference_name(info.key) and _names_a_source(metadata):
        name = _field(metadata, "source-name") or ""
        return Reference(sha256, name, _time(_field(metadata, "created-at")))
    return Direct(sha256) if sha256 else None


def user_attributes(stored: Attributes) -> Attributes:
    """Return what the user gave, as far as DeltaGlider or its proxy kept it."""
    ours = {spelling for name in (*_FIELDS, *_PROXY_FIELDS) for spelling in _spellings(name)}
    metadata = {
        name.removeprefix(_USER_PREFIX): value
        for name, value in stored.metadata.items()
        if name not in ours and not name.startswith(("dg-", "dg_")) and name != "content-type"
    }
    content_type = stored.metadata.get("content-type", stored.content_type)
    return replace(stored, metadata=metadata, content_type=content_type)


def _is_deltaglider(metadata: Mapping[str, str]) -> bool:
    """Say whether this can only be DeltaGlider's: a bare `note` or `file-sha256` is anybody's."""
    if (_field(metadata, "tool") or "").lower().startswith("deltaglider"):
        return True
    marked = ("dg-file-sha256", "dg_file_sha256", "dg-ref-sha256", "dg_ref_sha256")
    if any(name in metadata for name in marked):
        return True
    return bool(_field(metadata, "file-sha256") and _field(metadata, "ref-sha256"))


def _is_note(metadata: Mapping[str, str], note: str) -> bool:
    return _field(metadata, "note") == note


def _names_a_source(metadata: Mapping[str, str]) -> bool:
    return bool(_field(metadata, "source-name")) or _is_note(metadata, "reference")


def _delta(info: ObjectInfo, metadata: Mapping[str, str], url: str) -> Delta:
    sha256 = _digest(metadata, "file-sha256")
    if sha256 is None:
        raise DamagedObject(f"{url}: a delta that lost its metadata: dg-file-sha256 expected")
    size = _size(metadata, "file-size")
    if size is None:
        raise DamagedObject(f"{url}: a delta that lost its metadata: dg-file-size expected")
    stored = _size(metadata, "delta-size")
    if stored not in (None, info.size):
        raise DamagedObject(f"{url}: a delta of {stored} bytes expected, found {info.size}")
    name = info.key.removesuffix(DELTA_SUFFIX).rpartition("/")[2]
    return Delta(
        sha256,
        size,
        reference_sha256=_digest(metadata, "ref-sha256"),
        references=_references(info.key, metadata),
        original_name=_field(metadata, "original-name") or name,
        created_at=_time(_field(metadata, "created-at")),
    )


def _field(metadata: Mapping[str, str], name: str) -> str | None:
    """Return the value of the first spelling that has one."""
    return next((metadata[each] for each in _spellings(name) if metadata.get(each)), None)


def _spellings(name: str) -> Iterator[str]:
    under = name.replace("-", "_")
    yield from (f"dg-{name}", f"dg_{under}", under, name)


def _digest(metadata: Mapping[str, str], name: str) -> str | None:
    value = _field(metadata, name) or ""
    return value.lower() if _DIGEST.fullmatch(value) else None


def _size(metadata: Mapping[str, str], name: str) -> int | None:
    value = _field(metadata, name) or ""
    return int(value) if _DECIMAL.fullmatch(value) and int(value) <= _LARGEST_SIZE else None


def _time(value: str | None) -> datetime | None:
    """Return a time as the tool wrote it: UTC, in which a Z may stand or not."""
    try:
        time = datetime.fromisoformat((value or "").rstrip("Z"))
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
