"""Read JSON other than FHIR: an array of documents, or a document of all its strings and numbers with their keys.

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
from ner_tasks.surrogates import replace_surrogates

_BASE64 = re.compile(r"(?:data:[\w/.+-]*;base64,)?([A-Za-z0-9+/\r\n]{200,}={0,2})\s*")
_MAX_PLACE, _MAX_KEY = 200, 100


def read(data: bytes, limits: Limits, declared: str = "") -> Extract | list[Record]:
    """Read a JSON file.

    An array, or lines, of objects with `id` and `text` become a document each. Any other JSON becomes one document of all
    its values. A file that is not valid JSON is read as plain text.
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
    """Pairs of a JSON object in order; a duplicate key keeps all its values."""


def _to_dict(value: Any) -> Any:
    return dict(value) if isinstance(value, _Object) else value


def _parse_lines(text: str) -> list[Any] | None:
    """Return the values of JSON Lines; None if a non-blank line is not JSON."""
    try:
        return [json.loads(line, object_pairs_hook=_Object) for line in text.split("\n") if line.strip()]
    except (ValueError, RecursionError):
        return None


def _iter_leaves(value: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield strings, numbers and booleans in order, each with its path and key."""
    waiting: list[tuple[str, str, Any]] = [("$", "", value)]
    while waiting:
        place, key, one = waiting.pop()
        if isinstance(one, _Object):
            waiting.extend((f"{place}.{name}"[:_MAX_PLACE], name, inner) for name, inner in reversed(one))
        elif isinstance(one, list):
            # A long key is repeated in full before the first value only.
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
    text = replace_surrogates(text)
    if text.strip():
        key = replace_surrogates(key)
        builder.block(f"{key}: {text}" if key else text, replace_surrogates(place), separator="\n")
        builder.inventory.read("value")


def _add_file(builder: ExtractBuilder, place: str, packed: str) -> None:
    """Add a file in base64 as a part, if its content is of a known format."""
    try:
        content = base64.b64decode(packed)
    except binascii.Error:
        content = b""
    if content and sniffing.sniff(content[: sniffing.HEAD_BYTES], io.BytesIO(content)):
        builder.parts.append(Part(place, content))
        builder.inventory.read("file")
    else:
        builder.inventory.unread("file", place, "data in base64 of no known format")
