"""Write tests/vectors/streams: one text as ten programs deflate it, and the corrections of each.

    python tests/codec/make_stream_vectors.py [FOLDER]

    plain                 what all of them hold
    NAME.deflate          raw deflate, by the program of that name
    NAME.corrections      what makes it of the plain bytes

Needs the packages zopfli, zlib-ng, isal, deflate (libdeflate's) and cramjam from PyPI, and 7zz
(Debian's 7zip). A vector stays as it is once a release has read it; a new case is a new name.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
import zlib
from importlib import import_module
from pathlib import Path

from deflate_inputs import plain_bytes

from deltaloft.native.corrections import correct

VECTORS = Path(__file__).parent.parent / "vectors" / "streams"

PLAIN = plain_bytes("words", 16_000, 5) + plain_bytes("copies", 9_000, 5) + bytes(3000)


def by_object(module: str, plain: bytes, level: int) -> bytes:
    """Deflate by a module with zlib's face."""
    stream = import_module(module).compressobj(level, zlib.DEFLATED, -15)
    return bytes(stream.compress(plain) + stream.flush())


def by_seven_zip(plain: bytes) -> bytes:
    """Deflate by 7-Zip's strongest."""
    with tempfile.TemporaryDirectory() as folder:
        file, archive = Path(folder, "plain"), Path(folder, "made.zip")
        file.write_bytes(plain)
        subprocess.run(["7zz", "a", "-mx=9", archive, file], check=True, capture_output=True)
        entry = zipfile.ZipFile(archive).infolist()[0]
        whole = archive.read_bytes()
        start = 30 + int.from_bytes(whole[26:28], "little") + int.from_bytes(whole[28:30], "little")
        return whole[start : start + entry.compress_size]


def streams(plain: bytes) -> dict[str, bytes]:
    """Return what each program makes of it."""
    made = {f"zlib-ng-{n}": by_object("zlib_ng.zlib_ng", plain, n) for n in (1, 2, 6)}
    made |= {f"isal-{n}": by_object("isal.isal_zlib", plain, n) for n in (0, 2)}
    libdeflate = import_module("deflate").deflate_compress
    made |= {f"libdeflate-{n}": bytes(libdeflate(plain, n)) for n in (1, 6, 12)}
    made["miniz-1"] = bytes(import_module("cramjam").deflate.compress(plain, level=1))
    made["zopfli"] = import_module("zopfli.zlib").compress(plain)[2:-4]
    made["7-zip"] = by_seven_zip(plain)
    return made


def main() -> None:
    """Write what is not there."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else VECTORS
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plain").write_bytes(PLAIN)
    for name, deflated in streams(PLAIN).items():
        assert zlib.decompress(deflated, -15) == PLAIN
        corrections = correct(PLAIN, deflated, most=len(deflated))
        assert corrections is not None, name
        for suffix, content in (("deflate", deflated), ("corrections", corrections)):
            path = folder / f"{name}.{suffix}"
            if not path.exists():
                path.write_bytes(content)


if __name__ == "__main__":
    main()
