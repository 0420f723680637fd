"""Hostile documents: valid ones of every format, damaged by a seed, and bombs that are known by name."""

import gzip
import io
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

from sample import documents

INBOX = Path(__file__).parents[1] / "sample" / "inbox"
N_DAMAGED = 180


def files(seed: int = 0, *, token_mib: int = 4) -> Iterator[tuple[str, bytes, str | None]]:
    """Name, content, and the exact text of a good document, None for what is hostile; good and hostile take turns.

    Args:
        seed: of the damage.
        token_mib: size of the text that is one word.
    """
    rng = random.Random(seed)
    hostile = [*damaged(rng), *_bombs(token_mib)]
    for number, (name, content) in enumerate(hostile):
        yield f"{number:03d}-{name}", content, None
        good = documents.letter(rng)
        yield f"{number:03d}-good.txt", good.encode(), good


def damaged(rng: random.Random) -> Iterator[tuple[str, bytes]]:
    """Valid documents with bits flipped, cut off, spliced, under a wrong suffix, with another beginning."""
    valid = [(path.name, path.read_bytes()) for path in sorted(INBOX.iterdir()) if path.stat().st_size]
    valid += [("sheet.xlsx", _zip({"xl/workbook.xml": b"<workbook/>", "[Content_Types].xml": b"<Types/>"}))]
    valid += [("post.zip", _zip(dict(valid[:5]))), ("post.tgz", _tar(valid[5:9]))]
    suffixes = [Path(name).suffix for name, _ in valid]
    for number in range(N_DAMAGED):
        name, content = rng.choice(valid)
        _, other = rng.choice(valid)
        data = bytearray(content)
        kind = number % 5
        if kind == 0:
            for _ in range(rng.randint(1, 30)):
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del data[rng.randrange(len(data)) :]
        elif kind == 2:
            at = rng.randrange(len(data))
            data[at : at + rng.randint(1, 2000)] = other[: rng.randint(1, 2000)]
        elif kind == 3:
            name = f"{Path(name).stem}{rng.choice(suffixes)}"
        else:
            data[: rng.randint(1, 64)] = rng.randbytes(rng.randint(1, 64))
        yield name, bytes(data)


def _bombs(token_mib: int) -> Iterator[tuple[str, bytes]]:
    zeros = bytes(300 * 2**20)
    yield "flat.zip", _zip({"zeros.txt": zeros})
    nested = _zip({"zeros.txt": bytes(2**20)})
    for depth in range(8):
        nested = _zip({f"{depth}-{copy}.zip": nested for copy in range(4)})
    yield "nested.zip", nested
    yield "many.zip", _zip({f"{number}.txt": b"x" for number in range(3_000)})
    yield "zeros.txt.gz", gzip.compress(zeros, 1)
    yield "zeros.tgz", gzip.compress(b"\0" * 100 * 2**20, 1)
    yield "links.tar", _links()
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    lol = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]><x>&l9;</x>'.encode()
    outside = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'
    for name, xml in (("laughs", lol), ("outside", outside)):
        yield f"{name}.html", xml
        yield f"{name}.docx", _zip({"[Content_Types].xml": xml, "word/document.xml": xml, "_rels/.rels": xml})
        yield f"{name}.xlsx", _zip({"[Content_Types].xml": xml, "xl/workbook.xml": xml, "_rels/.rels": xml})
    yield "zeros.docx", _zip({"[Content_Types].xml": b"<Types/>", "word/document.xml": zeros})
    yield "zeros.xlsx", _zip({"xl/workbook.xml": b"<workbook/>", "xl/worksheets/sheet1.xml": zeros})
    yield "loop.pdf", _pdf(b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 2 /Parent 2 0 R >>")
    yield (
        "huge.pdf",
        _pdf(
            b"<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /Contents 3 0 R /MediaBox [0 0 9 9] >>",
            zlib.compress(b"BT (a) Tj ET " * 5_000_000, 1),
        ),
    )
    yield "token.txt", b"x" * (token_mib * 2**20)
    yield "deep.html", b"<div>" * 200_000 + b"deep"
    yield "field.csv", b'id,text\n1,"' + b"y" * (token_mib * 2**20) + b'"\n'
    yield "deep.jsonl", b'{"id": 1, "text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n"
    yield "deep.eml", _mails(1_000)
    yield (
        "wide.png",
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", 2**31 - 1, 2**31 - 1, 8, 2, 0, 0, 0),
    )
    yield "nul.txt", b"one\0two\0" * 100
    yield "half.txt", "Zoë".encode("utf-16")[:-1]
    yield "wrong.txt", b"\xff\xfe\xfd" + bytes(range(128, 256)) * 10
    yield "escape.txt", b"\x1b]0;owned\x07 \x1b[2J text"
    yield "empty.pdf", b""
    yield "spaces.txt", b" " * 2**20


def _zip(members: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return target.getvalue()


def _tar(members: list[tuple[str, bytes]]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        for name, data in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return target.getvalue()


def _links() -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, kind in (
            ("passwd.txt", tarfile.SYMTYPE),
            ("disk.txt", tarfile.BLKTYPE),
            ("pipe.txt", tarfile.FIFOTYPE),
        ):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "/etc/passwd"
            archive.addfile(entry)
        entry = tarfile.TarInfo("../../up.txt")
        entry.size = 5
        archive.addfile(entry, io.BytesIO(b"Above"))
    return target.getvalue()


def _pdf(pages: bytes, page: bytes = b"null", stream: bytes = b"") -> bytes:
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", pages]
    objects.append(b"<< /Length %d /Filter /FlateDecode >> stream\n%s\nendstream" % (len(stream), stream))
    objects.append(page)
    body, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    end = b"xref\n0 %d\n0000000000 65535 f \n%strailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF"
    return body + end % (len(objects) + 1, table, len(objects) + 1, len(body))


def _mails(depth: int) -> bytes:
    head = b"From: a@x.org\r\nSubject: deep\r\nMIME-Version: 1.0\r\n"
    parts = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (number, number) for number in range(depth)
    )
    message = EmailMessage()
    message.set_content("deep down")
    return head + parts + message.as_bytes()
