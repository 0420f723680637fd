"""Fields of Word: what of them is shown. A field's code is not, its result is; a few show what their code says.

Source: ECMA-376, part 1, 17.16.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from ner_tasks.documents.readers.office.ooxml_layout import OoxmlLayout
from ner_tasks.documents.readers.office.xml_tree import attribute, child
from ner_tasks.documents.readers.xml_names import local_name

_MAX_NESTED = 20  # fields around one another; what lies deeper is read
_DELETED = frozenset({"del", "moveFrom"})
_CHECKED, _UNCHECKED = "\u2612", "\u2610"
# Fields without a result whose code holds what is shown.
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
    """The fields that are open while a part is read from its beginning to its end."""

    def __init__(self) -> None:
        self._whole: set[Any] = set()
        self._open: list[_Field] = []

    def prepare(self, root: Any) -> None:
        """Find the marks that make up whole fields; those of a damaged field hide nothing."""
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
        """Whether what stands here is the result of a field in the code of another one."""
        return any(one.is_in_code for one in self._open[-_MAX_NESTED:-1])

    def add_code(self, text: str) -> None:
        """Take what stands in a field's code."""
        if self._open:
            self._open[-1].code.append(text)

    def handle_mark(self, mark: Any, layout: OoxmlLayout) -> str:
        """Pass the beginning, middle or end of a field.

        Returns:
            What is shown there in place of a result.
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
    """The state of a check box, the entry that a list shows."""
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
    """What a field without a result shows."""
    if match := _BUTTON.match(code) or _QUOTE.match(code):
        return match.group(1).strip()
    if match := _EQUATION.match(code):
        return " ".join(_SWITCH.sub(" ", match.group(1)).split())
    return ""
