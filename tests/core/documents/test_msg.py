"""Outlook messages (.msg): headers, the forms of the body, attachments and embedded messages, despite damage."""

import io

import compressed_rtf
import olefile
import pytest

from ner_tasks.documents import Document, Limits, Rejected
from ner_tasks.documents.readers.mail import cfb, msg
from ner_tasks.documents.readers.mail.cfb import Storage
from ner_tasks.documents.types import CannotRead
from tests.canaries.drive import read
from tests.outlook import (
    APPOINTMENT,
    BODY,
    HTML,
    NAME,
    PUBLIC,
    RECIPIENT_TYPE,
    RTF,
    SENDER_ADDRESS,
    SENDER_NAME,
    SMTP,
    STRING8,
    SUBJECT,
    TIME,
    Attached,
    Outlook,
    msg_bytes,
    ticks,
)

SENTENCE = "Henry Quinn of Reno paid."
LETTER = {SUBJECT: "Claim of Zoë", SENDER_NAME: "Rosa Delgado", SENDER_ADDRESS: "rosa@example.org"}
NINE = ticks(1_709_542_800)


def documents(data: bytes, name: str = "a.msg") -> dict[str, Document]:
    found, _ = read(name, data)
    return {document.name: document for document in found}


def test_headers_and_body_are_read():
    message = Outlook(
        {**LETTER, BODY: f"{SENTENCE}\r\n", (0x39, TIME): NINE},
        [
            {RECIPIENT_TYPE: 1, NAME: "Claims", SMTP: "claims@example.org"},
            {RECIPIENT_TYPE: 2, NAME: "Zoë Baker"},
            {RECIPIENT_TYPE: 3, NAME: "Ann Lee"},
        ],
    )
    document = documents(msg_bytes(message))["a.msg"]
    assert document.text == (
        "From: Rosa Delgado <rosa@example.org>\nTo: Claims <claims@example.org>\nCc: Zoë Baker\nBcc: Ann Lee\n"
        f"Date: Mon, 04 Mar 2024 09:00:00 +0000\nSubject: Claim of Zoë\n\n{SENTENCE}"
    )
    assert document.sources.locate(0, 4) == {"source": "From"}
    assert document.unread == ()


def test_recipients_named_only_in_the_display_line_are_read():
    message = Outlook({**LETTER, 0x0E04: "Claims; Łukasz Wójcik"}, [{RECIPIENT_TYPE: 1, NAME: "Claims"}])
    assert "To: Claims; Claims; Łukasz Wójcik" in documents(msg_bytes(message))["a.msg"].text


def test_strings_of_8_bits_are_in_the_code_page_of_the_message():
    message = Outlook(
        {(SUBJECT, STRING8): "Łukasz".encode("cp1250"), (BODY, STRING8): "Wójcik".encode("cp1250"), 0x3FFD: 1250}
    )
    assert documents(msg_bytes(message))["a.msg"].text == "Subject: Łukasz\n\nWójcik"


WRAPPED = (
    rb"{\rtf1\ansi\ansicpg1252\fromhtml1 \deff0{\fonttbl{\f0\fswiss Arial;}{\f1\fcharset238 Arial CE;}}"
    rb"{\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 Henry Quinn of Reno, J\'fcrgen \f1 \'a3ukasz\f0  \u8217?s \{x\}"
    rb"\htmlrtf\par}\htmlrtf0{\*\htmltag72 </p>}}"
)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({HTML: f"<p>{SENTENCE}</p>".encode()}, SENTENCE),
        ({HTML: f"<p>{SENTENCE}</p>"}, SENTENCE),
        ({HTML: "<p>Łukasz</p>".encode("cp1250"), 0x3FDE: 1250}, "Łukasz"),
        ({RTF: compressed_rtf.compress(WRAPPED)}, "Henry Quinn of Reno, Jürgen Łukasz ’s {x}"),
        ({RTF: compressed_rtf.compress(WRAPPED, compressed=False)}, "Henry Quinn of Reno, Jürgen Łukasz ’s {x}"),
        ({RTF: compressed_rtf.compress(rb"{\rtf1\ansi\fromtext {\f0 One.\par Two.}}")}, "One.\r\nTwo."),
        ({RTF: compressed_rtf.compress(rb"{\rtf1\ansi One of Reno.\par}")}, "One of Reno."),
    ],
)
def test_a_body_is_read_in_any_form(body, expected):
    assert documents(msg_bytes(Outlook({**LETTER, **body})))["a.msg"].text.strip().endswith(expected)


def test_equal_forms_are_read_once_and_text_of_one_form_is_added():
    page = f"<p>{SENTENCE}</p>".encode()
    same = documents(msg_bytes(Outlook({**LETTER, BODY: SENTENCE, HTML: page})))["a.msg"]
    assert same.text.count("Quinn") == 1
    assert same.items.ignored["other-form-of-the-same-body"] == 1
    other = documents(msg_bytes(Outlook({**LETTER, BODY: SENTENCE, HTML: b"<p>Ann Lee adds.</p>"})))["a.msg"]
    assert SENTENCE in other.text
    assert "Ann Lee" in other.text


def test_compressed_rtf_is_read_despite_a_wrong_checksum_and_listed_if_truncated():
    packed = bytearray(compressed_rtf.compress(WRAPPED))
    packed[12] ^= 1
    assert "Quinn" in documents(msg_bytes(Outlook({**LETTER, RTF: bytes(packed)})))["a.msg"].text
    cut = documents(msg_bytes(Outlook({**LETTER, RTF: bytes(packed[:-30])})))["a.msg"]
    assert "Quinn" in cut.text
    assert any("truncated" in line for line in cut.unread)


def test_appointment_fields_and_custom_fields_are_read():
    named = [
        (APPOINTMENT, 0x8208, "Room 12"),
        (APPOINTMENT, 0x820D, NINE),
        (PUBLIC, "Patient", "Ann Lee"),
        (PUBLIC, "x-mailer-id", "Secret"),
    ]
    message = Outlook({**LETTER, 0x3A16: "Lakeside Clinic"}, named=named)
    text = documents(msg_bytes(message))["a.msg"].text
    for line in (
        "Location: Room 12",
        "Start: Mon, 04 Mar 2024 09:00:00 +0000",
        "Patient: Ann Lee",
        "Company: Lakeside Clinic",
    ):
        assert line in text
    assert "Secret" not in text


def test_files_and_messages_in_a_message_are_documents():
    deep = Outlook({SUBJECT: "Deep"}, [], [Attached("deep.txt", b"Deepest.")], named=())
    inner = Outlook({SUBJECT: "Inner", BODY: SENTENCE}, [], [Attached("deep", deep)])
    native = Storage({"\x01Ole10Native": _native("note.txt", SENTENCE.encode())})
    message = Outlook(
        LETTER,
        [],
        [
            Attached("bill.txt", SENTENCE.encode()),
            Attached("bill.txt", b"Second."),
            Attached("", b"a,b\n", "text/csv"),
            Attached("Inner", inner),
            Attached("object", native),
            Attached("big.txt", SENTENCE.encode() * 1_000),
        ],
        named=[(APPOINTMENT, 0x8208, "Room 12")],
    )
    found, lines = read("a.msg", msg_bytes(message))
    texts = {document.name: document.text for document in found}
    assert texts["a.msg#bill.txt"] == SENTENCE
    assert texts["a.msg#part-2-bill.txt"] == "Second."
    assert texts["a.msg#Inner.msg"].endswith(SENTENCE)
    assert texts["a.msg#Inner.msg#deep.msg#deep.txt"] == "Deepest."
    assert texts["a.msg#object/note.txt"] == SENTENCE
    assert texts["a.msg#big.txt"] == SENTENCE * 1_000
    assert all("part-3" in line for line in lines)


def _native(name: str, content: bytes) -> bytes:
    body = b"\2\0" + name.encode() + b"\0" + name.encode() + b"\0" + bytes(4) + (1).to_bytes(4, "little") + b"\0"
    body += len(content).to_bytes(4, "little") + content
    return len(body).to_bytes(4, "little") + body


def test_external_files_and_pictures_are_listed():
    message = Outlook(LETTER, [], [Attached("scan.png", b"\x89PNG\r\n\x1a\n" + bytes(50), "image/png")])
    storage, _ = cfb.read(msg_bytes(message), 10**6)
    elsewhere = Storage(
        {"__substg1.0_3707001F": "far.doc".encode("utf-16-le"), "__properties_version1.0": bytes(8) + _entry(0x3705, 2)}
    )
    storage.storages["__attach_version1.0_#00000001"] = elsewhere
    document = documents(cfb.write(storage))["a.msg"]
    assert document.unread == (
        "attachment scan.png: a picture; OCR is switched off",
        "attachment far.doc: content stored elsewhere",
    )


def _entry(number: int, value: int) -> bytes:
    return (3).to_bytes(2, "little") + number.to_bytes(2, "little") + bytes(4) + value.to_bytes(8, "little")


@pytest.mark.parametrize("n_files", [0, 3, 300])
def test_another_program_reads_a_written_compound_file(n_files):
    streams = {f"s{number}": bytes([number % 256]) * (number * 97) for number in range(n_files)}
    root = Storage({"big": b"x" * 8_000_000} if n_files == 3 else {}, {"in": Storage(streams)})
    with olefile.OleFileIO(io.BytesIO(cfb.write(root))) as ole:
        assert ole.parsing_issues == []
        for path in ole.listdir():
            expected = root.streams[path[0]] if len(path) == 1 else streams[path[1]]
            assert ole.openstream(path).read() == expected
    assert cfb.read(cfb.write(root), 10**8)[0] == root


@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.9, 0.999])
def test_a_truncated_message_is_rejected_or_read_with_its_damage_listed(share):
    message = Outlook({**LETTER, BODY: SENTENCE}, [], [Attached("big.txt", SENTENCE.encode() * 1_000)])
    data = msg_bytes(message)
    found, lines = read("a.msg", data[: int(len(data) * share)])
    assert lines
    assert all(line.startswith("a.msg") for line in lines) or found


def test_damage_of_any_byte_ends_in_an_answer(tmp_path):
    message = Outlook(
        {**LETTER, BODY: SENTENCE},
        [{NAME: "Ann"}],
        [Attached("a.txt", b"Text."), Attached("m", Outlook({SUBJECT: "x"}))],
    )
    data = msg_bytes(message)
    for position in range(0, len(data), 61):
        damaged = bytearray(data)
        damaged[position] ^= 0xFF
        found, lines = read("a.msg", bytes(damaged))
        assert found or lines


def test_streams_that_share_sectors_are_limited():
    big = Storage({f"__substg1.0_{number:04X}0102": b"x" * 10_000 for number in range(20)})
    big.streams["__properties_version1.0"] = bytes(32)
    with pytest.raises(CannotRead) as error:
        msg.read(cfb.write(big), Limits(max_unpacked_bytes=100_000))
    assert error.value.reason == "bomb"
    assert Rejected("a", error.value.reason, str(error.value)).message.startswith("found ")
