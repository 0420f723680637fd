"""Names of XML elements without their namespaces; a prefix that nothing declares is left out, too."""

from collections.abc import Iterator, Sequence
from typing import Any

_MANY_ATTRIBUTES = 100


def split(tag: Any) -> tuple[str, str]:
    """Namespace and local name of a tag, "" for none."""
    if not isinstance(tag, str):  # comments, processing instructions and entities have a function for a tag
        return "", ""
    namespace, _, name = tag.rpartition("}")
    return namespace[1:], name.rpartition(":")[2]


def local_name(element: Any) -> str:
    """The name of an element; "" for what is no element, such as a comment."""
    tag = element.tag
    return tag.rpartition("}")[2].rpartition(":")[2] if isinstance(tag, str) else ""


def attributes(element: Any) -> Sequence[tuple[str, str]]:
    """Name and value of each attribute of an element, in time that grows with their number and not faster."""
    mapping = element.attrib
    if len(mapping) <= _MANY_ATTRIBUTES:
        return mapping.items()  # type: ignore[no-any-return]
    return [(value.attrname, str(value)) for value in element.xpath("@*")]


def outermost(root: Any, *names: str) -> Iterator[Any]:
    """The elements of these local names that lie in no other one of them: each stretch of a tree is met once."""
    from lxml import etree

    walk = etree.iterwalk(root, events=("start",))
    for _, element in walk:
        if local_name(element) in names:
            yield element
            walk.skip_subtree()
