"""How the time of a piece of work grows with its input, measured so that a busy machine does not change the answer."""

import time
from collections.abc import Callable

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
