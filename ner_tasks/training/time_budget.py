"""Time budget of a search, over all its attempts: what a killed attempt has spent stays spent."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ner_tasks.errors import ArtifactBroken
from ner_tasks.files import atomic


class OutOfTimeError(Exception):
    """Stops a candidate when the time budget is used up."""


class TimeBudget:
    """Seconds spent by name, written to a file while they pass.

    Args:
        path: the file; a damaged one is started anew.
        minutes: total time, above 0.
        clock: returns the time in seconds.
    """

    def __init__(self, path: Path, minutes: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._clock, self.seconds = path, clock, 60 * minutes
        self.spent: dict[str, float] = _read(path)

    @property
    def left_s(self) -> float:
        """Seconds left, below 0 if more were spent."""
        return self.seconds - sum(self.spent.values())

    @contextmanager
    def spend(self, name: str) -> Iterator[Callable[[object], None]]:
        """Count the time of the block; it yields a function that notes the time so far.

        That function, whose argument is ignored, raises `OutOfTimeError` when nothing is left.
        """
        began, before = self._clock(), self.spent.get(name, 0.0)

        def note(_: object = None) -> None:
            self.spent[name] = before + self._clock() - began
            atomic.write_json(self._path, self.spent)
            if self.left_s <= 0:
                raise OutOfTimeError

        try:
            yield note
        finally:
            self.spent[name] = before + self._clock() - began
            atomic.write_json(self._path, self.spent)


def _read(path: Path) -> dict[str, float]:
    if not path.is_file():
        return {}
    try:
        values = atomic.read_json(path)
        return {str(name): float(value) for name, value in values.items()}
    except (ArtifactBroken, AttributeError, TypeError, ValueError) as error:
        print(f"notice: started the time budget anew: found {error}, at {path}", flush=True)
        return {}
