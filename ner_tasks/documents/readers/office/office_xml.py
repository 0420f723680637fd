"""Read the XML formats of Word and Excel 2003: paragraphs, cells, comments, pictures.

Source: Office 2003 XML Reference Schemas, WordprocessingML and SpreadsheetML.
"""

import base64
import binascii
from typing import Any

from ner_tasks.documents.readers import pictures
from ner_tasks.documents.readers.xml_names import attributes, local_name, outermost, split
from ner_tasks.documents.types import ExtractBuilder, Limits

_WORD = "http://schemas.microsoft.com/office/word/2003/wordml"
_EXCEL = "urn:schemas-microsoft-com:office:spreadsheet"
_BREAKS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "\u2011"}
_SILENT = {"instrText": "field-code", "delText": "deleted-text", "delInstrText": "deleted-text"}
_NO_TEXT = frozenset({"DocumentProperties", "styles", "fonts", "lists", "docPr", "docOleData", "docSuppData"})


def is_known(root: Any) -> bool:
    """Whether a root element belongs to one of these formats."""
    return (split(root.tag)[0], local_name(root)) in ((_WORD, "wordDocument"), (_EXCEL, "Workbook"))


def add_text(builder: ExtractBuilder, root: Any, limits: Limits) -> None:
    """Add the text of a document or workbook."""
    if split(root.tag)[0] == _WORD:
        _add_document(builder, root, limits)
    else:
        _add_workbook(builder, root)


def _add_document(builder: ExtractBuilder, root: Any, limits: Limits) -> None:
    for part in root:
        if local_name(part) in _NO_TEXT:
            builder.inventory.ignored("part", "styles-and-settings")
            continue
        lines: list[str] = []
        line: list[str] = []
        for element in part.iter():
            name = local_name(element)
            if name in ("p", "tc") and line:
                lines.append("".join(line))
                line.clear()
            if name == "t":
                line.append(element.text or "")
            elif name in _BREAKS:
                line.append(_BREAKS[name])
            elif name in _SILENT:
                builder.inventory.ignored("element", _SILENT[name])
            elif name == "binData":
                _add_picture(builder, element, limits)
        builder.inventory.read("part")
        builder.lines([*lines, "".join(line)])


def _add_picture(builder: ExtractBuilder, element: Any, limits: Limits) -> None:
    called = next((value for key, value in attributes(element) if key.endswith("}name")), "")
    name = called.rpartition("/")[2] or "picture"
    try:
        pictures.add(builder, name, base64.b64decode(element.text or ""), limits)
    except binascii.Error:
        builder.inventory.unread("picture", name, "damaged base64")


def _add_workbook(builder: ExtractBuilder, root: Any) -> None:
    for part in root:
        if local_name(part) != "Worksheet":
            builder.inventory.ignored("part", "styles-and-settings")
            continue
        title = next((value for key, value in attributes(part) if key.endswith("}Name")), "")
        lines: list[str] = []
        notes: list[str] = []
        for row in outermost(part, "Row"):
            cells = []
            for cell in row:
                shown = [_join_text(data) for data in cell if local_name(data) == "Data"]
                cells.append(" ".join(shown))
                notes.extend(_join_text(comment) for comment in cell if local_name(comment) == "Comment")
            lines.append("\t".join(cells).rstrip("\t"))
        builder.inventory.read("sheet")
        builder.inventory.read("comment", len(notes))
        builder.lines([line for line in (title, *lines, *notes) if line.strip()], title or None)


def _join_text(element: Any) -> str:
    return " ".join("".join(element.itertext()).split())
