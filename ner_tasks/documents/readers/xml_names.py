"""Names of XML elements without their namespaces; a prefix that nothing declares is left out, too."""

from typing import Any


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
