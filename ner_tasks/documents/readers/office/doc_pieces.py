"""Read the text of Word files of 1993 to 2003 (doc) from the pieces of their piece table.

Source: [MS-DOC] 2.4.1 (retrieving text), 2.5 (file information block), 2.8.35 and 2.9.178 (pieces), 2.3 (parts).
"""

import re
import struct
from dataclasses import dataclass

from ner_tasks.documents.types import CannotRead

_WORD_6, _WORD_97 = 101, 0xC1
_IDENTS = (0xA5EC, 0xA5DC)
_IN_PIECES, _ENCRYPTED, _IN_1TABLE = 0x0004, 0x0100, 0x0200
_TEXT_AT = 0x18
# Offsets in the file information block of the piece table's location and of the character counts of the stories.
_CLX_AT, _COUNTS_AT = 0x01A2, 0x4C
_CLX_AT_BEFORE_97, _COUNTS_AT_BEFORE_97 = 0x0160, 0x34
_COMPRESSED = 0x40000000
_MAX_PIECES = 2_000_000
# Stories in the order of their text and of their counts.
_PARTS = (
    *("body", "footnotes", "headers and footers", "macros", "comments", "endnotes", "text boxes"),
    "text boxes of headers",
)
_FIELD_BEGIN, _FIELD_RESULT, _FIELD_END = "\x13", "\x14", "\x15"
_CELL_MARKS = re.compile("\x07+")
_CHARACTERS = str.maketrans(
    {"\x0b": "\n", "\x0c": "\n\n", "\x0e": "\n", "\r": "\n\n", "\x1e": "-", "\x1f": None, "\x02": None}
    | {"\x03": None, "\x04": None, "\x05": None, "\x01": None, "\x08": None, "\x00": None, "\x06": None}
)


@dataclass(frozen=True)
class DocStory:
    """One story of a Word file, such as its body or footnotes.

    Attributes:
        name: name of the story.
        text: shown text, paragraphs separated by blank lines, cells by tabs.
        n_pictures: number of inline pictures.
        n_drawn: number of floating shapes and pictures.
        n_codes: number of field codes, which are not shown.
    """

    name: str
    text: str
    n_pictures: int
    n_drawn: int
    n_codes: int


def is_encrypted(stream: bytes) -> bool:
    """Whether a file requires a password."""
    return len(stream) > 0x0C and struct.unpack_from("<H", stream, 0x0A)[0] & _ENCRYPTED != 0


def is_readable(stream: bytes) -> bool:
    """Whether a `WordDocument` stream was written by Word 6 or later."""
    if len(stream) < _CLX_AT + 8:
        return False
    ident, version = struct.unpack_from("<HH", stream)
    return ident in _IDENTS and version >= _WORD_6


def find_table_stream(stream: bytes) -> str:
    """Return the name of the stream that holds the piece table."""
    version, flags = _read_version(stream), struct.unpack_from("<H", stream, 0x0A)[0]
    if version < _WORD_97:
        return "WordDocument"
    return "1Table" if flags & _IN_1TABLE else "0Table"


def _read_version(stream: bytes) -> int:
    return int(struct.unpack_from("<H", stream, 2)[0])


def read_stories(stream: bytes, table: bytes) -> list[DocStory]:
    """Read the stories of a Word file that have text.

    Args:
        stream: a `WordDocument` stream that `is_readable` accepts.
        table: the stream named by `find_table_stream`.

    Raises:
        CannotRead: `broken`.
    """
    is_old = _read_version(stream) < _WORD_97
    at, n_bytes = struct.unpack_from("<II", stream, _CLX_AT_BEFORE_97 if is_old else _CLX_AT)
    if is_old and not struct.unpack_from("<H", stream, 0x0A)[0] & _IN_PIECES:
        first, end = struct.unpack_from("<II", stream, _TEXT_AT)
        text = stream[first:end].decode("cp1252", "replace")
    else:
        text = "".join(_read_pieces(stream, table[at : at + n_bytes], is_old=is_old))
    counts = struct.unpack_from("<8i", stream, _COUNTS_AT_BEFORE_97 if is_old else _COUNTS_AT)
    stories, start = [], 0
    for name, n_characters in zip(_PARTS, counts, strict=True):
        if n_characters < 0:
            raise CannotRead("broken", "found a part of negative length, expected a whole Word file")
        raw = text[start : start + n_characters]
        start += n_characters
        if raw.strip("\r\x03\x04\x07 ") and name != "macros":
            stories.append(_make_story(name, raw))
    return stories


def _read_pieces(stream: bytes, table: bytes, *, is_old: bool) -> list[str]:
    position = 0
    while position + 3 <= len(table) and table[position] == 1:  # paragraph formats precede the piece table
        position += 3 + struct.unpack_from("<H", table, position + 1)[0]
    if position + 5 > len(table) or table[position] != 2:
        raise CannotRead("broken", "found no piece table, expected a whole Word file")
    n_bytes = struct.unpack_from("<I", table, position + 1)[0]
    plan = table[position + 5 : position + 5 + n_bytes]
    n_pieces = min((len(plan) - 4) // 12, _MAX_PIECES)
    if n_pieces < 1:
        raise CannotRead("broken", "found an empty piece table, expected a whole Word file")
    starts = struct.unpack_from(f"<{n_pieces + 1}I", plan)
    pieces, n_left = [], len(stream)
    for number in range(n_pieces):
        place = struct.unpack_from("<I", plan, 4 * (n_pieces + 1) + 8 * number + 2)[0]
        n_characters = starts[number + 1] - starts[number]
        if not 0 <= n_characters <= n_left:  # pieces do not overlap, so their total length is bounded
            raise CannotRead("broken", "found a piece longer than the file, expected a whole Word file")
        n_left -= n_characters
        if is_old or place & _COMPRESSED:
            at = place if is_old else (place & ~_COMPRESSED) // 2
            pieces.append(stream[at : at + n_characters].decode("cp1252", "replace"))
        else:
            pieces.append(stream[place : place + 2 * n_characters].decode("utf-16-le", "replace"))
    return pieces


def _make_story(name: str, raw: str) -> DocStory:
    shown, n_codes = _drop_field_codes(raw)
    text = _CELL_MARKS.sub(lambda marks: "\n" if len(marks[0]) > 1 else "\t", shown)
    text = re.sub(r"\n{3,}", "\n\n", text.translate(_CHARACTERS)).strip("\n")
    return DocStory(name, text, shown.count("\x01"), shown.count("\x08"), n_codes)


def _drop_field_codes(raw: str) -> tuple[str, int]:
    """Remove field codes and keep field results; an incomplete field hides no text."""
    if raw.count(_FIELD_BEGIN) != raw.count(_FIELD_END):
        return raw.replace(_FIELD_BEGIN, " ").replace(_FIELD_RESULT, " ").replace(_FIELD_END, " "), 0
    pieces: list[str] = []
    in_code: list[bool] = []
    n_hidden = n_codes = 0
    for piece in re.split("([\x13\x14\x15])", raw):
        if piece == _FIELD_BEGIN:
            in_code.append(True)
            n_hidden += 1
            n_codes += 1
        elif piece in (_FIELD_RESULT, _FIELD_END):
            if in_code and in_code[-1]:
                in_code[-1] = False
                n_hidden -= 1
            if in_code and piece == _FIELD_END:
                in_code.pop()
        elif not n_hidden:
            pieces.append(piece)
    return "".join(pieces), n_codes
