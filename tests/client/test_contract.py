"""boto3's client and ours, asked the same on the same server, answer alike.

What differs is in the table of docs/client.md, and nowhere else: a row for what may differ, by the
method, the place in the answer, and the server. A row that nothing needs is a failure, too.
"""

from __future__ import annotations

import re
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import boto3
import contract_script
import pytest
from botocore.config import Config

from deltaloft import Client
from deltaloft.base_cache import BaseCache

PAGE = Path(__file__).parents[2] / "docs" / "client.md"
ABSENT = "absent"
CONFIG = Config(
    request_checksum_calculation="when_required", response_checksum_validation="when_required"
)


@dataclass(frozen=True)
class Difference:
    """A row of the table; patterns are those of file names."""

    method: str
    place: str
    servers: str

    def covers(self, method: str, place: str) -> bool:
        """Say whether this allows a difference."""
        return fnmatchcase(method, self.method) and fnmatchcase(place, self.place)


def differences(server: str) -> list[Difference]:
    """Return the rows of the table that concern a server."""
    table = PAGE.read_text().partition("## What differs")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([^`|]+)` \| `([^`|]+)` \| ([^|]+) \|", table, re.MULTILINE)
    found = [Difference(method, place, servers.strip()) for method, place, servers in rows]
    return [row for row in found if row.servers in ("all", server, server.rstrip("0123456789"))]


def server_at(endpoint: str) -> str:
    """Name the server as the table does; Ceph says which it is since its 19th version."""
    with urllib.request.urlopen(endpoint) as answer:
        named = answer.headers.get("Server", "")
    if "Werkzeug" in named:
        return "moto"
    release = re.search(r"\((\w+)\)", named)
    server = {"": "rgw16", "tentacle": "rgw20"}.get(release[1] if release else "")
    if server is None:
        pytest.skip(f"the table says nothing of {named}")
    return server


def compared(theirs: Any, ours: Any, place: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield where two answers differ."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for name in sorted({*theirs, *ours}, key=str):
            inner = f"{place}/{name}" if place else str(name)
            yield from compared(theirs.get(name, ABSENT), ours.get(name, ABSENT), inner)
    elif theirs != ours:
        yield place, theirs, ours


@pytest.fixture
def names(http_endpoint: str) -> Iterator[Callable[[], str]]:
    """Name buckets, and remove them with all that is in them."""
    made: list[str] = []

    def name() -> str:
        made.append(f"test-{uuid.uuid4().hex[:16]}")
        return made[-1]

    yield name
    client = boto3.client("s3", endpoint_url=http_endpoint, config=CONFIG)
    for bucket in made:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for each in page.get("Contents", []):
                client.delete_object(Bucket=bucket, Key=each["Key"])
        client.delete_bucket(Bucket=bucket)


def test_answers_are_boto3s(
    http_endpoint: str,
    names: Callable[[], str],
    fresh_cache: Callable[[], BaseCache],
    tmp_path: Path,
) -> None:
    """Of some three hundred calls every field is boto3's, but for those in the table."""
    plain = boto3.client("s3", endpoint_url=http_endpoint, config=CONFIG)
    wrapped = boto3.client("s3", endpoint_url=http_endpoint, config=CONFIG)
    folders = tmp_path / "theirs", tmp_path / "ours"
    for folder in folders:
        folder.mkdir()
    expected = contract_script.run(plain, names(), names(), folders[0])
    with Client(wrapped, cache=fresh_cache()) as client:
        actual = contract_script.run(client, names(), names(), folders[1])
    allowed = differences(server_at(http_endpoint))
    unused = set(allowed)
    surprises = []
    assert 250 <= len(expected) == len(actual)
    for number, ((method, theirs), (_, ours)) in enumerate(zip(expected, actual, strict=True)):
        for place, their, our in compared(theirs, ours):
            rows = [row for row in allowed if row.covers(method, place)]
            unused -= set(rows)
            if not rows:
                seen = f"{str(their)[:90]} expected, found {str(our)[:90]}"
                surprises.append(f"{number} {method} {place}: {seen}")
    if surprises:
        pytest.fail("\n".join(surprises), pytrace=False)
    assert set() == unused
