"""What it costs to put and get one large plain object, beside boto3's own managed transfers.

    python benchmarks/transfers.py --endpoint-url http://127.0.0.1:7480 --mebibytes 1024

Each transfer runs in a process of its own; CPU seconds are those of the transfer alone, memory is
the largest RssAnon seen. `download + digest` is boto3's download_file, then SHA-256: as `get`.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

WORK = """
import hashlib, sys, threading, time
from pathlib import Path
from deltaloft.s3_bucket import S3Bucket
from deltaloft.store import Store

verb, name, endpoint, file = sys.argv[1:]
bucket = S3Bucket(name, endpoint_url=endpoint)
bucket.create()  # connect, and import what is imported on first use
client, sent, most = bucket.client, [], 0
client.meta.events.register("before-send.s3", lambda **_: sent.append(1))

def anonymous():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1])

def watch():
    global most
    while True:
        most = max(most, anonymous())
        time.sleep(0.01)

threading.Thread(target=watch, daemon=True).start()
before = time.process_time()
match verb:
    case "put":
        Store(bucket).put(Path(file), "key", delta="never")
    case "get":
        Store(bucket).get("key", Path(file))
    case "upload_file":
        client.upload_file(file, name, "key")
    case "download_file" | "download + digest":
        client.download_file(name, "key", file)
if verb == "download + digest":
    with open(file, "rb") as opened:
        hashlib.file_digest(opened, "sha256")
cpu = time.process_time() - before
print(f"| {verb} | {cpu:.2f} | {len(sent)} | {most >> 10} |")
"""


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint-url", required=True)
    parser.add_argument("--mebibytes", type=int, default=80)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    name = f"bench-{uuid.uuid4().hex[:12]}"
    print("| | CPU s | requests | memory, MB |\n| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "source"), Path(folder, "target")
        with source.open("wb") as file:
            for number in range(given.mebibytes):
                file.write(random.Random(number).randbytes(1 << 20))

        def run(verb: str, file: Path) -> None:
            command = [sys.executable, "-c", WORK, verb, name, given.endpoint_url, str(file)]
            subprocess.run(command, check=True)

        for _ in range(given.rounds):
            run("upload_file", source)
            run("put", source)
            run("download_file", target)
            run("download + digest", target)
            run("get", target)
    from deltaloft.s3_bucket import S3Bucket

    bucket = S3Bucket(name, endpoint_url=given.endpoint_url)
    bucket.delete("key")
    bucket.client.delete_bucket(Bucket=name)


if __name__ == "__main__":
    main()
