"""Read SVG drawings: texts, titles and descriptions; embedded pictures are added as parts or listed as unread.

Source: Scalable Vector Graphics (SVG) 2, chapters 5 and 11.
"""

import re
from typing import Any

from ner_tasks.documents.readers import encapsulated, pictures
from ner_tasks.documents.readers.markup import data_links, html, xml_parsing, xml_words
from ner_tasks.documents.readers.xml_names import local_name
from ner_tasks.documents.types import Extract, ExtractBuilder, Limits

_SILENT = {"script": "script", "style": "style", "metadata": "document-properties"}
_LINES = frozenset({"title", "desc", "text", "flowPara", "flowRegion", "flowDiv", "tref"})
_HIDDEN = re.compile(r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse))")
_MOVE = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)")
_SPACE = re.compile(r"[ \t\r\n]+")
_LINK = "{http://www.w3.org/1999/xlink}href"


def read(data: bytes, limits: Limits, declared: str = "") -> Extract:
    """Read a drawing; letters drawn as paths are not text.

    Raises:
        CannotRead: `broken`; `no-text-layer` if it has only pictures.
    """
    parsed = xml_parsing.parse(data, declared)
    builder = ExtractBuilder()
    builder.note(*parsed.notes)
    if parsed.fault:
        builder.inventory.unread("damage", "the file", parsed.fault)
    if local_name(parsed.root) != "svg":  # damaged: read the remaining words
        builder.inventory.read("text")
        builder.lines(xml_words.XmlWords().read(parsed.root))
        return pictures.require_text(builder.extract(parsed.encoding))
    walk = _Walk(builder, limits)
    walk.run(parsed.root)
    builder.inventory.read("text", walk.n_texts)
    builder.lines([line for line in walk.lines if line])
    return pictures.require_text(builder.extract(parsed.encoding))


class _Walk:
    """Walks a parsed drawing once, without recursion."""

    def __init__(self, builder: ExtractBuilder, limits: Limits):
        self.lines: list[str] = []
        self.n_texts = 0
        self._builder, self._limits = builder, limits
        self._line: list[str] = []
        self._n_open = 0  # number of enclosing elements whose content is text
        self._n_links = 0

    def run(self, root: Any) -> None:
        """Collect all texts."""
        stack: list[tuple[Any, bool]] = [(root, False)]
        while stack:
            element, is_left = stack.pop()
            name = local_name(element)
            if is_left:
                self._leave(name)
                self._tail(element)
                continue
            if not name or self._is_silent(element, name):
                self._tail(element)
                continue
            self._enter(element, name)
            stack.append((element, True))
            stack.extend((child, False) for child in reversed(element))
        self._end_line()

    def _is_silent(self, element: Any, name: str) -> bool:
        inventory = self._builder.inventory
        if name in _SILENT:
            inventory.ignored("element", _SILENT[name])
            return True
        hidden = element.get("display") == "none" or element.get("visibility") in ("hidden", "collapse")
        if hidden or _HIDDEN.search((element.get("style") or "").lower()):
            inventory.ignored("element", "hidden-element")
            return True
        if name == "foreignObject":
            self._foreign(element)
            return True
        return False

    def _enter(self, element: Any, name: str) -> None:
        if name in _LINES:
            self._end_line()
            self._n_open += 1
            self.n_texts += 1
        elif self._n_open and name in ("tspan", "textPath", "a", "flowSpan") and _begins_line(element):
            self._end_line()
        if name in ("image", "feImage", "use"):
            self._picture(element, name)
        if self._n_open and element.text:
            self._line.append(element.text)

    def _leave(self, name: str) -> None:
        if name in _LINES:
            self._end_line()
            self._n_open -= 1
        elif name == "flowLine":
            self._end_line()

    def _tail(self, element: Any) -> None:
        if self._n_open and element.tail:
            self._line.append(element.tail)

    def _end_line(self) -> None:
        if self._line:
            self.lines.append(_SPACE.sub(" ", "".join(self._line)).strip())
            self._line.clear()

    def _foreign(self, element: Any) -> None:
        from lxml import etree

        tail, element.tail = element.tail, None
        markup = etree.tostring(element, encoding="unicode", method="html")
        element.tail = tail
        self._end_line()
        page = html.parse(markup)
        self.n_texts += 1
        self.lines.extend(page.text.split("\n"))
        self._n_links += 1
        html.add_findings(page, self._builder, self._limits, f"foreignObject {self._n_links}")

    def _picture(self, element: Any, name: str) -> None:
        link = element.get("href") or element.get(_LINK) or ""
        self._n_links += 1
        if encapsulated.is_data_uri(link):
            data_links.add_link(self._builder, link, f"{name} {self._n_links}", self._limits)
        elif name != "use" and link:
            self._builder.inventory.ignored("picture", "linked-picture")


def _begins_line(element: Any) -> bool:
    """Whether an element begins a new line: `y` is set, or `dy` is not zero."""
    if element.get("y") is not None:
        return True
    moved = _MOVE.match(element.get("dy") or "")
    return moved is not None and float(moved[1]) != 0
