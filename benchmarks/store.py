"""Compare the store with DeltaGlider and plain boto3: CPU, memory, requests and bytes.

    python benchmarks/store.py OLD NEW [--endpoint-url URL] [--deltaglider PROGRAM] [--runs 3]

OLD and NEW are two versions of a file. Each tool gets a bucket of its own: it puts OLD, puts NEW
and gets NEW back, each in a process of its own, by turns with the others. "cold" is the first put,
"warm" are the others: what a tool keeps on this machine is kept, as far as it keeps anything. A get
is compared with NEW. Without an endpoint a moto server in this process serves; its CPU does not
count.

For scale: reading and hashing the file once, as `sha256sum` does.
"""

from __future__ import annotations

import argparse
import filecmp
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path

from deltaloft.testing import FaultyS3

MEASURE = Path(__file__).with_name("measure.py")
BOTO3 = """
import boto3, hashlib, sys
verb, file, bucket, key = sys.argv[1:]
client = boto3.client("s3")
if verb == "put":
    client.upload_file(file, bucket, key)
else:
    client.download_file(bucket, key, file)
    hashlib.file_digest(open(file, "rb"), "sha256")
"""
COLUMNS = ("CPU s", "x sha256sum", "wall s", "memory MB", "requests", "sent MB", "received MB")


def commands(deltaglider: str | None) -> dict[str, dict[str, list[str]]]:
    """Return how each tool puts and gets; FILE, BUCKET and KEY are filled in."""
    dg = str(Path(sys.executable).with_name("dg"))
    tools = {
        "deltaloft": {
            "put": [dg, "put", "-q", "FILE", "s3://BUCKET/KEY"],
            "get": [dg, "get", "-q", "s3://BUCKET/KEY", "FILE"],
        },
        "boto3": {
            "put": [sys.executable, "-c", BOTO3, "put", "FILE", "BUCKET", "KEY"],
            "get": [sys.executable, "-c", BOTO3, "get", "FILE", "BUCKET", "KEY"],
        },
    }
    if deltaglider:
        tools["DeltaGlider"] = {
            "put": [deltaglider, "cp", "--quiet", "FILE", "s3://BUCKET/KEY"],
            "get": [deltaglider, "cp", "--quiet", "s3://BUCKET/KEY", "FILE"],
        }
    return tools


def measured(words: list[str], environment: dict[str, str]) -> tuple[float, float, float]:
    """Run a command; return its CPU and wall seconds, and its peak memory in MB."""
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, str(MEASURE), "command", *words],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    )
    wall = time.perf_counter() - begun
    numbers = json.loads(done.stdout)
    return numbers["cpu_seconds"], wall, numbers["memory"] / 1e6


def one_round(
    tools: dict[str, dict[str, list[str]]], old: Path, new: Path, upstream: str, folder: Path
) -> dict[tuple[str, str], list[float]]:
    """Let each tool do everything once; return the columns but for the second."""
    found: dict[tuple[str, str], list[float]] = {}
    kept: dict[str, int] = {}
    with FaultyS3(upstream) as server:
        environment = {**os.environ, **server.environment}
        for name, value in server.environment.items():
            os.environ.setdefault(name, value)
        environment["XDG_CACHE_HOME"] = str(folder / "cache")
        import boto3

        client = boto3.client("s3", endpoint_url=upstream)
        buckets = {tool: f"benchmark-{uuid.uuid4().hex[:12]}" for tool in tools}
        for bucket in buckets.values():
            client.create_bucket(Bucket=bucket)
        for step, verb, file in (
            ("put, cold", "put", old),
            ("put, warm", "put", new),
            ("get, warm", "get", new),
        ):
            for tool, words in tools.items():
                target = file if verb == "put" else folder / file.name
                fill = {"FILE": str(target), "BUCKET": buckets[tool]}
                parts = []
                for word in words[verb]:
                    text = word.replace("KEY", f"releases/{file.name}")
                    for name, value in fill.items():
                        text = text.replace(name, value)
                    parts.append(text)
                before = len(server.seen)
                numbers = measured(parts, environment)
                seen = server.seen[before:]
                if verb == "get":
                    if not filecmp.cmp(target, new, shallow=False):
                        raise SystemExit(f"{tool}: another file came back")
                    target.unlink()
                found[tool, step] = [
                    *numbers,
                    len(seen),
                    sum(each.received for each in seen) / 1e6,
                    sum(each.sent for each in seen) / 1e6,
                ]
        for tool, bucket in buckets.items():
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
            items = [item for page in pages for item in page.get("Contents", [])]
            kept[tool] = sum(item["Size"] for item in items)
            for item in items:
                client.delete_object(Bucket=bucket, Key=item["Key"])
            client.delete_bucket(Bucket=bucket)
    for tool, size in kept.items():
        found[tool, "stored MB"] = [size / 1e6]
    return found


def main() -> None:
    """Measure and print Markdown; a JSON file with all runs goes beside it if asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--endpoint-url")
    parser.add_argument("--deltaglider", help="the program, for comparison")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    tools = commands(given.deltaglider)
    runs: defaultdict[tuple[str, str], list[list[float]]] = defaultdict(list)
    floor = []
    with ExitStack() as stack:
        upstream = given.endpoint_url
        if upstream is None:
            from moto.server import ThreadedMotoServer

            server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
            server.start()
            stack.callback(server.stop)
            upstream = "http://{}:{}".format(*server.get_host_and_port())
        for _ in range(given.runs):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            floor.append(measured(["sha256sum", str(given.new)], dict(os.environ))[0])
            for what, numbers in one_round(tools, given.old, given.new, upstream, folder).items():
                runs[what].append(numbers)
    medians = {
        what: list(map(statistics.median, zip(*all_, strict=True))) for what, all_ in runs.items()
    }
    least = statistics.median(floor)
    print(f"`sha256sum`: {least:.2f} s CPU; files of {given.new.stat().st_size / 1e6:.1f} MB\n")
    print(f"| step | tool | {' | '.join(COLUMNS)} |\n|---|---|{'--:|' * len(COLUMNS)}")
    for step in ("put, cold", "put, warm", "get, warm"):
        for tool in tools:
            cpu, wall, memory, requests, sent, received = medians[tool, step]
            print(
                f"| {step} | {tool} | {cpu:.2f} | {cpu / least:.1f} | {wall:.2f} | {memory:.0f} "
                f"| {requests:.0f} | {sent:.2f} | {received:.2f} |"
            )
    print()
    for tool in tools:
        print(f"{tool} stored {medians[tool, 'stored MB'][0]:.2f} MB")
    if given.json:
        named = {f"{tool}: {step}": numbers for (tool, step), numbers in runs.items()}
        given.json.write_text(json.dumps({"columns": COLUMNS, "sha256sum": floor, **named}))


if __name__ == "__main__":
    main()
