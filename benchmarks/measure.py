"""Measure one call of an in-process engine, in a process of its own.

    python measure.py encode ENGINE LEVEL SOURCE TARGET DELTA   makes DELTA
    python measure.py decode ENGINE LEVEL SOURCE TARGET DELTA   checks that DELTA gives TARGET

codec.py runs it; the result goes to stdout as JSON. What is measured is the call alone: the
interpreter has started, the engine is imported, the inputs are mapped and every page of them has
been touched.

- CPU seconds: user and system time of the process, all threads, over the call.
- Peak memory: Linux keeps the largest resident size a process ever had (VmHWM), and forgets it when
  asked (clear_refs). It is set back before the call; what it then grew by is the memory beyond the
  inputs, and what is left of that without the bytes the call returned is reported. A process's
  small change (64 pages a thread) is the error. Elsewhere than on Linux nothing is reported.
"""

from __future__ import annotations

import importlib
import json
import mmap
import sys
import time
from collections.abc import Callable
from pathlib import Path

STATUS = Path("/proc/self/status")
CLEAR_REFS = Path("/proc/self/clear_refs")
MIB = 1 << 20


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


def measured(call: Callable[[], bytes]) -> tuple[bytes, dict[str, float | None]]:
    """Make the call; give its result, and what it took."""
    linux = CLEAR_REFS.exists()
    if linux:
        CLEAR_REFS.write_text("5")
    before = resident("VmHWM") if linux else 0
    cpu = time.process_time()
    result = call()
    cpu = time.process_time() - cpu
    memory = max(0, resident("VmHWM") - before - len(result)) if linux else None
    return result, {"cpu_seconds": cpu, "memory": memory}


def same(result: bytes, target: memoryview) -> bool:
    """Compare without a copy of the whole."""
    return len(result) == len(target) and all(
        result[at : at + MIB] == bytes(target[at : at + MIB]) for at in range(0, len(result), MIB)
    )


def main(arguments: list[str]) -> str:
    """Do what the command line says."""
    verb, engine, level, source_path, target_path, delta = arguments
    module = importlib.import_module(engine)
    options = {"threads": 1} if engine == "deltaloft" else {}
    source = mapped(source_path)
    if verb == "encode":
        target = mapped(target_path)
        result, numbers = measured(
            lambda: module.encode(source, target, level=int(level), **options)
        )
        Path(delta).write_bytes(result)
    else:
        content = mapped(delta)
        result, numbers = measured(lambda: module.decode(source, content, **options))
        if not same(result, mapped(target_path)):
            raise SystemExit(f"{engine}: {delta} does not give {target_path}")
    return json.dumps(numbers)


if __name__ == "__main__":
    print(main(sys.argv[1:]))
