"""Format the values of HL7 v2 fields for people: names in their usual order, components separated, codes dropped."""

import re
from dataclasses import dataclass

from ner_tasks.documents.inventory import Inventory
from ner_tasks.documents.readers.clinical.hl7_syntax import Hl7Separators, unescape

TEXT_TYPES = ("TX", "FT", "ST", "")
_CODED_TYPES = ("CE", "CWE", "CNE", "CF")
# Text components of a coded element: text, alternate text, original text, second alternate text.
_CODE_TEXTS = (1, 4, 8, 11)
# Components of an XPN in print order: prefix, given, middle, family, suffix, degree. An XCN starts with a number.
_NAME_ORDER = (4, 1, 2, 0, 3, 5)
_N_NAME = 6
_MAX_CODE = 3  # characters of a code for the type of a name or address
_CODE = re.compile(r"[A-Z0-9][\w.:/%*{}\[\]^-]*")
_SET_ID = re.compile(r"\S{0,8}")
# First component that may be a code for the type of the name or address.
_KINDS_FROM = {"XAD": 6, "XON": 1}


@dataclass(frozen=True)
class Values:
    """Formats the values of one message.

    Attributes:
        encoding: encoding of the message, for bytes in escape sequences.
        inventory: counts the codes that are dropped.
    """

    separators: Hl7Separators
    encoding: str
    inventory: Inventory

    def format_text(self, raw: str) -> str:
        """Format free text: one line per repetition; unescaped separators stay unchanged."""
        lines = raw.split(self.separators.repetition)
        return "\n".join(unescape(line, self.separators, self.encoding) for line in lines)

    def format_field(self, raw: str, data_type: str) -> str:
        """Format a field of any type.

        Args:
            raw: raw value from the message.
            data_type: its data type, "" if unknown.

        Returns:
            Its text, "" if it is not for people.
        """
        if data_type == "SI":
            return "" if _SET_ID.fullmatch(raw.strip()) else self.format_text(raw).strip()
        if data_type in ("TX", "FT", "ST"):
            return self.format_text(raw).strip()
        repetitions = [self.split_components(value) for value in raw.split(self.separators.repetition) if value]
        return "; ".join(filter(None, (self._format_value(components, data_type) for components in repetitions)))

    def split_components(self, raw: str) -> list[str]:
        """Split a value into components, whose subcomponents are joined by a space."""
        return [self._decode_component(component) for component in raw.split(self.separators.component)]

    def _decode_component(self, raw: str) -> str:
        sign = self.separators.subcomponent
        lone = f" {sign} "  # text, not a separator, although it should have been escaped
        if sign in raw:
            raw = lone.join(" ".join(filter(None, piece.split(sign))) for piece in raw.split(lone))
        return unescape(raw, self.separators, self.encoding).strip().removeprefix('""')

    def _format_value(self, components: list[str], data_type: str) -> str:
        if data_type == "XPN":
            return self._format_name(components)
        if data_type == "XCN":
            rest = [components[0], *components[1 + _N_NAME :]]
            name = self._format_name(components[1 : 1 + _N_NAME])
            behind = ", ".join(self._drop_codes(rest))
            return f"{name} ({behind})" if name and behind else name or behind
        if data_type in _CODED_TYPES or data_type == "label":
            return self._format_coded(components, with_code=data_type != "label")
        kept = self._drop_codes(components, _KINDS_FROM[data_type]) if data_type in _KINDS_FROM else components
        return ", ".join(filter(None, kept))

    def _format_name(self, components: list[str]) -> str:
        ordered = [components[index] for index in _NAME_ORDER if index < len(components) and components[index]]
        name = " ".join(ordered)
        rest = ", ".join(self._drop_codes(components[_N_NAME:], 0))
        return f"{name}, {rest}" if name and rest else name or rest

    def _drop_codes(self, components: list[str], start: int = 1) -> list[str]:
        """Drop the codes, from `start` on, for the type of the name or address."""
        kept = [text for index, text in enumerate(components) if text and (index < start or not _is_kind(text))]
        self._count_dropped(sum(map(bool, components)) - len(kept))
        return kept

    def _format_coded(self, components: list[str], *, with_code: bool) -> str:
        """Format the texts of a coded element and its code in brackets; other codes only if they are words."""
        texts = [components[index] for index in _CODE_TEXTS if index < len(components) and components[index]]
        others = [text for index, text in enumerate(components) if text and index not in _CODE_TEXTS]
        words = [text for text in others if not texts or not _CODE.fullmatch(text) or _is_word(text)]
        code = components[0] if with_code and components[0] not in ("", *words) else ""
        self._count_dropped(len(others) - len(words) - bool(code))
        return ", ".join(dict.fromkeys([*texts, *words])) + (f" ({code})" if code else "")

    def format_units(self, raw: str) -> str:
        """Format units: the code, and its text if it differs."""
        components = self.split_components(raw)
        shown = [text for text in components[:2] if text]
        self._count_dropped(len([text for text in components[2:] if text]))
        return " ".join(dict.fromkeys(shown))

    def _count_dropped(self, n: int) -> None:
        self.inventory.ignored("code", "coded-value", n)


def _is_kind(text: str) -> bool:
    return len(text) <= _MAX_CODE and text.isalpha() and text.isupper()


def _is_word(text: str) -> bool:
    """Whether a token looks like a word: `Negative`, but not `LN`, `I10` or `SCT`."""
    return text.isalpha() and len(text) > _MAX_CODE and not text.isupper()
