"""Read JSON Lines with a document (`id`, `text`) or FHIR resource per line, or the same in one JSON array."""

import codecs
import io
import json
from collections.abc import Iterator
from itertools import chain
from typing import Any, BinaryIO

from ner_tasks.bounded_names import TakenNames, bound_name
from ner_tasks.documents.encodings import text_encoding
from ner_tasks.documents.tables.tables import ROW, Record
from ner_tasks.documents.types import CannotRead, Extract, Ignored, Limits
from ner_tasks.surrogates import find_surrogate

_MARKS = ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_BLANK = b" \t\r\n\x1e\0"  # includes the separator of RFC 7464
_READ_BYTES = 64 * 1024
_MAX_KEYS = 10_000


class _KeyTwice(ValueError):
    """A JSON object has the same key twice."""


def read(file: BinaryIO, head: bytes, limits: Limits) -> Iterator[Record]:
    """Yield the documents of a JSON Lines file, with one line in memory at a time.

    Args:
        file: file open for reading bytes.
        head: its first bytes.
        limits: limits on the size of a line; the number of lines is not limited.

    Yields:
        For each line that is not blank its id, or `line-<number>` for a bad line, and its text or the reason; last, the
        number of other keys.
    """
    if (encoding := detect_encoding(head)) != "utf-8":
        file = io.BufferedReader(_Recoded(file, encoding), _READ_BYTES)
    records = _Records(limits)
    lines = _lines(file, limits.max_bytes)
    held: list[tuple[int, bytes]] = []
    for number, line in lines:
        if line.strip(_BLANK):
            held.append((number, line))
            break
    if held and _is_open(held[0][1]):  # an array or an object over several lines
        n_bytes = len(held[0][1])
        while n_bytes <= limits.max_bytes and (following := next(lines, None)):
            held.append(following)
            n_bytes += len(following[1])
        values = _parse_whole(b"".join(line for _, line in held)) if n_bytes <= limits.max_bytes else None
        if values is not None:
            held = []
            for number, value in enumerate(values, start=1):
                yield from records.read_value(value, f"value-{number}")
    for number, line in chain(held, lines):
        yield from records.read_line(line, number)
    yield from records.report_other_keys()


def detect_encoding(head: bytes) -> str:
    """Return the encoding of a file: UTF-8, unless a byte order mark or zero bytes indicate another one."""
    marked = next((name for mark, name in _MARKS if head.startswith(mark)), "")
    return marked or text_encoding.detect_wide_codec(head) or "utf-8"


class _Records:
    """Converts the values of one file to records."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._seen = TakenNames()
        self._other_keys: set[str] = set()

    def read_line(self, line: bytes, number: int) -> Iterator[Record]:
        """Yield the record of a line, or its error; nothing for a blank line."""
        line = line.strip(_BLANK)
        if not line:
            return
        where = f"line-{number}"
        try:
            if len(line) > self._limits.max_bytes:
                most = self._limits.max_bytes
                raise CannotRead("too-large", f"found more than {most} bytes, expected at most that many")
            value, encoding = _parse_line(line)
        except CannotRead as error:
            yield self._seen.make_unique(where), CannotRead(error.reason, f"{error}, at {where}")
            return
        if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
            for place, each in enumerate(value, start=1):
                yield from self.read_value(each, f"{where}-{place}", encoding)
        else:
            yield from self.read_value(value, where, encoding)

    def read_value(self, value: Any, where: str, encoding: str = "") -> Iterator[Record]:
        """Yield the record of a JSON value, or its error."""
        try:
            name, text = self._document(value, where)
            if name in self._seen:
                raise CannotRead("duplicate-id", f"found id {name[:80]!r} again, expected each id once")
            self._seen.add(name)
            yield (
                name,
                Extract(text, encoding, is_guessed=True, items=ROW) if encoding and isinstance(text, str) else text,
            )
        except CannotRead as error:
            yield self._seen.make_unique(where), CannotRead(error.reason, f"{error}, at {where}")

    def report_other_keys(self) -> Iterator[Record]:
        """Yield the number of keys other than id and text."""
        if self._other_keys:
            yield "", Ignored("", "other-keys", len(self._other_keys))

    def _document(self, value: Any, where: str) -> tuple[str, str | Extract]:
        if isinstance(value, dict) and isinstance(value.get("resourceType"), str):
            from ner_tasks.documents.readers.clinical import fhir

            return _name_resource(value, where, self._seen), fhir.read_resource(value, self._limits)
        name, text = (value.get("id"), value.get("text")) if isinstance(value, dict) else (None, None)
        if not isinstance(name, str | int) or isinstance(name, bool) or name == "" or not isinstance(text, str):
            problem = f"{len(value)} keys" if isinstance(value, dict) else type(value).__name__
            raise CannotRead("bad-line", f'found {problem}, expected an object with "id" and a string "text"')
        if find_surrogate(str(name)) is not None:
            raise CannotRead("bad-line", "found half a surrogate pair in the id, expected text")
        if len(self._other_keys) < _MAX_KEYS:
            self._other_keys.update(map(bound_name, value.keys() - {"id", "text"}))
        return str(name), text


def is_record(value: Any) -> bool:
    """Whether a JSON value is a document: an object with an id and a text."""
    return isinstance(value, dict) and "id" in value and isinstance(value.get("text"), str)


def read_array(values: list[Any], limits: Limits) -> list[Record]:
    """Return the records of a JSON array of documents."""
    records = _Records(limits)
    documents = [
        record for number, value in enumerate(values, 1) for record in records.read_value(value, f"value-{number}")
    ]
    return [*documents, *records.report_other_keys()]


def _name_resource(resource: dict[str, Any], where: str, seen: TakenNames) -> str:
    """Return type and id of a resource, such as `Patient/7`; `where` if it has no id, or one that is taken."""
    kind, own = resource["resourceType"], resource.get("id")
    is_name = isinstance(own, str) and own and find_surrogate(kind + own) is None
    name = f"{kind}/{own}" if is_name else where
    return where if name in seen else name


def _lines(file: BinaryIO, max_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Yield line numbers and lines. A longer line is truncated to `max_bytes` + 1 bytes, so that it can be recognised.

    A bare carriage return also ends a line, since JSON does not contain one.
    """
    number = 0
    while line := file.readline(max_bytes + 1):
        is_cut = len(line) > max_bytes and not line.endswith(b"\n")
        for part in line.removesuffix(b"\n").removesuffix(b"\r").split(b"\r"):
            number += 1
            yield number, part
        while is_cut and line and not line.endswith(b"\n"):
            line = file.readline(max_bytes)


def _is_open(line: bytes) -> bool:
    """Whether a JSON value begins on a line but does not end on it."""
    begins = line.removeprefix(codecs.BOM_UTF8).lstrip()[:1] in (b"[", b"{")
    return begins and isinstance(_find_error(line), json.JSONDecodeError)


def _find_error(line: bytes) -> Exception | None:
    try:
        json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        return error
    return None


def _parse_whole(data: bytes) -> list[Any] | None:
    """Return the values of a JSON array, or the single value of a file; None if it is not JSON."""
    try:
        value = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_build_object)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list) else [value]


def _parse_line(line: bytes) -> tuple[Any, str]:
    """Return the value of a line, and its encoding if it was detected.

    Raises:
        CannotRead: `bad-line`.
    """
    text, encoding = "", ""
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        try:
            text, encoding = text_encoding.decode(line)
        except CannotRead:
            raise CannotRead("bad-line", f"found {type(error).__name__}, expected JSON") from None
    try:
        return json.loads(text, object_pairs_hook=_build_object), encoding
    except (ValueError, RecursionError) as error:
        at = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        problem = "one key twice" if isinstance(error, _KeyTwice) else f"{type(error).__name__}{at}"
        raise CannotRead("bad-line", f"found {problem}, expected JSON") from None


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    object_ = dict(pairs)
    if len(object_) != len(pairs):
        raise _KeyTwice
    return object_


class _Recoded(io.RawIOBase):
    """A file of two or four bytes per character as UTF-8."""

    def __init__(self, source: BinaryIO, encoding: str) -> None:
        self._source, self._ahead, self._ended = source, b"", False
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ahead and not self._ended:
            data = self._source.read(_READ_BYTES)
            self._ended = not data
            self._ahead = self._decoder.decode(data, final=self._ended).encode("utf-8", "replace")
        data, self._ahead = self._ahead[: len(buffer)], self._ahead[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)
