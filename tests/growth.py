"""Measure how time and memory of a task grow with its input, independent of machine load."""

import re
import time
from collections.abc import Callable
from pathlib import Path

_TURNS = 3
_SHORTEST = 0.01  # seconds; less is the clock's own noise


def fastest(work: Callable[[], object]) -> float:
    """Seconds of processor time that the fastest of three turns takes: others on the machine only ever slow it down."""
    turns = []
    for _ in range(_TURNS):
        began = time.process_time()
        work()
        turns.append(time.process_time() - began)
    return max(min(turns), _SHORTEST)


def growth(work: Callable[[int], object], small: int, large: int) -> float:
    """How many times as long the work takes on the large input as on the small one."""
    return fastest(lambda: work(large)) / fastest(lambda: work(small))


def peak_mib(work: Callable[[], object]) -> float:
    """How much more memory than before this process has while it works, in MiB, at most."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = _memory_mib("VmRSS")
    work()
    return _memory_mib("VmHWM") - before


def _memory_mib(name: str) -> float:
    found = re.search(rf"^{name}:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) / 1024
