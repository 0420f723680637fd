"""Output of the launcher: a live list on a terminal, a line for each finished task elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from ner_tasks.progress import View

EVERY_S = 30.0
_DONE = {"success": ("done", "green"), "failed": ("failed", "red"), "skipped": ("skipped", "dim")}
_BUSY = ("running", "starting", "waiting")


@dataclass
class ConsoleItem:
    """One task, DAG run or service on display.

    Attributes:
        printed_at: when a line of it was last printed, 0 for never.
        printed_detail: the detail in that line.
    """

    name: str
    state: str
    detail: str
    began: float = field(default_factory=time.monotonic)
    elapsed_s: float | None = None
    printed_at: float = 0.0
    printed_detail: str = ""

    def age_s(self) -> float:
        return self.elapsed_s if self.elapsed_s is not None else time.monotonic() - self.began


class RunConsole(View):
    """Output of the launcher.

    Args:
        console: where to print.
        live: whether to redraw the list of tasks; by default on a terminal only.
    """

    def __init__(self, console: Console, live: bool | None = None) -> None:
        super().__init__(console)
        self.live = console.is_terminal if live is None else live
        self.began = time.monotonic()
        self._items: dict[str, ConsoleItem] = {}
        self._spinner = Spinner("dots")

    def print(self, text: str) -> None:
        """Print a line behind the time since the start."""
        super().print(f"{self._clock()}  {text}")

    def update(
        self, name: str, state: str, detail: str = "", elapsed_s: float | None = None, *, announce: bool = False
    ) -> None:
        """Set the state of one item.

        Args:
            name: the item, the same in each call.
            state: success, failed or skipped if it has ended.
            detail: its latest message, such as its progress.
            elapsed_s: its duration, if known; by default measured here.
            announce: without a live list, print a line when it starts as well, not only after 30 s and at its end.
        """
        item = self._items.get(name)
        if item is None:
            item = self._items[name] = ConsoleItem(name, "", "")
        changed = state != item.state
        if changed and state == "running":
            item.began = time.monotonic()
        item.detail = detail or item.detail
        if state in _DONE:
            item.elapsed_s = elapsed_s if elapsed_s is not None else item.age_s()
        item.state = state
        if not self.live:
            self._print_change(item, changed, announce)

    def _print_change(self, item: ConsoleItem, changed: bool, announce: bool) -> None:
        now = time.monotonic()
        # ever more seldom, so that a slow machine does not fill the screen
        is_due = now - max(item.printed_at, item.began) >= max(EVERY_S, item.age_s() / 2)
        has_news = not item.printed_at or item.detail != item.printed_detail
        if item.state in _BUSY:
            is_shown = (changed and announce) or (is_due and has_news)
        else:
            is_shown = changed
        if not is_shown:
            return
        item.printed_at, item.printed_detail = now, item.detail
        age = f"  {item.age_s():.0f} s" if item.state in _DONE or not changed else ""
        detail = f"  {item.detail}" if item.detail and item.state != "success" else ""
        self.print(f"{item.name:<34} {_DONE.get(item.state, (item.state,))[0]}{age}{detail}")

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Redraw the list of items while the block runs, and leave it on the screen."""
        if not self.live:
            yield
            return
        with Live(get_renderable=self._table, console=self.console, refresh_per_second=4):
            yield
        self._items = {name: item for name, item in self._items.items() if item.state not in _DONE}

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 1))
        for item in self._items.values():
            done = _DONE.get(item.state)
            mark = (
                Text("✔" if item.state == "success" else "✘" if item.state == "failed" else "-", style=done[1])
                if done
                else None
            )
            state = mark or (self._spinner if item.state in _BUSY else Text("·"))
            detail = "" if item.state == "success" else item.detail or (item.state if item.state not in _BUSY else "")
            table.add_row(
                state, item.name, f"{item.age_s():.0f} s", Text(detail, no_wrap=True, overflow="ellipsis", style="dim")
            )
        return table

    def _clock(self) -> str:
        seconds = int(time.monotonic() - self.began)
        return f"{seconds // 60:02d}:{seconds % 60:02d}"
