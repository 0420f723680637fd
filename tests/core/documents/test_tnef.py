"""winmail.dat (TNEF): headers, body and attachments are read, despite damage."""

import struct

import pytest

from ner_tasks.documents import Document, Ignored
from tests.canaries.drive import read
from tests.outlook import (
    APPOINTMENT,
    BODY,
    HTML,
    NAME,
    RECIPIENT_TYPE,
    SENDER_NAME,
    SUBJECT,
    Attached,
    Outlook,
    tnef_bytes,
)

SENTENCE = "Henry Quinn of Reno paid."
MESSAGE = Outlook(
    {SUBJECT: "Claim of Zoë", SENDER_NAME: "Rosa Delgado", HTML: f"<p>{SENTENCE}</p>".encode()},
    [{RECIPIENT_TYPE: 1, NAME: "Claims"}],
    [
        Attached("Rückzahlung.txt", SENTENCE.encode()),
        Attached("Inner", Outlook({SUBJECT: "Inner", BODY: "Deep words."})),
    ],
    [(APPOINTMENT, 0x8208, "Room 12")],
)


def documents(data: bytes, name: str = "winmail.dat") -> dict[str, Document]:
    found, _ = read(name, data)
    return {document.name: document for document in found}


def test_headers_body_and_files_are_read():
    found = documents(tnef_bytes(MESSAGE))
    assert (
        found["winmail.dat"].text
        == f"From: Rosa Delgado\nTo: Claims\nSubject: Claim of Zoë\n\nLocation: Room 12\n\n{SENTENCE}"
    )
    assert found["winmail.dat"].format == "tnef"
    assert found["winmail.dat#Rückzahlung.txt"].text == SENTENCE
    assert found["winmail.dat#Inner.tnef"].text.endswith("Deep words.")


def test_attributes_of_old_programs_are_read_in_their_code_page():
    sender = struct.pack("<HHHH", 4, 0, 13, 15) + bytes(8) + b"Rosa Delgado\0" + b"SMTP:r@x.org\0\0"
    legacy = [
        (0x00018004, "Łukasz\0".encode("cp1250")),
        (0x0002800C, "Wójcik\0".encode("cp1250")),
        (0x00008000, sender),
    ]
    text = documents(tnef_bytes(Outlook(), code_page=1250, legacy=legacy))["winmail.dat"].text
    assert text == "From: Rosa Delgado <r@x.org>\nSubject: Łukasz\n\nWójcik"


def test_a_winmail_that_only_holds_files_is_ignored():
    import io

    from ner_tasks.documents import Limits
    from ner_tasks.documents.archives.archives import UnpackingBudget
    from ner_tasks.documents.place import Place
    from ner_tasks.documents.reading import iter_answers

    data = tnef_bytes(Outlook(attached=[Attached("a.txt", b"Text.")]))
    place = Place("winmail.dat", "winmail.dat", Limits(), UnpackingBudget(Limits()), "winmail.dat")
    first, second = iter_answers(place, io.BytesIO(data), len(data))
    assert isinstance(first, Ignored)
    assert second.text == "Text."


def test_wrong_checksums_add_a_note_and_lose_no_text():
    data = bytearray(tnef_bytes(MESSAGE))
    data[15 + 8] ^= 1
    document = documents(bytes(data))["winmail.dat"]
    assert SENTENCE in document.text
    assert document.notes == ("1 checksum(s) are wrong",)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
def test_a_truncated_file_is_read_and_its_damage_listed(share):
    data = tnef_bytes(MESSAGE)
    found, lines = read("winmail.dat", data[: int(len(data) * share)])
    assert lines
    assert "Rosa Delgado" in found[0].text


def test_damage_of_any_byte_ends_in_an_answer():
    data = tnef_bytes(MESSAGE)
    for position in range(6, len(data), 3):
        damaged = bytearray(data)
        damaged[position] ^= 0xFF
        found, lines = read("winmail.dat", bytes(damaged))
        assert found or lines


def test_a_huge_count_ends_the_list_and_is_listed():
    listed = struct.pack("<I", 0xFFFFFFFF) + struct.pack("<HHI", 0x1F, SUBJECT, 0xFFFFFFFF)
    data = tnef_bytes(Outlook({BODY: SENTENCE}), legacy=[(0x00069003, listed)])
    document = documents(data)["winmail.dat"]
    assert SENTENCE in document.text
    assert document.unread
