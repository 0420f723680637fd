"""Progress of a long step: a bar on a terminal, now and then a log line anywhere else."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress as Rich
    from rich.progress import TaskID


class Progress(Protocol):
    def advance(self, n: int = 1) -> None: ...


class _LogLines:
    """Prints `done/total, rate, ETA` at most every `every_s` seconds."""

    def __init__(self, title: str, total: int | None, unit: str, every_s: float):
        self.title, self.total, self.unit, self.every_s = title, total, unit, every_s
        self.done, self.began = 0, time.monotonic()
        self.printed = self.began

    def advance(self, n: int = 1) -> None:
        self.done += n
        now = time.monotonic()
        if now - self.printed >= self.every_s or self.done == self.total:
            self.printed = now
            rate = self.done / max(now - self.began, 1e-9)
            of, left = "", ""
            if self.total:
                of, left = f"/{self.total}", f", {max(self.total - self.done, 0) / max(rate, 1e-9):.0f} s left"
            print(f"{self.title}: {self.done}{of} {self.unit}, {rate:.1f} {self.unit}/s{left}", flush=True)


class _Bar:
    def __init__(self, bar: "Rich", task: "TaskID"):
        self.bar, self.task = bar, task

    def advance(self, n: int = 1) -> None:
        self.bar.advance(self.task, n)


@contextmanager
def show_progress(title: str, *, total: int | None, unit: str, every_s: float = 10.0) -> Iterator[Progress]:
    """Show how far a step is, on stdout.

    Args:
        title: what is being done.
        total: how many units there are, None if nobody knows.
        unit: what is counted, in the plural.
        every_s: least seconds between two log lines.
    """
    if not sys.stdout.isatty():
        yield _LogLines(title, total, unit, every_s)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Rich

    with Rich(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()) as bar:
        yield _Bar(bar, bar.add_task(title, total=total))
