"""Read the text of XML of unknown type: a sentence stays on one line, other elements are on separate lines."""

import re
from collections import Counter
from typing import Any

from ner_tasks.documents.readers.xml_names import attributes, local_name

_SPACE = re.compile(r"\s+")
_WORDS = re.compile(r"[^\W\d_]{2}")
# Attributes for programs, such as on storage or layout.
_TECHNICAL = frozenset(
    {"id", "idref", "ref", "class", "style", "lang", "space", "base", "type", "href", "src", "url", "uri", "version"}
    | {"encoding", "schemalocation", "nonamespaceschemalocation", "rel", "mimetype", "mediatype", "format", "charset"}
    | {"xmlns", "uuid", "guid", "oid", "root", "target", "namespace", "prefix", "datatype", "unit", "color", "font"}
    | {"width", "height", "nil", "align", "valign", "colspan", "rowspan", "checksum", "hash", "algorithm"}
)
# Elements that may begin or end within a word.
_LETTERS = frozenset(
    {"b", "i", "u", "em", "strong", "sub", "sup", "italic", "bold", "emphasis", "hi", "span", "font", "underline", "s"}
    | {"tt", "code", "sc", "small", "a", "link", "ulink", "xref", "ref", "phrase", "styled-content", "monospace"}
)
_TECHNICAL_VALUE = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://|urn:|mailto:|[\w.-]*[\\/][\w.\\/-]*$|true$|false$|yes$|no$|[0-9a-fA-F-]{16,}$|#)",
    re.IGNORECASE,
)


class XmlWords:
    """Collects the lines of text of one tree."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.n_elements = self.n_attributes = 0
        self.ignored: Counter[str] = Counter()
        self._line: list[str] = []

    def read(self, root: Any) -> list[str]:
        """Return all lines, without recursion."""
        # Element, whether it is being left, and whether it is inside a sentence.
        stack: list[tuple[Any, bool, bool]] = [(root, False, False)]
        while stack:
            element, is_left, is_inline = stack.pop()
            name = local_name(element)
            if is_left or not name:
                if name:
                    self._edge(name, is_inline=is_inline)
                self._add(element.tail)
                continue
            self.n_elements += 1
            self._edge(name, is_inline=is_inline)
            self._attributes(element, is_inline=is_inline)
            self._add(element.text)
            stack.append((element, True, is_inline))
            is_mixed = _is_mixed(element)
            stack.extend((child, False, is_mixed and not _is_structure(child)) for child in reversed(element))
        self._end_line()
        return self.lines

    def _edge(self, name: str, *, is_inline: bool) -> None:
        """Separate an element from its surroundings: by a new line, or inside a sentence by a space unless it is formatting."""
        if not is_inline:
            self._end_line()
        elif name.lower() not in _LETTERS:
            self._line.append(" ")

    def _add(self, text: str | None) -> None:
        if text:
            self._line.append(text)

    def _end_line(self) -> None:
        if self._line:
            if line := _SPACE.sub(" ", "".join(self._line)).strip():
                self.lines.append(line)
            self._line.clear()

    def _attributes(self, element: Any, *, is_inline: bool) -> None:
        for name, value in attributes(element):
            if is_inline or not _is_text(name, value):
                self.ignored["technical-attribute"] += 1
                continue
            self.n_attributes += 1
            self.lines.append(_SPACE.sub(" ", value).strip())


def _is_text(name: str, value: str) -> bool:
    if name.rpartition("}")[2].lower() in _TECHNICAL or not _WORDS.search(value):
        return False
    return not _TECHNICAL_VALUE.match(value.strip())


def _is_mixed(element: Any) -> bool:
    """Whether an element has mixed content: text between its child elements, as in a sentence."""
    return bool((element.text or "").strip()) or any((child.tail or "").strip() for child in element)


def _is_structure(element: Any) -> bool:
    """Whether an element contains only elements, or is empty, such as a line break."""
    if len(element) == 0:
        return not (element.text or "").strip()
    return not _is_mixed(element) and len(element) > 1
