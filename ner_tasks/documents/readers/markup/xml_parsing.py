"""Parse untrusted or malformed XML: without entities and network access, with repair of common errors.

Named characters of HTML are expanded as in HTML.

Source: Extensible Markup Language (XML) 1.0, fifth edition.
"""

import re
from dataclasses import dataclass
from html import unescape
from html.entities import html5
from typing import Any

from ner_tasks.documents.encodings import damaged_text
from ner_tasks.documents.types import CannotRead

_DECLARATION = re.compile(r"\s*<\?xml\s[^>]{0,200}\?>")
_ENCODING = re.compile(rb"\s*<\?xml\s[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{2,40})[\"']")
_DOCTYPE = re.compile(r"<!DOCTYPE[^\[>]{0,2000}(?:\[.*?\]\s*)?>", re.DOTALL)
_FIRST_ELEMENT = re.compile(r"<[A-Za-z_:]")
_CDATA, _CDATA_END = "<![CDATA[", "]]>"
_AMPERSAND = re.compile(r"&(?:#(\d{1,7}|[xX][0-9a-fA-F]{1,6});|(\w{1,32});)?")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_TAG = re.compile(r"<[^<>]*>")
_LONG_BASE64 = re.compile(r"[A-Za-z0-9+/=]{200,}")
_OWN = frozenset({"amp", "lt", "gt", "quot", "apos"})
_UTF16 = ((b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))


@dataclass(frozen=True)
class Parsed:
    """A parsed XML file.

    Attributes:
        root: root element, an `lxml.etree._Element`.
        encoding: encoding of the file.
        notes: repairs, a line each.
        fault: damage by which content may be lost; "" if there is none.
    """

    root: Any
    encoding: str
    notes: tuple[str, ...] = ()
    fault: str = ""


def parse(data: bytes, declared: str = "") -> Parsed:
    """Parse an XML file; malformed XML is repaired, or read as far as possible.

    Args:
        data: content of the file.
        declared: encoding declared by the enclosing file.

    Raises:
        CannotRead: `broken` if there is no element; `not-text`, `unknown-encoding`.
    """
    text, encoding, n_damaged = _decode(data, declared)
    # Drop the declaration, since the text is decoded, and the document type, whose entities may expand without limit.
    text = _DECLARATION.sub("", text, count=1)
    first = _FIRST_ELEMENT.search(text)
    at = text.find("<!DOCTYPE")
    if at >= 0 and (not first or at < first.start()) and (doctype := _DOCTYPE.match(text, at)):
        text = text[:at] + text[doctype.end() :]
    text = text[max(text.find("<"), 0) :]
    damage = damaged_text.describe_damage(n_damaged) if n_damaged else ""
    root, errors = _tree(text)
    if not errors:
        return Parsed(root, encoding, fault=damage)
    mended, unknown = _mend(text)
    again, errors = _tree(mended)
    if again is None or not "".join(again.itertext()).strip():
        return _parse_without_structure(mended, encoding, errors)
    notes = ["XML repaired: invalid characters or references"] if mended != text else []
    if unknown:
        notes.append(f"{unknown} undeclared entities are kept as written")
    fault = f"malformed XML at {errors}; later content may be lost" if errors else damage
    return Parsed(again, encoding, tuple(notes), fault)


def _parse_without_structure(text: str, encoding: str, errors: str) -> Parsed:
    """Read the words between the tags, for a file whose first element is damaged."""
    from lxml import etree

    root = etree.Element("document")
    root.text = _NOT_XML.sub(" ", _LONG_BASE64.sub(" ", unescape(_TAG.sub("\n", text)))).strip()
    if not root.text:
        raise CannotRead("broken", f"found malformed XML at {errors or 'no line'} without text, expected XML")
    return Parsed(root, encoding, fault=f"malformed XML at {errors}: read without its structure and files")


def _decode(data: bytes, declared: str) -> tuple[str, str, int]:
    for beginning, encoding in _UTF16:
        if data.startswith(beginning):
            return data.decode(encoding, "replace"), encoding, 0
    named = _ENCODING.match(data.removeprefix(b"\xef\xbb\xbf")[:1024])
    return damaged_text.decode(data, declared or (named[1].decode() if named else ""))


def _tree(text: str) -> tuple[Any, str]:
    """Parse as far as possible; return the root and the location of the first error, "" without one."""
    from lxml import etree

    parser = etree.XMLParser(
        encoding="utf-8",
        recover=True,
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=True,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(text.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError as error:
        return None, f"line {error.lineno}"
    # Undeclared namespace prefixes do not affect the text.
    wrong = [error for error in parser.error_log if error.domain_name != "NAMESPACE" and error.level_name != "WARNING"]
    return root, f"line {wrong[0].line}" if wrong else ""


def _mend(text: str) -> tuple[str, int]:
    """Replace stray `&`, named characters of HTML and characters that XML forbids.

    Returns:
        The repaired text, and the number of undeclared entities.
    """
    unknown = 0

    def replace_reference(match: re.Match[str]) -> str:
        nonlocal unknown
        if number := match[1]:
            code = int(number[1:], 16) if number[0] in "xX" else int(number)
            is_valid = code <= 0x10FFFF and not _NOT_XML.match(chr(code))
            return f"&#{code};" if is_valid else " "
        if match[2] in _OWN:
            return match[0]
        if named := html5.get(f"{match[2]};"):
            return "".join(f"&#{ord(sign)};" for sign in named)
        unknown += match[2] is not None
        return "&amp;" + match[0][1:]

    pieces: list[str] = []
    position = 0
    while (start := text.find(_CDATA, position)) >= 0 and (end := text.find(_CDATA_END, start)) >= 0:
        end += len(_CDATA_END)
        pieces += (_AMPERSAND.sub(replace_reference, text[position:start]), text[start:end])
        position = end
    pieces.append(_AMPERSAND.sub(replace_reference, text[position:]))
    return _NOT_XML.sub(" ", "".join(pieces)), unknown
