"""What a person sees while the bench runs: a bar on a terminal, now and then a line anywhere else."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markdown import Markdown
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

EVERY_S = 20.0
_WIDTH = 64


class BenchView:
    """Progress of phases, each of a known number of steps; and what is found on the way."""

    def __init__(self, console: Console):
        self._console = console

    def say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def show(self, markdown: str) -> None:
        """A table, drawn on a terminal and as it stands anywhere else."""
        self._console.print(Markdown(markdown)) if self._console.is_terminal else self.say(markdown)

    @contextmanager
    def phase(self, title: str, total: int) -> Iterator[Callable[[str], None]]:
        """Gives what is to be called before each step, with what that is."""
        if not self._console.is_terminal:
            yield _PlainProgress(self, title, total).step
            return
        columns = (BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        with Progress(TextColumn("{task.description}"), *columns, console=self._console) as bar:
            task = bar.add_task(title, total=total)
            n_begun = 0

            def step(what: str) -> None:
                nonlocal n_begun
                bar.update(task, description=f"{title}: {what}"[:_WIDTH].ljust(_WIDTH), completed=n_begun)
                n_begun += 1

            yield step
            bar.update(task, description=title.ljust(_WIDTH), completed=total)


class _PlainProgress:
    def __init__(self, view: BenchView, title: str, total: int):
        self._view, self._title, self._total = view, title, total
        self._n_begun, self._said = 0, 0.0

    def step(self, what: str) -> None:
        self._n_begun += 1
        now = time.monotonic()
        if self._n_begun == 1 or now - self._said >= EVERY_S:
            self._said = now
            self._view.say(f"{self._title}: {self._n_begun}/{self._total}, {what}")
