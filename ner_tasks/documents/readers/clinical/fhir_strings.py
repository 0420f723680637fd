"""Select the readable strings of a FHIR resource, and compose names, addresses and quantities from their parts.

Source: HL7 FHIR R4, 2.24 (data types), 2.24.0.6 (HumanName), 2.24.0.7 (Address), 2.24.0.3 (Attachment).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# Elements whose strings are always text.
_TEXTS = frozenset(
    """text display description comment note conclusion title name publisher purpose copyright unit family given prefix
    suffix line city district state country postalCode patientInstruction valueString valueMarkdown question answer
    definition requirements label authorString diagnostics details content contentString disposition reason preferred
    birthDate summary detail statement usage shortDescription approach instruction lotNumber serialNumber
    """.split()  # noqa: SIM905 - a list of strings is harder to read
)
# Elements whose strings are codes, links or protocol numbers, unless they contain a space.
_CODES = frozenset(
    """resourceType id versionId lastUpdated system code url fullUrl reference status use mode language contentType hash
    profile intent priority gender currency comparator implicitRules etag lastModified method relation linkId type kind
    version fhirVersion relationship source criticality docStatus severity path abstract base algorithm sigFormat
    targetFormat location outcome valueCode valueUri valueUrl valueCanonical valueOid valueUuid valueId format uri
    compositionStatus confidentiality actionResource assertionSource target action aggregationMode searchMode
    """.split()  # noqa: SIM905
)
_NOT_WORDS = re.compile(
    r"(?:[a-z][a-z0-9+.-]*:\S+)"  # a URI
    r"|(?:[0-9a-f]{8}-[0-9a-f-]{27})|(?:[0-9]+(?:\.[0-9]+){2,})"  # a UUID, an OID
    r"|(?:[0-9]{4}(?:-[0-9]{2}){0,2}(?:T[0-9:.]+(?:Z|[+-][0-9:]+)?)?)|(?:[0-9]{2}:[0-9]{2}:[0-9.]+)"  # date, time
    r"|(?:[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)"
    r"|(?:[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}(?:/_history/\S+)?)|#\S*",  # a reference
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[+-]?\d{1,40}(?:\.\d{1,40})?(?:[eE][+-]?\d{1,4})?")
_NAME_PARTS = ("prefix", "given", "family", "suffix")
_ADDRESS_PARTS = ("line", "city", "district", "state", "postalCode", "country")
# Generic element names; a line is labelled with the name of the enclosing element instead.
_GENERIC = frozenset("text display value coding extension item concept code data url".split())  # noqa: SIM905
# Maximum length of a label before a value that is not the first one with this label.
_MAX_LABEL = 100
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_VALUE = re.compile(r"value[A-Z]\w*")


class Number(str):
    """A JSON number with its digits as written."""

    __slots__ = ()


@dataclass(frozen=True)
class Leaf:
    """One leaf of a resource.

    Attributes:
        kind: `text`, `coded` (no words), `file` (an object that holds or links to a file), `resource` (nested).
        label: label of its line.
        text: the string.
        value: the object of a file or resource.
        key: name of the element.
    """

    kind: str
    label: str
    text: str = ""
    value: Any = None
    key: str = ""


def split_key(key: str) -> str:
    """Split a key into words: `Patient instruction` for `patientInstruction`."""
    words = " ".join(word if word.isupper() else word.lower() for word in _CAMEL.split(key.lstrip("_")))
    return words[:1].upper() + words[1:]


def iter_leaves(key: str, value: Any) -> Iterator[Leaf]:
    """Yield all leaves of one element of a resource, in order.

    Args:
        key: name of the element.
        value: its JSON value.
    """
    waiting: list[tuple[str, str, Any]] = [(key, key, value)]  # key, the key that labels it, value
    while waiting:
        key, label, value = waiting.pop()
        if isinstance(value, list):
            waiting.extend((key[:_MAX_LABEL], label[:_MAX_LABEL], one) for one in reversed(value[1:]))
            waiting.extend((key, label, one) for one in value[:1])
        elif isinstance(value, dict):
            if isinstance(value.get("resourceType"), str):
                yield Leaf("resource", split_key(label), value=value, key=key)
                continue
            kind, used = _classify_object(key, value)
            if kind.kind:
                yield Leaf(kind.kind, split_key(label), kind.text, value, key)
            rest = [(name, one) for name, one in value.items() if name not in used]
            inner = []
            for name, one in rest:
                inner.append((name, label if _is_generic(name) else name, one))
                label = label[:_MAX_LABEL] if _is_generic(name) else label
            waiting.extend(reversed(inner))
        elif isinstance(value, bool | str):
            shown = value if isinstance(value, str) else str(value).lower()
            is_words = _is_words(key.partition("#")[0], value)
            yield Leaf("text" if is_words else "coded", split_key(label), shown, key=key)


def _is_generic(key: str) -> bool:
    key = key.partition("#")[0].lstrip("_")
    return key in _GENERIC or _VALUE.fullmatch(key) is not None


@dataclass(frozen=True)
class _Kind:
    kind: str = ""
    text: str = ""


def _classify_object(key: str, value: Mapping[str, Any]) -> tuple[_Kind, frozenset[str]]:
    """Return the leaf that an object makes as a whole, and the keys of its elements which the leaf covers."""
    if is_file(value):
        return _Kind("file"), frozenset(
            ("data", "url", "content") if "url" in value or "data" in value else ("content",)
        )
    if ("family" in value or "given" in value) and _are_strings(value, _NAME_PARTS):
        return _Kind("text", _join(value, _NAME_PARTS, " ")), frozenset(_NAME_PARTS)
    if ("city" in value or "line" in value or "postalCode" in value) and _are_strings(value, _ADDRESS_PARTS):
        return _Kind("text", _join(value, _ADDRESS_PARTS, ", ")), frozenset(_ADDRESS_PARTS)
    unit = value.get("unit") or (value.get("code") if "unitsofmeasure" in str(value.get("system", "")) else "")
    number = value.get("value")
    if isinstance(unit, str) and unit and isinstance(number, str) and _NUMBER.fullmatch(number):
        comparator = value.get("comparator")
        before = comparator if isinstance(comparator, str) else ""
        return _Kind("text", f"{before}{number} {unit}"), frozenset(("value", "unit", "comparator"))
    if key == "valueBase64Binary":
        return _Kind("file"), frozenset()
    return _Kind(), frozenset()


def is_file(value: Mapping[str, Any]) -> bool:
    """Whether an object holds or links to a file: an Attachment, or any object with data."""
    if "sigFormat" in value or "origin" in value or ("who" in value and "when" in value):
        return False  # a signature, or sampled data
    if isinstance(value.get("data"), str) and not _NUMBER.fullmatch(value["data"]):
        return True
    is_attachment = any(name in value for name in ("contentType", "title", "size", "hash", "creation"))
    is_link = isinstance(value.get("url"), str) and is_attachment and "status" not in value
    return is_link or ("contentType" in value and isinstance(value.get("content"), str))


def _are_strings(value: Mapping[str, Any], names: tuple[str, ...]) -> bool:
    return all(isinstance(one, str | None) for name in names for one in _as_list(value.get(name)))


def _join(value: Mapping[str, Any], names: tuple[str, ...], separator: str) -> str:
    return separator.join(one for name in names for one in _as_list(value.get(name)) if one and one.strip())


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_words(key: str, value: str | bool) -> bool:
    """Whether a string is text for people; True if in doubt."""
    own = key.lstrip("_")
    if isinstance(value, bool | Number):
        return _VALUE.fullmatch(own) is not None or own in ("value", "answer")
    if own in _TEXTS or any(sign.isspace() for sign in value.strip()):
        return bool(value.strip())
    if own in _CODES:
        return False
    if own == "value" or own in ("valueDate", "valueDateTime", "valueTime", "valueInteger", "valueDecimal"):
        return not value.lower().startswith(("http:", "https:", "urn:"))
    return bool(value.strip()) and _NOT_WORDS.fullmatch(value.strip()) is None
