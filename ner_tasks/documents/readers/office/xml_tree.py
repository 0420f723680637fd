"""XML of office files as a tree: no entity is resolved, nothing is fetched, damage is told and the rest is read."""

from typing import Any

from lxml import etree

from ner_tasks.documents.readers.xml_names import attributes, local_name, split

ENTITIES = "it declares entities of XML, which are not resolved"
_ENTITY = (b"<!ENTITY", "<!ENTITY".encode("utf-16-le"), "<!ENTITY".encode("utf-16-be"))


def begins_xml(data: bytes) -> bool:
    """Whether a file in an encoding like ASCII begins as XML does, behind a byte order mark and spaces."""
    return data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def declares_entities(data: bytes) -> bool:
    """Whether some XML declares entities, none of which is resolved."""
    return any(mark in data for mark in _ENTITY)


def parse(data: bytes) -> tuple[Any, str]:
    """The root element of some XML, and what is wrong with it.

    Args:
        data: XML in any encoding.

    Returns:
        The root, None if there is none; and "" for sound XML, else a phrase that says what was lost.
    """
    has_entities = declares_entities(data)
    # Without huge_tree, libxml2 keeps the limits that stop entities which multiply each other in attributes.
    options = {"huge_tree": not has_entities, "resolve_entities": False, "no_network": True, "load_dtd": False}
    parser = etree.XMLParser(remove_comments=True, remove_pis=True, recover=True, **options)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError):
        root = None
    if root is None:
        return None, "no XML could be read of it"
    if errors := [entry for entry in parser.error_log if entry.level >= etree.ErrorLevels.FATAL]:
        return root, f"damaged XML at line {errors[0].line}, what can be read of it is in the text"
    if has_entities:
        return root, ENTITIES
    return root, ""


def find_root(data: bytes) -> tuple[str, str]:
    """Namespace and name of the root element, without reading further; two times "" where there is none."""
    parser = etree.XMLPullParser(
        events=("start",), recover=True, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True
    )
    try:
        for start in range(0, min(len(data), 2**20), 4096):
            parser.feed(data[start : start + 4096])
            for _, element in parser.read_events():
                return split(element.tag)
        parser.close()  # a few bytes are only looked at when no more can come
        for _, element in parser.read_events():
            return split(element.tag)
    except etree.XMLSyntaxError:
        pass
    return "", ""


def attribute(element: Any, name: str, default: str = "") -> str:
    """Value of an attribute, in whatever namespace it is."""
    for key, value in attributes(element):
        if key.rpartition("}")[2].rpartition(":")[2] == name:
            return str(value)
    return default


def child(element: Any, *path: str) -> Any:
    """The first descendant along a path of names, None if there is none."""
    for name in path:
        element = next((one for one in element if local_name(one) == name), None)
        if element is None:
            return None
    return element


def join_text(element: Any) -> str:
    """All characters in an element."""
    return (element.text or "") if len(element) == 0 else "".join(element.itertext())
