"""Read and validate records from the store and from files."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from ner_tasks.errors import ArtifactBroken
from ner_tasks.files import atomic, schema
from ner_tasks.files.json_text import parse_json

Shape = TypeVar("Shape")


class Readable(Protocol):
    """Interface of a store for reading records."""

    def read_json(self, key: str) -> Any: ...
    def read_lines(self, key: str) -> list[str]: ...
    def where(self, key: str = "") -> str: ...


def read_record(store: Readable, key: str, shape: type[Shape]) -> Shape:
    """Read the record under `key`.

    Raises:
        InputMissing: there is no such key.
        ArtifactBroken: it is not JSON of this shape.
    """
    return validate_record(store.read_json(key), shape, store.where(key))


def parse_records(lines: list[str], shape: type[Shape], where: str) -> Iterator[Shape | ArtifactBroken]:
    """Yield the record in each line of a history, or the error of the line."""
    for number, line in enumerate(lines, start=1):
        at = f"{where}, line {number}"
        try:
            yield validate_record(parse_json(line, at), shape, at)
        except ArtifactBroken as error:
            yield error


def read_file(path: Path, shape: type[Shape], *, expected: str = "") -> Shape:
    """Read the record in a file.

    Raises:
        InputMissing, ArtifactBroken: as for `read_record`.
    """
    return validate_record(atomic.read_json(path), shape, str(path), expected=expected)


def read_records(path: Path, shape: type[Shape]) -> Iterator[Shape]:
    """Yield the record in each line of a JSON Lines file.

    Raises:
        InputMissing: the file does not exist.
        ArtifactBroken: a line is damaged, or it is not a regular file.
    """
    for number, line in enumerate(atomic.lines_in(path), start=1):
        where = f"{path}, line {number}"
        yield validate_record(parse_json(line, where, is_ours=False), shape, where)


def validate_record(value: Any, shape: type[Shape], where: str, *, expected: str = "") -> Shape:
    """Return `value` after validating that it has this shape.

    Args:
        value: parsed JSON.
        shape: expected shape.
        where: location of the record, for the message.
        expected: description of the record, for the message; by default the name of the shape in words.

    Raises:
        ArtifactBroken: it does not have this shape; the message names the field and does not quote its value.
        SchemaTooNew: a newer release wrote it.
    """
    schema.read_version(value, where)
    try:
        found: Shape = _adapter(cast(Any, shape)).validate_python(value)
        return found
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False, include_context=False)[0]
        field = ".".join(str(part)[:80] for part in wrong["loc"]) or "value"
        reason = wrong["msg"].removeprefix("Value error, ")
        raise ArtifactBroken(
            f"found a wrong {field} ({reason}), expected {expected or _words(shape)}, in {where}"
        ) from None


def _words(shape: type[Any]) -> str:
    """Return the name of a shape in words: `a drift report` for `DriftReport`."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", shape.__name__).lower()
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


@cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)
