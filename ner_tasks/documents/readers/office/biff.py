"""Read comments, text boxes and headers of xls and xlsb workbooks, which python-calamine does not return.

Source: [MS-XLS] 2.4 and [MS-XLSB] 2.3 for the types of the records.
"""

import struct
from collections.abc import Iterator

from ner_tasks.documents.readers.office.sheets import strip_margin_codes

_FILE_PASS, _TXO, _CONTINUE, _HEADER, _FOOTER, _SERIES_TEXT, _NOTE = 0x2F, 0x1B6, 0x3C, 0x14, 0x15, 0x100D, 0x1C
_BEGINNING, _MANY_NUMBERS, _EDGE = 0x809, 0xBD, 0xFFFF
# Cell records, which begin with the row and column.
_CELLS = frozenset({0x203, 0x204, 0x205, 0xFD, 0x27E, _MANY_NUMBERS, 0x06, 0xD6, 0x03, 0x04, 0x02, 0x05, 0x07E})
_SHEET_PLACE, _DIMENSIONS, _DIMENSIONS_BYTES = 0x85, 0x200, 14
_MAX_ROWS, _MAX_COLUMNS = 65_536, 256
_BLIP = 0xEB  # drawing group of the workbook, which holds its pictures
_BINARY_CELLS = frozenset(range(12))  # row header and cell records
_COMMENT_TEXT, _BEGIN_MARGINS = 637, 479
_MAX_RECORDS = 5_000_000


def iter_records(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the type and data of each record of a BIFF stream (xls), up to a truncated one."""
    position = 0
    for _ in range(_MAX_RECORDS):
        if position + 4 > len(stream):
            return
        kind, n_bytes = struct.unpack_from("<HH", stream, position)
        yield kind, stream[position + 4 : position + 4 + n_bytes]
        position += 4 + n_bytes


def is_encrypted(stream: bytes) -> bool:
    """Whether the workbook requires a password, which a record near its beginning declares."""
    return any(kind == _FILE_PASS for kind, _ in _iter_first(stream))


def _iter_first(stream: bytes) -> Iterator[tuple[int, bytes]]:
    for number, record in enumerate(iter_records(stream)):
        if number > 20:
            return
        yield record


def extract_remarks(stream: bytes) -> tuple[list[str], int]:
    """Return the texts of comments, text boxes, headers and charts of a BIFF8 stream, and the number of unread ones."""
    texts: list[str] = []
    n_left = n_waiting = 0
    for kind, data in iter_records(stream):
        if kind == _TXO and len(data) >= 12:
            n_waiting = struct.unpack_from("<H", data, 10)[0]
        elif kind == _CONTINUE and n_waiting:
            text = _decode_characters(data, n_waiting)
            n_left += not text
            texts.append(text)
            n_waiting = 0
        elif kind in (_HEADER, _FOOTER) and len(data) > 3:
            n_characters = struct.unpack_from("<H", data)[0]
            texts.append(strip_margin_codes(_decode_characters(data[2:], n_characters)))
        elif kind == _SERIES_TEXT and len(data) > 4:
            texts.append(_decode_characters(data[3:], data[2]))
        elif kind == _NOTE and len(data) > 6 and _is_old_note(data):
            texts.append(data[6:].decode("cp1252", "replace"))
    return [text.replace("\r", "\n") for text in texts if text.strip()], n_left


def measure_span(stream: bytes) -> int:
    """Return the number of cells in the bounding rectangle of the largest sheet of a BIFF stream."""
    largest, edges = 0, [_EDGE, 0, _EDGE, 0]
    for kind, data in iter_records(stream):
        if kind == _BEGINNING:
            edges = [_EDGE, 0, _EDGE, 0]
        elif kind in _CELLS and len(data) >= 4:
            row, column = struct.unpack_from("<HH", data)
            last = struct.unpack_from("<H", data, len(data) - 2)[0] if kind == _MANY_NUMBERS else column
            edges = [min(edges[0], row), max(edges[1], row), min(edges[2], column), max(edges[3], column, last)]
            largest = max(largest, (edges[1] - edges[0] + 1) * (edges[3] - edges[2] + 1))
    return largest


def repair_dimensions(stream: bytes) -> bytes:
    """Return the stream with impossible sheet dimensions set to zero.

    python-calamine allocates memory for the declared dimensions and does not use them otherwise.
    """
    sound = bytearray(stream)
    for at in _find_dimensions(stream):
        first_row, end_row, first_column, end_column = struct.unpack_from("<IIHH", stream, at)
        if not (first_row <= end_row <= _MAX_ROWS and first_column <= end_column <= _MAX_COLUMNS):
            struct.pack_into("<IIHH", sound, at, 0, 0, 0, 0)
    return bytes(sound)


def _find_dimensions(stream: bytes) -> Iterator[int]:
    """Yield the offset of the data of each dimensions record.

    Walks the records from the beginning of the workbook and from each sheet, because the bytes between two sheets may
    not be records.
    """
    waiting, walked, n_records = [0], {0}, 0
    while waiting:
        position = waiting.pop()
        while position + 4 <= len(stream) and n_records < _MAX_RECORDS:
            n_records += 1
            kind, n_bytes = struct.unpack_from("<HH", stream, position)
            position += 4
            if kind == _DIMENSIONS and n_bytes >= _DIMENSIONS_BYTES and position + n_bytes <= len(stream):
                yield position
            elif kind == _SHEET_PLACE and n_bytes >= 4 and position + 4 <= len(stream):
                start = struct.unpack_from("<I", stream, position)[0]
                if start not in walked:
                    walked.add(start)
                    waiting.append(start)
            position += n_bytes
            if position in walked:  # the rest belongs to another sheet
                break


def has_pictures(stream: bytes) -> bool:
    """Whether the workbook holds pictures, judged by the size of its drawing group."""
    return any(kind == _BLIP and len(data) > 1000 for kind, data in iter_records(stream))


def _is_old_note(data: bytes) -> bool:
    """Whether a note record holds its text (BIFF5); since BIFF8 a drawing object does."""
    n_characters = struct.unpack_from("<H", data, 4)[0]
    return n_characters == len(data) - 6 and data[6:].isascii()


def _decode_characters(data: bytes, n_characters: int) -> str:
    """Decode a string in Latin-1 or UTF-16 that follows a flag byte."""
    if not data:
        return ""
    if data[0] & 1:
        return data[1 : 1 + 2 * n_characters].decode("utf-16-le", "replace")
    return data[1 : 1 + n_characters].decode("latin-1")


def iter_binary_records(part: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the type and data of each record of a part of an xlsb file."""
    position = 0
    for _ in range(_MAX_RECORDS):
        kind, position = _read_variable(part, position, 2)
        n_bytes, position = _read_variable(part, position, 4)
        if kind < 0 or n_bytes < 0:
            return
        yield kind, part[position : position + n_bytes]
        position += n_bytes


def _read_variable(part: bytes, position: int, most: int) -> tuple[int, int]:
    value = 0
    for number in range(most):
        if position >= len(part):
            return -1, position
        byte = part[position]
        position += 1
        value |= (byte & 0x7F) << (7 * number)
        if not byte & 0x80:
            break
    return value, position


def measure_binary_span(part: bytes) -> int:
    """Return the number of cells in the bounding rectangle of a sheet of an xlsb file."""
    rows: list[int] = []
    columns: list[int] = []
    for kind, data in iter_binary_records(part):
        if kind in _BINARY_CELLS and len(data) >= 4:
            (rows if kind == 0 else columns).append(struct.unpack_from("<I", data)[0])
    return (max(rows) - min(rows) + 1) * (max(columns) - min(columns) + 1) if rows and columns else 0


def extract_binary_remarks(part: bytes) -> list[str]:
    """Return the texts of comments and headers in a part of an xlsb file."""
    texts: list[str] = []
    for kind, data in iter_binary_records(part):
        if kind == _COMMENT_TEXT:
            texts.append(_read_wide_string(data, 1)[0])
        elif kind == _BEGIN_MARGINS:
            position = 2
            for _ in range(6):
                text, position = _read_wide_string(data, position)
                texts.append(strip_margin_codes(text))
    return [text for text in texts if text.strip()]


def _read_wide_string(data: bytes, position: int) -> tuple[str, int]:
    if position + 4 > len(data):
        return "", position
    n_characters = struct.unpack_from("<I", data, position)[0]
    if n_characters == 0xFFFFFFFF:
        return "", position + 4
    end = position + 4 + 2 * n_characters
    return data[position + 4 : end].decode("utf-16-le", "replace"), end
