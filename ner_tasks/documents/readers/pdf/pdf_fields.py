"""Read the form fields of a PDF: text, ticks and choices.

Source: PDF 32000-1, 12.7.3 and 12.7.4; flags of fields, tables 221, 226, 228 and 230.
"""

import ctypes
import re
from typing import Any

from pypdfium2 import raw

from ner_tasks.documents.inventory import Inventory
from ner_tasks.documents.readers.pdf import pdfium

KIND = "form-field"
_TICKED = (raw.FPDF_FORMFIELD_CHECKBOX, raw.FPDF_FORMFIELD_RADIOBUTTON)
_CHOSEN = (raw.FPDF_FORMFIELD_COMBOBOX, raw.FPDF_FORMFIELD_LISTBOX)
_PASSWORD, _RADIO, _PUSHBUTTON, _MAX_FLAGS = 1 << 13, 1 << 15, 1 << 16, 2**31
_KINDS = {"Tx": raw.FPDF_FORMFIELD_TEXTFIELD, "Ch": raw.FPDF_FORMFIELD_COMBOBOX, "Sig": raw.FPDF_FORMFIELD_SIGNATURE}
# PDFium searches all fields for the parent of one: maximum number of steps for all widgets together.
_MAX_COST = 400_000_000
_COST_OF_CHARACTER = 10
_MAX_OPTIONS = 100_000  # options of all fields that are tested for being selected
_NUMBER = re.compile(r"\[\d+\]$")


class PdfFields:
    """Reads the widgets of a document; a field with several widgets is read once.

    Attributes:
        values: values of the fields read so far.
        last_value: value of the last field.
    """

    def __init__(self, form: Any, inventory: Inventory) -> None:
        self._form, self._inventory = form, inventory
        self.values: set[str] = set()
        self.last_value = ""
        self._seen: set[tuple[str, str]] = set()
        self._n_options = self._n_widgets = self._cost = 0

    def read(self, widget: Any) -> str | None:
        """Return name and value as a line; "" if there is none to add; None if there is no value, but maybe a drawing."""
        self._n_widgets += 1
        if self._cost > _MAX_COST and not _is_whole(widget):
            self._inventory.unread(KIND, "form field", "the limit on looking up inherited fields is reached")
            return ""
        kind, flags = self._find_kind(widget)
        if kind == raw.FPDF_FORMFIELD_PUSHBUTTON:
            self._inventory.ignored(KIND, "button")
            return ""
        if kind == raw.FPDF_FORMFIELD_TEXTFIELD and flags & _PASSWORD:
            self._inventory.ignored(KIND, "password-field")  # shown as dots
            return ""
        if kind in _TICKED:
            self._inventory.read(KIND)
            value = self._read_tick(widget)
            return self._make_line(widget, value) if value else ""
        if kind == raw.FPDF_FORMFIELD_SIGNATURE:
            return None
        value = (self._read_choices(widget) if kind in _CHOSEN else "") or self._read_value(widget)
        if not value.strip():
            return None
        self._inventory.read(KIND)
        return self._make_line(widget, value)

    def _find_kind(self, widget: Any) -> tuple[int, int]:
        """Return kind and flags; inherited ones are looked up in the form, which takes time proportional to its size."""
        name = _read_own(widget, b"FT")
        if not name:
            if not self._form:
                return -1, 0
            self._cost += 2 * self._n_widgets
            kind = raw.FPDFAnnot_GetFormFieldType(self._form, widget)
            return kind, raw.FPDFAnnot_GetFormFieldFlags(self._form, widget)
        number = ctypes.c_float()
        has_flags = raw.FPDFAnnot_GetNumberValue(widget, b"Ff", ctypes.byref(number))
        flags = int(number.value) if has_flags and 0 <= number.value < _MAX_FLAGS else 0
        if name == "Btn":
            if flags & _PUSHBUTTON:
                return raw.FPDF_FORMFIELD_PUSHBUTTON, flags
            return raw.FPDF_FORMFIELD_RADIOBUTTON if flags & _RADIO else raw.FPDF_FORMFIELD_CHECKBOX, flags
        return _KINDS.get(name, -1), flags

    def _read_tick(self, widget: Any) -> str:
        """Return the value of a ticked box or button; "" if it is not ticked."""
        state = _read_own(widget, b"AS")
        if state in ("", "Off"):
            return ""
        value = self._read_string(raw.FPDFAnnot_GetFormFieldExportValue, widget) if state.isdigit() else ""
        return value or state

    def _make_line(self, widget: Any, value: str) -> str:
        has_own_name = bool(raw.FPDFAnnot_HasKey(widget, b"T")) and not raw.FPDFAnnot_HasKey(widget, b"Parent")
        own = _read_own(widget, b"T")
        full_name = own if has_own_name else self._read_string(raw.FPDFAnnot_GetFormFieldName, widget) or own
        value = value.replace("\r\n", "\n").replace("\r", "\n").strip()
        self.last_value = value
        if (full_name, value) in self._seen:
            return ""
        self._seen.add((full_name, value))
        self.values.add(" ".join(value.split()))
        name = _read_own(widget, b"TU")
        if not name and not has_own_name:
            name = self._read_string(raw.FPDFAnnot_GetFormFieldAlternateName, widget)
        name = " ".join((name or _NUMBER.sub("", full_name.rpartition(".")[2])).split()).rstrip(":")
        return f"{name}: {value}" if name else value

    def _read_value(self, widget: Any) -> str:
        value = _read_own(widget, b"V")
        return value or ("" if raw.FPDFAnnot_HasKey(widget, b"V") else self._read_inherited(widget))

    def _read_inherited(self, widget: Any) -> str:
        return "" if _is_whole(widget) else self._read_string(raw.FPDFAnnot_GetFormFieldValue, widget)

    def _read_choices(self, widget: Any) -> str:
        """Return the labels of the selected options; the value may hold only their numbers."""
        n_options = max(raw.FPDFAnnot_GetOptionCount(self._form, widget), 0)
        self._n_options += n_options
        if self._n_options > _MAX_OPTIONS:
            return ""
        labels = [
            pdfium.read_string(raw.FPDFAnnot_GetOptionLabel, self._form, widget, number)
            for number in range(n_options)
            if raw.FPDFAnnot_IsOptionSelected(self._form, widget, number)
        ]
        return ", ".join(pdfium.clean(label) for label in labels if label.strip())

    def _read_string(self, function: Any, widget: Any) -> str:
        value = pdfium.clean(pdfium.read_string(function, self._form, widget)) if self._form else ""
        self._cost += 2 * self._n_widgets + _COST_OF_CHARACTER * len(value)  # many widgets may inherit a long value
        return value


def _is_whole(widget: Any) -> bool:
    """Whether a widget is a complete field, without a parent."""
    return bool(raw.FPDFAnnot_HasKey(widget, b"FT")) and not raw.FPDFAnnot_HasKey(widget, b"Parent")


def _read_own(widget: Any, key: bytes) -> str:
    return pdfium.clean(pdfium.read_string(raw.FPDFAnnot_GetStringValue, widget, key))
