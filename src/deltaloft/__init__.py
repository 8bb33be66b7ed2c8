"""Versions of an artifact as small deltas, given back byte for byte.

    Store                   files in S3 or a folder, each kept as a delta where that is smaller
    client, Client          boto3's S3 client with a store behind it
    diagnose                what an endpoint can do

    encode, decode          source, target -> delta, and back: VCDIFF (RFC 3284), in memory
    encode_file             the same window by window, into files; decode_file
    decode_range            a slice of a target
    merge, merge_file       two deltas in a row become one
    inspect                 what a delta says of itself
    Source                  a source that many targets are made from, indexed once

    DeltaloftError          the root of all exceptions; `help(deltaloft.errors)` draws the tree

A `pathlib.Path` is a file, a `str` never is where bytes could be meant. Any number of threads may
call what stands here, and share a Store, a Client and a Source.

    >>> delta = deltaloft.encode(old, new)
    >>> deltaloft.decode(old, delta) == new
    True

Names are imported when first asked for, so that `import deltaloft` costs next to nothing and the
codec never pays for boto3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from deltaloft.lazily import imported

if TYPE_CHECKING:
    from deltaloft.bucket import Acl, Attributes, Encryption, Grant, Lock
    from deltaloft.codec import decode, decode_file, encode, encode_file
    from deltaloft.delta_range import decode_range
    from deltaloft.doctor import Report, diagnose
    from deltaloft.errors import (
        AccessDenied,
        AlreadyExists,
        BucketNotFound,
        ClockSkewed,
        ContentOnly,
        DamagedObject,
        DeltaError,
        DeltaloftError,
        InputChanged,
        IntegrityError,
        InvalidRequest,
        MalformedDelta,
        NotFound,
        ObjectArchived,
        PreconditionFailed,
        StorageError,
        TargetTooLarge,
        Throttled,
        Unreachable,
        Unsupported,
        UnsupportedDelta,
        UnsupportedFormat,
        WrongSource,
    )
    from deltaloft.findings import Finding
    from deltaloft.inspecting import inspect
    from deltaloft.inspection import (
        Inspection,
        StreamInspection,
        UnpackInspection,
        WindowInspection,
    )
    from deltaloft.merging import merge, merge_file
    from deltaloft.s3_client import Client, Purged, client
    from deltaloft.source import Source
    from deltaloft.store import (
        Alternative,
        CatalogResult,
        CopyResult,
        Entry,
        Explanation,
        GcResult,
        GetResult,
        PutResult,
        Spent,
        Stat,
        Store,
        UnusedBase,
        Verified,
    )

__all__ = [
    "AccessDenied",
    "Acl",
    "AlreadyExists",
    "Alternative",
    "Attributes",
    "BucketNotFound",
    "CatalogResult",
    "Client",
    "ClockSkewed",
    "ContentOnly",
    "CopyResult",
    "DamagedObject",
    "DeltaError",
    "DeltaloftError",
    "Encryption",
    "Entry",
    "Explanation",
    "Finding",
    "GcResult",
    "GetResult",
    "Grant",
    "InputChanged",
    "Inspection",
    "IntegrityError",
    "InvalidRequest",
    "Lock",
    "MalformedDelta",
    "NotFound",
    "ObjectArchived",
    "PreconditionFailed",
    "Purged",
    "PutResult",
    "Report",
    "Source",
    "Spent",
    "Stat",
    "StorageError",
    "Store",
    "StreamInspection",
    "TargetTooLarge",
    "Throttled",
    "UnpackInspection",
    "Unreachable",
    "Unsupported",
    "UnsupportedDelta",
    "UnsupportedFormat",
    "UnusedBase",
    "Verified",
    "WindowInspection",
    "WrongSource",
    "client",
    "decode",
    "decode_file",
    "decode_range",
    "diagnose",
    "encode",
    "encode_file",
    "inspect",
    "merge",
    "merge_file",
]

# Where a name lives, unless it is an error.
_HOMES = {
    "Acl": "bucket",
    "Alternative": "store",
    "Attributes": "bucket",
    "CatalogResult": "store",
    "Client": "s3_client",
    "CopyResult": "store",
    "Encryption": "bucket",
    "Entry": "store",
    "Explanation": "store",
    "Finding": "findings",
    "GcResult": "store",
    "GetResult": "store",
    "Grant": "bucket",
    "Inspection": "inspection",
    "Lock": "bucket",
    "Purged": "s3_client",
    "PutResult": "store",
    "Report": "doctor",
    "Source": "source",
    "Spent": "store",
    "Stat": "store",
    "Store": "store",
    "StreamInspection": "inspection",
    "UnpackInspection": "inspection",
    "UnusedBase": "store",
    "Verified": "store",
    "WindowInspection": "inspection",
    "client": "s3_client",
    "decode": "codec",
    "decode_file": "codec",
    "decode_range": "delta_range",
    "diagnose": "doctor",
    "encode": "codec",
    "encode_file": "codec",
    "inspect": "inspecting",
    "merge": "merging",
    "merge_file": "merging",
}

__getattr__ = imported(
    __name__, {name: f"deltaloft.{_HOMES.get(name, 'errors')}" for name in __all__}
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
