"""Mails: every leaf of the MIME tree is read, listed as unread, or ignored by a rule."""

import base64
import struct
import time

import pytest

from ner_tasks.documents import Document, Ignored, Limits, Rejected, read_documents

HEAD = b"From: Rosa Delgado <rosa@example.org>\nTo: claims@example.org\nSubject: Claim\nMIME-Version: 1.0\n"
SENTENCE = "Henry Quinn of Reno paid."


@pytest.fixture
def read(tmp_path):
    def _read(
        data: bytes, name: str = "a.eml", limits: Limits | None = None
    ) -> dict[str, Document | Rejected | Ignored]:
        path = tmp_path / "document"
        path.write_bytes(data)
        answers = list(read_documents(path, name, limits or Limits()))
        return {one.name if isinstance(one, Document) else one.document: one for one in answers}

    return _read


def multipart(kind: str, *parts: bytes, boundary: str = "B", before: bytes = b"", after: bytes = b"") -> bytes:
    joined = b"".join(f"--{boundary}\n".encode() + part + b"\n" for part in parts)
    head = f'Content-Type: multipart/{kind}; boundary="{boundary}"\n\n'.encode()
    return head + before + joined + f"--{boundary}--\n".encode() + after


def part(text: str, media_type: str = "text/plain; charset=utf-8", more: str = "") -> bytes:
    return f"Content-Type: {media_type}\n{more}\n{text}".encode()


def packed(data: bytes, media_type: str, name: str = "") -> bytes:
    named = f'; name="{name}"' if name else ""
    head = f"Content-Type: {media_type}{named}\nContent-Transfer-Encoding: base64\n\n".encode()
    return head + base64.encodebytes(data)


PLAIN, PAGE = part("See the bill."), part("<p>See the bill.</p>", "text/html")
BILL = packed(SENTENCE.encode(), "application/octet-stream", "bill.txt")


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, height)


@pytest.mark.parametrize(
    "tree",
    [
        multipart("mixed", PLAIN, BILL),
        multipart("alternative", PLAIN, PAGE, BILL),
        multipart("related", PAGE, BILL),
        multipart(
            "mixed", multipart("alternative", PLAIN, multipart("related", PAGE, BILL, boundary="D"), boundary="C")
        ),
        multipart("signed", multipart("mixed", PLAIN, BILL, boundary="C"), packed(b"0", "application/pkcs7-signature")),
        multipart("x-unknown", PLAIN, BILL),
        multipart("mixed", PLAIN, after=b"\n--B\n" + BILL + b"\n--B--\n"),
    ],
)
def test_a_file_anywhere_in_the_tree_is_a_document(read, tree):
    found = read(HEAD + tree)
    assert "See the bill." in found["a.eml"].text
    assert found["a.eml"].text.count("See the bill.") == 1
    assert found["a.eml#bill.txt"].text == SENTENCE


@pytest.mark.parametrize(
    "root",
    [
        BILL,
        part(SENTENCE, 'text/plain; name="bill.txt"'),
        part(SENTENCE, more="Content-Disposition: attachment; filename=bill.txt\n"),
    ],
)
def test_a_mail_may_consist_of_one_file(read, root):
    assert read(HEAD + root)["a.eml#bill.txt"].text == SENTENCE


@pytest.mark.parametrize("blank", ["", "\n\n\n", "\u00a0\u200b", "Your mail program does not support HTML messages.",
                                   "This message is in HTML. Please use another mail client.",
                                   "Ihr E-Mail-Programm kann diese HTML-Nachricht nicht anzeigen."])  # fmt: skip
def test_a_blank_or_stub_form_does_not_hide_the_letter(read, blank):
    document = read(HEAD + multipart("alternative", part(blank), part(f"<p>{SENTENCE}</p>", "text/html")))["a.eml"]
    assert document.text.endswith(f"Subject: Claim\n\n{SENTENCE}")
    assert document.unread == ()


def test_text_of_either_form_is_read_once(read):
    plain = part("Dear Ms Baker,\n\nHenry Quinn paid.\n\nSee https://x.org/a/b\n\nOnly plain: Tampa.")
    page = part(
        "<p>Dear Ms Baker,</p><p>Henry Quinn paid.</p><p>Only here: Zoe Baker and Ann Lee of Reno.</p>", "text/html"
    )
    text = read(HEAD + multipart("alternative", plain, page))["a.eml"].text
    assert "Tampa" in text
    assert "Zoe Baker" in text
    assert text.count("Henry Quinn") == 1
    same = read(HEAD + multipart("alternative", PLAIN, PAGE))["a.eml"]
    assert same.items.ignored["other-form-of-the-same-body"] == 1


def test_adjacent_texts_are_read_in_order(read):
    page = part(f"<p>{SENTENCE}</p>", "text/html")
    document = read(HEAD + multipart("mixed", part("First."), page, part("Last.")))["a.eml"]
    assert document.text.split("\n\n")[1:] == ["First.", SENTENCE, "Last."]
    assert document.sources.locate(document.text.index("Henry"), document.text.index("Henry") + 5) == {
        "source": "body 2"
    }


def test_text_before_and_after_the_parts_is_read_except_the_mime_remark(read):
    remark = b"This is a multi-part message in MIME format.\n"
    document = read(HEAD + multipart("mixed", PLAIN, before=remark, after=b"Ann Lee adds.\n"))["a.eml"]
    assert "multi-part" not in document.text
    assert document.items.ignored["mime-remark"] == 1
    assert document.text.endswith("Ann Lee adds.")
    odd = read(HEAD + multipart("mixed", PLAIN, before=b"Ann Lee writes in MIME format.\n"))["a.eml"]
    assert "Ann Lee writes" in odd.text


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Subject: Zoë Baker".encode(), "Subject: Zoë Baker"),
        ("Subject: J\xfcrgen".encode("latin-1"), "Subject: Jürgen"),
        (b"Subject: =?utf-8?B?Wm/D?=\n =?utf-8?B?qyBCYWtlcg==?=", "Subject: Zoë Baker"),
        (b"Subject: =?utf-8?B?Wm/DqyB?=\n =?utf-8?B?CYWtlcg==?=", "Subject: Zoë Baker"),
        (b"Subject: =?utf-8?q?Zo=C3?= =?utf-8?Q?=AB_Baker?= (new)", "Subject: Zoë Baker (new)"),
        (b"Subject: =?iso-2022-jp?B?GyRCRWw1fhsoQg==?=", "Subject: 東京"),
        (b"Subject: \x1b$BEl5~\x1b(B", "Subject: 東京"),
        (b"Subject: a\n\tZoe Baker\n  and Ann", "Subject: a Zoe Baker and Ann"),
        (b"Subject: one\nSubject: two", "Subject: one\nSubject: two"),
        (b"Subject : Zoe Baker", "Subject: Zoe Baker"),
        (b"Patient: Zoe Baker", "Patient: Zoe Baker"),
        (b"Subject: Zoe\nBaker of Reno\nDate: Mon, 4 Mar 2024", "Baker of Reno"),
    ],
)
def test_header_fields_are_decoded_from_any_notation(read, raw, expected):
    text = read(b"From: a@example.org\n" + raw + b"\nMIME-Version: 1.0\n\nHello.")["a.eml"].text
    assert expected in text
    assert text.endswith("Hello.")


@pytest.mark.parametrize(
    "before",
    [b"\xef\xbb\xbf", b"\n\n", b"From rosa@example.org Mon Mar  4 09:00:00 2024\n", b">From a Mon Mar 4 2024\n"],
)
def test_lines_before_the_fields_do_not_hide_them(read, before):
    text = read(before + HEAD + b"\n" + SENTENCE.encode())["a.eml"].text
    assert text.startswith("From: Rosa Delgado <rosa@example.org>\nTo: claims@example.org\nSubject: Claim\n\nHenry")


def test_fields_after_an_inserted_blank_line_are_still_fields(read):
    packed_body = b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n" + base64.b64encode(
        SENTENCE.encode()
    )
    assert read(b"From: a@example.org\nSubject: Claim\n\n" + packed_body)["a.eml"].text.endswith(SENTENCE)


def test_a_mail_that_was_saved_in_utf_16_is_read(read):
    data = (HEAD + b"Content-Type: text/plain; charset=iso-8859-1\n\n").decode() + "Jürgen Müller"
    assert read(data.encode("utf-16"))["a.eml"].text.endswith("Jürgen Müller")


@pytest.mark.parametrize(
    "parameter",
    [
        'filename="Rückzahlung.txt"',
        "filename*=utf-8''R%C3%BCckzahlung.txt",
        "filename*0*=utf-8''R%C3%BCck;\n filename*1=zahlung.txt",
        'filename="=?utf-8?B?UsO8Y2t6YWhsdW5nLnR4dA==?="',
        'filename="C:\\\\docs\\\\Rückzahlung.txt"',
        "filename=Rückzahlung.txt",
    ],
)
def test_file_names_are_read_in_every_form(read, parameter):
    file = part(SENTENCE, "application/octet-stream", f"Content-Disposition: attachment; {parameter}\n")
    assert read(HEAD + multipart("mixed", PLAIN, file))["a.eml#Rückzahlung.txt"].text == SENTENCE


@pytest.mark.parametrize("transfer", ["7bit", "base64", "quoted-printable"])
def test_a_forwarded_mail_is_a_document_in_any_transfer_encoding(read, transfer):
    inner = b"From: Ann Baker <ann@example.org>\nSubject: Inner\n\n" + SENTENCE.encode() + b"\n"
    content = base64.encodebytes(inner) if transfer == "base64" else inner
    head = f'Content-Type: message/rfc822; name="Re: bill.pdf"\nContent-Transfer-Encoding: {transfer}\n\n'.encode()
    found = read(HEAD + multipart("mixed", PLAIN, head + content))
    assert SENTENCE in found["a.eml#Re: bill.pdf.eml"].text
    assert "Henry" not in found["a.eml"].text


def test_mails_in_a_digest_are_documents_and_a_delivery_report_is_text(read):
    inner = b"\nFrom: ann@example.org\nSubject: One\n\nFirst words.\n"
    assert "First words." in read(HEAD + multipart("digest", inner))["a.eml#part-1.eml"].text
    status = part(f"Reporting-MTA: dns; x\n\nDiagnostic-Code: smtp; {SENTENCE}", "message/delivery-status")
    headers = part("From: a@example.org\nSubject: =?utf-8?Q?Zo=C3=AB?=\n", "text/rfc822-headers")
    text = read(HEAD + multipart("report", PLAIN, status, headers))["a.eml"].text
    assert SENTENCE in text
    assert "Zoë" in text


def test_appointments_and_cards_are_read_as_shown(read):
    calendar = ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:x\nSUMMARY:Visit of\n  Henry Quinn\nLOCATION:Room 12\\, Reno\n"
                'ORGANIZER;CN="Zoë Baker":mailto:zoe@example.org\nDESCRIPTION:Bring\\nthe bill\nEND:VEVENT\nEND:VCALENDAR\n')  # fmt: skip
    text = read(HEAD + multipart("alternative", PLAIN, part(calendar, "text/calendar; method=REQUEST")))["a.eml"].text
    for line in (
        "Summary: Visit of Henry Quinn",
        "Location: Room 12, Reno",
        "Zoë Baker <zoe@example.org>",
        "Bring\nthe bill",
    ):
        assert line in text
    assert "UID" not in text
    file = part(calendar, 'text/calendar; name="invite.ics"')
    assert "Room 12, Reno" in read(HEAD + multipart("mixed", PLAIN, file))["a.eml#invite.ics"].text


def test_without_ocr_pictures_are_listed_and_tiny_ones_ignored(read):
    tree = multipart("related", PAGE, packed(png(600, 800), "image/png", "scan.png"), packed(png(1, 1), "image/png", "dot.png"),
                     packed(png(600, 800), "application/octet-stream", "fax.bin"))  # fmt: skip
    found = read(HEAD + tree)
    assert found["a.eml"].unread == (
        "attachment scan.png: a picture; OCR is switched off",
        "attachment fax.bin: a picture; OCR is switched off",
    )
    assert found["a.eml"].items.ignored["tiny-picture"] == 1
    assert list(found) == ["a.eml"]


def test_signatures_are_ignored_and_encrypted_parts_listed(read):
    signed = multipart("signed", PLAIN, packed(b"0", "application/pgp-signature", "signature.asc"))
    assert read(HEAD + signed)["a.eml"].items.ignored["signature"] == 1
    encrypted = multipart(
        "encrypted", part("Version: 1", "application/pgp-encrypted"), part("-----BEGIN", "application/octet-stream")
    )
    assert read(HEAD + encrypted)["a.eml"].unread == ("attachment application/octet-stream: encrypted",)
    inline = part("Hello.\n-----BEGIN PGP MESSAGE-----\n\nabc\n-----END PGP MESSAGE-----\nBye.")
    document = read(HEAD + inline)["a.eml"]
    assert document.unread == ("body: a PGP message: encrypted",)
    assert document.text.endswith("Bye.")
    clear = part(
        f"-----BEGIN PGP SIGNED MESSAGE-----\n\n{SENTENCE}\n-----BEGIN PGP SIGNATURE-----\nabc\n-----END PGP SIGNATURE-----"
    )
    assert SENTENCE in read(HEAD + clear)["a.eml"].text


def der(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    length = bytes([len(content)]) if len(content) < 128 else b"\x82" + len(content).to_bytes(2, "big")
    return bytes([tag]) + length + content


@pytest.mark.parametrize("is_in_pieces", [False, True])
def test_the_content_of_a_signed_container_is_read(read, is_in_pieces):
    entity = multipart("mixed", part(SENTENCE), BILL)
    octets = der(4, entity)
    if is_in_pieces:
        octets = b"\x24\x80" + der(4, entity[:100]) + der(4, entity[100:]) + b"\0\0"
    data = der(6, bytes.fromhex("2a864886f70d010701"))
    inner = der(0x30, der(2, b"\1"), der(0x31), der(0x30, data, der(0xA0, octets)), der(0x31))
    signed = der(0x30, der(6, bytes.fromhex("2a864886f70d010702")), der(0xA0, inner))
    found = read(HEAD + packed(signed, "application/pkcs7-mime; smime-type=signed-data", "smime.p7m"))
    assert found["a.eml"].text.endswith(SENTENCE)
    assert found["a.eml#bill.txt"].text == SENTENCE
    enveloped = der(0x30, der(6, bytes.fromhex("2a864886f70d010703")), der(0xA0, der(0x30, der(2, b"\0"))))
    document = read(HEAD + packed(enveloped, "application/pkcs7-mime", "smime.p7m"))["a.eml"]
    assert document.unread == ("attachment smime.p7m: encrypted",)
    broken = read(HEAD + packed(signed[:40], "application/pkcs7-mime", "smime.p7m"))["a.eml"]
    assert len(broken.unread) == 1


def test_files_in_the_text_become_documents(read):
    uu = "See below.\n\nbegin 644 bill.txt\n92&5N<GD@475I;FX@;V8@4F5N;R!P86ED+@  \n`\nend\nBye.\n"
    found = read(HEAD + b"\n" + uu.encode())
    assert found["a.eml#bill.txt"].text == SENTENCE
    assert "begin 644" not in found["a.eml"].text
    assert found["a.eml"].text.endswith("Bye.\n")
    coded = bytes((byte + 42) % 256 for byte in SENTENCE.encode())
    yenc = b"See below.\n=ybegin line=128 size=25 name=bill.txt\n" + coded + b"\n=yend size=25\nBye.\n"
    assert read(HEAD + b"Content-Transfer-Encoding: 8bit\n\n" + yenc)["a.eml#bill.txt"].text == SENTENCE
    letter = b"begin 644 is how it starts\nand Henry Quinn never ends\nend\n"
    assert "Henry Quinn" in read(HEAD + b"\n" + letter)["a.eml"].text


@pytest.mark.parametrize(
    ("tree", "damage"),
    [
        (multipart("mixed", PLAIN, BILL).replace(b"--B--", b""), "without its closing delimiter"),
        (multipart("mixed", PLAIN, BILL).replace(b'; boundary="B"', b""), "another boundary"),
        (multipart("mixed", PLAIN, BILL).replace(b'"B"', b'"other"'), "another boundary"),
        (multipart("mixed", PLAIN, BILL.replace(b"SGVu", b"SGVu!!")), "base64"),
    ],
)
def test_a_damaged_tree_is_read_and_its_damage_listed(read, tree, damage):
    found = read(HEAD + tree)
    assert "See the bill." in found["a.eml"].text
    assert "Quinn" in found["a.eml#bill.txt"].text
    assert any(line.startswith("damage: ") and damage in line for line in found["a.eml"].unread)


def test_text_appended_to_base64_by_a_mailing_list_is_read(read):
    body = b"Content-Transfer-Encoding: base64\n\n" + base64.encodebytes(SENTENCE.encode() * 20)
    document = read(HEAD + body + b"\n____\nSent to the list of Zoe Baker.\n")["a.eml"]
    assert "Henry Quinn" in document.text
    assert "Zoe Baker" in document.text


def test_fragments_external_content_and_recordings_are_listed(read):
    tree = multipart("mixed", PLAIN, part("x", "message/partial; number=1"), part("x", "message/external-body"),
                     packed(b"x", "audio/wav", "call.wav"))  # fmt: skip
    assert len(read(HEAD + tree)["a.eml"].unread) == 3


def test_a_part_in_an_unknown_encoding_does_not_affect_the_others(read):
    nonsense = packed(bytes(range(256)) * 4, "text/plain")
    found = read(HEAD + multipart("mixed", part(SENTENCE), nonsense))["a.eml"]
    assert SENTENCE in found.text
    assert found.unread[0].startswith("body 2: ")


def test_a_web_page_is_read_with_its_frames_and_without_its_styles(read):
    tree = multipart("related", part(f"<p>{SENTENCE}</p>", "text/html", "Content-Location: https://x.org/\n"),
                     part("<p>A frame of Zoe Baker.</p>", "text/html", "Content-Location: https://x.org/frame\n"),
                     part("p { color: red }", "text/css", "Content-Location: https://x.org/a.css\n"),
                     packed(b"wOF2", "font/woff2"), packed(png(600, 800), "image/png"))  # fmt: skip
    document = read(b"From: <Saved by Blink>\nSnapshot-Content-Location: https://x.org/\n" + tree, "page.mhtml")[
        "page.mhtml"
    ]
    assert SENTENCE in document.text
    assert "Zoe Baker" in document.text
    assert "color" not in document.text
    assert document.items.ignored["page-resource"] == 2
    assert len(document.unread) == 1


def test_an_mbox_becomes_its_mails(read):
    one = b"From rosa@example.org Mon Mar  4 09:00:00 2024\n" + HEAD + b"\nFrom Reno, 2024\n\n"
    found = read(one + one.replace(b"Reno", b"Tampa"), "all.mbox")
    assert isinstance(found.pop("all.mbox"), Ignored)
    assert [document.text.split("\n\n")[1].strip() for document in found.values()] == [
        "From Reno, 2024",
        "From Tampa, 2024",
    ]


def test_a_thousand_nested_entities_and_a_hundred_thousand_parts_are_read_quickly(read):
    nested = b"".join(
        f'--b{depth - 1}\nContent-Type: multipart/mixed; boundary="b{depth}"\n\nnumber{depth}\n'.encode()
        for depth in range(1, 1001)
    )
    began = time.monotonic()
    text = read(HEAD + b'Content-Type: multipart/mixed; boundary="b0"\n\n' + nested + b"--b1000\n\nInnermost Reno.\n")[
        "a.eml"
    ].text
    assert "Innermost Reno." in text
    assert all(f"number{depth}\n" in text for depth in range(1, 1001))
    many = multipart("mixed", *[b"Content-Type: application/pdf\n\n%PDF"] * 20_000)
    found = read(HEAD + many, limits=Limits(max_members=50))
    assert found["a.eml#rest"].reason == "too-many"
    long = b"From: a@example.org\nSubject: " + b"=?utf-8?Q?Zo=C3=AB?=\n " * 50_000 + b"\n\nHello."
    assert "ZoëZoë" in read(long)["a.eml"].text
    assert time.monotonic() - began < 20
