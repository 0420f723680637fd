"""HL7 v2: every field is read or ignored by a rule, files in OBX are documents, and invalid syntax is listed."""

import base64
import io

import pytest

from ner_tasks.documents import CannotRead, Document, Limits, Rejected
from ner_tasks.documents.archives.archives import UnpackingBudget
from ner_tasks.documents.place import Place
from ner_tasks.documents.readers.clinical import hl7
from ner_tasks.documents.reading import iter_answers
from ner_tasks.documents.types import Answer, Extract

HEADER = "MSH|^~\\&|LAB|GENERAL HOSPITAL|EHR|PLAN|20240115||ORU^R01|1|P|2.5.1"
PAGE = b"<html><body><p>Margins are clear.</p></body></html>"


def read(*segments: str, header: str = HEADER, encoding: str = "utf-8") -> Extract:
    return hl7.read("\r".join([header, *segments]).encode(encoding), Limits())


def documents(data: bytes, name: str = "a.hl7") -> dict[str, Answer]:
    limits = Limits()
    found = iter_answers(Place(name, name, limits, UnpackingBudget(limits), name), io.BytesIO(data), len(data))
    return {answer.name if isinstance(answer, Document) else answer.document: answer for answer in found}


def test_names_are_in_their_usual_order():
    text = read("PID|1||998877^^^MRN||QUINN^HENRY^A^JR^MR||19610615|M|||12 Elm St^Apt 4^Reno^NV^89501").text

    assert "Patient name: MR HENRY A QUINN JR" in text
    assert "Patient address: 12 Elm St, Apt 4, Reno, NV, 89501" in text


def test_lines_of_one_observation_are_one_text():
    found = read("OBX|1|TX|D^Diagnosis||Adenocarcinoma", "OBX|2|TX|D^Diagnosis||of the colon.")

    assert "Diagnosis:\nAdenocarcinoma\nof the colon." in found.text
    assert found.sources.locate(found.text.index("of the"), found.text.index("of the") + 2) == {"source": "OBX[2]-5"}


def test_a_number_keeps_units_range_and_flag():
    assert (
        "Hemoglobin: 10.2 g/dL (reference range 12-16) [L]"
        in read("OBX|1|NM|718-7^Hemoglobin^LN||10.2|g/dL|12-16|L").text
    )


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("a\\.br\\b", "a\nb"),
        ("a \\T\\ b", "a & b"),
        ("1\\F\\2\\S\\3\\R\\4\\E\\5", "1|2^3~4\\5"),
        ("a\\X0D0A\\b", "a\r\nb"),
        ("\\H\\bold\\N\\ word", "bold word"),
        ("C:\\temp\\file", "C:\\temp\\file"),
        ("one~two", "one\ntwo"),
        ("Smith & Sons 2^3", "Smith & Sons 2^3"),
    ],
)
def test_escape_sequences_and_separators_in_text(raw, shown):
    assert read(f"OBX|1|TX|N^Note||{raw}|").text.endswith((f"Note: {shown}", f"Note:\n{shown}"))


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_segments_end_by_any_line_end(end):
    data = end.join([HEADER, "PID|1||||QUINN^HENRY", "NTE|1||Fasting."]).encode()

    assert {"Patient name: HENRY QUINN", "Comment: Fasting."} <= set(hl7.read(data, Limits()).text.splitlines())


def test_separators_are_taken_from_the_header():
    found = hl7.read(b"MSH#$%?!#LAB#X\rPID#1####QUINN$HENRY\rNTE#1##a?F?b", Limits())

    assert "HENRY QUINN" in found.text
    assert "a#b" in found.text


@pytest.mark.parametrize("header", ["MSH||||LAB", "MSH|aaaa|LAB"])
def test_invalid_separators_are_listed_and_the_text_is_read(header):
    found = read("NTE|1||Patient is stable.", header=header)

    assert "Patient is stable." in found.text
    assert any("separators" in line for line in found.items.unread)


def test_a_line_break_in_a_field_is_kept():
    assert "first\nsecond line" in read("OBX|1|TX|N^Note||first\nsecond line").text


def test_a_file_in_an_observation_is_a_document():
    encoded = base64.b64encode(PAGE).decode()
    found = documents(f"{HEADER}\rOBX|1|ED|P^Report||LAB^TEXT^HTML^Base64^{encoded}".encode())

    assert found["a.hl7#attachment-1.html"].text.strip() == "Margins are clear."


@pytest.mark.parametrize(
    "value", [f"LAB^application^html^Hex^{PAGE.hex()}", f"^HTML^^Base64^{base64.b64encode(PAGE).decode()}"]
)
def test_files_in_other_notations_are_documents(value):
    assert read(f"OBX|1|ED|P^Report||{value}").parts[0].content == PAGE


@pytest.mark.parametrize("n", [300, 301])
def test_a_file_split_over_segments_is_joined(n):
    content = b"%PDF-1.4\n" + bytes(range(256)) * 4
    whole = base64.b64encode(content).decode()
    pieces = [whole[at : at + n] for at in range(0, len(whole), n)]
    found = read(*(f"OBX|{n}|ED|P^Report||L^AP^PDF^Base64^{piece}" for n, piece in enumerate(pieces)))

    assert [part.content for part in found.parts] == [content]


def test_a_whole_file_in_a_text_field_is_a_document():
    assert read("OBX|1|TX|P^Report||{\\E\\rtf1 Margins}").parts[0].name.endswith(".rtf")
    encoded = base64.b64encode(b"%PDF-1.4\n" + b"x" * 300).decode()
    assert read(f"OBX|1|TX|P^Report||{encoded}").parts[0].name.endswith(".pdf")


@pytest.mark.parametrize("data", ["!!!! no base64", "JVBERi0xLjQKA"])
def test_damaged_base64_is_listed(data):
    found = read(f"OBX|1|ED|P^Report||L^AP^PDF^Base64^{data}")

    assert any("OBX[1]-5" in line and "base64" in line for line in found.items.unread)


def test_a_pointer_is_listed():
    found = read("OBX|1|RP|F^Film||film.dcm^PACS^IM^DICOM")

    assert any("film.dcm" in line for line in found.items.unread)


def test_each_message_of_a_batch_is_a_document():
    one = f"{HEADER}\rPID|1||||QUINN^HENRY\r"
    other = f"{HEADER}\rPID|1||||WEBER^ANNA\r"
    found = documents(f"FHS|^~\\&|A\rBHS|^~\\&|||||||Monday's results|\r{one}{other}BTS|2\rFTS|1\r".encode())

    assert "HENRY QUINN" in found["a.hl7#message-1"].text
    assert "ANNA WEBER" in found["a.hl7#message-2"].text


def test_framing_bytes_are_not_text():
    data = b"".join(b"\x0b" + f"{HEADER}\rPID|1||||QUINN^HENRY".encode() + b"\x1c\r" for _ in range(9))
    found = documents(data, "capture.bin")

    assert sum(isinstance(answer, Document) for answer in found.values()) == 9
    assert "\x1c" not in found["capture.bin#message-9"].text


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [("UNICODE UTF-8", "utf-8"), ("8859/1", "cp1252"), ("8859/2", "iso8859_2"), ("ISO IR87", "iso2022_jp")],
)
def test_the_character_set_is_taken_from_the_header(charset, encoding):
    name = {"iso8859_2": "NOWÁK", "iso2022_jp": "山田"}.get(encoding, "MÜLLER")
    found = read(f"PID|1||||{name}", header=f"{HEADER}||||||{charset}", encoding=encoding)

    assert f"Patient name: {name}" in found.text
    assert found.encoding.replace("-", "_") in (encoding, encoding.replace("-", "_"))


def test_every_field_is_accounted_for():
    found = read("PID|1||998877||QUINN^HENRY", "ZPI|words of its own|L", "NTE|1|L|Fasting.")

    assert found.items.add_up()
    assert found.items.counts["field"] == {"ignored": 8, "read": 9}
    assert "ZPI-1: words of its own" in found.text


def test_a_file_without_a_segment_is_rejected():
    with pytest.raises(CannotRead, match="expected HL7 v2 segments"):
        hl7.read(b"A letter to the plan.\nNothing else.", Limits())


def test_a_damaged_message_does_not_affect_the_others():
    found = documents(f"{HEADER}\rPID|1||||QUINN\r{HEADER}\r{HEADER}\rPID|1||||WEBER\r".encode())

    assert not any(isinstance(answer, Rejected) for answer in found.values())
    assert len([answer for answer in found.values() if isinstance(answer, Document)]) == 3


def test_lines_before_the_first_message_are_harmless():
    found = hl7.read(f"Sent by the gateway\n\n{HEADER}\rPID|1||||QUINN^HENRY\r".encode(), Limits())

    assert "HENRY QUINN" in found.text
    assert "Sent by the gateway" in found.text
    assert found.notes
