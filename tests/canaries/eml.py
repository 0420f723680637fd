"""Mails: random MIME trees with words in every leaf, field, preamble and epilogue, in every transfer encoding."""

import base64
import quopri
import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.canaries.words import new_word

NAME, SUFFIX = "eml", ".eml"
_CHARSETS = [
    "utf-8",
    "iso-8859-1",
    "windows-1252",
    "iso-2022-jp",
    "utf-16",
    "koi8-r",
    "shift_jis",
    "gb18030",
    "us-ascii",
    "",
]
_LETTERS = {
    "iso-2022-jp": "東京",
    "shift_jis": "東京",
    "gb18030": "北京",
    "koi8-r": "Москва",
    "us-ascii": "Reno",
    "": "Zürich",
}
_MULTIPARTS = [
    "mixed",
    "mixed",
    "alternative",
    "alternative",
    "related",
    "signed",
    "digest",
    "report",
    "parallel",
    "x-odd",
]
_LEAVES = ["plain", "plain", "html", "html", "enriched", "calendar", "vcard", "report", "file", "file", "csv", "rfc822", "picture",
           "signature", "external", "uuencoded", "plain-file"]  # fmt: skip
_MAX_DEPTH = 5


@dataclass
class _Tree:
    rng: random.Random
    canaries: dict[str, str] = field(default_factory=dict)
    n_boundaries: int = 0
    n_messages: int = 0

    def word(self, holder: str) -> str:
        word = new_word(self.rng)
        self.canaries[word] = holder
        return word


def make(rng: random.Random) -> tuple[bytes, Mapping[str, str]]:
    tree = _Tree(rng)
    data = _message(tree, 0)
    return data, tree.canaries


def _message(tree: _Tree, depth: int) -> bytes:
    rng = tree.rng
    start = (
        rng.choice([b"", b"", b"\xef\xbb\xbf", b"\r\n", b"From rosa@example.org Mon Mar  4 09:00:00 2024\r\n"])
        if depth == 0
        else b""
    )
    head = b"".join(_header(tree, name) for name in _fields(rng))
    newline = rng.choice([b"\r\n", b"\n"])
    kind = rng.random()
    entity = _multipart(tree, depth) if kind < 0.8 else _leaf(tree, "multipart/mixed", depth, is_root=True)
    return start + (head + b"MIME-Version: 1.0\r\n" + entity).replace(b"\r\n", newline)


def _fields(rng: random.Random) -> list[str]:
    return [
        "From",
        *(
            name
            for name in ("To", "Cc", "Bcc", "Subject", "Comments", "Keywords", "Organization", "Reply-To")
            if rng.random() < 0.5
        ),
    ]


def _header(tree: _Tree, name: str) -> bytes:
    rng, word = tree.rng, tree.word("header")
    text = f"{word} Zürich"
    value = rng.choice([
        word.encode,
        text.encode,
        lambda: text.encode("latin-1"),
        lambda: b"=?utf-8?B?" + base64.b64encode(text.encode()) + b"?=",
        lambda: b"=?utf-8?Q?" + b"".join(b"=%02X" % byte for byte in text.encode()) + b"?=",
        lambda: _split_words(rng, text.encode()),
        lambda: b"a\r\n\t" + word.encode() + b"\r\n b",
        lambda: b'"' + word.encode() + b'" <a@example.org>',
    ])()  # fmt: skip
    return name.encode() + b": " + value + b"\r\n"


def _split_words(rng: random.Random, raw: bytes) -> bytes:
    at = rng.randint(1, len(raw) - 1)
    return b"\r\n ".join(b"=?UTF-8?b?" + base64.b64encode(part) + b"?=" for part in (raw[:at], raw[at:]))


def _multipart(tree: _Tree, depth: int) -> bytes:
    rng = tree.rng
    kind = rng.choice(_MULTIPARTS)
    tree.n_boundaries += 1
    boundary = rng.choice(
        [f"b{tree.n_boundaries}", f"----=_Part_{tree.n_boundaries}_x.y", f"={tree.n_boundaries}'()+,-./:? z"]
    )
    quoted = f'"{boundary}"' if rng.random() < 0.9 or not boundary.isalnum() else boundary
    head = f"Content-Type: multipart/{kind};\r\n boundary={quoted}\r\n"
    if rng.random() < 0.1:
        head += f"Content-Description: {tree.word('header')}\r\n" if depth else ""
    preamble = rng.choice(["", "", "This is a multi-part message in MIME format.\r\n", "words"])
    parts = [head.encode(), b"\r\n"]
    parts.append((tree.word("preamble") + "\r\n" if preamble == "words" else preamble).encode())
    for _ in range(rng.randint(1, 4)):
        parts.append(f"--{boundary}{rng.choice(['', '', ' '])}\r\n".encode())
        if depth < _MAX_DEPTH and rng.random() < 0.35:
            parts.append(_multipart(tree, depth + 1))
        elif kind == "digest" and rng.random() < 0.7 and tree.n_messages < 2:
            parts.append(b"\r\n" + _small_message(tree))
        else:
            parts.append(_leaf(tree, f"multipart/{kind}", depth))
        parts.append(b"\r\n")
    parts.append(f"--{boundary}--\r\n".encode())
    if rng.random() < 0.15:
        parts.append(tree.word("epilogue").encode() + b"\r\n")
    return b"".join(parts)


def _small_message(tree: _Tree) -> bytes:
    tree.n_messages += 1
    return f"From: {tree.word('header')}\r\nSubject: Inner\r\n\r\n{tree.word('body')}\r\n".encode()


def _leaf(tree: _Tree, around: str, depth: int, *, is_root: bool = False) -> bytes:
    rng = tree.rng
    kind = rng.choice(_LEAVES)
    if kind == "rfc822":
        if tree.n_messages >= 2:
            kind = "plain"
        else:
            tree.n_messages += 1
            inner = _message(tree, _MAX_DEPTH)
            return _encoded(
                tree, 'message/rfc822; name="inner.eml"' if rng.random() < 0.5 else "message/rfc822", "", inner
            )
    charset = rng.choice(_CHARSETS)
    makers = {
        "plain": lambda: _text(tree, "text/plain", charset, " ".join(_words(tree, "body", charset))),
        "html": lambda: _text(tree, "text/html", charset, "<p>" + "</p>\r\n<div>".join(_words(tree, "body", charset)) + "</div>"),
        "enriched": lambda: _text(tree, "text/enriched", "utf-8", f"<bold>{tree.word('body')}</bold> <<{tree.word('body')}\r\n\r\n"),
        "calendar": lambda: _text(tree, "text/calendar", "utf-8", _calendar(tree)),
        "vcard": lambda: _text(tree, "text/vcard", "utf-8", f"BEGIN:VCARD\r\nFN:{tree.word('body')}\r\nN:{tree.word('body')};{tree.word('body')};;;\r\n"
                               f"NOTE:a\\n{tree.word('body')}\\, b\r\nEND:VCARD\r\n"),
        "report": lambda: _text(tree, "message/delivery-status", "", f"Reporting-MTA: dns; x\r\n\r\nDiagnostic-Code: {tree.word('body')}\r\n"),
        "file": lambda: _file(tree, "application/octet-stream", f"Bill of {tree.word('text')}\r\n", ".txt"),
        "plain-file": lambda: _file(tree, "text/plain; charset=utf-8", f"Bill of Zoë {tree.word('text')}\r\n", ".txt"),
        "csv": lambda: _file(tree, "text/csv", f"id,text\r\n1,{tree.word('row')}\r\n", ".csv"),
        "picture": lambda: _picture(tree),
        "signature": lambda: _encoded(tree, 'application/pkcs7-signature; name="smime.p7s"', "attachment", b"\x30\x03abc"),
        "external": lambda: b"Content-Type: message/external-body; access-type=URL\r\n\r\nContent-Type: text/plain\r\n\r\n",
        "uuencoded": lambda: _uuencoded(tree),
    }  # fmt: skip
    return makers[kind]()


def _words(tree: _Tree, holder: str, charset: str) -> list[str]:
    extra = _LETTERS.get(charset, "Zürich")
    return [f"{tree.word(holder)} {extra}" for _ in range(tree.rng.randint(1, 3))]


def _calendar(tree: _Tree) -> str:
    folded = tree.word("body")
    return (
        f"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:{folded[:4]}\r\n {folded[4:]}\r\nLOCATION;LANGUAGE=en:{tree.word('body')}\\, Reno\r\n"
        f'ATTENDEE;CN="{tree.word("body")}":mailto:a@x.org\r\nDESCRIPTION:a\\n{tree.word("body")}\\nb\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n'
    )


def _text(tree: _Tree, media_type: str, charset: str, text: str) -> bytes:
    rng = tree.rng
    if charset:
        name = charset.upper() if rng.random() < 0.3 else charset
        media_type += f'; charset="{name}"' if rng.random() < 0.5 else f"; charset={name}"
    raw = text.encode(charset or "utf-8", "replace")
    disposition = rng.choice(["", "", "inline"])
    return _encoded(tree, media_type, disposition, raw, needs_encoding=charset == "utf-16")


def _file(tree: _Tree, media_type: str, text: str, suffix: str) -> bytes:
    rng = tree.rng
    name = rng.choice(
        [f"Rückzahlung {rng.randint(0, 9)}{suffix}", f"bill{suffix}", f"a;b{suffix}", f"C:\\x\\bill{suffix}"]
    )
    quoted = name.replace("\\", "\\\\")
    encoded = "".join(f"%{byte:02X}" for byte in name.encode())
    parameter = rng.choice([
        f'filename="{quoted}"',
        f"filename*=utf-8''{encoded}",
        f"filename*0*=utf-8''{encoded[:30]};\r\n filename*1*={encoded[30:]}",
        f'filename="=?utf-8?B?{base64.b64encode(name.encode()).decode()}?="',
        f"filename={name}" if ";" not in name else f'filename="{quoted}"',
        "",
    ])  # fmt: skip
    if not parameter:
        return _encoded(tree, f"{media_type}; name*=utf-8''{encoded}", rng.choice(["", "attachment"]), text.encode())
    return _encoded(
        tree, media_type, f"{rng.choice(['attachment', 'inline', 'ATTACHMENT'])}; {parameter}", text.encode()
    )


def _picture(tree: _Tree) -> bytes:
    name = tree.word("picture.png") + "-picture.png"
    del tree.canaries[name.removesuffix("-picture.png")]
    tree.canaries[new_word(tree.rng)] = name  # the words that are drawn in it
    size = b"\0\0\1\0\0\0\1\0"
    return _encoded(tree, f'image/png; name="{name}"', "inline", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + size)


def _uuencoded(tree: _Tree) -> bytes:
    import binascii

    content = f"Bill of {tree.word('text')} in Reno".encode()
    body = f"See {tree.word('body')}\r\n\r\nbegin 644 bill.txt\r\n".encode()
    body += binascii.b2a_uu(content).replace(b"\n", b"\r\n") + b"`\r\nend\r\n" + tree.word("body").encode() + b"\r\n"
    return b"Content-Type: text/plain\r\n\r\n" + body


def _encoded(tree: _Tree, media_type: str, disposition: str, raw: bytes, *, needs_encoding: bool = False) -> bytes:
    rng = tree.rng
    kinds = ["base64", "BASE64", "quoted-printable"]
    kind = rng.choice(kinds[:2] if needs_encoding or b"\0" in raw else [*kinds, "8bit", "binary", ""])
    if "multipart/" in raw.decode("latin-1") and kind in ("8bit", "binary", ""):
        kind = rng.choice(["8bit", "base64", "quoted-printable"])
    head = f"Content-Type: {media_type}\r\n".encode()
    if disposition:
        head += f"Content-Disposition: {disposition}\r\n".encode()
    if kind:
        head += f"Content-Transfer-Encoding: {kind}\r\n".encode()
    if rng.random() < 0.05:
        head += f"Content-Description: {tree.word('header')}\r\n".encode()
    lines = [head, b"\r\n"]
    if kind.lower() == "base64":
        lines.append(base64.encodebytes(raw).replace(b"\n", b"\r\n"))
    elif kind == "quoted-printable":
        lines.append(quopri.encodestring(raw, quotetabs=True).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    else:
        lines.append(raw)
    return b"".join(lines)
