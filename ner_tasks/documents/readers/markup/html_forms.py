"""Visible contents of HTML forms: values, placeholders, ticks, options."""

from typing import Any

_NO_VALUE = frozenset({"file", "image", "color", "range"})


def find_value(attributes: Any) -> str | None:
    """Return the visible text of an `<input>`; None if it is not displayed."""
    kind = (attributes.get("type") or "text").lower()
    if kind in ("hidden", "password"):
        return None
    if kind in ("checkbox", "radio"):
        return "[x]" if "checked" in attributes else "[ ]"
    if kind in _NO_VALUE:
        return attributes.get("alt") or ""
    return attributes.get("value") or attributes.get("placeholder") or ""


class Forms:
    """Determines which options of the lists on a page are displayed."""

    def __init__(self) -> None:
        self._first: dict[int, int] = {}

    def is_shown(self, option: Any) -> bool:
        """Whether an option is selected, first in its drop-down list, or in a list box."""
        select = option.parent
        while select is not None and select.tag in ("x-optgroup", "x-option", "div"):
            select = select.parent
        if select is None or select.tag != "x-select" or "selected" in option.attributes:
            return True
        attributes = select.attributes
        is_list = "multiple" in attributes or (attributes.get("size") or "1") not in ("0", "1")
        return is_list or self._find_first(select) == option.mem_id

    def _find_first(self, select: Any) -> int:
        """Return the id of the option displayed by default; 0 if one is selected."""
        if select.mem_id not in self._first:
            chosen = select.css_first("x-option[selected]")
            first = None if chosen else select.css_first("x-option")
            self._first[select.mem_id] = first.mem_id if first is not None else 0
        return self._first[select.mem_id]
