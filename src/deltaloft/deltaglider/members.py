"""Files of several members, one after the other, as `cat a.gz b.gz` makes them.

    reference   member │ member
    target      member │ member │ another       their content begins alike

The content of a target does not tell where one member ended. But a file that was appended to since
begins with what the reference is, members and all, and only what follows has to be made again.
"""

from __future__ import annotations

from deltaloft.deltaglider.inflating import Kind, inflating
from deltaloft.errors import DamagedObject

__all__ = ["shared_members"]


def shared_members(kind: Kind, reference: memoryview, content: memoryview) -> tuple[int, int]:
    """Return where the last member of `reference` ends that `content` holds, too, in both.

    It reads no further than they agree. There is none in what is not of this kind.
    """
    found = 0, 0
    place = 0
    try:
        for piece, end in inflating(reference, kind):
            if content[place : place + len(piece)] != piece:
                break
            place += len(piece)
            if end is not None:
                found = end, place
    except DamagedObject:
        pass
    return found
