"""What a put may be told: try a delta or not, which codec, how hard, and whether to replace."""

from __future__ import annotations

import os
from typing import Literal, TypedDict, cast, get_args

from deltaloft import layout
from deltaloft.bucket import Attributes
from deltaloft.errors import InvalidRequest

__all__ = ["CodecPolicy", "DeltaPolicy", "PutOptions", "check_options", "codec_policy"]

DeltaPolicy = Literal["auto", "always", "never"]

# "vcdiff" keeps deltas that stock tools read; "auto" takes what is smaller.
CodecPolicy = Literal["auto", "vcdiff"]

_POLICIES = get_args(DeltaPolicy)
_CODECS = get_args(CodecPolicy)
_VARIABLE = "DG_CODEC"


class PutOptions(TypedDict, total=False):
    """How a file is stored, wherever it comes from: as `Store.put` takes these four."""

    delta: DeltaPolicy
    codec: CodecPolicy | None
    level: int
    no_clobber: bool


def check_options(delta: str, level: int, attributes: Attributes) -> None:
    """Refuse what `Store.put` cannot be asked for.

    Raises:
        InvalidRequest: no such policy or level, or a delta where none can be read.
    """
    if delta not in _POLICIES:
        raise InvalidRequest(f"delta: one of {', '.join(_POLICIES)} expected, found {delta!r}")
    if not 1 <= level <= 9:
        raise InvalidRequest(f"level: 1 to 9 expected, found {level}")
    if delta == "always" and layout.is_archived(attributes):
        raise InvalidRequest(
            f"delta: auto or never expected with {attributes.storage_class}, where nothing "
            f"can be read before it is restored"
        )


def codec_policy(given: CodecPolicy | None) -> CodecPolicy:
    """Return what was given, or else what the environment says: DG_CODEC, "auto" without it.

    Raises:
        InvalidRequest: that is no policy.
    """
    where, found = "codec", given
    if found is None:
        where, found = _VARIABLE, cast("CodecPolicy", os.environ.get(_VARIABLE, "auto"))
    if found not in _CODECS:
        raise InvalidRequest(f"{where}: one of {', '.join(_CODECS)} expected, found {found!r}")
    return found
