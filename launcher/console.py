"""How the launcher shows what is going on: a live list on a terminal, a line for each change elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

EVERY_S = 30.0
_DONE = {"success": ("done", "green"), "failed": ("failed", "red"), "skipped": ("skipped", "dim")}
_BUSY = ("running", "waiting")


@dataclass
class ConsoleItem:
    """One thing that is being done."""

    name: str
    state: str
    detail: str
    began: float = field(default_factory=time.monotonic)
    elapsed_s: float | None = None
    shown: float = 0.0
    said: str = ""

    def age_s(self) -> float:
        return self.elapsed_s if self.elapsed_s is not None else time.monotonic() - self.began


class RunConsole:
    """Everything the launcher says while it works.

    Args:
        console: where to.
        live: whether it is a terminal that can be redrawn.
    """

    def __init__(self, console: Console, live: bool | None = None) -> None:
        self.console = console
        self.live = console.is_terminal if live is None else live
        self.began = time.monotonic()
        self._items: dict[str, ConsoleItem] = {}
        self._spinner = Spinner("dots")

    def say(self, text: str) -> None:
        """A line that stays."""
        self.console.print(Text(f"{self._clock()}  {text}"), highlight=False, soft_wrap=True)

    def update(self, name: str, state: str, detail: str = "", elapsed_s: float | None = None) -> None:
        """What has become of one thing.

        Args:
            name: what it is, the same in each call.
            state: success, failed or skipped end it; anything else is going on.
            detail: the latest that is known of it.
            elapsed_s: how long it took, where somebody knows better than the clock here.
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
            self._print_change(item, changed)

    def _print_change(self, item: ConsoleItem, changed: bool) -> None:
        now = time.monotonic()
        news = item.detail != item.said and now - item.shown >= EVERY_S
        if not changed and (item.state in _DONE or not news):
            return
        item.shown, item.said = now, item.detail
        age = f"  {item.age_s():.0f} s" if item.state in _DONE or not changed else ""
        detail = f"  {item.detail}" if item.detail and item.state != "success" else ""
        self.say(f"{item.name:<34} {_DONE.get(item.state, (item.state,))[0]}{age}{detail}")

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Redraw the list of things while the block runs; it stays when the block ends."""
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
