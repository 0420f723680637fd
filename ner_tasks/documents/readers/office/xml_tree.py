"""Parse XML of office files without resolving entities or fetching anything; damage is reported, the rest is read."""

from typing import Any

from lxml import etree

from ner_tasks.documents.readers.xml_names import attributes, local_name, split

ENTITIES = "declares XML entities, which are not resolved"
_ENTITY = (b"<!ENTITY", "<!ENTITY".encode("utf-16-le"), "<!ENTITY".encode("utf-16-be"))


def begins_xml(data: bytes) -> bool:
    """Whether a file in an ASCII-compatible encoding begins with `<`, after a byte order mark and whitespace."""
    return data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def declares_entities(data: bytes) -> bool:
    """Whether an XML file declares entities."""
    return any(mark in data for mark in _ENTITY)


def parse(data: bytes) -> tuple[Any, str]:
    """Parse XML as far as it is readable.

    Args:
        data: XML in any encoding.

    Returns:
        The root element, None if there is none; and a description of the damage, "" if there is none.
    """
    has_entities = declares_entities(data)
    # Without huge_tree, libxml2 enforces limits that stop exponential entity expansion in attributes.
    options = {"huge_tree": not has_entities, "resolve_entities": False, "no_network": True, "load_dtd": False}
    parser = etree.XMLParser(remove_comments=True, remove_pis=True, recover=True, **options)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError):
        root = None
    if root is None:
        return None, "no readable XML"
    if errors := [entry for entry in parser.error_log if entry.level >= etree.ErrorLevels.FATAL]:
        return root, f"damaged XML at line {errors[0].line}; the readable part is in the text"
    if has_entities:
        return root, ENTITIES
    return root, ""


def find_root(data: bytes) -> tuple[str, str]:
    """Return the namespace and name of the root element without reading further; two empty strings if none."""
    parser = etree.XMLPullParser(
        events=("start",), recover=True, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True
    )
    try:
        for start in range(0, min(len(data), 2**20), 4096):
            parser.feed(data[start : start + 4096])
            for _, element in parser.read_events():
                return split(element.tag)
        parser.close()  # the parser may hold the last bytes back until it is closed
        for _, element in parser.read_events():
            return split(element.tag)
    except etree.XMLSyntaxError:
        pass
    return "", ""


def attribute(element: Any, name: str, default: str = "") -> str:
    """Return the value of an attribute in any namespace."""
    for key, value in attributes(element):
        if key.rpartition("}")[2].rpartition(":")[2] == name:
            return str(value)
    return default


def child(element: Any, *path: str) -> Any:
    """Return the first descendant along a path of names, None if there is none."""
    for name in path:
        element = next((one for one in element if local_name(one) == name), None)
        if element is None:
            return None
    return element


def join_text(element: Any) -> str:
    """Join all text in an element."""
    return (element.text or "") if len(element) == 0 else "".join(element.itertext())
