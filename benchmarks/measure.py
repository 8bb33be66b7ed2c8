"""Measure one call of an engine, in a process of its own.

    python measure.py encode MODULE LEVEL SOURCE TARGET DELTA   makes DELTA
    python measure.py decode MODULE LEVEL SOURCE TARGET DELTA   checks that DELTA gives TARGET
    python measure.py command WORD...                           runs a command

codec.py runs it; CPU seconds (user and system, all threads) and peak memory in bytes go to stdout
as JSON.

Of an in-process engine the call alone is measured: the interpreter has started, the engine is
imported and has encoded and decoded 4 KiB, the inputs are mapped and every page of them has been
touched. Linux keeps the largest resident size a process ever had (VmHWM) and forgets it when asked
(clear_refs): it is set back before the call, and what it grew by without the bytes the call
returned is the peak memory beyond input and output. The kernel's counters may be off by 64 pages.
Elsewhere than on Linux it is null.

Of a command the whole process is measured, its inputs included as far as it reads them into memory
(getrusage). A process inherits the peak of the one that started it, which is why this small one
does: less than its own 14 MiB cannot be told.
"""

from __future__ import annotations

import importlib
import json
import mmap
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

STATUS = Path("/proc/self/status")
CLEAR_REFS = Path("/proc/self/clear_refs")
MIB = 1 << 20
WARM_UP = bytes(range(256)) * 16


def mapped(path: str) -> memoryview:
    """Map a file and touch each of its pages."""
    with Path(path).open("rb") as file:
        if file.seek(0, 2) == 0:
            return memoryview(b"")
        view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    sum(view[:: mmap.PAGESIZE])
    return view


def resident(field: str) -> int:
    """Read one of the kernel's counters of this process, in bytes."""
    (line,) = (line for line in STATUS.read_text().splitlines() if line.startswith(field + ":"))
    return int(line.split()[1]) * 1024


def measured(work: Callable[[], bytes]) -> tuple[bytes, dict[str, float | None]]:
    """Do the work; give its result, and what it took."""
    linux = CLEAR_REFS.exists()
    if linux:
        CLEAR_REFS.write_text("5")
    before = resident("VmHWM") if linux else 0
    cpu = time.process_time()
    result = work()
    cpu = time.process_time() - cpu
    memory = max(0, resident("VmHWM") - before - len(result)) if linux else None
    return result, {"cpu_seconds": cpu, "memory": memory}


def same(result: bytes, target: memoryview) -> bool:
    """Compare without a copy of the whole."""
    return len(result) == len(target) and all(
        result[at : at + MIB] == bytes(target[at : at + MIB]) for at in range(0, len(result), MIB)
    )


def command(words: list[str]) -> dict[str, float | None]:
    """Run a command to its end; what it says is shown when it fails."""
    done = subprocess.run(words, check=False, capture_output=True)
    if done.returncode != 0:
        raise SystemExit(f"{words[0]}: exit code {done.returncode}: {done.stderr!r}")
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    scale = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss
    return {"cpu_seconds": usage.ru_utime + usage.ru_stime, "memory": usage.ru_maxrss * scale}


def call(arguments: list[str]) -> dict[str, float | None]:
    """Call an in-process engine."""
    verb, engine, level, source_path, target_path, delta = arguments
    module = importlib.import_module(engine)
    options = {"threads": 1} if engine == "deltaloft" else {}
    encode = partial(module.encode, level=int(level), **options)
    decode = partial(module.decode, **options)
    decode(WARM_UP, encode(WARM_UP, WARM_UP[1:]))
    source = mapped(source_path)
    if verb == "encode":
        target = mapped(target_path)
        result, numbers = measured(lambda: encode(source, target))
        Path(delta).write_bytes(result)
    else:
        content = mapped(delta)
        result, numbers = measured(lambda: decode(source, content))
        if not same(result, mapped(target_path)):
            raise SystemExit(f"{engine}: {delta} does not give {target_path}")
    return numbers


if __name__ == "__main__":
    measure = command(sys.argv[2:]) if sys.argv[1] == "command" else call(sys.argv[1:])
    print(json.dumps(measure))
