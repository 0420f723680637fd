"""Extract the text that OpenDocument XML shows: paragraphs, tables, notes, text boxes, values of forms.

Source: OASIS OpenDocument 1.3, part 3 (schema): 5 (text), 9 (tables), 10 (drawings), 13 (forms).
"""

import re
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from lxml import etree

from ner_tasks.documents.readers.office.ooxml_layout import CELL, FLOW, PARAGRAPH, ROW, SOFT, OoxmlLayout
from ner_tasks.documents.readers.office.xml_tree import attribute
from ner_tasks.documents.readers.xml_names import split

_SPACE = re.compile(r"[ \t\r\n]+")
_PREFIX = re.compile(r"xmlns:([a-z-]+)|openoffice\.org/[0-9]+/([a-z]+)|(purl\.org/dc)|(MathML)")
_MAX_SPACES = 100
_SKIPPED = (
    *("office:scripts", "office:font-face-decls", "office:styles", "office:automatic-styles", "office:meta"),
    *("office:settings", "office:event-listeners", "office:binary-data", "form:properties", "text:note-citation"),
    *("dc:creator", "dc:date", "meta:date-string", "meta:creator-initials", "text:sender-initials", "text:script"),
    *("math:annotation", "math:annotation-xml"),
)
_FLOWS = (
    *("text:note-body", "office:annotation", "draw:text-box", "style:header", "style:footer"),
    *("style:header-left", "style:footer-left", "style:header-first", "style:footer-first"),
)
_PARAGRAPHS = ("text:p", "text:h")
CELLS = ("table:table-cell", "table:covered-table-cell")
_ENDING = frozenset({*_PARAGRAPHS, *CELLS, *_FLOWS, "table:table-row"})
_SOFT = frozenset({"draw:frame", "draw:custom-shape", "draw:control", "text:note", "office:annotation", "text:ruby"})
# Attributes of form controls whose values are shown.
_SHOWN_OF_FORMS = ("label", "current-value", "value")
_MATH = ("mi", "mn", "mo", "mtext", "ms")


@lru_cache(maxsize=4096)
def qualify(tag: Any) -> str:
    """Return the name of an element with the customary prefix of its namespace, such as `text:p`."""
    namespace, name = split(tag)
    match = _PREFIX.search(namespace)
    if match is None:
        return name
    prefix = match[1] or match[2] or ("dc" if match[3] else "math")
    return f"{'draw' if prefix == 'drawing' else prefix}:{name}"


class OdfWalk:
    """Walks one part and collects its text.

    Args:
        leaves_out: names of elements that are read elsewhere.

    Attributes:
        ignored: number of items that are not shown, by the name of the rule.
    """

    def __init__(self, leaves_out: tuple[str, ...] = ()):
        self.ignored: Counter[str] = Counter()
        self._layout = OoxmlLayout()
        self._handlers = self._make_handlers() | dict.fromkeys(leaves_out, self._skip)

    def blocks(self, root: Any) -> list[str]:
        """Return the text of all paragraphs, table rows, notes and text boxes below an element."""
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            name = qualify(element.tag)
            if name in _SOFT and self._layout.is_in_paragraph:
                self._layout.write(SOFT)
            if event == "start":
                handle = self._handlers.get(name) or (self._form if name.startswith("form:") else None)
                if handle and handle(element):
                    walk.skip_subtree()
                else:
                    self._write(element.text)
                continue
            if name in _ENDING:
                self._layout.close(element)
            if element is not root:
                self._write(element.tail)
        return self._layout.finish()

    def _make_handlers(self) -> dict[str, Callable[[Any], bool | None]]:
        """Map element names to handlers; a handler that returns True skips the element's content."""
        return {
            **dict.fromkeys(_SKIPPED, self._skip),
            **dict.fromkeys(_FLOWS, self._flow),
            **dict.fromkeys(_PARAGRAPHS, self._paragraph),
            **dict.fromkeys(CELLS, self._cell),
            **dict.fromkeys(
                (f"presentation:{name}-decl" for name in ("header", "footer", "date-time")), self._add_declaration
            ),
            **dict.fromkeys(
                (f"{space}:{name}" for space in ("svg-compatible", "svg") for name in ("title", "desc")),
                self._add_description,
            ),
            **dict.fromkeys((f"math:{name}" for name in _MATH), self._formula),
            "text:ruby-text": self._add_description,
            "table:table-row": self._row,
            "text:tracked-changes": self._count_deletions,
            "text:s": self._spaces,
            "text:tab": self._tab,
            "text:tab-stop": self._tab,
            "text:line-break": self._break,
            "text:hidden-text": self._hidden,
        }

    def _write(self, text: str | None) -> None:
        if text and self._layout.is_in_paragraph:
            self._layout.write(_SPACE.sub(" ", text))

    def _skip(self, _element: Any) -> bool:
        return True

    def _paragraph(self, element: Any) -> None:
        self._layout.open(PARAGRAPH, element)

    def _flow(self, element: Any) -> None:
        self._layout.open(FLOW, element)

    def _row(self, element: Any) -> None:
        self._layout.open(ROW, element)

    def _cell(self, element: Any) -> None:
        self._layout.open(CELL, element)
        if len(element) == 0 and (text := attribute(element, "string-value")):
            self._layout.add_blocks([text])

    def _count_deletions(self, element: Any) -> bool:
        self.ignored["deleted-text"] += sum(1 for _ in element.iter("{*}deletion"))
        return True

    def _add_declaration(self, element: Any) -> bool:
        self._layout.add_blocks([element.text or ""])
        return True

    def _add_description(self, element: Any) -> bool:
        self._layout.add_blocks([_SPACE.sub(" ", "".join(element.itertext())).strip()])
        return True

    def _formula(self, element: Any) -> bool:
        self._layout.write(" " + "".join(element.itertext()))
        return True

    def _spaces(self, element: Any) -> None:
        count = attribute(element, "c", "1")
        self._layout.write(" " * (min(int(count), _MAX_SPACES) if count.isdecimal() and len(count) < 9 else 1))

    def _tab(self, _element: Any) -> None:
        self._layout.write("\t")

    def _break(self, _element: Any) -> None:
        self._layout.write("\n")

    def _hidden(self, element: Any) -> None:
        if not (element.text or "").strip():
            self._layout.write(attribute(element, "string-value"))

    def _form(self, element: Any) -> None:
        """Add the values of a form control."""
        values = [attribute(element, name) for name in _SHOWN_OF_FORMS]
        self._layout.add_blocks([value for value in dict.fromkeys(values) if value])
