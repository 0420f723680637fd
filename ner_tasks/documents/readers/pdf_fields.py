"""Form fields of a PDF: what was filled in, ticked and chosen.

Source: PDF 32000-1, 12.7.3 and 12.7.4; flags of fields, tables 221, 226, 228 and 230.
"""

import re
from typing import Any

from pypdfium2 import raw

from ner_tasks.documents.inventory import Inventory
from ner_tasks.documents.readers import pdfium

KIND = "form-field"
_TICKED = (raw.FPDF_FORMFIELD_CHECKBOX, raw.FPDF_FORMFIELD_RADIOBUTTON)
_CHOSEN = (raw.FPDF_FORMFIELD_COMBOBOX, raw.FPDF_FORMFIELD_LISTBOX)
_PASSWORD = 1 << 13
_MAX_OPTIONS = 100_000  # of all fields, looked through for what is chosen
_NUMBER = re.compile(r"\[\d+\]$")


class Fields:
    """Reads the widgets of a document; a field that several widgets show is said once.

    Attributes:
        values: of all fields so far.
        last_value: of the field that was read last.
    """

    def __init__(self, form: Any, inventory: Inventory) -> None:
        self._form, self._inventory = form, inventory
        self.values: set[str] = set()
        self.last_value = ""
        self._seen: set[tuple[str, str]] = set()
        self._n_options = 0

    def read(self, widget: Any) -> str | None:
        """Name and value as a line, "" where there is nothing to say; None if there is no value but maybe a drawing."""
        kind = raw.FPDFAnnot_GetFormFieldType(self._form, widget) if self._form else -1
        if kind == raw.FPDF_FORMFIELD_PUSHBUTTON:
            self._inventory.ignored(KIND, "button")
            return ""
        if raw.FPDFAnnot_GetFormFieldFlags(self._form, widget) & _PASSWORD and kind == raw.FPDF_FORMFIELD_TEXTFIELD:
            self._inventory.ignored(KIND, "password-field")  # shown as dots
            return ""
        if kind in _TICKED:
            self._inventory.read(KIND)
            if not raw.FPDFAnnot_IsChecked(self._form, widget):
                return ""
            value = self._string(raw.FPDFAnnot_GetFormFieldExportValue, widget)
        elif kind == raw.FPDF_FORMFIELD_SIGNATURE:
            return None
        else:
            value = self._chosen(widget) if kind in _CHOSEN else ""
            value = value or self._value(widget)
            if not value.strip():
                return None
            self._inventory.read(KIND)
        return self._line(widget, value)

    def _line(self, widget: Any, value: str) -> str:
        full_name = self._string(raw.FPDFAnnot_GetFormFieldName, widget) or _own(widget, b"T")
        value = value.replace("\r\n", "\n").replace("\r", "\n").strip()
        self.last_value = value
        if (full_name, value) in self._seen:
            return ""
        self._seen.add((full_name, value))
        self.values.add(" ".join(value.split()))
        name = self._string(raw.FPDFAnnot_GetFormFieldAlternateName, widget) or _own(widget, b"TU")
        name = " ".join((name or _NUMBER.sub("", full_name.rpartition(".")[2])).split()).rstrip(":")
        return f"{name}: {value}" if name else value

    def _value(self, widget: Any) -> str:
        value = self._string(raw.FPDFAnnot_GetFormFieldValue, widget)
        return value or _own(widget, b"V")

    def _chosen(self, widget: Any) -> str:
        """Labels of the options that are chosen, which the value may only number."""
        n_options = max(raw.FPDFAnnot_GetOptionCount(self._form, widget), 0)
        self._n_options += n_options
        if self._n_options > _MAX_OPTIONS:
            return ""
        labels = [
            pdfium.string(raw.FPDFAnnot_GetOptionLabel, self._form, widget, number)
            for number in range(n_options)
            if raw.FPDFAnnot_IsOptionSelected(self._form, widget, number)
        ]
        return ", ".join(pdfium.clean(label) for label in labels if label.strip())

    def _string(self, function: Any, widget: Any) -> str:
        return pdfium.clean(pdfium.string(function, self._form, widget)) if self._form else ""


def _own(widget: Any, key: bytes) -> str:
    return pdfium.clean(pdfium.string(raw.FPDFAnnot_GetStringValue, widget, key))
