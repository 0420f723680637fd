"""Collect the readable strings and embedded files in the coded part of a clinical document.

Source: HL7 CDA R2, section 4.3.6 (entries); HL7 V3 data types, release 1: ED (2.4), EN (2.20), AD (2.19), TEL (2.18).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ner_tasks.documents.readers.encapsulated import decode_base64, unpack
from ner_tasks.documents.readers.xml_names import local_name
from ner_tasks.documents.types import CannotRead, Limits

_BASE64 = re.compile(r"[A-Za-z0-9+/\s]{16,}={0,2}\s*")
_MARKUP = re.compile(r"<[A-Za-z!/][^<>]{0,200}>")
_ADDRESS_PARTS = frozenset(
    [
        "streetAddressLine",
        "houseNumber",
        "streetName",
        "city",
        "state",
        "county",
        "country",
        "postalCode",
        "additionalLocator",
        "precinct",
    ]
)
_NAME_ORDER = {"prefix": 0, "given": 1, "family": 2, "suffix": 3}

SHOWN = ("name", "text", "display")  # kinds of values that are text


@dataclass(frozen=True)
class Value:
    """One string or file.

    Attributes:
        kind: `name` (of a person or organisation), `text`, `display` (the name of a code), `file` or `pointer`.
        text: the string, the file's name or the pointer's target.
        media_type: media type of a file.
        element: element that holds a file.
    """

    kind: str
    text: str
    media_type: str = ""
    element: Any = None


def collect_values(element: Any, *, with_ids: bool = False, with_numbers: bool = False) -> Iterator[Value]:
    """Collect the readable values below an element, in document order.

    Args:
        element: a participant in the header, or an entry.
        with_ids: whether to include identifiers, such as a medical record number.
        with_numbers: whether to include measured values.
    """
    from lxml import etree

    walk = etree.iterwalk(element, events=("start", "end"))
    for event, node in walk:
        if event == "end":
            if node is not element and (tail := _clean(node.tail)):
                yield Value("text", tail)
            continue
        name = local_name(node)
        if (file := _find_file(node)) is not None:
            yield file
            walk.skip_subtree()
        elif (composed := _compose(node, name)) is not None:
            if composed:
                yield Value("name" if name == "name" else "text", composed)
            walk.skip_subtree()
        else:
            yield from _read_attributes(node, name, with_ids=with_ids, with_numbers=with_numbers)
            if text := _clean(node.text):
                yield Value("name" if name == "name" else "text", text)


def collect_files(element: Any) -> Iterator[Value]:
    """Collect the files and pointers to files below an element."""
    from lxml import etree

    walk = etree.iterwalk(element, events=("start",))
    for _, node in walk:
        if (file := _find_file(node)) is not None:
            yield file
            walk.skip_subtree()
        elif local_name(node) == "reference" and (value := _clean(node.get("value"))) and not value.startswith("#"):
            yield Value("pointer", value)


def decode_content(element: Any, limits: Limits) -> bytes | CannotRead:
    """Decode the content of an element of type ED, or return why it cannot be decoded."""
    text = "".join(element.itertext())
    if element.get("representation", "").upper() != "B64" and not _BASE64.fullmatch(text):
        return text.encode("utf-8", "replace")
    content = decode_base64(text)
    return content if isinstance(content, CannotRead) else unpack(content, element.get("compression", ""), limits)


def _find_file(node: Any) -> Value | None:
    """Return the file that an element holds, as base64 or as text with its own markup."""
    media_type = node.get("mediaType", "")
    is_base64 = node.get("representation", "").upper() == "B64"
    if not is_base64 and not media_type:
        return None
    text = node.text or ""
    if not text.strip():
        return None
    parent = node.getparent()
    title = node.get("ID") or (parent.get("ID") if parent is not None else None) or ""
    if is_base64 or (not media_type.startswith("text/") and _BASE64.fullmatch(text)):
        return Value("file", title, media_type, node)
    if not len(node) and _MARKUP.search(text) and media_type != "text/plain":
        return Value("file", title, f"{media_type}; charset=utf-8", node)
    return None


def _compose(node: Any, name: str) -> str | None:
    """Compose a name or an address from its parts; None for any other element."""
    kinds = [local_name(child) for child in node]
    is_address = name == "addr" or not _ADDRESS_PARTS.isdisjoint(kinds)
    is_name = name in ("name", "asSynonym") or "given" in kinds or "family" in kinds
    if not kinds or not (is_address or is_name) or _clean(node.text) or any(_clean(child.tail) for child in node):
        return None
    parts = [(kind, _clean(" ".join(child.itertext()))) for kind, child in zip(kinds, node, strict=True)]
    if is_address:
        return ", ".join(text for _, text in parts if text)
    ordered = sorted(parts, key=lambda part: _NAME_ORDER.get(part[0], len(_NAME_ORDER)))
    return " ".join(text for _, text in ordered if text)


def _read_attributes(node: Any, name: str, *, with_ids: bool, with_numbers: bool) -> Iterator[Value]:
    if display := _clean(node.get("displayName")):
        yield Value("display", display)
    value = _clean(node.get("value"))
    if name == "telecom" and value:
        yield Value("text", re.sub(r"^(?:tel|mailto|fax):", "", value))
    elif name == "reference" and value and not value.startswith("#"):
        yield Value("pointer", value)
    elif name == "birthTime" and value:
        yield Value("text", value)
    elif name == "id" and with_ids and _clean(node.get("extension")):
        yield Value("text", _clean(node.get("extension")))
    elif with_numbers and value and name in ("value", "doseQuantity", "low", "high") and node.get("unit") is not None:
        yield Value("text", f"{value} {node.get('unit')}".strip())


def _clean(text: str | None) -> str:
    return " ".join(text.split()) if text else ""
