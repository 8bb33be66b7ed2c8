"""Objects as DeltaGlider 6.2.0 left them, in tests/vectors/deltaglider; run to make them again.

    PATH=.venv-deltaglider/bin:$PATH .venv/bin/python tests/deltaglider/make_vectors.py

A vector is a bucket: two files of one kind, uploaded by the tool to moto, and in "dialects" more
deltas of the second one, made by Debian's xdelta3 with other options.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from producers import PRODUCERS, archive

sys.path.insert(0, str(Path(__file__).parents[1]))
from deltaglider_vectors import FOLDER, SIZE, Vector

# By name: who made the files, and their suffix.
_KINDS = {
    "dialects": ("", ".tar"),
    "gzip": ("gzip -9, name and time", ".tar.gz"),
    "tarfile": ("Python tarfile w:gz", ".tar.gz"),
    "members": ("two members", ".tar.gz"),
    "bzip2": ("bzip2 -1", ".tar.bz2"),
    "xz-threads": ("xz -0 -T2", ".tar.xz"),
}
# What else the later delta of "dialects" is made with, by the name of the file.
_DIALECTS = {
    "plain.tar": ("-9", "-S", "none"),
    "no-header.tar": ("-9", "-A="),
    "level-1.tar": ("-1",),
    "no-checksum.tar": ("-9", "-n"),
}


def _main() -> None:
    from moto.server import ThreadedMotoServer

    os.environ |= {"AWS_ACCESS_KEY_ID": "t", "AWS_SECRET_ACCESS_KEY": "t"}
    os.environ |= {"AWS_DEFAULT_REGION": "us-east-1", "DG_SUPPRESS_DEPRECATION": "1", "XDELTA": ""}
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    FOLDER.mkdir(exist_ok=True)
    for name in _KINDS:
        vector = _made(name, f"http://{host}:{port}")
        (FOLDER / f"{name}.json").write_text(json.dumps(asdict(vector), indent=1) + "\n")
        print(name, sum(len(each["body"]) for each in vector.objects.values()))
    server.stop()


def _made(name: str, endpoint: str) -> Vector:
    import boto3

    producer, suffix = _KINDS[name]
    bucket = f"vector-{name}"
    client = boto3.client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket=bucket)
    files = {}
    with tempfile.TemporaryDirectory() as given:
        folder = Path(given)
        for version in (0, 1):
            path = folder / f"app-{version}{suffix}"
            scratch = folder / str(version)
            scratch.mkdir()
            data = archive(version, size=SIZE)
            path.write_bytes(PRODUCERS[producer](data, scratch) if producer else data)
            files[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
            command = [
                "deltaglider",
                "cp",
                str(path),
                f"s3://{bucket}/",
                "--endpoint-url",
                endpoint,
            ]
            subprocess.run(command, check=True, stdout=sys.stderr)
        for other, options in _DIALECTS.items() if name == "dialects" else ():
            source, target = (str(folder / f"app-{version}{suffix}") for version in (0, 1))
            delta = folder / "delta"
            subprocess.run(
                ["xdelta3", "-e", "-f", *options, "-s", source, target, str(delta)], check=True
            )
            metadata = client.head_object(Bucket=bucket, Key="app-1.tar.delta")["Metadata"]
            metadata |= {"dg-original-name": other, "dg-delta-size": str(delta.stat().st_size)}
            key, body = f"{other}.delta", delta.read_bytes()
            client.put_object(Bucket=bucket, Key=key, Body=body, Metadata=metadata)
            files[other] = files["app-1.tar"]
    objects = {}
    for line in client.list_objects_v2(Bucket=bucket)["Contents"]:
        found = client.get_object(Bucket=bucket, Key=line["Key"])
        body = base64.b64encode(found["Body"].read()).decode()
        objects[line["Key"]] = {"metadata": found["Metadata"], "body": body}
    return Vector(objects, files)


if __name__ == "__main__":
    _main()
