"""What every bucket checks of a request before anything happens, so that all refuse alike.

Metadata and headers travel through HTTP on the way to S3: what HTTP would change or cannot carry
(a line break, a blank at an end, anything beyond ASCII) is refused, in a folder too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import BinaryIO, cast

from deltaloft.bucket import Attributes, Encryption, Grant, Lock
from deltaloft.buffers import Buffer
from deltaloft.errors import InvalidRequest

__all__ = [
    "check_acl",
    "check_attributes",
    "check_conditions",
    "check_copy",
    "check_key",
    "check_range",
    "check_tags",
    "encode_text",
    "object_url",
    "view_of",
]

_KEY_SIZE = 1024
_METADATA_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
_HEADER_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?", re.ASCII)
_EXPECTED = "printable ASCII without blanks at its ends expected"

# S3's limits, in characters.
_TAGS = 10
_TAG_NAME_SIZE = 128
_TAG_VALUE_SIZE = 256
_TAG_TEXT = re.compile(r"[\w \t+\-=.:/@]*")

_ENCRYPTIONS = ("AES256", "aws:kms", "aws:kms:dsse")
_PERMISSIONS = ("FULL_CONTROL", "READ", "READ_ACP", "WRITE_ACP")
_LOCK_MODES = ("GOVERNANCE", "COMPLIANCE")
_GRANTEE = re.compile(r"(?:id|uri|emailAddress)=[!#-+\--~][ !#-+\--~]*", re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


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
    expires = attributes.expires
    if expires is not None and (expires.tzinfo is None or expires.microsecond):
        raise InvalidRequest(f"{where}: expires: a time zone and whole seconds expected")
    if attributes.tags is not None:
        check_tags(where, attributes.tags)
    if attributes.storage_class is not None and not _WORD.fullmatch(attributes.storage_class):
        raise InvalidRequest(f"{where}: storage_class: a word like STANDARD_IA expected")
    if attributes.encryption is not None:
        _check_encryption(where, attributes.encryption)
    if attributes.acl is not None or attributes.grants:
        check_acl(where, attributes.acl, attributes.grants)
    if attributes.lock is not None:
        _check_lock(where, attributes.lock)


def check_tags(where: str, tags: Mapping[str, str]) -> None:
    """Refuse tags that S3 does not take.

    Raises:
        InvalidRequest: more than ten, too long, or characters that tags cannot have.
    """
    if len(tags) > _TAGS:
        raise InvalidRequest(f"{where}: at most {_TAGS} tags expected, found {len(tags)}")
    for name, value in tags.items():
        if not 1 <= len(name) <= _TAG_NAME_SIZE or len(value) > _TAG_VALUE_SIZE:
            raise InvalidRequest(
                f"{where}: tag {name[:_TAG_NAME_SIZE]!r}: a name of 1 to {_TAG_NAME_SIZE} and a "
                f"value of at most {_TAG_VALUE_SIZE} characters expected"
            )
        if not (_TAG_TEXT.fullmatch(name) and _TAG_TEXT.fullmatch(value)):
            raise InvalidRequest(
                f"{where}: tag {name!r}: letters, digits, blanks and + - = . _ : / @ expected"
            )
        if name.lower().startswith("aws:"):
            raise InvalidRequest(f"{where}: tag {name!r}: names with aws: are reserved")


def check_acl(where: str, acl: str | None, grants: Sequence[Grant]) -> None:
    """Refuse what is no ACL.

    Raises:
        InvalidRequest: not either a canned one or grants, or words that S3 does not know.
    """
    if (acl is None) == (not grants):
        raise InvalidRequest(f"{where}: either a canned acl or grants expected")
    if acl is not None and not _WORD.fullmatch(acl):
        raise InvalidRequest(f"{where}: acl: a word like private or public-read expected")
    for grant in grants:
        _one_of(where, "permission", grant.permission, _PERMISSIONS)
        if not _GRANTEE.fullmatch(grant.grantee):
            raise InvalidRequest(f"{where}: a grantee like id=…, uri=… or emailAddress=… expected")


def check_copy(where: str, source_key: str, target_key: str, attributes: object) -> None:
    """Refuse a copy that would change nothing; `where` is the target.

    Raises:
        InvalidRequest: an object would be copied onto itself, without new attributes.
    """
    if source_key == target_key and attributes is None:
        raise InvalidRequest(f"{where}: another target than the source, or attributes, expected")


def _check_encryption(where: str, encryption: Encryption) -> None:
    _one_of(where, "encryption", encryption.method, _ENCRYPTIONS)
    key_id = encryption.key_id
    if encryption.method == "AES256" and (key_id is not None or encryption.bucket_key is not None):
        raise InvalidRequest(f"{where}: encryption: AES256 takes no key_id and no bucket_key")
    if key_id is not None and not _HEADER_VALUE.fullmatch(key_id):
        raise InvalidRequest(f"{where}: encryption: key_id: {_EXPECTED}")


def _check_lock(where: str, lock: Lock) -> None:
    if (lock.mode is None) != (lock.until is None):
        raise InvalidRequest(f"{where}: lock: both mode and until expected, or none of them")
    if lock.mode is not None:
        _one_of(where, "lock", lock.mode, _LOCK_MODES)
    if lock.until is not None and lock.until.tzinfo is None:
        raise InvalidRequest(f"{where}: lock: a time with a time zone expected")


def _one_of(where: str, name: str, value: str, words: Iterable[str]) -> None:
    if value not in words:
        raise InvalidRequest(
            f"{where}: {name}: one of {', '.join(words)} expected, found {value!r}"
        )


def view_of(body: Buffer | BinaryIO) -> memoryview | None:
    """Return the bytes of a buffer, or None if the body is a file object.

    An mmap is both; it is taken for a buffer, whole, whatever its position.
    """
    try:
        return memoryview(cast(Buffer, body)).cast("B")
    except TypeError:
        return None
