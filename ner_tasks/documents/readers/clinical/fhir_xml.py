"""Convert FHIR resources from XML to the objects that their JSON form has.

Source: HL7 FHIR R4, 2.6.1 (XML) and 2.6.2 (JSON).
"""

from typing import Any

from ner_tasks.documents.readers.markup.xml_parsing import Parsed
from ner_tasks.documents.readers.xml_names import local_name, split
from ner_tasks.documents.types import CannotRead

_XHTML = "http://www.w3.org/1999/xhtml"
_MAX_DEPTH = 200


def to_resource(parsed: Parsed) -> dict[str, Any]:
    """Convert an XML tree to a resource.

    Raises:
        CannotRead: `too-deep`.
    """
    value = _to_value(parsed.root, 0)
    return value if isinstance(value, dict) else {"resourceType": local_name(parsed.root), "text": value}


def _to_value(element: Any, depth: int) -> Any:
    """Convert an element to an object, or to a string if it is primitive; a wrapper yields the resource in it."""
    from lxml import etree

    if depth > _MAX_DEPTH:
        raise CannotRead(
            "too-deep", f"found elements nested more than {_MAX_DEPTH} levels deep, expected at most that many"
        )
    name = local_name(element)
    if split(element.tag)[0] == _XHTML:
        return etree.tostring(element, encoding="unicode", with_tail=False)
    result: dict[str, Any] = {"resourceType": name} if name[:1].isupper() else {}
    children = [child for child in element if isinstance(child.tag, str)]
    if not result and len(children) == 1 and local_name(children[0])[:1].isupper():
        return _to_value(children[0], depth + 1)
    if url := element.get("url"):
        result["url"] = url
    for child in children:
        _put(result, local_name(child), _to_value(child, depth + 1))
    loose = " ".join(" ".join([element.text or "", *(child.tail or "" for child in children)]).split())
    if loose:
        _put(result, "text", loose)
    value = element.get("value")
    if value is None:
        return result
    return {"valueString": value, **result} if result else value


def _put(target: dict[str, Any], name: str, value: Any) -> None:
    if name not in target:
        target[name] = value
    elif isinstance(target[name], list):
        target[name].append(value)
    else:
        target[name] = [target[name], value]
