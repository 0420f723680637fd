"""Read the text of PowerPoint files of 1997 to 2003 (ppt): the last saved version of each slide and its notes.

Source: [MS-PPT] 2.1.2 (streams), 2.3.3 (edits), 2.4.14.3 (lists of slides), 2.9 (text).
"""

import struct
from collections.abc import Iterator

_DOCUMENT, _SLIDE, _NOTES, _MASTER, _LIST, _PERSIST = 1000, 1006, 1008, 1016, 4080, 1011
_SHAPE, _PLACEHOLDER = 0xF004, 3011
_CHARACTERS, _BYTES, _STRING = 4000, 4008, 4026
_USER_EDIT, _DIRECTORY, _COMMENT = 4085, 6002, 12000
_TEXTS = (_CHARACTERS, _BYTES)
_HEAD = struct.Struct("<HHI")
_MAX_DEPTH, _MAX_EDITS, _MAX_OBJECTS = 64, 10_000, 1_000_000

Record = tuple[int, int, int, int]  # type, instance, first byte, end


def iter_records(data: bytes, start: int, end: int) -> Iterator[tuple[Record, bool]]:
    """Yield the records between two offsets, and whether each one is a container."""
    while start + _HEAD.size <= end:
        version, kind, n_bytes = _HEAD.unpack_from(data, start)
        inner = start + _HEAD.size
        yield (kind, version >> 4, inner, min(inner + n_bytes, end)), version & 0xF == 0xF
        start = inner + n_bytes


def iter_nested(data: bytes, start: int, end: int) -> Iterator[Record]:
    """Yield all records between two offsets in order, including those in containers."""
    stack = [iter_records(data, start, end)]
    while stack:
        entry = next(stack[-1], None)
        if entry is None:
            stack.pop()
            continue
        record, is_container = entry
        yield record
        if is_container and len(stack) < _MAX_DEPTH:
            stack.append(iter_records(data, record[2], record[3]))


def read_slides(data: bytes, current_user: bytes) -> list[tuple[str, list[str]]]:
    """Return the label and texts of each slide and of its notes.

    Args:
        data: the stream `PowerPoint Document`.
        current_user: the stream `Current User`, which holds the offset of the last edit.
    """
    places = _find_objects(data, current_user)
    if not places:
        return [("", _read_texts(data, 0, len(data)))]
    objects = {place: next(iter_records(data, place, len(data)), None) for place in sorted(set(places.values()))}
    held = {place: entry[0] for place, entry in objects.items() if entry}
    slides: list[tuple[str, list[str]]] = []
    listed: set[int] = set()
    outlines = [record for record in held.values() if record[0] == _DOCUMENT]
    for document in outlines[:1]:
        for (kind, instance, start, end), _ in iter_records(data, document[2], document[3]):
            if kind == _LIST and instance in (0, 2):
                slides += _read_list(data, start, end, places, held, listed, "slide" if instance == 0 else "notes")
    lost = [record for place, record in held.items() if record[0] in (_SLIDE, _NOTES) and place not in listed]
    slides += [("slides that no list names", _read_texts(data, record[2], record[3])) for record in lost]
    masters = [record for record in held.values() if record[0] == _MASTER]
    slides += [("master", _read_master(data, record[2], record[3])) for record in masters]
    return [(label, list(dict.fromkeys(texts))) for label, texts in slides if texts]


def _read_master(data: bytes, start: int, end: int) -> list[str]:
    """Return the texts that a master adds to its slides, which are those of shapes that are not placeholders."""
    texts: list[str] = []
    for kind, _, first, last in iter_nested(data, start, end):
        if kind == _SHAPE and not any(inner[0] == _PLACEHOLDER for inner in iter_nested(data, first, last)):
            texts += _read_texts(data, first, last)
    return texts


def _read_list(
    data: bytes, start: int, end: int, places: dict[int, int], held: dict[int, Record], listed: set[int], label: str
) -> list[tuple[str, list[str]]]:
    """Read the slides of a list, which holds their outlines; their other text is in separate objects."""
    slides: list[tuple[list[str], list[str]]] = []
    for (kind, _, first, last), _ in iter_records(data, start, end):
        if kind == _PERSIST and last - first >= 4:
            place = places.get(struct.unpack_from("<I", data, first)[0], -1)
            record = held.get(place) if place not in listed else None
            listed.add(place)
            slides.append(([], _read_texts(data, record[2], record[3]) if record else []))
        elif kind in _TEXTS and slides:
            slides[-1][0].append(_decode_text(data, kind, first, last))
    return [(f"{label} {number}", outline + own) for number, (outline, own) in enumerate(slides, start=1)]


def _read_texts(data: bytes, start: int, end: int) -> list[str]:
    texts, comment_ends = [], 0
    for kind, instance, first, last in iter_nested(data, start, end):
        if kind == _COMMENT:
            comment_ends = last
        if kind in _TEXTS:
            texts.append(_decode_text(data, kind, first, last))
        elif kind == _STRING and first < comment_ends and instance == 1:
            texts.append(data[first:last].decode("utf-16-le", "replace"))
    return texts


def _decode_text(data: bytes, kind: int, first: int, last: int) -> str:
    text = data[first:last].decode("utf-16-le" if kind == _CHARACTERS else "latin-1", "replace")
    return text.replace("\r", "\n").replace("\x0b", "\n")


def _find_objects(data: bytes, current_user: bytes) -> dict[int, int]:
    """Return the offset of the last saved version of each object by its number; empty for a damaged file."""
    places: dict[int, int] = {}
    if len(current_user) < 20:
        return places
    edit = struct.unpack_from("<I", current_user, 16)[0]
    for _ in range(_MAX_EDITS):
        if edit <= 0 or edit + 8 + 16 > len(data) or _HEAD.unpack_from(data, edit)[1] != _USER_EDIT:
            break
        edit, directory = struct.unpack_from("<II", data, edit + 8 + 8)
        if directory + 8 > len(data) or _HEAD.unpack_from(data, directory)[1] != _DIRECTORY:
            break
        _, _, n_bytes = _HEAD.unpack_from(data, directory)
        for number, place in _iter_entries(data[directory + 8 : directory + 8 + n_bytes]):
            places.setdefault(number, place)
        if len(places) > _MAX_OBJECTS:
            break
    return {number: place for number, place in places.items() if place + 8 <= len(data)}


def _iter_entries(directory: bytes) -> Iterator[tuple[int, int]]:
    position = 0
    while position + 4 <= len(directory):
        head = struct.unpack_from("<I", directory, position)[0]
        position += 4
        for number in range(head >> 20):
            if position + 4 > len(directory):
                return
            yield (head & 0xFFFFF) + number, struct.unpack_from("<I", directory, position)[0]
            position += 4
