"""Read FHIR resources (JSON or XML, DSTU2 to R5): narratives, readable strings and attachments.

Source: HL7 FHIR R4, 2.6 (formats), 2.4.0 (narrative), 2.24 (data types), 3.2.0 (Bundle).
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ner_tasks.bounded_names import bound_name
from ner_tasks.documents.encodings import damaged_text
from ner_tasks.documents.readers import encapsulated
from ner_tasks.documents.readers.clinical import fhir_xml
from ner_tasks.documents.readers.clinical.fhir_strings import Leaf, Number, iter_leaves, split_key
from ner_tasks.documents.readers.clinical.narrative import Narrative, NarrativeBudget
from ner_tasks.documents.readers.encapsulated import Attachments
from ner_tasks.documents.readers.markup import html, xml_parsing
from ner_tasks.documents.source_map import MAX_LABEL
from ner_tasks.documents.types import CannotRead, Extract, ExtractBuilder, Limits
from ner_tasks.surrogates import replace_surrogates

# A JSON string, possibly truncated at the end of the file, and the colon after a key.
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)(?:"|\Z)\s*(:?)', re.DOTALL)
_WORD = re.compile(r"[^\W\d_]{2,}")
_CONSTANTS = frozenset(("true", "false", "null", "NaN", "Infinity"))
_MAX_KEY = 100  # characters of a key in the source map
_LONG_BASE64 = re.compile(r"[A-Za-z0-9+/]{200,}={0,2}")


def read(data: bytes, limits: Limits, declared: str = "") -> Extract:
    """Read a resource, a bundle or several concatenated resources, with a block for each.

    Raises:
        CannotRead: `broken` if no part of it is JSON or XML; `too-deep`.
    """
    builder = ExtractBuilder()
    reader = _FhirReader(builder, limits)
    if data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<" or data[:4] in (b"\xff\xfe<\0", b"\xfe\xff\0<"):
        parsed = xml_parsing.parse(data, declared)
        builder.note(*parsed.notes)
        if parsed.fault:
            builder.inventory.unread("xml", "the file", parsed.fault)
        reader.read(fhir_xml.to_resource(parsed))
        return builder.extract(parsed.encoding)
    text, encoding, n_damaged = _decode(data, declared)
    builder.inventory.unread("characters", "the file", damaged_text.describe_damage(n_damaged), n_damaged)
    values, rest = _parse(text, builder)
    resources = [one for value in values for one in (value if isinstance(value, list) else [value])]
    for resource in resources:
        if isinstance(resource, dict):
            reader.read(resource)
        else:
            builder.inventory.unread("value", "the file", f"found {type(resource).__name__}, expected a resource")
    if rest:
        _salvage(text[-rest:], builder)
    if not builder.length and not builder.parts and not resources:
        raise CannotRead("broken", "found neither JSON nor JSON strings, expected a resource")
    return builder.extract(encoding)


def read_resource(resource: Mapping[str, Any], limits: Limits) -> Extract:
    """Read one resource, such as a line of a bulk export.

    Args:
        resource: resource as returned by `json.loads`.
        limits: whether pictures are read.
    """
    builder = ExtractBuilder()
    _FhirReader(builder, limits).read(resource)
    return builder.extract("utf-8")


def _decode(data: bytes, declared: str) -> tuple[str, str, int]:
    if b"\0" in data[:4] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = json.detect_encoding(data)  # UTF-16 or UTF-32 without a byte order mark
        return data.decode(encoding, "replace"), encoding, 0
    return damaged_text.decode(data, declared)


def _parse(text: str, builder: ExtractBuilder) -> tuple[list[Any], int]:
    """Parse concatenated JSON values, and return the number of characters at the end that are not JSON."""
    n_again = 0

    def as_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal n_again
        result: dict[str, Any] = {}
        for key, value in pairs:
            if key in result:  # JSON does not define which value is valid, so both are read
                n_again += 1
                key = f"{key}#{n_again}"  # noqa: PLW2901
            result[key] = value
        return result

    # Numbers keep their digits as written.
    decoder = json.JSONDecoder(
        object_pairs_hook=as_object, parse_int=Number, parse_float=Number, parse_constant=Number, strict=False
    )
    values, at, rest = [], _skip(text, 0), 0
    while at < len(text):
        try:
            value, at = decoder.raw_decode(text, at)
        except RecursionError:
            raise CannotRead("too-deep", "found JSON nested hundreds of levels deep, expected a resource") from None
        except ValueError as error:
            where = f"character {error.pos}" if isinstance(error, json.JSONDecodeError) else "its end"
            reason = f"invalid JSON from {where} on; the strings of the rest are read one by one"
            builder.inventory.unread("json", f"the value at character {at}", reason)
            rest = len(text) - at
            break
        values.append(value)
        at = _skip(text, at)
    if n_again:
        builder.note(f"{n_again} duplicate key(s) in an object: all values are read")
    return values, rest


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n\ufeff\x1e":
        at += 1
    return at


def _salvage(text: str, builder: ExtractBuilder) -> None:
    """Add the readable strings of broken JSON, and words outside strings."""
    lines: list[str] = []
    key, at = "text", 0
    for match in _STRING.finditer(text):
        between, at = text[at : match.start()], match.end()
        if set(_WORD.findall(between)) - _CONSTANTS:
            lines.append(between.strip())
        if match[2]:
            key = match[1][:80]
            continue
        try:
            value = json.loads(f'"{match[1]}"', strict=False)
        except ValueError:
            value = match[1]
        if _LONG_BASE64.fullmatch(value.rstrip("\\")):
            builder.inventory.unread("attachment", key[:40], "base64 in broken JSON")
        elif key == "div":
            lines.append(html.extract_text(value))
        else:
            lines.extend(f"{leaf.label}: {leaf.text}" for leaf in iter_leaves(key, value) if leaf.kind == "text")
    if set(_WORD.findall(text[at:])) - _CONSTANTS:
        lines.append(text[at:].strip())
    builder.block(_clean("\n".join(lines)), "broken JSON")


class _FhirReader:
    def __init__(self, builder: ExtractBuilder, limits: Limits):
        self._builder, self._attachments = builder, Attachments(builder, limits)
        self._budget = NarrativeBudget()
        self._binaries: set[str] = set()

    def read(self, resource: Mapping[str, Any]) -> None:
        """Read a resource, then the resources nested in it."""
        waiting = [(resource, _get_type(resource) or "resource")]
        self._binaries |= set(_find_binaries(resource))
        while waiting:
            one, place = waiting.pop()
            waiting.extend(reversed(self._read_resource(one, place)))

    def _read_resource(self, resource: Mapping[str, Any], place: str) -> list[tuple[Mapping[str, Any], str]]:
        """Read one resource, and return its nested resources with their places."""
        kind, inventory = _get_type(resource), self._builder.inventory
        inventory.read("resource")
        if kind != "Bundle":
            self._builder.block(split_key(kind), place)
        narrative = self._read_narrative(resource, place)
        nested: list[tuple[Mapping[str, Any], str]] = []
        held = [name for name in ("data", "content") if kind == "Binary" and isinstance(resource.get(name), str)]
        for key, value in resource.items():
            if key == "resourceType" or key in held:
                continue
            for index, one in enumerate(value if isinstance(value, list) else [value]):
                here = f"{place}.{key[:_MAX_KEY]}" + (f"[{index}]" if isinstance(value, list) else "")
                nested.extend(self._read_element(key, one, here, narrative))
        if held:
            self._add_file(resource, place)
        return nested

    def _read_narrative(self, resource: Mapping[str, Any], place: str) -> Narrative:
        holder = resource.get("text")
        div = holder.get("div") if isinstance(holder, dict) else None
        if not isinstance(div, str) or not div.strip():
            return Narrative("", self._budget)
        text = _clean(html.extract_text(div)).strip()
        self._builder.inventory.read("narrative")
        self._builder.block(text, f"{place}.text", separator="\n")
        return Narrative(text, self._budget)

    def _read_element(
        self, key: str, value: Any, place: str, narrative: Narrative
    ) -> list[tuple[Mapping[str, Any], str]]:
        inventory = self._builder.inventory
        nested: list[tuple[Mapping[str, Any], str]] = []
        lines: dict[str, None] = {}
        for leaf in iter_leaves(key, value):
            if leaf.kind == "resource":
                nested.append((leaf.value, _make_nested_place(place, len(nested), _get_type(leaf.value))))
            elif leaf.kind == "file":
                self._add_file(leaf.value, place)
            elif leaf.key == "div" and key == "text":
                continue  # the narrative has already been read
            elif leaf.kind == "coded":
                self._ignore_coded(leaf, place)
            elif narrative.contains(leaf.text):
                inventory.ignored("string", "said-by-narrative")
            else:
                inventory.read("string")
                shown = html.extract_text(leaf.text) if leaf.key == "div" else leaf.text
                lines[f"{leaf.label}: {_clean(shown)}"] = None
        self._builder.block("\n".join(lines), place, separator="\n")
        return nested

    def _ignore_coded(self, leaf: Leaf, place: str) -> None:
        """Account for a string without words; a long one may be a file."""
        if not _LONG_BASE64.fullmatch(leaf.text):
            self._builder.inventory.ignored("string", "coded-value")
        elif leaf.key.startswith("value"):
            self._attachments.add(encapsulated.decode_base64(leaf.text), place)
        else:
            self._builder.inventory.unread("string", place, "base64 in an element that does not hold files")

    def _add_file(self, value: Mapping[str, Any], place: str) -> None:
        media_type = value.get("contentType")
        title = value.get("title")
        media_type, title = (one if isinstance(one, str) else "" for one in (media_type, title))
        data = next((value[name] for name in ("data", "content") if isinstance(value.get(name), str)), None)
        content = encapsulated.decode_base64(data) if data is not None else None
        link = value.get("url")
        url = link if isinstance(link, str) else ""
        if content is None and encapsulated.is_data_uri(url):
            in_link, content = encapsulated.decode_data_uri(url)
            media_type = media_type or in_link
        if content is not None:
            self._attachments.add(content, place, media_type=media_type, title=title)
        elif url and url in self._binaries:
            self._builder.inventory.ignored("pointer", "points-into-the-file")
        elif url:
            self._attachments.pointer(place, url)


def _get_type(resource: Mapping[str, Any]) -> str:
    kind = resource.get("resourceType")
    return kind[:80] if isinstance(kind, str) else ""


def _make_nested_place(place: str, number: int, kind: str) -> str:
    return bound_name(f"{place}.{kind}" if number == 0 else f"{place}.{kind}[{number}]", MAX_LABEL)


def _find_binaries(resource: Mapping[str, Any]) -> Iterator[str]:
    """Yield the links to files that the bundle contains."""
    entries = resource.get("entry")
    for entry in entries if isinstance(entries, list) else []:
        inner = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(inner, dict) and _get_type(inner) == "Binary":
            yield from (str(one) for one in (entry.get("fullUrl"), f"Binary/{inner.get('id')}") if one)


def _clean(text: str) -> str:
    return replace_surrogates(text)
