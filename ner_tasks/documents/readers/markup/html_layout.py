"""Lay out text in lines as a browser does: blocks on separate lines, cells separated by tabs, spaces collapsed."""

import re
from typing import Any

_STYLE = re.compile(r"([a-z-]+)\s*:\s*([^;]*)")
_ZERO = re.compile(r"0+(?:\.0+)?(?:px|em|rem|%|pt)?$")
_SPACE = re.compile(r"[ \t\n\r\f]+")


class Flow:
    """Lines of text under construction: of a page, or of a table cell."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._line: list[str] = []
        self._ends_in_space = True
        self._gap = 0

    def text(self, text: str) -> None:
        """Add text, with runs of white space collapsed."""
        text = _SPACE.sub(" ", text)
        if self._ends_in_space and text.startswith(" "):
            text = text[1:]
        if text:
            self._line.append(text)
            self._ends_in_space = text.endswith(" ")

    def add_preformatted(self, text: str) -> None:
        """Add text with its line breaks and spaces."""
        first, *others = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._as_it_is(first)
        for line in others:
            self.end_line(keep_empty=True)
            self._as_it_is(line)

    def add_space(self) -> None:
        """Separate the preceding text from the following by white space."""
        self.text(" ")

    def end_line(self, *, keep_empty: bool = False) -> None:
        """End the line; a blank line is dropped unless `keep_empty`."""
        line = "".join(self._line).rstrip(" ")
        self._line.clear()
        self._ends_in_space = True
        if line.strip():
            if self._gap > 1 and self.lines:
                self.lines.append("")
            self.lines.append(line)
            self._gap = 0
        elif keep_empty:
            self._gap = 2

    def end_block(self, gap: int) -> None:
        """End the line; the next one begins `gap` lines below."""
        self.end_line()
        self._gap = max(self._gap, gap)

    def add_lines(self, lines: list[str]) -> None:
        """Add lines unchanged."""
        self.end_line()
        if lines:
            if self._gap > 1 and self.lines:
                self.lines.append("")
            self._gap = 0
            self.lines.extend(lines)

    def last(self, n: int) -> str:
        """Return the last characters of the current line."""
        return "".join(self._line[-n:])[-n:]

    def finish(self) -> list[str]:
        """End the line and return all lines."""
        self.end_line()
        return self.lines

    def _as_it_is(self, text: str) -> None:
        if text:
            self._line.append(text)
            self._ends_in_space = text.endswith(" ")


def lay_out_row(cells: list[list[str]]) -> list[str]:
    """Return the lines of a table row: one line with tabs between cells, unless a cell has several lines."""
    if all(len(cell) <= 1 for cell in cells):
        line = "\t".join(cell[0].strip() if cell else "" for cell in cells).strip("\t")
        return [line] if line.strip() else []
    return [line for cell in cells for line in cell]


def parse_style(style: str | None) -> dict[str, str]:
    """Parse the properties of a `style` attribute."""
    return {name: value.replace("!important", "").strip() for name, value in _STYLE.findall((style or "").lower())}


def is_hidden(attributes: Any, style: dict[str, str]) -> bool:
    """Whether an element is hidden with all its content."""
    if "hidden" in attributes or style.get("display") == "none" or _ZERO.match(style.get("opacity", "1")):
        return True
    is_cut = style.get("overflow", "").startswith("hidden")
    return is_cut and any(_ZERO.match(style.get(side, "1")) for side in ("max-height", "height"))
