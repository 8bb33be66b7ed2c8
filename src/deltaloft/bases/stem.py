"""Names without their versions, so that releases of one thing share them.

botocore-1.44.0-py3-none-any.whl          botocore--py3-none-any.whl
releases/v2.1.0-rc.1/app_2.1.0-rc.1.zip   releases//app_.zip
"""

from __future__ import annotations

import re
from urllib.parse import quote

from deltaloft import layout

__all__ = ["stem"]

_WORD = r"(?:(?:a|b|c|r|p|v)\d+|(?:rc|alpha|beta|pre|dev|post|final|snapshot|build|git)\d*)"
_NUMBER = rf"(?:v?\d+{_WORD}*|\d{{8}}t\d+z?|(?=[a-f]*\d)[0-9a-f]{{7,64}})"
_VERSION_RUN = re.compile(
    rf"(?<![^\W_]){_NUMBER}(?:[-._+~](?:{_NUMBER}|{_WORD})(?![^\W_]))*(?![^\W_])",
    re.IGNORECASE | re.ASCII,
)


def stem(key: str) -> str:
    """Return the key without its version numbers, percent-encoded, the last 64 characters of it.

    A version is a run of numbers (`1.44.0`, `v2`, `2.0rc1`, `20240131`), words such as `rc`, `dev`
    or `SNAPSHOT` that follow one, and hashes of seven or more digits. A number behind a letter, as
    in `py3` or `x86`, belongs to the name.
    """
    return quote(_VERSION_RUN.sub("", key), safe="/+ ~")[-layout.STEM_SIZE :].strip()
