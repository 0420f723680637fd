"""Decide which text of a Word field is shown: its result, not its code; a few fields show text from their code.

Source: ECMA-376, part 1, 17.16.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from ner_tasks.documents.readers.office.ooxml_layout import OoxmlLayout
from ner_tasks.documents.readers.office.xml_tree import attribute, child
from ner_tasks.documents.readers.xml_names import local_name

_MAX_NESTED = 20  # levels of nested fields; text of deeper ones is read
_DELETED = frozenset({"del", "moveFrom"})
_CHECKED, _UNCHECKED = "\u2612", "\u2610"
# Fields without a result that show text from their code.
_BUTTON = re.compile(r"\s*(?:MACROBUTTON|GOTOBUTTON)\s+\S+\s+(.*)", re.IGNORECASE | re.DOTALL)
_QUOTE = re.compile(r"\s*QUOTE\s+\"?(.*?)\"?\s*(?:\\\*.*)?$", re.IGNORECASE | re.DOTALL)
_EQUATION = re.compile(r"\s*EQ\s+(.*)", re.IGNORECASE | re.DOTALL)
_SWITCH = re.compile(r"\\\*\s*\S+|\\[a-z]+\s?\d*|[\\(),;]", re.IGNORECASE)


@dataclass
class _Field:
    mark: tuple[object, int]
    form: Any
    code: list[str] = field(default_factory=list)
    is_in_code: bool = True


class OoxmlFields:
    """Tracks the open fields while a part is read."""

    def __init__(self) -> None:
        self._whole: set[Any] = set()
        self._open: list[_Field] = []

    def prepare(self, root: Any) -> None:
        """Find the marks of complete fields; an incomplete field hides no text."""
        begun: list[list[Any]] = []
        walk = etree.iterwalk(root, events=("start",))
        for _, mark in walk:
            name = local_name(mark)
            if name in _DELETED:
                walk.skip_subtree()
            if name != "fldChar":
                continue
            kind = attribute(mark, "fldCharType")
            if kind == "begin":
                begun.append([mark])
            elif begun:
                begun[-1].append(mark)
                if kind == "end":
                    self._whole.update(begun.pop())

    @property
    def is_hidden(self) -> bool:
        """Whether the current text is the result of a field inside another field's code."""
        return any(one.is_in_code for one in self._open[-_MAX_NESTED:-1])

    def add_code(self, text: str) -> None:
        """Add text to the code of the innermost open field."""
        if self._open:
            self._open[-1].code.append(text)

    def handle_mark(self, mark: Any, layout: OoxmlLayout) -> str:
        """Handle the begin, separator or end mark of a field.

        Returns:
            The text shown if the field has no result, else "".
        """
        form = child(mark, "ffData")
        kind = attribute(mark, "fldCharType")
        if mark not in self._whole:
            return _show_form_field(form) if form is not None else ""
        if kind == "begin":
            self._open.append(_Field(layout.mark(), form))
        elif self._open and kind == "separate":
            self._open[-1].is_in_code = False
            self._open[-1].mark = layout.mark()
        elif self._open:
            ended = self._open.pop()
            if not layout.has_written_since(ended.mark) and not any(
                one.is_in_code for one in self._open[-_MAX_NESTED:]
            ):
                shown = _show_form_field(ended.form) if ended.form is not None else ""
                return shown or show_code("".join(ended.code))
        return ""


def _show_form_field(form: Any) -> str:
    """Return the state of a check box or the selected entry of a drop-down list."""
    if (box := child(form, "checkBox")) is not None:
        state = child(box, "checked")
        state = child(box, "default") if state is None else state
        is_on = state is not None and attribute(state, "val", "1").lower() in ("1", "true", "on")
        return _CHECKED if is_on else _UNCHECKED
    if (choice := child(form, "ddList")) is not None:
        entries = [attribute(one, "val") for one in choice if local_name(one) == "listEntry"]
        chosen = child(choice, "result")
        chosen = child(choice, "default") if chosen is None else chosen
        number = attribute(chosen, "val") if chosen is not None else "0"
        return entries[int(number)] if number.isdecimal() and int(number) < len(entries) else ""
    return ""


def show_code(code: str) -> str:
    """Return the text that a field without a result shows."""
    if match := _BUTTON.match(code) or _QUOTE.match(code):
        return match.group(1).strip()
    if match := _EQUATION.match(code):
        return " ".join(_SWITCH.sub(" ", match.group(1)).split())
    return ""
