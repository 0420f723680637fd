"""Names of XML elements without namespaces and undeclared prefixes."""

from collections.abc import Iterator, Sequence
from typing import Any

_MANY_ATTRIBUTES = 100


def split(tag: Any) -> tuple[str, str]:
    """Return namespace and local name of a tag; "" for none."""
    if not isinstance(tag, str):  # comments, processing instructions and entities have a function for a tag
        return "", ""
    namespace, _, name = tag.rpartition("}")
    return namespace[1:], name.rpartition(":")[2]


def local_name(element: Any) -> str:
    """Return the local name of an element; "" for other nodes, such as comments."""
    tag = element.tag
    return tag.rpartition("}")[2].rpartition(":")[2] if isinstance(tag, str) else ""


def attributes(element: Any) -> Sequence[tuple[str, str]]:
    """Return name and value of each attribute of an element, in linear time."""
    mapping = element.attrib
    if len(mapping) <= _MANY_ATTRIBUTES:
        return mapping.items()  # type: ignore[no-any-return]
    return [(value.attrname, str(value)) for value in element.xpath("@*")]


def outermost(root: Any, *names: str) -> Iterator[Any]:
    """Yield the elements with one of these local names that are not inside another one of them."""
    from lxml import etree

    walk = etree.iterwalk(root, events=("start",))
    for _, element in walk:
        if local_name(element) in names:
            yield element
            walk.skip_subtree()
