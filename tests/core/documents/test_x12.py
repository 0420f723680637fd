"""X12: names, addresses and free text are read, files in binary segments are documents, codes are counted."""

import base64

import pytest

from ner_tasks.documents import CannotRead, Limits
from ner_tasks.documents.detection import sniffing
from ner_tasks.documents.readers.clinical import x12
from ner_tasks.documents.types import Extract

ISA = f"ISA*00*{' ' * 10}*00*{' ' * 10}*ZZ*{'SENDER':15}*ZZ*{'RECEIVER':15}*240115*0830*^*00501*000000001*0*P*:"
PAGE = "<html>\n<body>Margins ~ are * clear.</body></html>"


def interchange(*segments: str, end: str = "~", isa: str = ISA) -> str:
    around = [
        isa,
        "GS*HC*A*B*20240115*0830*1*X*005010X222A1",
        "ST*837*0001",
        *segments,
        "SE*9*0001",
        "GE*1*1",
        "IEA*1*1",
    ]
    return "".join(segment + end for segment in around)


def read(*segments: str, end: str = "~", isa: str = ISA) -> Extract:
    return x12.read(interchange(*segments, end=end, isa=isa).encode(), Limits())


def test_people_and_organisations_are_named_by_their_role():
    assert read("NM1*IL*1*QUINN*HENRY*A**JR*MI*998877", "N3*12 ELM ST*APT 4", "N4*RENO*NV*89501").text == (
        "Insured: HENRY A QUINN JR (998877)\nAddress: 12 ELM ST, APT 4\nPlace: RENO, NV, 89501"
    )
    assert read("N1*PR*ACME HEALTH*XV*123").text == "Payer: ACME HEALTH (123)"


@pytest.mark.parametrize(
    ("segment", "shown"),
    [
        ("NTE*ADD*PATIENT FELL", "Note: PATIENT FELL"),
        ("MSG*CALL US", "Message: CALL US"),
        ("K3*STATE TEXT", "Note: STATE TEXT"),
        ("SBR*P*18*GRP*ACME PLAN", "Group: ACME PLAN"),
        ("STC*A1*20240101*********MISSING RECORDS", "Status message: MISSING RECORDS"),
        ("SV1*HC:99213:::::LONG VISIT*100*UN*1", "Service: LONG VISIT"),
        ("REF*EA*12345*OLD CHART", "Medical record number: 12345 OLD CHART"),
        ("PER*IC*ANNA WEBER*TE*5551234", "Contact: ANNA WEBER, 5551234"),
        ("ZZ*1*WORDS OF ITS OWN", "ZZ-2: WORDS OF ITS OWN"),
    ],
)
def test_text_in_any_segment_is_read(segment, shown):
    assert read(segment).text == shown


def test_consecutive_notes_are_one_text():
    assert read("NTE*ADD*PATIENT FELL AT", "NTE*ADD*HOME").text == "Note: PATIENT FELL AT\nHOME"


def test_codes_and_envelopes_are_ignored_by_a_rule():
    found = read("HI*ABK:E119", "NTE*ADD*PATIENT FELL")

    assert found.items.counts["segment"] == {"ignored": 7, "read": 1}
    assert found.items.ignored == {"coded-segment": 1, "envelope": 6}


@pytest.mark.parametrize("end", ["~", "~\n", "~\r\n", "\n", "\r\n", "'"])
def test_segments_end_with_the_declared_terminator(end):
    assert read("NTE*ADD*PATIENT FELL", "MSG*CALL US", end=end).text == "Note: PATIENT FELL\nMessage: CALL US"


def test_each_interchange_has_its_own_separators():
    other = interchange("NTE*ADD*SECOND ONE").replace("*", "|").replace("~", "!")
    found = x12.read((interchange("NTE*ADD*FIRST ONE") + "\n" + other).encode(), Limits())

    assert found.text == "Note: FIRST ONE\n\nNote: SECOND ONE"


@pytest.mark.parametrize("isa", [ISA.replace(" " * 10, ""), ISA.replace(" ", "")])
def test_an_interchange_without_padding_is_read(isa):
    assert read("NTE*ADD*PATIENT FELL", isa=isa).text == "Note: PATIENT FELL"


def test_a_missing_terminator_is_listed():
    text = interchange("NTE*ADD*PATIENT FELL").replace(":~GS", ":GS")
    found = x12.read(text.encode(), Limits())

    assert found.text == "Note: PATIENT FELL"
    assert "terminator" in found.items.unread[0]


@pytest.mark.parametrize(
    "segment",
    [
        f"BIN*{len(PAGE)}*{PAGE}",
        f"BDS*ASC*{len(PAGE)}*{PAGE}",
        f"BDS*B64*{4 * -(-len(PAGE) // 3)}*{base64.b64encode(PAGE.encode()).decode()}",
    ],
)
def test_a_file_in_a_binary_segment_is_a_document(segment):
    found = read(segment, "NTE*ADD*BEHIND IT")

    assert [part.content.decode() for part in found.parts] == [PAGE]
    assert found.parts[0].name == "attachment-1.html"
    assert found.text == "Note: BEHIND IT"


@pytest.mark.parametrize("length", ["3", "99999999", "x", ""])
def test_a_wrong_length_is_listed_and_loses_no_text(length):
    found = read(f"BIN*{length}*MARGINS ARE CLEAR", "NTE*ADD*BEHIND IT")

    assert found.parts[0].content == b"MARGINS ARE CLEAR"
    assert found.text == "Note: BEHIND IT"
    assert "its declared length" in found.items.unread[0]


def test_separately_sent_paperwork_is_noted():
    found = read("PWK*OZ*FX***AC*DMN0012*XRAY OF THE ANKLE")

    assert "XRAY OF THE ANKLE" in found.text
    assert "DMN0012" in found.notes[0]


def test_a_truncated_file_is_read_and_listed():
    text = interchange("NM1*QC*1*QUINN*HENRY", "NTE*ADD*PATIENT FELL")
    found = x12.read(text[: text.index(" FELL")].encode(), Limits())

    assert "Note: PATIENT" in found.text
    assert len(found.items.unread) == 2


@pytest.mark.parametrize("data", [b"UNB+UNOA:1+A+B'UNH+1'", b"A letter to the plan."])
def test_a_file_without_x12_segments_is_rejected(data):
    with pytest.raises(CannotRead, match="X12"):
        x12.read(data, Limits())


def test_latin_letters_are_read():
    assert x12.read(interchange("NM1*QC*1*MÜLLER").encode("cp1252"), Limits()).text == "Patient: MÜLLER"
    assert x12.read(interchange("NM1*QC*1*MÜLLER").encode(), Limits()).text == "Patient: MÜLLER"


@pytest.mark.parametrize("end", ["~", "~\n", "\n", "\r\n"])
@pytest.mark.parametrize("before", ["", "\n\n", "\ufeff"])
def test_interchanges_are_recognised(end, before):
    found = sniffing.sniff((before + interchange("NTE*ADD*X", end=end)).encode())

    assert found is not None and found.name == "x12"
