"""Put upstream xdelta3's sources into source/, beside this file.

The archive that requirements.txt names comes through pip, by name and SHA-256; the SHA-256 is
checked here once more, and only the C files of its xdelta3/lib/ are unpacked. Nothing is changed in
them. Does nothing when the sources are there already.

usage: python fetch.py
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "source"
PIN = HERE / "requirements.txt"


def pinned_sha256() -> str:
    """Read the SHA-256 of the one archive that requirements.txt allows."""
    (sha256,) = re.findall(r"--hash=sha256:([0-9a-f]{64})$", PIN.read_text(), re.MULTILINE)
    return sha256


def download(folder: Path) -> Path:
    """Let pip fetch the archive into `folder`, and check that it is the pinned one.

    pip compares the SHA-256 before it opens the archive; after that it asks the archive's setup.py
    for its metadata, which cannot be turned off.
    """
    # -I: inside pip's isolated build PYTHONPATH hides pip itself.
    words = "-I -m pip --disable-pip-version-check download --quiet --no-deps --no-binary :all:"
    words += " --require-hashes"
    subprocess.run([sys.executable, *words.split(), "-r", PIN, "-d", folder], check=True)
    (archive,) = folder.iterdir()
    read = hashlib.sha256(archive.read_bytes()).hexdigest()
    if read != pinned_sha256():
        raise SystemExit(f"{archive.name}: sha256 {pinned_sha256()} expected, {read} read")
    return archive


def unpack(archive: Path, folder: Path) -> None:
    """Write the C files of the archive's xdelta3/lib/ into `folder`."""
    with tarfile.open(archive) as tar:
        for member in tar:
            path = PurePosixPath(member.name)
            if path.parent.parts[1:] == ("xdelta3", "lib") and path.suffix in {".c", ".h"}:
                content = tar.extractfile(member)
                if content is not None:
                    (folder / path.name).write_bytes(content.read())


def main() -> None:
    """Fetch, unless the sources are there; they appear all at once or not at all."""
    if (SOURCE / "xdelta3.c").exists():
        return
    with tempfile.TemporaryDirectory(dir=HERE, prefix="source.") as name:
        downloads, sources = Path(name, "downloads"), Path(name, "sources")
        downloads.mkdir()
        sources.mkdir()
        unpack(download(downloads), sources)
        try:
            sources.rename(SOURCE)
        except OSError:
            # Two builds at once: the other one was first.
            if not (SOURCE / "xdelta3.c").exists():
                raise


if __name__ == "__main__":
    os.environ.pop("PIP_REQUIRE_VIRTUALENV", None)  # nothing is installed
    try:
        main()
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"pip could not fetch it (exit code {error.returncode})") from None
