"""Files that repeat or nest one construct of their format a given number of times."""

import gzip
import json
import struct
from collections.abc import Callable

from ner_tasks.documents.readers.mail import cfb
from ner_tasks.documents.readers.mail.cfb import Storage
from tests.formats import docx_bytes, tarred, xlsx_bytes, zipped
from tests.hostile import pdf_of
from tests.outlook import PUBLIC, UNICODE, Attached, Outlook, msg_bytes, tnef_bytes

_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
_P = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_RELATIONS = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
_ODF = (
    " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "text", "table", "meta")
    )
    + ' xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" xmlns:dc="http://purl.org/dc/elements/1.1/"'
)
_ISA = "ISA*00*          *00*          *ZZ*A              *ZZ*B              *240115*0830*^*00501*000000001*0*P*:~"
_MAIL = b"From: h@example.org\r\nSubject: Rosa\r\n"


def docx(body: str, **parts: str) -> bytes:
    rels = _RELATIONS.format(f'<Relationship Id="r1" Type="{_REL}/officeDocument" Target="word/document.xml"/>')
    files = {"_rels/.rels": rels, "word/document.xml": f"<w:document {_W}><w:body>{body}</w:body></w:document>"}
    return zipped({name: text.encode() for name, text in (files | parts).items()})


def _par(text: str = "Rosa") -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def _many_parts(n: int) -> bytes:
    parts = {f"customXml/item{number}.xml": f"<a><b>{'Rosa' * 9}</b></a>" for number in range(n // 10)}
    return docx(_par("Rosa" * 9) * n, **parts)


def _mark(kind: str) -> str:
    return f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>'


def _fields(n: int) -> bytes:
    """Fields in fields, with blanks between their beginnings."""
    opened = (_mark("begin") + "<w:r><w:t> </w:t></w:r>") * n
    return docx(f"<w:p>{opened}{_mark('separate') + _mark('end')}{_mark('end') * (n - 1)}</w:p>{_par()}")


def _nested(before: str, after: str, inner: str, n: int) -> str:
    return before * n + inner + after * n


def _pptx(shapes: str, n_slides: int = 1) -> bytes:
    ids = "".join(f'<p:sldId id="{n}" r:id="r{n}"/>' for n in range(n_slides))
    main = f'<p:presentation {_P} xmlns:r="{_REL}"><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>'
    links = [f'<Relationship Id="r{n}" Type="{_REL}/slide" Target="slides/s{n}.xml"/>' for n in range(n_slides)]
    start = f'<Relationship Id="r1" Type="{_REL}/officeDocument" Target="ppt/presentation.xml"/>'
    files = {
        "_rels/.rels": _RELATIONS.format(start),
        "ppt/presentation.xml": main,
        "ppt/_rels/presentation.xml.rels": _RELATIONS.format("".join(links)),
    }
    slide = f"<p:sld {_P} {_A}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>"
    return zipped({name: text.encode() for name, text in files.items()} | {
        f"ppt/slides/s{n}.xml": slide.encode() for n in range(n_slides)
    })  # fmt: skip


def _shape(text: str = "Rosa") -> str:
    return f"<p:sp><p:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"


def _odf(kind: str, body: str, meta: str = "") -> bytes:
    content = f"<office:document-content {_ODF}><office:body>{body}</office:body></office:document-content>"
    meta = f"<office:document-meta {_ODF}><office:meta>{meta}</office:meta></office:document-meta>"
    mimetype = f"application/vnd.oasis.opendocument.{kind}"
    return zipped({"mimetype": mimetype.encode(), "content.xml": content.encode(), "meta.xml": meta.encode()})


def _odt(inner: str) -> bytes:
    return _odf("text", f"<office:text>{inner}</office:text>")


def _ods(inner: str, name: str = "Calls") -> bytes:
    table = f'<table:table table:name="{name}">{inner}</table:table>'
    return _odf("spreadsheet", f"<office:spreadsheet>{table}</office:spreadsheet>")


_CELL = '<table:table-cell office:value-type="string"><text:p>Rosa</text:p></table:table-cell>'


def _xlsx(n: int, **parts: str) -> bytes:
    rows: list[list[str | float | bool]] = [["Rosa", 7] for _ in range(n)]
    return xlsx_bytes({"Calls": rows}, {name: part.encode() for name, part in parts.items()})


def _formats(n: int) -> bytes:
    """Styles that all have one long code of a format."""
    cells = '<xf numFmtId="200"/>' * n
    styles = f'<styleSheet><numFmts><numFmt numFmtId="200" formatCode="{"0" * n}"/></numFmts><cellXfs>{cells}</cellXfs></styleSheet>'
    links = "".join(
        f'<Relationship Id="rId{number}" Type="{_REL}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate([("worksheet", "worksheets/sheet1.xml"), ("styles", "styles.xml")], 1)
    )
    return _xlsx(1, **{"xl/styles.xml": styles, "xl/_rels/workbook.xml.rels": _RELATIONS.format(links)})


def _record(kind: int, data: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def _xls(n: int) -> bytes:
    """A workbook of BIFF8 with a row for each text, and comments."""
    rows = range(n)
    cells = b"".join(
        _record(0x204, struct.pack("<HHHHB", row, 0, 0, 4, 1) + "Rosa".encode("utf-16-le")) for row in rows
    )
    remarks = (_record(0x1B6, bytes(10) + struct.pack("<HI", 4, 0)) + _record(0x3C, b"\0Rosa")) * n
    start = _record(0x809, struct.pack("<HHHHII", 0x600, 5, 0, 0, 0, 0))
    entry = _record(0x85, struct.pack("<IBBBB", len(start) + 18, 0, 0, 2, 0) + b"ab")
    body = _record(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 0)) + cells + remarks + _record(0x0A)
    return cfb.write(Storage({"Workbook": start + entry + _record(0x0A) + body}))


def _objects(n: int) -> bytes:
    """A workbook with many objects in storages."""
    found = cfb.read(_xls(1), 2**20)[0]
    found.storages = {f"MBD{number:05}": Storage({"CONTENTS": b"%PDF-1.4 Rosa", "x": b"x"}) for number in range(n)}
    return cfb.write(found)


def _ppt_record(version: int, kind: int, content: bytes) -> bytes:
    return struct.pack("<HHI", version, kind, len(content)) + content


def _slides(n: int) -> bytes:
    """A presentation whose list names one slide many times."""
    slide = _ppt_record(0xF, 1006, _ppt_record(0, 4000, "Rosa".encode("utf-16-le")) * n)
    listed = _ppt_record(0xF, 4080, _ppt_record(0, 1011, struct.pack("<IIIII", 2, 0, 0, 0, 0)) * n)
    document = _ppt_record(0xF, 1000, listed)
    directory = _ppt_record(0, 6002, struct.pack("<III", 2 << 20 | 1, 0, len(document)))
    at = len(document) + len(slide)
    edit = _ppt_record(0, 4085, struct.pack("<IIIIIII", 0, 0, 0, at, 1, 0, 0))
    user = _ppt_record(0, 4086, struct.pack("<III", 20, 0xE391C05F, at + len(directory)) + bytes(12))
    return cfb.write(Storage({"PowerPoint Document": document + slide + directory + edit, "Current User": user}))


def _message(n: int) -> Outlook:
    people = [{0x3001: f"Rosa {number}", 0x39FE: f"r{number}@example.org", 0x0C15: 1} for number in range(n // 4)]
    files = [Attached("a.txt", b"Rosa") for _ in range(n // 8)]
    named = [(PUBLIC, f"Field {number}", "?") for number in range(n)]
    return Outlook({0x0037: "Rosa", (0x1000, UNICODE): "Rosa\r\n" * n}, people, files, named)


def _cda(sections: str) -> bytes:
    body = f"<component><structuredBody><component>{sections}</component></structuredBody></component>"
    return f'<?xml version="1.0"?><ClinicalDocument xmlns="urn:hl7-org:v3"><title>Rosa</title>{body}</ClinicalDocument>'.encode()


def _section(text: str) -> str:
    return f"<section><title>Course</title><text>{text}</text></section>"


def _fhir(resource: object) -> bytes:
    return json.dumps({"resourceType": "Basic", "note": [{"text": "Rosa"}], "a": resource}).encode()


def _hl7(*segments: str) -> bytes:
    return "\r".join(["MSH|^~\\&|LAB|H|EHR|P|20240115||ORU^R01|1|P|2.5.1", "NTE|1||Rosa", *segments]).encode()


def _x12(*segments: str) -> bytes:
    return (_ISA + "".join(f"{one}~" for one in ("ST*837*0001", "MSG*Rosa", *segments, "IEA*1*1"))).encode()


def _epub(pages: dict[str, str], meta: str = "") -> bytes:
    items = "".join(f'<item id="{name}" href="{name}"/>' for name in pages)
    spine = "".join(f'<itemref idref="{name}"/>' for name in pages if name.endswith("xhtml"))
    opf = f"<package><metadata>{meta}</metadata><manifest>{items}</manifest><spine>{spine}</spine></package>"
    around = '<container><rootfiles><rootfile full-path="c.opf"/></rootfiles></container>'
    files = {"mimetype": "application/epub+zip", "META-INF/container.xml": around, "c.opf": opf} | pages
    return zipped({name: text.encode() for name, text in files.items()})


def _pdf(
    n_pages: int = 1, contents: bytes = b"BT /F 9 Tf 9 9 Td (Rosa) Tj ET", notes: bytes = b"", n_notes: int = 0
) -> bytes:
    pages = [
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 3 0 R/Resources<</Font<</F 4 0 R>>>>/Annots[%s]>>"
        % (notes * n_notes)
    ] * n_pages
    kids = b" ".join(b"%d 0 R" % number for number in range(5, 5 + n_pages))
    return pdf_of(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count %d/Kids[%s]>>" % (n_pages, kids),
        b"<</Length %d>>\nstream\n%s\nendstream" % (len(contents), contents),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        *pages,
    )


def _multipart(kind: str, part: str, n: int) -> bytes:
    parts = "".join(part.format(n=number) for number in range(n))
    return _MAIL + f"Content-Type: multipart/{kind}; boundary=b\r\n\r\n{parts}--b\r\n\r\nRosa\r\n--b--\r\n".encode()


def _numbered(text: str, n: int) -> str:
    return "".join(text.format(n=number) for number in range(n))


# Suffix of the file, how often at first, and the file with so many of the construct.
Repeated = tuple[str, int, Callable[[int], bytes]]
KINDS: dict[str, Repeated] = {
    "docx paragraphs": ("docx", 1_000, lambda n: docx(_par() * n)),
    "docx cells": ("docx", 1_000, lambda n: docx(f"<w:tbl><w:tr>{f'<w:tc>{_par()}</w:tc>' * n}</w:tr></w:tbl>")),
    "docx tables in tables": ("docx", 60, lambda n: docx(_nested("<w:tbl><w:tr><w:tc>", "</w:tc></w:tr></w:tbl>", _par(), n))),
    "docx fields in fields": ("docx", 500, _fields),
    "docx parts": ("docx", 500, _many_parts),
    "docx joined paragraphs": ("docx", 500, lambda n: docx("<w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr><w:r><w:t>Rosa</w:t></w:r></w:p>" * n)),
    "docx in docx": ("docx", 4, lambda n: zipped({f"word/embeddings/{number}.docx": docx_bytes("Rosa") for number in range(n)} | {"word/document.xml": f"<w:document {_W}><w:body>{_par()}</w:body></w:document>".encode()})),
    "xlsx rows": ("xlsx", 500, _xlsx),
    "xlsx table": ("xlsx", 500, lambda n: xlsx_bytes({"A": [["text"], *([["Rosa"]] * n)]})),
    "xlsx sheets": ("xlsx", 50, lambda n: xlsx_bytes({f"Calls {number}": [["Rosa"]] for number in range(n)})),
    "xlsx long sheet name": ("xlsx", 500, lambda n: xlsx_bytes({"x" * 10 * n: [["Rosa"]] * n})),
    "xlsx formats": ("xlsx", 2_000, _formats),
    "xls rows and remarks": ("xls", 500, _xls),
    "xls objects": ("xls", 100, _objects),
    "ppt slides": ("ppt", 250, _slides),
    "pptx shapes": ("pptx", 500, lambda n: _pptx(_shape() * n)),
    "pptx slides": ("pptx", 50, lambda n: _pptx(_shape(), n)),
    "odt paragraphs": ("odt", 1_000, lambda n: _odt("<text:p>Rosa</text:p>" * n)),
    "odt lists in lists": ("odt", 100, lambda n: _odt(_nested("<text:list><text:list-item>", "</text:list-item></text:list>", "<text:p>Rosa</text:p>", n))),
    "odt titles in titles": ("odt", 100, lambda n: _odf("text", "<office:text><text:p>Rosa</text:p></office:text>", _nested("<dc:title>a ", "</dc:title>", "b" * 1_000, n))),
    "odp pages in pages": ("odp", 100, lambda n: _odf("presentation", f"<office:presentation>{_nested('<draw:page>', '</draw:page>', '<text:p>Rosa</text:p>' * 10, n)}</office:presentation>")),
    "ods rows": ("ods", 500, lambda n: _ods(f"<table:table-row>{_CELL}</table:table-row>" * n)),
    "ods long sheet name": ("ods", 500, lambda n: _ods(f"<table:table-row>{_CELL}</table:table-row>" * n, "x" * 10 * n)),
    "rtf paragraphs": ("rtf", 2_000, lambda n: b"{\\rtf1 " + b"Rosa\\par " * n + b"}"),
    "rtf font name": ("rtf", 2_000, lambda n: b"{\\rtf1{\\fonttbl{\\f0 " + b"\\'61" * n + b";}}Rosa}"),
    "html paragraphs": ("html", 2_000, lambda n: b"<html>" + b"<p>Rosa" * n),
    "html nested": ("html", 1_000, lambda n: b"<html>" + b"<div>" * n + b"Rosa"),
    "mail attachments": ("eml", 100, lambda n: _multipart("mixed", "--b\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nRosa\r\n", n)),
    "mail alternatives": ("eml", 200, lambda n: _multipart("alternative", "--b\r\n\r\nRosa {n}\r\n", n)),
    "mail senders": ("eml", 1_000, lambda n: _MAIL + _numbered("Sender: {n}\r\n", n).encode() + b"\r\nRosa"),
    "mail fields of a part": ("eml", 500, lambda n: _multipart("mixed", "--b\r\n" + _numbered("Field{n}: x\r\n", n) + "\r\nRosa\r\n", 1)),
    "mail encoded words": ("eml", 1_000, lambda n: _MAIL + b"X: " + b"=?utf-8?q?=C3=A4?= " * n + b"\r\n\r\nRosa"),
    "mail parameters": ("eml", 1_000, lambda n: _MAIL + b"Content-Type: text/plain" + b'; a="' * n + b"\r\n\r\nRosa"),
    "mail uuencode": ("eml", 500, lambda n: _MAIL + b"\r\nRosa\r\n" + b"begin 644 a\n" * n + b"end\n"),
    "mbox": ("mbox", 50, lambda n: b"From a b 2020\nFrom: a\n\nRosa\n\n" * n),
    "msg": ("msg", 200, lambda n: msg_bytes(_message(n))),
    "msg in msg": ("msg", 20, lambda n: msg_bytes(Outlook({0x0037: "Rosa"}, (), [Attached("a", Outlook({0x0037: "Rosa"})) for _ in range(n)], [(PUBLIC, f"Field {number}", "a") for number in range(50)]))),
    "tnef": ("dat", 200, lambda n: tnef_bytes(_message(n))),
    "pdf pages": ("pdf", 20, _pdf),
    "pdf words": ("pdf", 500, lambda n: _pdf(contents=b"BT /F 9 Tf 9 9 Td " + b"(Rosa) Tj 1 1 Td " * n + b"ET")),
    "pdf annotations": ("pdf", 200, lambda n: _pdf(notes=b"<</Subtype/Text/Contents(Rosa)/Rect[0 0 9 9]>>", n_notes=n)),
    "csv rows": ("csv", 500, lambda n: b"id,text\n" + _numbered("{n},Rosa\n", n).encode()),
    "csv same ids": ("csv", 500, lambda n: b"id,text\n" + b"a,Rosa\n" * n),
    "csv open quotes": ("csv", 500, lambda n: b"text\n" + b'"Rosa\n' * n),
    "json lines": ("jsonl", 500, lambda n: _numbered('{{"id": {n}, "text": "Rosa"}}\n', n).encode()),
    "json lines same ids": ("jsonl", 500, lambda n: b'{"id": "a", "text": "Rosa"}\n' * n),
    "json values": ("json", 2_000, lambda n: json.dumps({"a": ["Rosa"] * n}).encode()),
    "json long key": ("json", 2_000, lambda n: json.dumps({"x" * 10 * n: ["Rosa"] * n}).encode()),
    "xml elements": ("xml", 2_000, lambda n: b"<a>" + b"<b>Rosa</b>" * n + b"</a>"),
    "xml attributes": ("xml", 2_000, lambda n: ("<a>Rosa<b " + _numbered('k{n}="a b" ', n) + "/></a>").encode()),
    "xml open sections": ("xml", 2_000, lambda n: b"<a>Rosa & " + b"<![CDATA[" * n + b"</a>"),
    "fhir strings": ("json", 1_000, lambda n: _fhir([{"text": "Rosa"}] * n)),
    "fhir long key": ("json", 1_000, lambda n: _fhir({"x" * 10 * n: ["Rosa"] * n})),
    "fhir contained": ("json", 200, lambda n: _fhir({"y" * 20 * n: [{"resourceType": "Basic", "text": "Rosa"}] * n})),
    "hl7 observations": ("hl7", 500, lambda n: _hl7(*(f"OBX|{number}|TX|A^B||Rosa" for number in range(n)))),
    "hl7 repetitions": ("hl7", 500, lambda n: _hl7("PID|1||" + "1~" * n, "NTE|2||" + "\\X41" * n)),
    "hl7 messages": ("hl7", 100, lambda n: b"\r".join([_hl7()] * n)),
    "hl7 sets of characters": ("hl7", 200, lambda n: b"\r".join(b"MSH|^~\\&|||||||||||||||C%d\rNTE|1||Rosa" % number for number in range(n))),
    "x12 segments": ("x12", 1_000, lambda n: _x12(*["NTE*ADD*Rosa Delgado"] * n)),
    "x12 long elements": ("x12", 2_000, lambda n: _x12("REF*A*" + "a1" * n, "REF*A*" + "1a " * n + "1")),
    "cda sections": ("xml", 200, lambda n: _cda(_section("<paragraph>Rosa</paragraph>") * n)),
    "cda sections in sections": ("xml", 60, lambda n: _cda(_nested("<section><title>Course</title><text>Rosa</text>", "</section>", _section("Rosa"), n))),
    "cda documents in documents": ("xml", 60, lambda n: _cda(_nested("<ClinicalDocument><component>", "</component></ClinicalDocument>", _section("Rosa"), n))),
    "epub pages": ("epub", 20, lambda n: _epub({f"{number}.xhtml": "<html><p>Rosa</p></html>" for number in range(n)})),
    "epub tables of contents": ("epub", 50, lambda n: _epub({"a.xhtml": f"<html>{'<p>Rosa' * 10 * n}</html>"} | {f"{number}.ncx": "<ncx><text>Rosa</text></ncx>" for number in range(n)})),
    "svg texts": ("svg", 1_000, lambda n: b'<svg xmlns="http://www.w3.org/2000/svg">' + b"<text>Rosa</text>" * n + b"</svg>"),
    "ics events": ("ics", 1_000, lambda n: b"BEGIN:VCALENDAR\n" + _numbered("SUMMARY:Rosa {n}\n", n).encode() + b"END:VCALENDAR\n"),
    "ics folded quoted-printable": ("ics", 2_000, lambda n: b"BEGIN:VCALENDAR\nSUMMARY:Rosa\nNOTE;ENCODING=QUOTED-PRINTABLE:" + b"a=\n" * n),
    "vcf attachments": ("vcf", 50, lambda n: b"BEGIN:VCARD\nFN:Rosa\n" + b"ATTACH;FILENAME=a.txt;ENCODING=B:Um9zYQ==\n" * n + b"END:VCARD\n"),
    "zip members": ("zip", 50, lambda n: zipped({f"{number}.txt": b"Rosa" for number in range(n)})),
    "tar members": ("tar", 50, lambda n: tarred({f"{number}.txt": b"Rosa" for number in range(n)})),
    "gzip streams": ("gz", 500, lambda n: gzip.compress(b"Rosa\n") * n),
    "txt lines": ("txt", 20_000, lambda n: b"Rosa\n" * n),
    "txt of no encoding": ("jsonl", 100, lambda n: b'{"id": 1, "text": "Rosa"}\n' + b"".join(b'{"id": "%d", "text": "R\xe9n\xe9 %d"}\n' % (number, number) for number in range(2, 2 + n))),
}  # fmt: skip
