"""Write a file of every format with a text of a given size: one paragraph, row, slide, segment or message per line."""

import bz2
import gzip
import io
import json
import lzma
import struct
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from xml.sax.saxutils import escape

import docx
from pptx import Presentation

from ner_tasks.documents.readers.mail import cfb
from ner_tasks.documents.readers.mail.cfb import Storage
from tests import formats
from tests.outlook import BODY, SUBJECT, Outlook, msg_bytes, tnef_bytes
from tests.pdf_objects import PdfObjects, string

_LINE, _LINES = 10_000, 100  # characters and lines of a PDF's page
_LINES_OF_A_PART = 1_000  # of a slide, chapter or mail
_FIELD = 20_000  # characters of a segment's field, cell or folded line
_ODF = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "text", "table")
)
_DRAW = 'xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"'
_ISA = f"ISA*00*{' ' * 10}*00*{' ' * 10}*ZZ*{'SENDER':15}*ZZ*{'RECEIVER':15}*240115*0830*^*00501*000000001*0*P*:"
_CDA = 'xmlns="urn:hl7-org:v3"'
_XHTML = "application/xhtml+xml"


def _elements(text: str, name: str) -> str:
    inner = f"</{name.split()[0]}>\n<{name}>".join(escape(text).split("\n"))
    return f"<{name}>{inner}</{name.split()[0]}>"


def _parts(text: str) -> list[str]:
    """The text in parts of many lines each."""
    lines = text.split("\n")
    return ["\n".join(lines[at : at + _LINES_OF_A_PART]) for at in range(0, len(lines), _LINES_OF_A_PART)]


def _fields(text: str, size: int = _FIELD) -> list[str]:
    """The text's lines, long ones cut as a format without long fields does."""
    return [line[at : at + size] for line in text.split("\n") for at in range(0, max(len(line), 1), size)]


def _html(text: str) -> bytes:
    return f"<html><body>{_elements(text, 'p')}</body></html>".encode()


def _svg(text: str) -> bytes:
    return f'<svg xmlns="http://www.w3.org/2000/svg">{_elements(text, "text")}</svg>'.encode()


def _xml(text: str) -> bytes:
    return f'<?xml version="1.0"?><letter>{_elements(text, "p")}</letter>'.encode()


def _rtf(text: str) -> bytes:
    return b"{\\rtf1\\ansi\\deff0{\\fonttbl{\\f0 Arial;}}\n" + text.replace("\n", "\\par\n").encode("cp1252") + b"}"


def _eml(text: str) -> bytes:
    return formats.eml_bytes(text)


def _eml_html(text: str) -> bytes:
    head = "From: a@x.org\nSubject: Claim\nMIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n"
    return head.encode() + _html(text)


def _mbox(text: str) -> bytes:
    mails = (
        f"From a@x.org Mon Jan  1 00:00:00 2024\nFrom: a@x.org\nSubject: Claim\n\n{part}\n\n" for part in _parts(text)
    )
    return "".join(mails).encode()


def _folded(text: str) -> str:
    """A property's value on lines of at most 75 octets."""
    return "".join(
        f"\\n\r\n {line[at : at + 74]}" if not at else f"\r\n {line[at : at + 74]}"
        for line in text.split("\n")
        for at in range(0, max(len(line), 1), 74)
    )


def _ics(text: str) -> bytes:
    return f"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDESCRIPTION:{_folded(text)}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n".encode()


def _vcf(text: str) -> bytes:
    return f"BEGIN:VCARD\r\nVERSION:3.0\r\nNOTE:{_folded(text)}\r\nEND:VCARD\r\n".encode()


def pdf_bytes(text: str) -> bytes:
    """A PDF that shows this text."""
    pdf = PdfObjects()
    lines = _fields(text, _LINE)
    for start in range(0, len(lines), _LINES):
        shown = b"".join(string(line) + b" Tj T*\n" for line in lines[start : start + _LINES])
        content = b"BT /F1 1 Tf 1 TL 10 700 Td\n%s ET" % shown
        pdf.add_page(content + b" " * (len(content) % 2))  # packed if even
    return pdf.to_bytes()


@cache
def _empty_docx() -> dict[str, bytes]:
    file = io.BytesIO()
    docx.Document().save(file)
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def docx_bytes(text: str) -> bytes:
    """A document of Word's with a paragraph per line."""
    body = "<w:p><w:r><w:t>" + "</w:t></w:r></w:p><w:p><w:r><w:t>".join(escape(text).split("\n")) + "</w:t></w:r></w:p>"
    files = dict(_empty_docx())
    files["word/document.xml"] = files["word/document.xml"].replace(b"<w:body>", b"<w:body>" + body.encode())
    return formats.zipped(files)


def _xlsx(text: str) -> bytes:
    return formats.xlsx_bytes({"Claims": [[field] for field in _fields(text)]})


def _xlsx_shared(text: str) -> bytes:
    fields = _fields(text)
    cells = "".join(f'<row r="{r}"><c r="A{r}" t="s"><v>{r - 1}</v></c></row>' for r in range(1, len(fields) + 1))
    sheet = formats.sheet_xml([]).replace("<sheetData>", f"<sheetData>{cells}")
    namespace = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    strings = "".join(f"<si><t>{escape(field)}</t></si>" for field in fields)
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    relations = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="rId1" Type="{kind}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{kind}/sharedStrings" Target="sharedStrings.xml"/></Relationships>'
    )
    parts = {
        "xl/worksheets/sheet1.xml": sheet,
        "xl/sharedStrings.xml": f'<sst xmlns="{namespace}">{strings}</sst>',
        "xl/_rels/workbook.xml.rels": relations,
    }
    return formats.xlsx_bytes({"Claims": []}, {name: part.encode() for name, part in parts.items()})


def _record(kind: int, data: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def _xls(text: str) -> bytes:
    """A BIFF8 workbook; a record holds 8,224 bytes at most, and a sheet 65,536 rows."""
    fields = _fields(text, 4_000)
    start = _record(0x809, struct.pack("<HHHHII", 0x600, 5, 0, 0, 0, 0))
    sheets = [fields[at : at + 65_536] for at in range(0, len(fields), 65_536)]
    size = 4 + 8 + 2  # of a sheet's entry, whose name has two letters
    at = len(start) + size * len(sheets) + 4
    entries = bodies = b""
    for number, rows in enumerate(sheets):
        cells = b"".join(
            _record(0x204, struct.pack("<HHHHB", row, 0, 0, len(field), 1) + field.encode("utf-16-le"))
            for row, field in enumerate(rows)
        )
        entries += _record(0x85, struct.pack("<IBBBB", at + len(bodies), 0, 0, 2, 0) + b"%02d" % number)
        bodies += _record(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 0)) + cells + _record(0x0A)
    return cfb.write(Storage({"Workbook": start + entries + _record(0x0A) + bodies}))


def _odf(kind: str, body: str) -> bytes:
    content = f"<office:document-content {_ODF} {_DRAW}><office:body>{body}</office:body></office:document-content>"
    mimetype = f"application/vnd.oasis.opendocument.{kind}"
    return formats.zipped({"mimetype": mimetype.encode(), "content.xml": content.encode()})


def _ods_table(text: str) -> str:
    cell = '<table:table-row><table:table-cell office:value-type="string"><text:p>'
    end = "</text:p></table:table-cell></table:table-row>"
    rows = f"{end}{cell}".join(escape(field) for field in _fields(text))
    return f'<office:spreadsheet><table:table table:name="Claims">{cell}{rows}{end}</table:table></office:spreadsheet>'


def _odt_body(text: str) -> str:
    return f"<office:text>{_elements(text, 'text:p')}</office:text>"


def _flat(text: str) -> bytes:
    mimetype = 'office:mimetype="application/vnd.oasis.opendocument.text"'
    return f"<office:document {_ODF} {mimetype}><office:body>{_odt_body(text)}</office:body></office:document>".encode()


def _odp(text: str) -> bytes:
    box = "<draw:frame><draw:text-box>{}</draw:text-box></draw:frame>"
    pages = "".join(f"<draw:page>{box.format(_elements(part, 'text:p'))}</draw:page>" for part in _parts(text))
    return _odf("presentation", f"<office:presentation>{pages}</office:presentation>")


def _pptx(text: str) -> bytes:
    """Slides with a text box each, whose paragraphs are put in behind python-pptx's back, which is slow."""
    deck, parts = Presentation(), _parts(text)
    for number in range(len(parts)):
        slide = deck.slides.add_slide(deck.slide_layouts[6])
        slide.shapes.add_textbox(0, 0, 9, 9).text_frame.text = f"@{number}@"
    file = io.BytesIO()
    deck.save(file)
    with zipfile.ZipFile(file) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    for number, part in enumerate(parts):
        name = f"ppt/slides/slide{number + 1}.xml"
        inner = "</a:t></a:r></a:p><a:p><a:r><a:t>".join(escape(part).split("\n"))
        files[name] = files[name].replace(b"@%d@" % number, inner.encode())
    return formats.zipped(files)


def _epub(text: str) -> bytes:
    parts = _parts(text)
    items = "".join(f'<item id="c{n}" href="c{n}.xhtml" media-type="{_XHTML}"/>' for n in range(len(parts)))
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(len(parts)))
    opf = f'<package xmlns="http://www.idpf.org/2007/opf"><metadata/><manifest>{items}</manifest><spine>{spine}</spine></package>'
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="content.opf"/></rootfiles></container>'
    )
    files = {
        "mimetype": b"application/epub+zip",
        "META-INF/container.xml": container.encode(),
        "content.opf": opf.encode(),
    }
    return formats.zipped(files | {f"c{n}.xhtml": _html(part) for n, part in enumerate(parts)})


def _hl7(text: str) -> bytes:
    head = "MSH|^~\\&|LAB|HOSPITAL|EHR|PLAN|20240115||ORU^R01|1|P|2.5.1"
    observations = (f"OBX|{n}|TX|D^Diagnosis||{field}" for n, field in enumerate(_fields(text), start=1))
    return "\r".join([head, *observations]).encode()


def _cda(text: str) -> bytes:
    section = f"<section><title>Course</title><text>{_elements(text, 'paragraph')}</text></section>"
    body = f"<component><structuredBody><component>{section}</component></structuredBody></component>"
    return f'<?xml version="1.0"?><ClinicalDocument {_CDA}><title>Letter</title>{body}</ClinicalDocument>'.encode()


def _fhir(text: str) -> bytes:
    notes = [{"text": field} for field in _fields(text)]
    entry = {"resource": {"resourceType": "Observation", "id": "x", "note": notes}}
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [entry]}).encode()


def _x12(text: str) -> bytes:
    messages = [f"MSG*{field.replace('~', '-').replace('*', '-')}" for field in _fields(text)]
    around = [
        _ISA,
        "GS*HC*A*B*20240115*0830*1*X*005010X222A1",
        "ST*837*0001",
        *messages,
        "SE*9*0001",
        "GE*1*1",
        "IEA*1*1",
    ]
    return "".join(f"{segment}~" for segment in around).encode()


def _rows(separator: str) -> Callable[[str], bytes]:
    def make(text: str) -> bytes:
        rows = (f'{n}{separator}"{line.replace(chr(34), chr(34) * 2)}"\n' for n, line in enumerate(text.split("\n")))
        return f"id{separator}text\n{''.join(rows)}".encode()

    return make


def _csv_cell(text: str) -> bytes:
    return b'id,text\n1,"' + text.replace('"', '""').encode() + b'"\n'


def _jsonl(text: str) -> bytes:
    return "".join(json.dumps({"id": n, "text": line}) + "\n" for n, line in enumerate(text.split("\n"))).encode()


def _json(text: str) -> bytes:
    return json.dumps({"letter": [{"line": line} for line in text.split("\n")]}).encode()


def _members(text: str) -> Mapping[str, bytes]:
    return {f"{n}.txt": part.encode() for n, part in enumerate(_parts(text))}


# File of a text, by what stands behind the dot of its name; what stands before says which kind of such a file.
MAKERS: Mapping[str, Callable[[str], bytes]] = {
    "txt": str.encode,
    "utf16.txt": lambda text: text.encode("utf-16"),
    "html": _html,
    "svg": _svg,
    "xml": _xml,
    "rtf": _rtf,
    "eml": _eml,
    "html.eml": _eml_html,
    "mbox": _mbox,
    "ics": _ics,
    "vcf": _vcf,
    "msg": lambda text: msg_bytes(Outlook({SUBJECT: "Claim", BODY: text})),
    "tnef": lambda text: tnef_bytes(Outlook({SUBJECT: "Claim", BODY: text})),
    "pdf": pdf_bytes,
    "docx": docx_bytes,
    "xlsx": _xlsx,
    "shared.xlsx": _xlsx_shared,
    "xls": _xls,
    "ods": lambda text: _odf("spreadsheet", _ods_table(text)),
    "pptx": _pptx,
    "odt": lambda text: _odf("text", _odt_body(text)),
    "fodt": _flat,
    "odp": _odp,
    "epub": _epub,
    "hl7": _hl7,
    "cda": _cda,
    "fhir": _fhir,
    "x12": _x12,
    "csv": _rows(","),
    "cell.csv": _csv_cell,
    "tsv": _rows("\t"),
    "jsonl": _jsonl,
    "json": _json,
    "zip": lambda text: formats.zipped(dict(_members(text))),
    "tar": lambda text: formats.tarred(dict(_members(text))),
    "tar.gz": lambda text: formats.tarred(dict(_members(text)), mode="w:gz"),
    "tar.bz2": lambda text: formats.tarred(dict(_members(text)), mode="w:bz2"),
    "tar.xz": lambda text: formats.tarred(dict(_members(text)), mode="w:xz"),
    "txt.gz": lambda text: gzip.compress(text.encode(), 1),
    "txt.bz2": lambda text: bz2.compress(text.encode(), 1),
    "txt.xz": lambda text: lzma.compress(text.encode(), preset=0),
}
# What nobody would write, and what people do: a unit that is repeated.
TEXTS: Mapping[str, str] = {
    "prose": "the patient was seen at the clinic in Reno, and her insurer paid the bill of 117 dollars.\n",
    "at": "@",
    "spaced": "a ",
    "word": "a",
    "dots": ". ",
    "endless": "she left for Reno and then ",
    "empty lines": "\n",
    "short lines": "a\n",
    "dashes": "a-",
}


def text_of(kind: str, n_bytes: int) -> str:
    """A text of this kind; lines of prose differ, and a text without a word has one at its end."""
    unit = TEXTS[kind]
    if kind == "prose":
        return "".join(unit.replace("117", f"{n:06}") for n in range(n_bytes // (len(unit) + 3)))
    return unit * (n_bytes // len(unit)) + ("" if unit.strip() else "end")
