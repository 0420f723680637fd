"""Read XML: dispatch on the root element to the reader of its format, or read all its text."""

import re
from importlib import import_module
from typing import Any

from ner_tasks.documents.readers import encapsulated, pictures, xml_names
from ner_tasks.documents.readers.markup import xml_parsing, xml_words
from ner_tasks.documents.readers.office import office_xml
from ner_tasks.documents.types import CannotRead, Extract, ExtractBuilder, Limits

_ODF = "urn:oasis:names:tc:opendocument:xmlns:office:1.0"
_PACKAGE = "http://schemas.microsoft.com/office/2006/xmlPackage"
_COMMENT = re.compile(rb"<!--")
_BASE64 = re.compile(r"[A-Za-z0-9+/=_\-\s]{200,}")
_INSTRUCTION = re.compile(rb"<\?(?!xml\s)[A-Za-z]")
# Readers by the local name of a root element and a word of its namespace.
_BY_ROOT = {
    "html": ("xhtml", "markup.html"),
    "svg": ("svg", "markup.svg"),
    "ClinicalDocument": ("", "clinical.cda"),
    "Bundle": ("hl7.org/fhir", "clinical.fhir"),
}


def read(data: bytes, limits: Limits, declared: str = "") -> Extract:
    """Read an XML file.

    Raises:
        CannotRead: `broken`, `not-text`, `unknown-encoding`, or any reason of the format's reader.
    """
    parsed = xml_parsing.parse(data, declared)
    root = parsed.root
    if reader := _find_reader(root, data):
        extract: Extract = import_module(f"ner_tasks.documents.readers.{reader}").read(data, limits, declared)
        return extract
    builder = ExtractBuilder()
    builder.note(*parsed.notes)
    if parsed.fault:
        builder.inventory.unread("damage", "the file", parsed.fault)
    builder.inventory.ignored("comment", "comment", len(_COMMENT.findall(data)))
    builder.inventory.ignored("instruction", "processing-instruction", len(_INSTRUCTION.findall(data)))
    _add_files(root, builder, limits)
    if office_xml.is_known(root):
        office_xml.add_text(builder, root, limits)
    else:
        words = xml_words.XmlWords()
        builder.lines(words.read(root))
        builder.inventory.read("element", words.n_elements)
        builder.inventory.read("attribute", words.n_attributes)
        for rule, n in words.ignored.items():
            builder.inventory.ignored("attribute", rule, n)
    return pictures.require_text(builder.extract(parsed.encoding))


def _find_reader(root: Any, data: bytes) -> str:
    namespace, name = xml_names.split(root.tag)
    word, reader = _BY_ROOT.get(name, ("", ""))
    if reader and word in namespace:
        return reader
    if "hl7.org/fhir" in namespace:
        return "clinical.fhir"
    if namespace == _ODF:
        return "office.spreadsheet" if b"office:spreadsheet" in data else "office.odf"
    if namespace == _PACKAGE:
        kinds = (
            (b"/word/document", "office.docx"),
            (b"/xl/workbook", "office.xlsx"),
            (b"/ppt/presentation", "office.pptx"),
        )
        return next((reader for mark, reader in kinds if mark in data), "")
    return ""


def _add_files(root: Any, builder: ExtractBuilder, limits: Limits) -> None:
    """Add files in base64 elements as parts, and remove them from the text."""
    attachments = encapsulated.Attachments(builder, limits)
    number = 0
    for element in root.iter():
        text = element.text or ""
        if len(text) < 200 or not _BASE64.fullmatch(text) or len(text.split(None, 1)[0]) < 40:
            continue
        content = encapsulated.decode_base64(text)
        if isinstance(content, CannotRead):
            continue
        number += 1
        element.text = None
        attachments.add(content, f"{xml_names.local_name(element)} {number}")
