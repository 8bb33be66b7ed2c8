"""Where things live in a bucket, and what their metadata says. Pure: nothing here reads or writes.

    K                         plain    body = the file      dl-v=1 dl-sha256
                              delta    body = VCDIFF        dl-v=1 dl-sha256 dl-size
                                                            dl-base dl-base-size dl-codec=vcdiff
                                                            Content-Encoding: vcdiff
                              delta    body = unpack/1      the same, dl-codec=unpack/1
                                                            Content-Encoding: x-unpack
                              foreign  somebody else's      no dl-v
    .deltaloft/base/<sha256>  a base: plain bytes, named by their SHA-256   dl-v=1 dl-stem dl-sketch
    .deltaloft/bases          the index of bases, see `bases`                dl-v=1
    .deltaloft/catalog/...    what is stored under which key, see `catalog`  dl-v=1
    .deltaloft/retiring/<id>  dates marks of bases, see `store.gc`           dl-v=1
    .deltaloft/clock          asks the bucket what time it is                dl-v=1
    .deltaloft/bases-<token>  that of bases which are protected, see `protection`
    .deltaloft/probe/...      what an endpoint is tried out with, see `doctor`
    .deltaloft/tmp/...        a whole copy behind a presigned URL            dl-expires

A delta takes the header Content-Encoding for itself; the
user's own value then waits in dl-content-encoding. The whole is a contract: docs/format.md.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from deltaloft import bucket_requests
from deltaloft.bucket import Attributes, ObjectInfo
from deltaloft.bucket_requests import object_url
from deltaloft.errors import DamagedObject, InvalidRequest, UnsupportedFormat

__all__ = [
    "BASES_PREFIX",
    "CATALOG_KEY",
    "CATALOG_PREFIX",
    "CLOCK_KEY",
    "EXPIRES",
    "INDEX_KEY",
    "SKETCH_SIZE",
    "STEM_SIZE",
    "TEMPORARY_PREFIX",
    "UNPACK",
    "VCDIFF",
    "Delta",
    "Foreign",
    "Form",
    "Plain",
    "base_attributes",
    "base_digest",
    "base_key",
    "base_protection",
    "base_sketch",
    "base_stem",
    "check_attributes",
    "check_delta_size",
    "check_digest",
    "check_key",
    "delta_attributes",
    "form_of",
    "index_attributes",
    "index_key",
    "is_archived",
    "is_collection",
    "is_ours",
    "marks_prefix",
    "plain_attributes",
    "protected",
    "protection",
    "user_attributes",
    "with_user",
]

STEM_SIZE = 64
SKETCH_SIZE = 200
VCDIFF = "vcdiff"
UNPACK = "unpack/1"

_VERSION = "1"
# By dl-codec, the Content-Encoding of a delta: HTTP's clients must not take it for the file.
_DELTA_ENCODINGS = {VCDIFF: "vcdiff", UNPACK: "x-unpack"}
_OURS = "dl-"
_RESERVED = ".deltaloft/"
# S3 takes 2 KiB of metadata; ours needs less than 350 bytes of it, whatever the form.
_USER_METADATA_SIZE = 2048 - 350
_CONTENT_ENCODING_SIZE = 64
_DELTA_SLACK = 1 << 16  # bytes of headers and the like; a delta is not much more than its file
_LARGEST_SIZE = 2**46  # S3 ends at 50 TB; a larger number is a lie

_COLLECTION = re.compile(r"[0-9a-f]{32}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,14}", re.ASCII)


# ---- Keys ------------------------------------------------------------------------------------


INDEX_KEY = f"{_RESERVED}bases"
BASES_PREFIX = f"{_RESERVED}base/"
CATALOG_KEY = f"{_RESERVED}catalog/pages"
CATALOG_PREFIX = f"{_RESERVED}catalog/page/"
CLOCK_KEY = f"{_RESERVED}clock"
TEMPORARY_PREFIX = f"{_RESERVED}tmp/"
EXPIRES = "dl-expires"  # metadata of what is temporary: the last second that it is needed


def index_key(token: str) -> str:
    """Return the key of the index of bases under a protection, or of those without one."""
    return f"{INDEX_KEY}-{token}" if token else INDEX_KEY


def base_key(sha256: str) -> str:
    """Return the key of a base."""
    return BASES_PREFIX + sha256


def base_digest(key: str) -> str | None:
    """Return the SHA-256 that names a listed base; None if it is no base."""
    digest = key.removeprefix(BASES_PREFIX)
    return digest if key == base_key(digest) and check_digest(digest) else None


def marks_prefix(token: str) -> str:
    """Return what the keys begin with that date the marks of the index of a protection."""
    return f"{_RESERVED}retiring-{token}/" if token else f"{_RESERVED}retiring/"


def is_collection(number: str) -> bool:
    """Say whether this numbers a collection: 32 lower-case hexadecimal digits."""
    return _COLLECTION.fullmatch(number) is not None


def is_ours(key: str) -> bool:
    """Say whether a key is no user's.

    That is so at any depth: a store may have its root further down in the same bucket.
    """
    return f"/{_RESERVED}" in f"/{key}"


def check_key(url: str, key: str) -> str:
    """Return a user's key, if it can be one; `url` is the bucket's, for messages.

    Raises:
        InvalidRequest: it is empty, too long, no Unicode, or ours.
    """
    bucket_requests.check_key(url, key)
    if is_ours(key):
        raise InvalidRequest(f"{object_url(url, key)}: {_RESERVED} is deltaloft's own")
    return key


def check_digest(sha256: str) -> bool:
    """Say whether this is a SHA-256 as we write it: 64 lower-case hexadecimal digits."""
    return _DIGEST.fullmatch(sha256) is not None


# ---- Writing metadata ------------------------------------------------------------------------


def check_attributes(url: str, attributes: Attributes) -> None:
    """Refuse what a bucket could not give back as it was given; `url` is for messages.

    Raises:
        InvalidRequest: a name or value that HTTP cannot carry or that is ours, or too much of it.
    """
    bucket_requests.check_attributes(url, attributes)
    for name in attributes.metadata:
        if name.startswith(_OURS):
            raise InvalidRequest(f"{url}: metadata {name}: names with {_OURS} are deltaloft's own")
    size = sum(len(name) + len(value) for name, value in attributes.metadata.items())
    if size > _USER_METADATA_SIZE:
        raise InvalidRequest(
            f"{url}: at most {_USER_METADATA_SIZE} bytes of metadata expected, found {size}"
        )
    if len(attributes.content_encoding or "") > _CONTENT_ENCODING_SIZE:
        raise InvalidRequest(
            f"{url}: a content_encoding of at most {_CONTENT_ENCODING_SIZE} bytes expected"
        )


def plain_attributes(user: Attributes, *, sha256: str) -> Attributes:
    """Return what is stored beside a plain object."""
    return _with_ours(user, {"dl-sha256": sha256})


def delta_attributes(
    user: Attributes, *, sha256: str, size: int, base: str, base_size: int, codec: str = VCDIFF
) -> Attributes:
    """Return what is stored beside a delta; the digest and `size` are the file's."""
    ours = {
        "dl-sha256": sha256,
        "dl-size": str(size),
        "dl-base": base,
        "dl-base-size": str(base_size),
        "dl-codec": codec,
    }
    if user.content_encoding is not None:
        ours["dl-content-encoding"] = user.content_encoding
    return replace(_with_ours(user, ours), content_encoding=_DELTA_ENCODINGS[codec])


def base_attributes(stem: str, sketch: str = "") -> Attributes:
    """Return what is stored beside a base: the stem of the name it came under, and its sketch."""
    ours = {"dl-stem": stem, **({"dl-sketch": sketch} if sketch else {})}
    return _with_ours(Attributes(content_type="application/octet-stream"), ours)


def index_attributes() -> Attributes:
    """Return what is stored beside the index of bases."""
    return _with_ours(Attributes(content_type="application/json"), {})


def with_user(stored: Attributes, user: Attributes) -> Attributes:
    """Return what is stored beside an object when its user gives it other attributes."""
    if "dl-v" not in stored.metadata:
        return user
    ours = {k: v for k, v in stored.metadata.items() if k.startswith(_OURS)}
    ours.pop("dl-content-encoding", None)
    if "dl-base" not in ours:
        return replace(user, metadata={**user.metadata, **ours})
    if user.content_encoding is not None:
        ours["dl-content-encoding"] = user.content_encoding
    metadata = {**user.metadata, **ours}
    return replace(user, metadata=metadata, content_encoding=stored.content_encoding)


def _with_ours(user: Attributes, ours: Mapping[str, str]) -> Attributes:
    return replace(user, metadata={**user.metadata, "dl-v": _VERSION, **ours})


# ---- Protection ------------------------------------------------------------------------------
#
# A base is a user's plaintext. Files that are put with encryption of their own, an ACL or grants
# share bases, and an index, only with files that are put with the same: nobody comes to read a base
# without, or for whom its owner did not mean it.


def protection(attributes: Attributes) -> str:
    """Return a token for encryption, ACL and grants; empty where none was asked for."""
    acl = None if attributes.acl == "private" else attributes.acl
    if attributes.encryption is None and acl is None and not attributes.grants:
        return ""
    encryption = attributes.encryption and asdict(attributes.encryption)
    grants = sorted((grant.permission, grant.grantee) for grant in attributes.grants)
    asked = json.dumps([encryption, acl, grants], sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()[:16]


def protected(ours: Attributes, user: Attributes) -> Attributes:
    """Return attributes of a base or an index with the protection of the user's file."""
    token = protection(user)
    if not token:
        return ours
    return replace(
        ours,
        metadata={**ours.metadata, "dl-protection": token},
        encryption=user.encryption,
        acl=user.acl,
        grants=user.grants,
    )


def base_protection(stored: Attributes) -> str:
    """Return the token of a base that is stored."""
    return stored.metadata.get("dl-protection", "")


def is_archived(attributes: Attributes) -> bool:
    """Say whether an object with these has to be restored before it can be read."""
    return attributes.storage_class in ("GLACIER", "DEEP_ARCHIVE")


# ---- Reading metadata ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Foreign:
    """An object that somebody else stored: its body is the file, nothing proves it."""


@dataclass(frozen=True, slots=True)
class Plain:
    """An object whose body is the file."""

    sha256: str


@dataclass(frozen=True, slots=True)
class Delta:
    """An object whose body is a delta from a base; `sha256` and `size` are the file's."""

    sha256: str
    size: int
    base: str
    base_size: int
    codec: str = VCDIFF


Form = Foreign | Plain | Delta


def form_of(info: ObjectInfo, url: str) -> Form:
    """Tell what a stored object is; `url` names it in messages.

    Raises:
        UnsupportedFormat: a later deltaloft wrote it.
        DamagedObject: its metadata contradicts itself, or some of it is lost.
    """
    metadata = info.attributes.metadata
    version = metadata.get("dl-v")
    if version is None:
        # A copy that drops metadata turns a delta into bytes that are no use to anybody.
        if "dl-base" in metadata or info.attributes.content_encoding in _DELTA_ENCODINGS.values():
            raise DamagedObject(f"{url}: a delta that lost its metadata: dl-v expected")
        return Foreign()
    if version != _VERSION:
        raise UnsupportedFormat(f"{url}: dl-v={_VERSION} expected, found {_quoted(version)}")
    sha256 = _digest(metadata, "dl-sha256", url)
    if "dl-base" not in metadata and "dl-codec" not in metadata:
        if info.attributes.content_encoding in _DELTA_ENCODINGS.values() and "dl-size" in metadata:
            raise DamagedObject(f"{url}: a delta that lost its metadata: dl-base expected")
        return Plain(sha256)
    codec = metadata.get("dl-codec")
    if codec is None:
        raise DamagedObject(f"{url}: a delta that lost its metadata: dl-codec expected")
    if codec not in _DELTA_ENCODINGS:
        known = " or ".join(_DELTA_ENCODINGS)
        raise UnsupportedFormat(f"{url}: dl-codec={known} expected, found {_quoted(codec)}")
    return Delta(
        sha256,
        size=_size(metadata, "dl-size", url),
        base=_digest(metadata, "dl-base", url),
        base_size=_size(metadata, "dl-base-size", url),
        codec=codec,
    )


def check_delta_size(form: Delta, stored_size: int, url: str) -> None:
    """Refuse a body that no encoder makes, before it is read; `url` names it in messages.

    Raises:
        DamagedObject: it is more than instructions for every byte of the file, and headers.
    """
    if stored_size > 2 * form.size + _DELTA_SLACK:
        raise DamagedObject(
            f"{url}: a delta for {form.size} bytes expected, found {stored_size} bytes"
        )


def user_attributes(stored: Attributes) -> Attributes:
    """Return what the user gave, from what is stored."""
    if "dl-v" not in stored.metadata:
        return stored
    metadata = {k: v for k, v in stored.metadata.items() if not k.startswith(_OURS)}
    encoding = stored.content_encoding
    if "dl-base" in stored.metadata:
        encoding = stored.metadata.get("dl-content-encoding")
    return replace(stored, metadata=metadata, content_encoding=encoding)


def base_stem(stored: Attributes) -> str:
    """Return the stem that a base was stored with, empty where there is none that can be one."""
    return _short_text(stored.metadata.get("dl-stem", ""), STEM_SIZE)


def base_sketch(stored: Attributes) -> str:
    """Return the sketch that a base was stored with, empty where there is none that can be one."""
    return _short_text(stored.metadata.get("dl-sketch", ""), SKETCH_SIZE)


def _short_text(value: str, size: int) -> str:
    return value if len(value) <= size and value.isascii() and value.isprintable() else ""


def _digest(metadata: Mapping[str, str], name: str, url: str) -> str:
    value = metadata.get(name, "")
    if not _DIGEST.fullmatch(value):
        raise DamagedObject(f"{url}: {name}: a SHA-256 expected, found {_quoted(value)}")
    return value


def _size(metadata: Mapping[str, str], name: str, url: str) -> int:
    value = metadata.get(name, "")
    if not _DECIMAL.fullmatch(value) or int(value) > _LARGEST_SIZE:
        raise DamagedObject(f"{url}: {name}: a size in bytes expected, found {_quoted(value)}")
    return int(value)


def _quoted(value: str) -> str:
    return repr(value) if len(value) <= 80 else f"{value[:80]!r}…"
