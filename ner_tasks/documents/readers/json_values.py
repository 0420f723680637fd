"""JSON of any other kind than FHIR: an array of documents, or every string and number in it, with its key.

Source: RFC 8259.
"""

import base64
import binascii
import io
import json
import re
from collections.abc import Iterator
from itertools import chain, repeat
from typing import Any

from ner_tasks.documents.detection import sniffing
from ner_tasks.documents.encodings import text_encoding
from ner_tasks.documents.tables import json_lines
from ner_tasks.documents.tables.tables import Record
from ner_tasks.documents.types import CannotRead, Extract, ExtractBuilder, Limits, Part

_BASE64 = re.compile(r"(?:data:[\w/.+-]*;base64,)?([A-Za-z0-9+/\r\n]{200,}={0,2})\s*")
_SURROGATE = re.compile("[\ud800-\udfff]")
_MAX_PLACE, _MAX_KEY = 200, 100


def read(data: bytes, limits: Limits, declared: str = "") -> Extract | list[Record]:
    """A JSON file: a document per object with `id` and `text` of an array or of lines, else one of all it says.

    What is no JSON is read as the text that it is.
    """
    decoded = text_encoding.decode_with_guess(data, declared)
    builder = ExtractBuilder()
    decoded.name_damage(builder)
    try:
        value = json.loads(decoded.text.removeprefix("\ufeff"), object_pairs_hook=_Object)
    except (ValueError, RecursionError) as error:
        values = _parse_lines(decoded.text)
        if values is None:
            at = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
            builder.note(f"found no JSON{at}, expected a value; read as plain text")
            builder.append(decoded.text, "")
            return builder.extract(decoded.encoding, is_guessed=decoded.is_guessed)
    else:
        values = value if isinstance(value, list) else [value]
    if values and all(json_lines.is_record(_to_dict(each)) for each in values):
        return json_lines.read_array([_to_dict(each) for each in values], limits)
    for place, key, leaf in _iter_leaves(values if len(values) != 1 else values[0]):
        _add(builder, place, key, leaf)
    if not builder.length and not builder.parts:
        raise CannotRead("empty", "found JSON without a word, expected text")
    return builder.extract(decoded.encoding, is_guessed=decoded.is_guessed)


class _Object(list[tuple[str, Any]]):
    """The pairs of a JSON object, in order, a key that comes twice with both of its values."""


def _to_dict(value: Any) -> Any:
    return dict(value) if isinstance(value, _Object) else value


def _parse_lines(text: str) -> list[Any] | None:
    """The values of JSON lines; None if a line that is not blank is none."""
    try:
        return [json.loads(line, object_pairs_hook=_Object) for line in text.split("\n") if line.strip()]
    except (ValueError, RecursionError):
        return None


def _iter_leaves(value: Any) -> Iterator[tuple[str, str, Any]]:
    """Strings, numbers and truth values in order, each with its path and the key it has."""
    waiting: list[tuple[str, str, Any]] = [("$", "", value)]
    while waiting:
        place, key, one = waiting.pop()
        if isinstance(one, _Object):
            waiting.extend((f"{place}.{name}"[:_MAX_PLACE], name, inner) for name, inner in reversed(one))
        elif isinstance(one, list):
            # A long key stands whole before the first value alone.
            keys = chain([key], repeat(key[:_MAX_KEY]))
            numbered = reversed(
                [(f"{place}[{number}]"[:_MAX_PLACE], *each) for number, each in enumerate(zip(keys, one, strict=False))]
            )
            waiting.extend(numbered)
        elif one is not None:
            yield place, key, one


def _add(builder: ExtractBuilder, place: str, key: str, leaf: Any) -> None:
    if isinstance(leaf, str) and (packed := _BASE64.fullmatch(leaf)):
        _add_file(builder, place, packed.group(1))
        return
    text = leaf if isinstance(leaf, str) else json.dumps(leaf)
    text = _SURROGATE.sub("\ufffd", text)
    if text.strip():
        key = _SURROGATE.sub("\ufffd", key)
        builder.block(f"{key}: {text}" if key else text, _SURROGATE.sub("\ufffd", place), separator="\n")
        builder.inventory.read("value")


def _add_file(builder: ExtractBuilder, place: str, packed: str) -> None:
    """Hand on a file in base64, where its content says what it is."""
    try:
        content = base64.b64decode(packed)
    except binascii.Error:
        content = b""
    if content and sniffing.sniff(content[: sniffing.HEAD_BYTES], io.BytesIO(content)):
        builder.parts.append(Part(place, content))
        builder.inventory.read("file")
    else:
        builder.inventory.unread("file", place, "data in base64 of no known format")
