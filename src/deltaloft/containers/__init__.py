"""Files that hold files: where their members lie, and which of them are deflate streams.

    parts_of        bytes → the members of the container that they are, none if they are none
      zip           members that directory and local headers agree on
      gzip          members, inflated to find their ends
      tar           regular files
      ar            files

Pure functions on memory. All of it is a stranger's: what does not make sense is no container, and
nothing is raised. Containers inside members are found by asking again.
"""

from __future__ import annotations

from deltaloft.containers.ar import AR_MAGIC, ar_parts
from deltaloft.containers.gzip import gzip_parts
from deltaloft.containers.part import NotUnderstood, Part
from deltaloft.containers.tar import tar_parts
from deltaloft.containers.zip import zip_parts

__all__ = ["Part", "looks_like_container", "parts_of"]

_GZIP = b"\x1f\x8b\x08"
_TAR, _TAR_AT = b"ustar", 257


def looks_like_container(view: memoryview) -> bool:
    """Say, by its first bytes, whether it is worth asking for parts."""
    head = bytes(view[: _TAR_AT + len(_TAR)])
    return head.startswith((_GZIP, b"PK", AR_MAGIC)) or head[_TAR_AT:] == _TAR


def parts_of(view: memoryview, *, max_size: int) -> list[Part]:
    """Return the members of a container in the order of their bytes; they do not overlap.

    Args:
        view: The container, whole.
        max_size: The most to inflate, in bytes, where members have to be inflated to be found.
    """
    head = bytes(view[: _TAR_AT + len(_TAR)])
    try:
        if head.startswith(_GZIP):
            return gzip_parts(view, max_size=max_size)
        if head[_TAR_AT:] == _TAR:
            return tar_parts(view)
        if head.startswith(AR_MAGIC):
            return ar_parts(view)
        return zip_parts(view)  # it may begin with a program that unpacks it
    except NotUnderstood:
        return []
