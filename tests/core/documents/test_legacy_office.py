"""Word and PowerPoint files from before 2007: text is read from their streams, and unread content is listed."""

import os
import struct
from collections.abc import Sequence

import pytest

from ner_tasks.documents import CannotRead, Limits
from ner_tasks.documents.readers.office import legacy_office, legacy_programs
from tests.ole import ole_bytes

SENTENCE = "Rosa Delgado of Zürich paid."


def doc_bytes(
    text: str, counts: tuple[int, ...] = (), *, flags: int = 0, parts: dict[str, bytes] | None = None
) -> bytes:
    """A Word 97 file of one piece; `counts` are the characters of body, footnotes, headers and so on."""
    table = struct.pack("<BI2IHIH", 2, 16, 0, len(text), 0, 2048, 0)
    stream = bytearray(2048)
    struct.pack_into("<HH", stream, 0, 0xA5EC, 0xC1)
    struct.pack_into("<H", stream, 0x0A, 0x0200 | flags)
    struct.pack_into("<8i", stream, 0x4C, *(counts or (len(text),)), *[0] * (8 - max(len(counts), 1)))
    struct.pack_into("<II", stream, 0x01A2, 0, len(table))
    return ole_bytes({"WordDocument": bytes(stream) + text.encode("utf-16-le"), "1Table": table, **(parts or {})})


def word_6_bytes(text: str) -> bytes:
    stream = bytearray(1024)
    struct.pack_into("<HH", stream, 0, 0xA5DC, 101)
    struct.pack_into("<II", stream, 0x18, 1024, 1024 + len(text))
    struct.pack_into("<8i", stream, 0x34, len(text), *[0] * 7)
    return ole_bytes({"WordDocument": bytes(stream) + text.encode("cp1252")})


def ppt_bytes(*slides: str, notes: str = "", old: str = "", outline: Sequence[str] = ()) -> bytes:
    """Slides whose text stands in their drawings; `old` stands in a slide that a later edit left behind, `outline` in the
    list of slides, behind the last of them.
    """

    def record(kind: int, data: bytes, *, is_container: bool = False, instance: int = 0) -> bytes:
        return struct.pack("<HHI", instance << 4 | (0xF if is_container else 0), kind, len(data)) + data

    data, places = record(1006, record(4000, old.encode("utf-16-le")), is_container=True), []
    for kind, text in [*((1006, text) for text in slides), *([(1008, notes)] if notes else [])]:
        places.append(len(data))
        data += record(kind, record(4000, text.encode("utf-16-le")), is_container=True)
    listed = b"".join(record(1011, struct.pack("<I", n) + bytes(16)) for n in range(2, 2 + len(slides)))
    listed += b"".join(record(4008, text.encode("latin-1")) for text in outline)
    lists = record(4080, listed, is_container=True)
    if notes:
        lists += record(
            4080, record(1011, struct.pack("<I", 2 + len(slides)) + bytes(16)), is_container=True, instance=2
        )
    places.insert(0, len(data))
    data += record(1000, lists, is_container=True)
    directory = len(data)
    data += record(6002, struct.pack(f"<I{len(places)}I", len(places) << 20 | 1, *places))
    edit = len(data)
    data += record(4085, struct.pack("<IIIII", 0, 0, 0, directory, 1) + bytes(8))
    return ole_bytes({"PowerPoint Document": data, "Current User": bytes(16) + struct.pack("<I", edit)})


def test_the_body_notes_headers_comments_and_boxes_of_a_word_file_are_read():
    parts = [
        f"{SENTENCE}\rName\x07City\x07\x07",
        "\x02 A note.\r",
        "A header.\r",
        "",
        "\x05A comment.\r",
        "",
        "In a box.\r",
    ]
    found = legacy_office.read(doc_bytes("".join(parts), tuple(map(len, parts))), Limits())
    assert found.text.split("\n\n") == [
        SENTENCE,
        "Name\tCity",
        " A note.",
        "A header.",
        "A comment.",
        "In a box.",
    ]
    at = found.text.index("comment")
    assert found.sources.locate(at, at + 7) == {"source": "comments"}
    assert found.items.counts["part"] == {"read": 5}


def test_field_results_are_read_and_field_codes_are_not():
    found = legacy_office.read(doc_bytes("Dear \x13 MERGEFIELD Name \x14Rosa\x15 and \x13 PAGE \x15all."), Limits())
    assert (found.text, found.items.ignored) == ("Dear Rosa and all.", {"field-code": 2})


def test_an_incomplete_field_hides_no_text():
    assert "Rosa" in legacy_office.read(doc_bytes("Dear \x13 Rosa Delgado."), Limits()).text


def test_pictures_objects_and_macros_are_listed_or_ignored():
    native = b"\2\0bill.txt\0C:\\bill.txt\0\0\0\3\0\4\0\0\0tmp\0" + struct.pack("<I", 4) + b"Tom."
    objects = {"ObjectPool/_1/\x01Ole10Native": struct.pack("<I", len(native)) + native, "ObjectPool/_2/Other": b"x"}
    found = legacy_office.read(doc_bytes(f"{SENTENCE}\x01\x08", parts={**objects, "Macros/VBA/dir": b"x"}), Limits())
    assert [(part.name, part.content) for part in found.parts] == [("ObjectPool/_1/bill.txt", b"Tom.")]
    assert len(found.items.unread) == 3
    assert found.items.ignored == {"macro": 1}


def test_word_6_files_are_read():
    assert legacy_office.read(word_6_bytes(SENTENCE), Limits()).text == SENTENCE


def test_the_last_saved_slides_and_notes_are_read():
    found = legacy_office.read(ppt_bytes("One.", "Two.", notes="A note.", old="Gone."), Limits())
    assert found.text == "One.\n\nTwo.\n\nA note."
    assert [found.sources.locate(at, at + 1)["source"] for at in (0, 6, 12)] == ["slide 1", "slide 2", "notes 1"]


def test_the_outline_of_a_slide_is_read_in_its_order_before_its_other_texts():
    found = legacy_office.read(ppt_bytes("One.", outline=["Title", "First", "Second"]), Limits())
    assert found.text.split() == ["Title", "First", "Second", "One."]


def test_slides_of_a_damaged_file_are_read_in_the_order_of_the_stream():
    found = legacy_office.read(ppt_bytes("One.", "Two.").replace(struct.pack("<HH", 0, 4085), b"\0\0\0\0"), Limits())
    assert found.text.split("\n\n") == ["One.", "Two."]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (doc_bytes(SENTENCE, flags=0x0100), "encrypted"),
        (ole_bytes({"PowerPoint Document": b"", "EncryptedSummary": b""}), "encrypted"),
        (ole_bytes({"EncryptedPackage": b""}), "encrypted"),
        (ole_bytes({"Other": b""}), "broken"),
        (doc_bytes(SENTENCE, (-1,)), "broken"),
        (
            doc_bytes(SENTENCE).replace(
                struct.pack("<BI2I", 2, 16, 0, len(SENTENCE)), struct.pack("<BI2I", 2, 16, 0, 2**31)
            ),
            "broken",
        ),
        (doc_bytes("\x01"), "no-text-layer"),
        (b"\xdb\xa5\x2d\0" + bytes(500), "no-program"),
    ],
    ids=["doc", "ppt", "package", "other", "counts", "piece", "picture", "Word 2"],
)
def test_a_bad_file_is_rejected_with_its_reason(data, reason, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(CannotRead) as caught:
        legacy_office.read(data, Limits())
    assert caught.value.reason == reason


def test_an_external_program_reads_older_files_and_a_note_names_it(tmp_path, monkeypatch):
    program = tmp_path / "catdoc"
    program.write_text('#!/bin/sh\ncase "$1" in -V) echo "Catdoc Version 0.95";; *) echo "Rosa paid.";; esac\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin{os.pathsep}/usr/bin")
    legacy_programs._query_version.cache_clear()
    found = legacy_office.read(b"\xdb\xa5\x2d\0" + bytes(500), Limits())
    assert (found.text, found.notes) == ("Rosa paid.", ("read by the program catdoc (Catdoc Version 0.95)",))
    assert len(found.items.unread) == 1


def test_a_hanging_program_is_killed(tmp_path, monkeypatch):
    program = tmp_path / "antiword"
    program.write_text("#!/bin/sh\nexec sleep 20\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin{os.pathsep}/usr/bin")
    with pytest.raises(CannotRead) as caught:
        legacy_office.read(b"\xdb\xa5\x2d\0" + bytes(500), Limits(seconds=1))
    assert caught.value.reason == "too-slow"
