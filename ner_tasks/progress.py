"""Progress of long steps, and the output of commands that people watch: bars on a terminal, log lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Rich
    from rich.progress import TaskID

_WIDTH = 64


class Progress(Protocol):
    def advance(self, n: int = 1) -> None: ...

    def describe(self, activity: str) -> None: ...


class _LogLines:
    """Prints `done/total, rate, ETA` at most every `every_s` seconds."""

    def __init__(self, title: str, total: int | None, unit: str, every_s: float, write: Callable[[str], None]):
        self.title, self.total, self.unit, self.every_s, self.write = title, total, unit, every_s, write
        self.done, self.activity, self.is_new, self.began = 0, "", True, time.monotonic()
        self.printed = self.began

    def advance(self, n: int = 1) -> None:
        self.done += n
        if time.monotonic() - self.printed >= self.every_s or self.done == self.total:
            self._print()

    def describe(self, activity: str) -> None:
        self.activity = activity
        if self.is_new or time.monotonic() - self.printed >= self.every_s:
            self._print()

    def _print(self) -> None:
        self.printed, self.is_new = time.monotonic(), False
        line = f"{self.title}: {self.done}{f'/{self.total}' if self.total else ''} {self.unit}"
        if self.done:
            rate = self.done / max(self.printed - self.began, 1e-9)
            line += f", {rate:.1f} {self.unit}/s"
            if self.total:
                line += f", {max(self.total - self.done, 0) / max(rate, 1e-9):.0f} s left"
        self.write(f"{line}: {self.activity}" if self.activity else line)


class _Bar:
    def __init__(self, bar: "Rich", task: "TaskID", title: str):
        self.bar, self.task, self.title = bar, task, title

    def advance(self, n: int = 1) -> None:
        self.bar.advance(self.task, n)

    def describe(self, activity: str) -> None:
        self.bar.update(self.task, description=f"{self.title}: {activity}"[:_WIDTH].ljust(_WIDTH))


@contextmanager
def show_progress(
    title: str, *, total: int | None, unit: str, every_s: float = 10.0, console: "Console | None" = None
) -> Iterator[Progress]:
    """Show the progress of a step.

    Args:
        title: the name of the step.
        total: number of units, None if unknown.
        unit: what is counted, in the plural.
        every_s: least seconds between two log lines.
        console: where to print; standard output by default.
    """
    if not (console.is_terminal if console else sys.stdout.isatty()):
        write = partial(print, flush=True) if console is None else View(console).print
        yield _LogLines(title, total, unit, every_s, write)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Rich

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Rich(*columns, console=console) as bar:
        yield _Bar(bar, bar.add_task(title, total=total), title)


class View:
    """Output of a command that a person watches.

    Args:
        console: where to print.
    """

    def __init__(self, console: "Console") -> None:
        self.console = console

    def print(self, text: str) -> None:
        """Print a line as it is, without markup."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def print_markdown(self, text: str) -> None:
        """Render Markdown on a terminal, and print its source elsewhere."""
        if not self.console.is_terminal:
            self.print(text)
            return
        from rich.markdown import Markdown

        self.console.print(Markdown(text))

    @contextmanager
    def phase(self, title: str, total: int) -> Iterator[Callable[[str], None]]:
        """Show the progress of a phase of `total` steps.

        Yields:
            A function to call before each step, with the step's name.
        """
        n_begun = 0
        with show_progress(title, total=total, unit="steps", every_s=20.0, console=self.console) as progress:

            def step(name: str) -> None:
                nonlocal n_begun
                if n_begun:
                    progress.advance()
                n_begun += 1
                progress.describe(name)

            yield step
            if n_begun:
                progress.describe("done")
                progress.advance()
