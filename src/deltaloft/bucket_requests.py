"""What every bucket checks of a request before anything happens, so that all refuse alike.

Metadata and headers travel through HTTP on the way to S3: what HTTP would change or cannot carry
(a line break, a blank at an end, anything beyond ASCII) is refused, in a folder too.
"""

from __future__ import annotations

import re
from dataclasses import fields
from typing import BinaryIO, cast

from deltaloft.bucket import Attributes
from deltaloft.buffers import Buffer
from deltaloft.errors import InvalidRequest

__all__ = [
    "check_attributes",
    "check_conditions",
    "check_key",
    "check_range",
    "encode_text",
    "object_url",
    "view_of",
]

_KEY_SIZE = 1024
_METADATA_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
_HEADER_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?", re.ASCII)
_EXPECTED = "printable ASCII without blanks at its ends expected"


def object_url(bucket_url: str, key: str) -> str:
    """Name an object for a message, on one line whatever the key holds."""
    shown = "".join(
        each if each.isprintable() else each.encode("unicode_escape", "surrogatepass").decode()
        for each in key
    )
    return f"{bucket_url}/{shown}"


def check_key(bucket_url: str, key: str, *, prefix: str = "") -> bytes:
    """Return `prefix` and `key` as the UTF-8 that is stored.

    Raises:
        InvalidRequest: no key at all, more than 1,024 bytes, or no UTF-8.
    """
    if not key:
        raise InvalidRequest(f"{bucket_url}: a key expected, found an empty one")
    encoded = encode_text(bucket_url, prefix + key)
    if len(encoded) > _KEY_SIZE:
        raise InvalidRequest(
            f"{object_url(bucket_url, key)}: a key of at most {_KEY_SIZE} bytes expected, "
            f"found {len(encoded)}"
        )
    return encoded


def encode_text(bucket_url: str, text: str) -> bytes:
    """Return a key, or the beginning of one, as UTF-8.

    Raises:
        InvalidRequest: it holds half of a surrogate pair, as file names that are no UTF-8 do.
    """
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidRequest(
            f"{object_url(bucket_url, text)}: a key in UTF-8 expected, found bytes that are none"
        ) from error


def check_range(where: str, start: int, size: int | None) -> None:
    """Refuse a range that no object can have.

    Raises:
        InvalidRequest: it begins before the object, or holds nothing.
    """
    if start < 0:
        raise InvalidRequest(f"{where}: a range from 0 or later expected, found {start}")
    if size is not None and size < 1:
        raise InvalidRequest(f"{where}: a range of at least 1 byte expected, found {size}")


def check_conditions(where: str, if_match: str | None, no_clobber: bool) -> None:
    """Refuse conditions that contradict each other.

    Raises:
        InvalidRequest: the object should both be there and not be there.
    """
    if no_clobber and if_match is not None:
        raise InvalidRequest(f"{where}: one of if_match and no_clobber expected, found both")


def check_attributes(where: str, attributes: Attributes) -> None:
    """Refuse what would not come back from HTTP as it was sent.

    Raises:
        InvalidRequest: a name or value is not what `Attributes` promises.
    """
    for name, value in attributes.metadata.items():
        if not _METADATA_NAME.fullmatch(name):
            raise InvalidRequest(f"{where}: a lower-case metadata name expected, found {name!r}")
        if value and not _HEADER_VALUE.fullmatch(value):
            raise InvalidRequest(f"{where}: metadata {name}: {_EXPECTED}")
    for each in fields(attributes):
        header = getattr(attributes, each.name)
        if isinstance(header, str) and not _HEADER_VALUE.fullmatch(header):
            raise InvalidRequest(f"{where}: {each.name}: {_EXPECTED}")


def view_of(body: Buffer | BinaryIO) -> memoryview | None:
    """Return the bytes of a buffer, or None if the body is a file object.

    An mmap is both; it is taken for a buffer, whole, whatever its position.
    """
    try:
        return memoryview(cast(Buffer, body)).cast("B")
    except TypeError:
        return None
