"""What systems exchange: an HL7 message, a C-CDA document, a FHIR bundle, an X12 attachment; and mail that is more than text."""

import base64
import json
import random
import struct
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import format_datetime
from html import escape

from sample import compound_file
from sample import document_texts as texts
from sample.document_texts import RECEIVED, cast_of, filled, some

_STAMP = "20260312093000"


def result_hl7(rng: random.Random) -> bytes:
    """A laboratory's result with a comment (HL7 v2, ORU^R01)."""
    cast = cast_of(rng)
    first, last = cast["member"].split(" ", 1)
    lines = [
        f"MSH|^~\\&|LAB|{cast['hospital']}|CLAIMS|{cast['insurer']}|{_STAMP}||ORU^R01|1|P|2.5.1",
        f"PID|1||4711^^^PLAN||{last}^{first}||19610704|F|||1 Elm St^^{cast['city']}^{cast['state']}^00775",
        f"OBR|1|17||24331-1^Lipid panel^LN|||{_STAMP}|||||||||77^{cast['doctor'].split()[-1]}^^^^Dr.",
        "OBX|1|NM|2093-3^Cholesterol^LN||201|mg/dL|125-200|H|||F",
    ]
    remarks = some(rng, texts.REPORT, 3)[1:]
    for number, remark in enumerate(remarks, start=2):
        text = filled(rng, remark, cast).replace("&", "\\T\\").replace("\n", "\\.br\\")
        lines.append(f"OBX|{number}|TX|8251-1^Comment^LN||{text}||||||F")
    lines.append(f"NTE|1||{filled(rng, 'Called {doctor} at {hospital} on {weekday}.', cast)}")
    return ("\r".join(lines) + "\r").encode()


def summary_cda(rng: random.Random) -> bytes:
    """A summary of care (C-CDA): a header and two sections of narrative."""
    cast = cast_of(rng)
    first, last = map(escape, cast["member"].split(" ", 1))
    sections = (("Assessment", some(rng, texts.REPORT, 3)[1:]), ("Plan of Treatment", some(rng, texts.REPORT, 2)[1:]))
    body = "".join(
        f"<component><section><title>{title}</title><text>"
        + "".join(f"<paragraph>{escape(filled(rng, text, cast))}</paragraph>" for text in paragraphs)
        + "</text></section></component>"
        for title, paragraphs in sections
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3">
<title>Summary of care</title><effectiveTime value="20260312"/>
<recordTarget><patientRole><patient><name><given>{first}</given><family>{last}</family></name></patient></patientRole>
</recordTarget>
<author><assignedAuthor><representedOrganization><name>{escape(cast["hospital"])}</name></representedOrganization>
</assignedAuthor></author>
<component><structuredBody>{body}</structuredBody></component>
</ClinicalDocument>
""".encode()


def bundle_fhir(rng: random.Random) -> bytes:
    """A patient, and a document reference that carries a note (FHIR R4)."""
    cast = cast_of(rng)
    note = "\n\n".join(filled(rng, text, cast) for text in some(rng, texts.REPORT, 3)[1:])
    attachment = {"contentType": "text/plain", "title": "note.txt", "data": base64.b64encode(note.encode()).decode()}
    name = {"text": cast["member"]}
    resources = (
        {"resourceType": "Patient", "id": "p1", "name": [name], "address": [{"city": cast["city"]}]},
        {
            "resourceType": "DocumentReference",
            "id": "d1",
            "status": "current",
            "description": filled(rng, "Note of {doctor}, {hospital}", cast),
            "content": [{"attachment": attachment}],
        },
    )
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in resources]}
    return json.dumps(bundle, ensure_ascii=False, indent=1).encode()


def claim_x12(rng: random.Random) -> bytes:
    """A claim with a note to the payer (X12 837)."""
    cast = cast_of(rng)
    first, last = (part.upper() for part in cast["member"].split(" ", 1))
    note = filled(rng, rng.choice(texts.CLAIM_REMARKS), cast).replace("*", " ").replace("~", " ").replace(":", " ")
    segments = (
        "ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *260312*0930*^*00501*000000001*0*P*:",
        "GS*HC*SENDER*RECEIVER*20260312*0930*1*X*005010X222A1",
        "ST*837*0001*005010X222A1",
        f"NM1*85*2*{cast['hospital'].upper()}*****XX*1234567893",
        f"NM1*IL*1*{last}*{first}****MI*{cast['member_id']}",
        f"N4*{cast['city'].upper()}*TX*75001",
        "CLM*26463774*100***11:B:1*Y*A*Y*I",
        f"NTE*ADD*{note}",
        "SE*7*0001",
        "GE*1*1",
        "IEA*1*000000001",
    )
    return ("~\n".join(segments) + "~\n").encode()


def mail_that_is_a_pdf(rng: random.Random, pdf: bytes) -> bytes:
    """What a scanner sends: a mail without a body, whose only part is the file."""
    cast = cast_of(rng)
    message = EmailMessage()
    message["From"] = f"scanner@{cast['site']}"
    message["To"] = "claims@mail.example.com"
    message["Subject"] = filled(rng, "Report of {hospital}", cast)
    message["Date"] = format_datetime(RECEIVED)
    message.set_content(pdf, maintype="application", subtype="pdf", filename="report.pdf", disposition="attachment")
    return message.as_bytes()


def message_msg(rng: random.Random) -> bytes:
    """A mail that somebody saved in Outlook, with a note attached (.msg)."""
    cast = cast_of(rng)
    body = [filled(rng, paragraph, cast) for paragraph in some(rng, texts.APPEAL, 3)]
    text = "\r\n\r\n".join([f"Dear {cast['agent']},", *body, cast["member"]])
    values = {
        0x001A: "IPM.Note",
        0x0037: f"Appeal, claim {cast['claim_id']}",
        0x0C1A: cast["member"],
        0x0E04: cast["agent"],
        0x1000: text,
    }
    note = filled(rng, "Call of {weekday}: {doctor} of {hospital} will send {form}.", cast).encode()
    attachment = _properties({0x3704: "note.txt", 0x3707: "note.txt"}, {0x3705: 1}, data={0x3701: note})
    recipient = _properties({0x3001: cast["agent"], 0x3003: f"appeals@{cast['site']}"}, {0x0C15: 1})
    content = {**_properties(values, {}, head=32, counts=(1, 1)), "__nameid_version1.0": dict(_NAMED)}
    return compound_file.write(
        {**content, "__recip_version1.0_#00000000": recipient, "__attach_version1.0_#00000000": attachment}
    )


_NAMED = {"__substg1.0_00020102": b"", "__substg1.0_00030102": b"", "__substg1.0_00040102": b""}
_UNICODE, _LONG, _BINARY = 0x001F, 0x0003, 0x0102
_READABLE = 0x06


def _properties(
    strings: dict[int, str],
    longs: dict[int, int],
    data: dict[int, bytes] | None = None,
    *,
    head: int = 8,
    counts: Sequence[int] = (),
) -> dict[str, "bytes | compound_file.Storage"]:
    """Streams of MAPI properties, and the table that lists them ([MS-OXMSG] 2.4)."""
    streams: dict[str, bytes | compound_file.Storage] = {}
    rows = []
    for tag, text in strings.items():
        streams[f"__substg1.0_{tag:04X}{_UNICODE:04X}"] = text.encode("utf-16-le")
        rows.append(struct.pack("<HHIII", _UNICODE, tag, _READABLE, len(text.encode("utf-16-le")) + 2, 0))
    for tag, content in (data or {}).items():
        streams[f"__substg1.0_{tag:04X}{_BINARY:04X}"] = content
        rows.append(struct.pack("<HHIII", _BINARY, tag, _READABLE, len(content), 0))
    rows += [struct.pack("<HHIII", _LONG, tag, _READABLE, number, 0) for tag, number in longs.items()]
    front = struct.pack("<8x4I8x", *counts, *counts) if counts else bytes(head)
    streams["__properties_version1.0"] = front + b"".join(rows)
    return streams
