"""Read the properties of an Office package that people enter; those that programs write are metadata.

Source: ECMA-376, part 2, 11 (core properties); part 1, 22.3 (custom properties).
"""

import re
from typing import Any

from ner_tasks.documents.readers import xml_names
from ner_tasks.documents.readers.office import xlsx_cells, xml_tree
from ner_tasks.documents.readers.office.ooxml import Package
from ner_tasks.documents.readers.properties import KIND, Property
from ner_tasks.documents.types import ExtractBuilder

METADATA = "metadata"
CORE = {
    "title": "Title",
    "subject": "Subject",
    "description": "Description",
    "keywords": "Keywords",
    "category": "Category",
}
_STRINGS = frozenset({"lpwstr", "lpstr", "bstr"})
# Custom properties that programs write: sensitivity labels, document servers, add-ins.
_OF_PROGRAMS = re.compile(
    r"msip_label|contenttypeid|_dlc_|_author|_?(?:previous)?adhocreview|_newreview|_reviewingtools|template|xd_|kso|icv$"
    r"|.*guid$|grammarly|mtwin|mteq|appversion|docsecurity|generator|producer|creator|created|lastsaved|progid|ptex\."
    r"|complianceassetid|mediaservice|_extendeddescription|triggerflow|_sourceurl|_sharedfileindex|_color|_ms_pid"
    r"|_2015_ms|sflag|zotero_|mendeley|en\.|titus|docstate|language$|order$|version$|url$",
    re.IGNORECASE,
)
_FOR_PROGRAMS = re.compile(
    r"\{?[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}\}?|0x[0-9a-f]{8,}|true|false|https?://\S+", re.IGNORECASE
)


def read_properties(package: Package, builder: ExtractBuilder) -> list[Property]:
    """Return the name and text of each property that people enter."""
    fields: list[Property] = []
    for name in package.parts:
        space, root_name = package.roots.get(name, ("", ""))
        # Extended properties (app.xml) have the same root name and hold statistics of the program.
        is_custom = root_name == "Properties" and "custom" in f"{space} {name}".lower()
        if root_name != "coreProperties" and not is_custom:
            continue
        root = package.parse(name, builder)
        if root is None:
            continue
        if root_name == "coreProperties":
            fields += [
                (CORE[xml_names.local_name(one)], _read_text(one)) for one in root if xml_names.local_name(one) in CORE
            ]
        else:
            fields += _read_custom(root, builder)
    return fields


def _read_custom(root: Any, builder: ExtractBuilder) -> list[Property]:
    """Return the string properties; numbers, dates and properties of programs are ignored as metadata."""
    fields: list[Property] = []
    for one in root:
        if xml_names.local_name(one) != "property":
            continue
        name = xml_tree.attribute(one, "name")
        texts = [_read_text(value) for value in one.iter() if xml_names.local_name(value) in _STRINGS]
        if texts and not is_program_property(name, "".join(texts)):
            fields.append((name, " ".join(texts)))
        else:
            builder.inventory.ignored(KIND, METADATA)
    return fields


def is_program_property(name: str, text: str) -> bool:
    """Whether a custom property was written by a program for its own use."""
    return bool(_OF_PROGRAMS.match(name) or _FOR_PROGRAMS.fullmatch(text.strip()))


def _read_text(element: Any) -> str:
    return xlsx_cells.unescape(xml_tree.join_text(element))
