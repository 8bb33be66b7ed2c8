"""An S3 that fails as it is told, to test against.

FaultyS3 stands between a client and a real S3 endpoint and passes requests on, but for the faults
that were injected; it remembers what it saw. pytest finds the fixtures `faulty_s3`, `watched_s3`
and `s3_upstream` by itself once deltaloft is installed. docs/testing.md shows how to use them.

    exchange    a request, its answer, and what a fault is: a function of one that makes the other
    faults      the line breaks, the endpoint refuses, or what it says is not so
    listings    listings that lie
    rules       which requests a fault waits for
    proxy       FaultyS3
    upstream    moto in this process
    plugin      the fixtures
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deltaloft.testing.exchange import Answer, ConnectionLost, Exchange, Fault, Forward, Request
    from deltaloft.testing.faults import (
        ChecksumsRefused,
        ConditionsIgnored,
        Cut,
        Delay,
        ErrorAnswer,
        FlippedBit,
        LostAnswer,
        LostRequest,
        NoLength,
        Stall,
        WholeForRange,
        WrongLength,
        WrongRange,
    )
    from deltaloft.testing.listings import ShortPages, StaleListing
    from deltaloft.testing.proxy import FaultyS3
    from deltaloft.testing.rules import Match, Rule
    from deltaloft.testing.upstream import moto

__all__ = [
    "Answer",
    "ChecksumsRefused",
    "ConditionsIgnored",
    "ConnectionLost",
    "Cut",
    "Delay",
    "ErrorAnswer",
    "Exchange",
    "Fault",
    "FaultyS3",
    "FlippedBit",
    "Forward",
    "LostAnswer",
    "LostRequest",
    "Match",
    "NoLength",
    "Request",
    "Rule",
    "ShortPages",
    "StaleListing",
    "Stall",
    "WholeForRange",
    "WrongLength",
    "WrongRange",
    "moto",
]

# Where a name lives, unless it is a fault. pytest imports this package wherever deltaloft is
# installed, so nothing is imported that is not asked for.
_HOMES = {
    "Answer": "exchange",
    "ConnectionLost": "exchange",
    "Exchange": "exchange",
    "Fault": "exchange",
    "FaultyS3": "proxy",
    "Forward": "exchange",
    "Match": "rules",
    "Request": "exchange",
    "Rule": "rules",
    "ShortPages": "listings",
    "StaleListing": "listings",
    "moto": "upstream",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'deltaloft.testing' has no attribute {name!r}")
    home = importlib.import_module(f"deltaloft.testing.{_HOMES.get(name, 'faults')}")
    value = globals()[name] = getattr(home, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
