"""Convert narrative blocks of clinical documents to text: one line per paragraph, list item or table row, cells by tabs.

Source: HL7 CDA R2, section 4.3.5 (the narrative block's elements).
"""

import re
from typing import Any

from ner_tasks.documents.readers.xml_names import local_name

_SPACE = re.compile(r"[ \t\r\n\f\v]+")
_BREAKS = ("", " ", "\t", "\n", "\n\n")
_INLINE = frozenset(
    [
        "content",
        "linkHtml",
        "sub",
        "sup",
        "span",
        "a",
        "b",
        "i",
        "u",
        "em",
        "strong",
        "small",
        "font",
        "footnoteRef",
        "renderMultiMedia",
        "code",
    ]
)
_CELLS = frozenset(("td", "th"))
_BLANK_LINE = frozenset(("table", "list", "ul", "ol"))


class _Text:
    """Joins pieces of text with the widest break requested between them."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self._break = ""
        self.n_cells = 0  # nesting depth of table cells

    def ask_break(self, wanted: str) -> None:
        """Request a break; in a cell it becomes a space, so that a row stays on one line."""
        if self.n_cells and wanted != "\t":
            wanted = " "
        if _BREAKS.index(wanted) > _BREAKS.index(self._break):
            self._break = wanted

    def write(self, text: str | None) -> None:
        """Add text and collapse its whitespace."""
        if not text:
            return
        shown = _SPACE.sub(" ", text)
        if shown.startswith(" "):
            self.ask_break(" ")
        if shown := shown.strip(" "):
            self.pieces.append(self._break if self.pieces else "")
            self.pieces.append(shown)
            self._break = ""
        if text[-1] in " \t\r\n\f\v":
            self.ask_break(" ")


def read_narrative(element: Any) -> tuple[str, int]:
    """Return the text of a narrative block, and the number of tracked deletions skipped."""
    from lxml import etree

    if not len(element):  # plain text, whose line breaks are significant
        return (element.text or "").strip(), 0
    text, n_deleted = _Text(), 0
    walk = etree.iterwalk(element, events=("start", "end"))
    for event, node in walk:
        name = local_name(node)
        if event == "start":
            if node.get("revised") == "delete":
                walk.skip_subtree()
                n_deleted += 1
            else:
                _begin(text, node, name)
                text.write(node.text)
        if event == "end":
            if node.get("revised") != "delete":
                _end(text, node, name)
            if node is not element:
                text.write(node.tail)
    return "".join(text.pieces), n_deleted


def _begin(text: _Text, node: Any, name: str) -> None:
    if name in _CELLS:
        text.ask_break("\t" if node.getprevious() is not None else "\n")
        text.n_cells += 1
    elif name == "br":
        text.ask_break("\n")
    elif name in _INLINE:
        # Adjacent elements are separate values, such as a code and its name.
        before = node.getprevious()
        if before is not None and not before.tail and local_name(before) == name and name not in ("sub", "sup"):
            text.ask_break(" ")
    else:
        text.ask_break("\n\n" if name in _BLANK_LINE else "\n")
    if name == "img":
        text.write(node.get("alt"))


def _end(text: _Text, node: Any, name: str) -> None:
    if name in _CELLS:
        text.n_cells -= 1
    elif name in _BLANK_LINE:
        text.ask_break("\n\n")
    elif name not in _INLINE:
        text.ask_break("\n")
    if name in ("linkHtml", "a") and not len(node) and not (node.text or "").strip():
        text.write(node.get("href"))
