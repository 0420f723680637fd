"""Read XFA forms: XML data in a PDF that most viewers display as `Please wait...`.

Source: XFA Specification 3.3, "XFA Data" (the `datasets` packet); PDF 32000-1, 12.7.8.
"""

import ctypes
from typing import Any

from pypdfium2 import raw

from ner_tasks.documents.inventory import Inventory
from ner_tasks.documents.types import Limits

KIND = "xfa-form"
_FULL = 2  # pages are generated from the XML; otherwise they are in the PDF
_MAX_PACKETS = 100


def read_lines(document: Any, limits: Limits, known_values: set[str], inventory: Inventory) -> list[str]:
    """Read names and values of an XFA form, a line each, and the captions of a form that only XFA draws.

    Args:
        document: open document of pypdfium2.
        limits: `max_unpacked_bytes` applies.
        known_values: values already read from form fields.
        inventory: inventory that counts the form.
    """
    n_packets = min(raw.FPDF_GetXFAPacketCount(document), _MAX_PACKETS)
    if n_packets <= 0:
        return []
    packets = {_read_name(document, number) or str(number): number for number in range(n_packets)}
    wanted = [packets["datasets"]] if "datasets" in packets else list(packets.values())
    if "template" in packets and document.get_formtype() == _FULL:
        wanted.insert(0, packets["template"])
    content = [_read_content(document, number, limits) for number in wanted]
    if None in content:
        inventory.unread(KIND, "XFA form", "broken, or too large")
        return []
    try:
        lines = _read_packets(
            [data for data in content if data], known_values, is_full=document.get_formtype() == _FULL
        )
    except ValueError:
        inventory.unread(KIND, "XFA form", "its XML is broken")
        return []
    inventory.read(KIND)
    return lines


def _read_name(document: Any, number: int) -> str:
    n_bytes = raw.FPDF_GetXFAPacketName(document, number, None, 0)
    if not 0 < n_bytes < 2**16:
        return ""
    buffer = ctypes.create_string_buffer(n_bytes)
    raw.FPDF_GetXFAPacketName(document, number, buffer, n_bytes)
    return buffer.value.decode("utf-8", "replace")


def _read_content(document: Any, number: int, limits: Limits) -> bytes | None:
    n_bytes = ctypes.c_ulong()
    if not raw.FPDF_GetXFAPacketContent(document, number, None, 0, ctypes.byref(n_bytes)):
        return None
    if n_bytes.value > limits.max_unpacked_bytes:
        return None
    buffer = ctypes.create_string_buffer(max(n_bytes.value, 1))
    if not raw.FPDF_GetXFAPacketContent(document, number, buffer, n_bytes.value, ctypes.byref(n_bytes)):
        return None
    return buffer.raw[: n_bytes.value]


def _read_packets(packets: list[bytes], known_values: set[str], *, is_full: bool) -> list[str]:
    from lxml import etree

    lines: list[str] = []
    for packet in packets:
        if not packet.strip():
            continue
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
        try:
            root = etree.fromstring(packet, parser)
        except etree.XMLSyntaxError as error:
            raise ValueError("found XML that does not parse, expected an XFA packet") from error
        for part in _find_parts(root):
            name = _local_name(part)
            if name == "template" and is_full:
                lines += _read_captions(part)
            elif name == "data":
                lines += _read_values(part, known_values)
    return lines


def _find_parts(root: Any) -> list[Any]:
    """Return templates and data in a packet, without elements of the form that have the same name."""
    parts = []
    for element in root.iter("{*}template", "{*}data"):
        around = element.getparent()
        within = {"template": "xdp", "data": "datasets"}[_local_name(element)]
        if around is None or _local_name(around) == within:
            parts.append(element)
    return parts


def _local_name(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def _read_values(data: Any, known_values: set[str]) -> list[str]:
    lines = []
    for element in data.iter("{*}*"):
        text = "".join(element.itertext()).strip() if _is_rich(element) else (element.text or "").strip()
        if not text or _in_rich(element):
            continue
        if " ".join(text.split()) not in known_values:
            lines.append(f"{_local_name(element)}: {text}")
    return lines


def _is_rich(element: Any) -> bool:
    """Whether a value is XHTML, which is read as one value with its descendants."""
    return any(str(child.tag).startswith("{http://www.w3.org/1999/xhtml}") for child in element)


def _in_rich(element: Any) -> bool:
    return str(element.tag).startswith("{http://www.w3.org/1999/xhtml}")


def _read_captions(template: Any) -> list[str]:
    lines = []
    for element in template.iter("{*}draw", "{*}caption"):
        for value in element.iterchildren("{*}value"):
            text = " ".join(" ".join(value.itertext()).split())
            if text:
                lines.append(text)
    return lines
