"""Hostile documents: randomly damaged files of every format, and known bombs.

The same seed gives the same files. `make` also lays good documents among them, which have to be read all the same.
"""

import gzip
import io
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from ner_tasks.documents.detection.formats import SUFFIXES
from tests.formats import docx_bytes, eml_bytes, pdf_bytes, sheet_xml, tarred, xlsx_bytes, zipped

MIB = 2**20
WORDS = "good text"
# These need a reader in a process of its own, with its time or memory limited.
HARMFUL = frozenset({"strings-amplified.xlsx", "pages-many.pdf"})
DAMAGES = ("bits", "cut", "splice", "suffix", "zeros", "doubled")
_EVERY = 4  # one good document behind so many hostile ones

File = tuple[str, bytes]


def make(
    folder: Path, seed: int, *, n_fuzzed: int = 200, large_mib: int = 100, bomb_mib: int = 300
) -> list[tuple[str, Path, str | None]]:
    """Write the hostile set.

    Args:
        folder: must exist; gets one file per document.
        seed: of the damage.
        n_fuzzed: how many damaged files besides the named bombs.
        large_mib: size of the files that are nothing but large.
        bomb_mib: what a packed bomb unpacks to.

    Returns:
        `(name, path, expected)`: words that the file's text has to contain, or None for a hostile file, of which
        only an answer is expected. Good ones lie between the others.
    """
    rng = random.Random(seed)
    hostile = [*named(large_mib, bomb_mib), *fuzzed(rng, n_fuzzed)]
    rng.shuffle(hostile)
    made: list[tuple[str, Path, str | None]] = []
    for number, (name, data) in enumerate(hostile):
        made.append((name, _written(folder, f"{number:04}-{name}", data), None))
        if number % _EVERY == 0:
            words = f"{WORDS} {number}"
            files = valid(words)
            kind = sorted(files)[number // _EVERY % len(files)]
            good = f"good-{number:04}-{kind}"
            made.append((good, _written(folder, good, files[kind]), words))
    return made


def _written(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def valid(words: str) -> dict[str, bytes]:
    """A file of every format that is read without OCR, each with these words in (one of) its text."""
    text = f"Rosa Delgado of Zürich sent {words}."
    line = f'{{"id": 1, "text": "{text}"}}\n{{"id": 2, "text": "{text}"}}\n'.encode()
    return {
        "a.txt": text.encode(),
        "a.md": f"# Claim\n\n{text}\n".encode(),
        "a.html": f"<html><body><h1>Claim</h1><p>{text}</p></body></html>".encode(),
        "a.eml": eml_bytes(text, html=f"<p>{text}</p>", attachment=pdf_bytes(text)),
        "a.docx": docx_bytes("Claim", text, header="Keystone", table=[["Rosa", "Tampa"]]),
        "a.pdf": pdf_bytes(text, text),
        "a.xlsx": xlsx_bytes({"Claims": [["Who", "What"], ["Rosa", text], ["Ann", 7]]}),
        "a.jsonl": line,
        "a.csv": f'id,text\n1,"{text}"\n2,Two\n'.encode(),
        "a.tsv": f"id\ttext\n1\t{text}\n".encode(),
        "a.zip": zipped({"in/a.txt": text.encode(), "b.jsonl": line, "c.pdf": pdf_bytes(text)}),
        "a.tar": tarred({"in/a.txt": text.encode(), "b.jsonl": line}),
        "a.tar.gz": gzip.compress(tarred({"in/a.txt": text.encode(), "b.jsonl": line}), mtime=0),
        "a.txt.gz": gzip.compress(text.encode(), mtime=0),
    }


def fuzzed(rng: random.Random, n_files: int) -> Iterator[File]:
    """Valid files with bits turned over, cut off, spliced together or called something else."""
    files = valid("words") | {"a.png": png(64, 64), "a.tif": png(64, 64)}
    names = sorted(files)
    for number in range(n_files):
        name, other = rng.choice(names), rng.choice(names)
        damage = DAMAGES[number % len(DAMAGES)]
        called, data = damaged(rng, name, files[name], files[other], damage)
        yield f"{damage}-{number:03}-{other if damage == 'suffix' else called}", data


def damaged(rng: random.Random, name: str, data: bytes, other: bytes, damage: str = "") -> File:
    """A file with one kind of damage, by chance unless it is given; `other` is what it may be spliced with."""
    damage = damage or rng.choice(DAMAGES)
    if not data:
        return name, data
    at = rng.randrange(len(data))
    if damage == "bits":
        changed = bytearray(data)
        for _ in range(rng.randint(1, 20)):
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        data = bytes(changed)
    elif damage == "cut":
        data = data[:at]
    elif damage == "splice":
        data = data[:at] + other[rng.randrange(max(len(other), 1)) :]
    elif damage == "suffix":
        name = f"a{rng.choice(sorted(SUFFIXES))}"
    elif damage == "zeros":
        data = data[:at] + bytes(rng.randint(1, 64)) + data[at + 64 :]
    else:
        data = data[:at] + data[: at + 1] + data[at:]
    return name, data


def named(large_mib: int, bomb_mib: int) -> Iterator[File]:
    """Every bomb that has a name."""
    yield from _bombs_of_archives(bomb_mib)
    yield from _bombs_of_xml()
    yield from _bombs_of_pdf(bomb_mib)
    yield from _bombs_of_mail()
    yield from _odd_texts()
    yield "token.txt", b"x" * (large_mib * MIB)
    yield "token-below-the-limit.txt", b"x" * (min(large_mib, 15) * MIB)
    yield "field.csv", b"id,text\n1,One\n2," + b"x" * (large_mib * MIB) + b"\n3,Three\n"
    yield "field-below-the-limit.csv", b"id,text\n1,One\n2," + b"x" * (min(large_mib, 15) * MIB) + b"\n"
    yield "line.jsonl", b'{"id": 1, "text": "One."}\n' + b"x" * (large_mib * MIB) + b'\n{"id": 2, "text": "Two."}\n'
    for side in (10_000, 60_000):
        yield f"huge-{side}.png", png(side, side)


def _zeros(n_mib: int) -> bytes:
    file = io.BytesIO()
    with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1, mtime=0) as packed:
        for _ in range(n_mib):
            packed.write(bytes(MIB))
    return file.getvalue()


def _bombs_of_archives(bomb_mib: int) -> Iterator[File]:
    megabytes = {f"{number}.txt": b"0" * (10 * MIB) for number in range(max(bomb_mib // 10, 1))}
    flat = zipped(megabytes)
    yield "flat.zip", flat
    yield "flat-in-zips.zip", zipped({f"{number}.zip": flat for number in range(10)})
    layer = zipped({"0.txt": b"0" * MIB})
    for _ in range(6):
        layer = zipped({f"{number}.zip": layer for number in range(8)})
    yield "nested.zip", layer
    yield "bomb.txt.gz", _zeros(bomb_mib)
    yield "bomb.jsonl.gz", _zeros(bomb_mib)
    yield "bomb.tar.gz", _zeros(bomb_mib)
    yield "gz-in-gz.txt.gz.gz.gz.gz.gz", _packed_often(5)
    yield "many.zip", zipped({f"{number}.txt": b"a" for number in range(20_000)}, zipfile.ZIP_STORED)
    yield "many.tar", tarred({f"{number}.txt": b"a" for number in range(20_000)})
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        kinds = {"s": tarfile.SYMTYPE, "h": tarfile.LNKTYPE, "c": tarfile.CHRTYPE, "b": tarfile.BLKTYPE, "f": b"6"}
        for name, kind in kinds.items():
            entry = tarfile.TarInfo(f"{name}.txt")
            entry.type, entry.linkname = kind, "/etc/passwd"
            archive.addfile(entry)
        for name in ("../../up.txt", "/etc/absolute.txt", "x" * 5_000 + ".txt", "new\nline.txt"):
            entry = tarfile.TarInfo(name)
            entry.size = 1
            archive.addfile(entry, io.BytesIO(b"a"))
    yield "links.tar", file.getvalue()
    header = bytearray(tarred({"a.txt": b"a"}))
    header[124:136] = b"77777777777\0"  # says that it is 8 GiB long
    header[148:156] = b"%06o\0 " % (sum(header[:148]) + 8 * 32 + sum(header[156:512]))
    yield "says-8-gib.tar", bytes(header)
    header[124:136] = b"\x80" + (2**62).to_bytes(11, "big")
    header[148:156] = b"%06o\0 " % (sum(header[:148]) + 8 * 32 + sum(header[156:512]))
    yield "says-4-eib.tar", bytes(header)
    lying = bytearray(zipped({"a.txt": b"0" * MIB}))
    for at in (22, lying.index(b"PK\x01\x02") + 24):
        lying[at : at + 4] = (100).to_bytes(4, "little")
    yield "lying.zip", bytes(lying)
    yield "strings-amplified.xlsx", _amplified()


def _packed_often(depth: int) -> bytes:
    """Text packed as often as this."""
    data = b"One."
    for _ in range(depth):
        data = gzip.compress(data, mtime=0)
    return data


def _amplified() -> bytes:
    """One long shared string that very many cells refer to."""
    cells = "".join(f'<row r="{r}">{_SHARED}</row>'.replace("@", f"A{r}") for r in range(1, 50_001))
    sheet = sheet_xml([]).replace("<sheetData>", f"<sheetData>{cells}").encode()
    namespace = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    strings = f'<sst xmlns="{namespace}"><si><t>{"x" * MIB}</t></si></sst>'.encode()
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    relations = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="rId1" Type="{kind}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{kind}/sharedStrings" Target="sharedStrings.xml"/></Relationships>'
    ).encode()
    return xlsx_bytes(
        {"A": []},
        {
            "xl/worksheets/sheet1.xml": sheet,
            "xl/sharedStrings.xml": strings,
            "xl/_rels/workbook.xml.rels": relations,
        },
    )


_SHARED = '<c r="@" t="s"><v>0</v></c>'


def _bombs_of_xml() -> Iterator[File]:
    laughs = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(9))
    declared = {
        "laughs": f'<!DOCTYPE a [<!ENTITY e0 "ha">{laughs}]>',
        "quadratic": f'<!DOCTYPE a [<!ENTITY e9 "{"x" * 100_000}">]>',
        "external": '<!DOCTYPE a [<!ENTITY e9 SYSTEM "file:///etc/passwd">]>',
        "remote": '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd" [<!ENTITY e9 SYSTEM "http://127.0.0.1:9/">]>',
    }
    for kind, doctype in declared.items():
        times = 10_000 if kind == "quadratic" else 1
        body = "Words &e9;" + "&e9;" * (times - 1)
        with zipfile.ZipFile(io.BytesIO(docx_bytes("Words @"))) as source:
            files = {name: source.read(name) for name in source.namelist()}
        document = files["word/document.xml"].replace(b"Words @", body.encode())
        files["word/document.xml"] = document.replace(b"<w:document", doctype.encode() + b"<w:document", 1)
        yield f"{kind}.docx", zipped(files)
        sheet = sheet_xml([["@"]], doctype).replace("@", body)
        yield f"{kind}.xlsx", xlsx_bytes({"A": []}, {"xl/worksheets/sheet1.xml": sheet.encode()})
        yield f"{kind}.html", f"{doctype}<html><p>{body}</p></html>".encode()
        yield f"{kind}.xhtml", f'<?xml version="1.0"?>{doctype}<html><p>{body}</p></html>'.encode()
    for n_levels in (1_000, 100_000):
        yield f"deep-{n_levels}.html", b"<div>" * n_levels + b"words" + b"</div>" * n_levels
        yield f"deep-tables-{n_levels}.html", b"<table><tr><td>" * n_levels + b"words"
        with zipfile.ZipFile(io.BytesIO(docx_bytes("Words"))) as source:
            files = {name: source.read(name) for name in source.namelist()}
        nested = b"<w:sdt>" * n_levels + b"<w:p><w:r><w:t>Words</w:t></w:r></w:p>" + b"</w:sdt>" * n_levels
        files["word/document.xml"] = files["word/document.xml"].replace(b"<w:body>", b"<w:body>" + nested)
        yield f"deep-{n_levels}.docx", zipped(files)
    with zipfile.ZipFile(io.BytesIO(docx_bytes("Words"))) as source:
        files = {name: source.read(name) for name in source.namelist()}
    yield "bomb.docx", zipped({**files, "word/media/bomb.bin": bytes(250 * MIB)})
    far = sheet_xml([["a"]]).replace("</row>", '</row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')
    yield "far.xlsx", xlsx_bytes({"A": []}, {"xl/worksheets/sheet1.xml": far.encode()})
    yield "attribute.html", b'<p title="' + b"x" * 5_000_000 + b'">words</p>'
    yield "unclosed.html", b"<p title='" + b"words " * 100_000


def pdf_of(*objects: bytes) -> bytes:
    """A PDF of these objects, numbered from 1, the first of them its catalogue."""
    data = b"%PDF-1.7\n"
    places = []
    for number, content in enumerate(objects, start=1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer\n<</Size %d /Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(data))
    return data + b"xref\n0 %d\n0000000000 65535 f \n%s%s" % (len(objects) + 1, table, end)


def _bombs_of_pdf(bomb_mib: int) -> Iterator[File]:
    catalogue = b"<</Type /Catalog /Pages 2 0 R>>"
    page = b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 100 100] /Resources <<>> /Contents 4 0 R>>"
    one = b"<</Type /Pages /Kids [3 0 R] /Count 1>>"
    yield "pages-loop.pdf", pdf_of(catalogue, b"<</Type /Pages /Kids [2 0 R 2 0 R] /Count 2>>")
    yield "pages-loop-far.pdf", pdf_of(catalogue, one, b"<</Type /Pages /Kids [2 0 R] /Count 9 /Parent 2 0 R>>")
    stream = zlib.compress(b"BT (words) Tj ET\n" * (bomb_mib * MIB // 17), 1)
    yield (
        "flate.pdf",
        pdf_of(
            catalogue, one, page, b"<</Length %d /Filter /FlateDecode>>stream\n%s\nendstream" % (len(stream), stream)
        ),
    )
    twice = zlib.compress(zlib.compress(bytes(bomb_mib * MIB), 9), 9)
    filters = b"<</Length %d /Filter [/FlateDecode /FlateDecode]>>stream\n%s\nendstream" % (len(twice), twice)
    yield "flate-twice.pdf", pdf_of(catalogue, one, page, filters)
    yield "huge-page.pdf", pdf_of(catalogue, one, b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 1e9 1e9]>>")
    drawn = b"<</Length 12>>stream\n0 0 9 9 re f\nendstream"
    kids = b"[" + b"3 0 R " * 3_000 + b"]"
    yield "pages-many.pdf", pdf_of(catalogue, b"<</Type /Pages /Kids %s /Count 3000>>" % kids, page, drawn)
    deep = b"[" * 50_000 + b"]" * 50_000
    yield "deep.pdf", pdf_of(b"<</Type /Catalog /Pages 2 0 R /Names %s>>" % deep, one, page)
    form = b"<</Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources <</XObject <</A 5 0 R>>>> /Length 4>>"
    loop = form + b"stream\n/A Do\nendstream"
    using = b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R /Resources <</XObject <</A 5 0 R>>>>>>"
    yield "form-loop.pdf", pdf_of(catalogue, one, using, b"<</Length 5>>stream\n/A Do\nendstream", loop)


def _bombs_of_mail() -> Iterator[File]:
    head = b"From: a@x.org\nSubject: Claim\nMIME-Version: 1.0\n"
    layers = b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (n, n) for n in range(1_000))
    yield "multiparts.eml", head + layers + b"Content-Type: text/plain\n\nwords\n"
    mail = eml_bytes("words")
    for number in range(40):
        edge = b"e%d" % number
        mail = (
            head
            + b"Content-Type: multipart/mixed; boundary=%s\n\n--%s\n\nwords\n--%s\nContent-Type: message/rfc822\n\n"
            % (edge, edge, edge)
            + mail
            + b"\n--%s--\n" % edge
        )
    yield "mail-in-mail.eml", mail
    part = b"--x\nContent-Disposition: attachment\nContent-Type: text/plain\n\nwords\n"
    yield "parts.eml", head + b"Content-Type: multipart/mixed; boundary=x\n\n" + part * 12_000 + b"--x--\n"
    yield "headers.eml", b"".join(b"X-%d: words\n" % n for n in range(100_000)) + head + b"\nwords\n"
    yield "header.eml", b"Subject: =?utf-8?q?" + b"=C3=BC" * 500_000 + b"?=\n" + head + b"\nwords\n"
    yield "addresses.eml", b"To: " + b"(" * 5_000 + b"a@x.org\n" + head + b"\nwords\n"
    yield "charset.eml", head + b"Content-Type: text/plain; charset=rot13\n\nwords\n"


def _odd_texts() -> Iterator[File]:
    text = "Wójcik of Zürich paid 50 €. Иван ответил."
    for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-7", "utf-16"):
        data = text.encode(encoding)
        for suffix in ("txt", "csv", "jsonl", "html"):
            yield f"{encoding}.{suffix}", data
    yield "utf-16-half.txt", text.encode("utf-16")[:-1]
    yield "surrogates.txt", b"Rosa \xed\xa0\x80 Delgado"
    yield "overlong.txt", b"Rosa \xc0\xaf Delgado"
    yield "mixed.txt", text.encode() + "Zürich".encode("cp1252") * 20 + "Иван".encode("cp1251")
    yield "ebcdic.txt", ("Rosa Delgado of Tampa. " * 20).encode("cp037")
    for suffix in ("txt", "md", "html", "eml", "csv", "tsv", "jsonl", "docx", "xlsx", "pdf", "zip", "tar", "gz", "png"):
        yield f"nul.{suffix}", bytes(4_096)
        yield f"empty.{suffix}", b""
    yield "nul-within.csv", b"id,text\n1,On\0e\n"
    yield "nul-within.html", b"<p>On\0e</p>"
    yield "nul-within.jsonl", b'{"id": 1, "text": "On\0e"}\n{"id": 2, "text": "On\\u0000e"}\n'
    yield "controls.txt", bytes(range(1, 32)) * 20 + b"words"
    yield "marks.txt", b"a" + "\u0301".encode() * 500_000
    yield "directions.txt", ("\u202e" * 1_000 + "words").encode()
    yield "deep.jsonl", b"[" * 100_000 + b"]" * 100_000 + b'\n{"id": 1, "text": ' + b'{"a":' * 100_000 + b"\n"
    yield "number.jsonl", b'{"id": ' + b"9" * 100_000 + b', "text": "One."}\n'
    yield "columns.csv", b"text," * 200_000 + b"\nOne\n"
    yield "quotes.csv", b'id,text\n1,"' + b'""' * 1_000_000


def png(width: int, height: int) -> bytes:
    """A picture that says it is this large, black as far as its few bytes go."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    rows = zlib.compress(bytes(min(height, 1_000) * (width // 8 + 1)))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
