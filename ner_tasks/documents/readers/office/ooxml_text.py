"""Extract the text that WordprocessingML and DrawingML show: bodies, notes, text boxes, shapes, charts, diagrams.

Tracked deletions, field codes and placeholders are skipped and counted. Of two alternatives (`mc:AlternateContent`), the
second is read only if its text differs.

Source: ECMA-376, part 1, 17 (WordprocessingML), 20 (DrawingML); part 3 (markup compatibility); part 4, 14 (VML).
"""

import re
from collections import Counter
from collections.abc import Callable
from math import inf
from typing import Any

from lxml import etree

from ner_tasks.documents.readers.office import ooxml_fields, ooxml_symbols
from ner_tasks.documents.readers.office.ooxml_layout import CELL, FLOW, PARAGRAPH, ROW, SOFT, OoxmlLayout
from ner_tasks.documents.readers.office.xml_tree import attribute, child, join_text
from ner_tasks.documents.readers.xml_names import local_name

_BREAKS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_SOFT = ("drawing", "pict", "object", "footnoteReference", "endnoteReference", "commentReference", "annotationRef")
# Elements of a formula that separate its parts.
_MATH = ("num", "den", "e", "sub", "sup", "deg", "lim", "fName", "mr")
_SKIPPED = (
    *("rPr", "sectPr", "tblGrid", "sdtEndPr", "customXmlPr", "smartTagPr", "ffData"),
    *("style", "lstStyle", "bodyPr", "spPr", "txPr"),
)
# Escaped breaks that some programs write into DrawingML.
_ESCAPED = re.compile("_x000([9AaBbDd])_")
_FLOWS = ("txbxContent", "textbox", "rt", "body", "hdr", "ftr")
_SHAPE_TEXTS = ("txBody", "rich")  # one block, one line per paragraph
_ENDING = frozenset({"p", "tr", "tc", *_FLOWS, *_SHAPE_TEXTS})
MAX_PROMPT = 1_000  # characters of a content control's placeholder text
_FORMS_AT_MOST = 4  # alternatives, and levels of nested alternatives, that are compared; others are read


class TextWalk:
    """Walks one part and collects its text.

    Args:
        skips_placeholders: whether to skip placeholders, which a slide fills, as in a layout.
        prompts: placeholder texts of content controls, as `compact_text` returns them.

    Attributes:
        ignored: number of items that are not shown, by the name of the rule.
        chunks: ids of relations to documents included in this one (`altChunk`), in order.
        subdocuments: ids of relations to external documents.
    """

    def __init__(self, *, skips_placeholders: bool = False, prompts: frozenset[str] = frozenset()) -> None:
        self._skips_placeholders = skips_placeholders
        self.ignored: Counter[str] = Counter()
        self.chunks: list[str] = []
        self.subdocuments: list[str] = []
        self._layout = OoxmlLayout()
        self._fields = ooxml_fields.OoxmlFields()
        self._to_skip: set[Any] = set()
        self._alternatives = 0
        self._prompts = prompts
        self._described: set[str] = set()

    def blocks(self, root: Any) -> list[str]:
        """Return the text of all paragraphs, table rows and text boxes below an element."""
        self._fields.prepare(root)
        handlers = self._make_handlers()
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            name = local_name(element)
            if event == "start":
                if (handle := handlers.get(name)) and handle(element):
                    walk.skip_subtree()
            else:
                self._end(name, element)
        return self._layout.finish()

    def _make_handlers(self) -> dict[str, Callable[[Any], bool | None]]:
        """Map element names to handlers; a handler that returns True skips the element's content."""
        return {
            **dict.fromkeys(_SKIPPED, self._skip),
            **dict.fromkeys(_BREAKS, self._break),
            **dict.fromkeys(_SOFT, self._soft),
            **dict.fromkeys(_MATH, self._math),
            **dict.fromkeys(_FLOWS, self._flow),
            **dict.fromkeys(_SHAPE_TEXTS, self._shape_text),
            **dict.fromkeys(("v", "pt"), self._value),
            **dict.fromkeys(("numCache", "numLit", "numDim"), self._numbers),
            **dict.fromkeys(("del", "moveFrom", "delText", "delInstrText"), self._count_deletion),
            **dict.fromkeys(("docPr", "cNvPr", "shape", "rect", "roundrect", "oval"), self._description),
            **dict.fromkeys(("Choice", "Fallback"), self._form),
            "AlternateContent": self._alternative,
            "altChunk": self._chunk,
            "subDoc": self._subdocument,
            "t": self._text,
            "div": self._old_button,
            "sp": self._shape,
            "sym": self._symbol,
            "p": self._paragraph,
            "pPr": self._paragraph_properties,
            "tr": self._row,
            "tc": self._cell,
            "tblPr": self._table_properties,
            "sdt": self._control,
            "fldChar": self._field_mark,
            "instrText": self._field_code,
            "fldSimple": self._simple_field,
            "textpath": self._word_art,
        }

    def _end(self, name: str, element: Any) -> None:
        if name in _ENDING:
            self._layout.close(element)
        elif name == "AlternateContent":
            self._alternatives -= 1
        elif name in _SOFT:
            self._layout.write(SOFT)

    def _skip(self, _element: Any) -> bool:
        return True

    def _text(self, element: Any) -> bool:
        # In charts and comment frames, <t> and <tx> contain paragraphs.
        if len(element) and not (element.text or "").strip():
            return False
        if self._fields.is_hidden:
            self.ignored["field-code"] += 1
        else:
            self._layout.write(_ESCAPED.sub(lambda match: "\t" if match[1] == "9" else "\n", join_text(element)))
        return True

    def _value(self, element: Any) -> bool:
        """Add a label of a chart once; all series repeat the same labels."""
        text = join_text(element)
        if len(element) == 0 and text not in self._described:
            self._described.add(text)
            self._layout.add_blocks([text])
        return len(element) == 0

    def _numbers(self, _element: Any) -> bool:
        self.ignored["chart-numbers"] += 1
        return True

    def _old_button(self, element: Any) -> bool:
        """Add the HTML in a VML shape."""
        self._layout.add_blocks([" ".join("\n".join(element.itertext()).split())])
        return True

    def _break(self, element: Any) -> None:
        if not self._fields.is_hidden:
            self._layout.write(_BREAKS[local_name(element)])

    def _soft(self, _element: Any) -> None:
        self._layout.write(SOFT)

    def _math(self, element: Any) -> None:
        if "/math" in element.tag:
            self._layout.write("/" if local_name(element) == "den" else SOFT)

    def _symbol(self, element: Any) -> None:
        if not self._fields.is_hidden:
            self._layout.write(ooxml_symbols.decode_symbol(attribute(element, "font"), attribute(element, "char")))

    def _paragraph(self, element: Any) -> bool:
        self._layout.open(PARAGRAPH, element)
        return False

    def _paragraph_properties(self, element: Any) -> bool:
        marks = child(element, "rPr")
        if marks is not None and any(local_name(mark) in ("del", "moveFrom") for mark in marks):
            self._layout.join_next()
            self.ignored["deleted-text"] += 1
        return True

    def _flow(self, element: Any) -> None:
        self._layout.open(FLOW, element)

    def _shape_text(self, element: Any) -> None:
        self._layout.open(CELL, element)

    def _row(self, element: Any) -> bool:
        if child(element, "trPr", "del") is not None:
            self.ignored["deleted-text"] += 1
            return True
        self._layout.open(ROW, element)
        return False

    def _cell(self, element: Any) -> bool:
        if child(element, "tcPr", "cellDel") is not None:
            self.ignored["deleted-text"] += 1
            return True
        self._layout.open(CELL, element)
        return False

    def _count_deletion(self, _element: Any) -> bool:
        self.ignored["deleted-text"] += 1
        return True

    def _control(self, element: Any) -> bool:
        """Skip a content control that still shows the placeholder text of its template."""
        if not self._prompts or child(element, "sdtPr", "showingPlcHdr") is None:
            return False
        content = child(element, "sdtContent")
        if content is None or compact_text(content, MAX_PROMPT) not in self._prompts:
            return False
        self.ignored["placeholder"] += 1
        return True

    def _field_mark(self, element: Any) -> bool:
        if text := self._fields.handle_mark(element, self._layout):
            self._layout.write(text)
        return True

    def _field_code(self, element: Any) -> bool:
        self.ignored["field-code"] += 1
        self._fields.add_code(join_text(element))
        return True

    def _simple_field(self, element: Any) -> bool:
        self.ignored["field-code"] += 1
        if len(element) == 0:
            self._layout.write(ooxml_fields.show_code(attribute(element, "instr")))
        return False

    def _table_properties(self, element: Any) -> bool:
        for name in ("tblCaption", "tblDescription"):
            if (description := child(element, name)) is not None:
                self._layout.add_blocks([attribute(description, "val")])
        return True

    def _description(self, element: Any) -> bool:
        """Add the alternative text of a picture or shape."""
        for name in ("title", "descr", "alt"):
            text = element.get(name, "").strip()
            if text and text not in self._described:
                self._described.add(text)
                self._layout.add_blocks([text])
        return False

    def _shape(self, element: Any) -> bool:
        if not self._skips_placeholders or child(element, "nvSpPr", "nvPr", "ph") is None:
            return False
        self.ignored["layout"] += 1
        return True

    def _word_art(self, element: Any) -> None:
        self._layout.add_blocks([attribute(element, "string")])

    def _chunk(self, element: Any) -> None:
        self.chunks.append(attribute(element, "id"))

    def _subdocument(self, element: Any) -> None:
        self.subdocuments.append(attribute(element, "id"))

    def _alternative(self, element: Any) -> None:
        self._alternatives += 1
        if self._alternatives > _FORMS_AT_MOST:
            return
        first, *others = [one for one in element if local_name(one) in ("Choice", "Fallback")] or [None]
        shown = compact_text(first) if others else ""
        for form in others[:_FORMS_AT_MOST]:
            text = compact_text(form)
            if text in shown:
                self._to_skip.add(form)
                self.ignored["other-form"] += bool(text)

    def _form(self, element: Any) -> bool:
        return element in self._to_skip


def compact_text(element: Any, n_most: float = inf) -> str:
    """Return the shown text of an element without whitespace, to compare two elements.

    Args:
        element: an element of a part.
        n_most: number of characters after which to stop.
    """
    pieces: list[str] = []
    n_characters = 0
    for one in element.iter("{*}t", "{*}v", "{*}textpath"):
        pieces.append("".join((attribute(one, "string") or join_text(one)).split()))
        n_characters += len(pieces[-1])
        if n_characters > n_most:
            break
    return "".join(pieces)
