"""Read e-mail (eml, mbox) and web archives (mhtml): headers and body; attachments become separate documents."""

import codecs
import re
from collections.abc import Iterator

from ner_tasks.documents.readers.mail import mail_bodies, mime
from ner_tasks.documents.readers.mail.mail_bodies import MailBlock
from ner_tasks.documents.readers.mail.mail_headers import SHOWN, decode_value, is_technical
from ner_tasks.documents.readers.mail.mail_leaves import Leaves
from ner_tasks.documents.readers.mail.mail_text import decode_loose, is_mime_remark
from ner_tasks.documents.readers.mail.mime import Entity
from ner_tasks.documents.types import CannotRead, Extract, ExtractBuilder, Limits, Part

_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MAIL_BEGINS = re.compile(rb"(?:\A|\n\r?\n)(From [^\s]+ [^\n]*\d{4}[^\n]{0,40}\r?\n)(?=[!-9;-~]+:|>From )")
# Fields that often repeat the value of another field.
_REPEATED = frozenset({"sender", "reply-to", "thread-topic", "resent-from", "resent-to", "resent-date", "errors-to"})
_MAX_COMPARED = 50
_DESCRIPTION = "content-description"  # people write it, although its prefix is that of technical fields
_MAX_UNPACKED = 8  # levels of nested containers, such as signed in encoded in signed
_MAX_ALTERNATIVES = 8  # levels of nested alternatives; all forms of deeper ones are read


def read(data: bytes, limits: Limits, _declared: str = "") -> Extract:
    """Read headers as `Field: value` lines, then the body as it is shown; text that several forms share is read once.

    Raises:
        CannotRead: `broken` if there is no header.
    """
    builder = ExtractBuilder()
    is_utf16 = data.startswith(_UTF16_MARKS)
    data = data.decode("utf-16", "replace").encode() if is_utf16 else data.removeprefix(codecs.BOM_UTF8)
    if b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    if mails := list(_split_mbox(data)):
        return _read_mbox(builder, mails, limits)
    root, damage = mime.parse(data)
    if not root.headers.fields:
        raise CannotRead("broken", "found no header field, expected the headers of a mail")
    is_page = root.content_type == "multipart/related" and bool(root.headers.get("snapshot-content-location"))
    return _Mail(builder, limits, is_page=is_page, charset="utf-8" if is_utf16 else "").read(root, damage)


def _split_mbox(data: bytes) -> Iterator[bytes]:
    """Yield the mails of an mbox file; nothing for a file with one mail."""
    data = data.lstrip(b"\r\n")
    if not data.startswith(b"From "):
        return
    starts = [match.start(1) for match in _MAIL_BEGINS.finditer(data)]
    if len(starts) > 1:
        yield from (data[start:end] for start, end in zip([0, *starts[1:]], [*starts[1:], len(data)], strict=True))


def _read_mbox(builder: ExtractBuilder, mails: list[bytes], limits: Limits) -> Extract:
    n_taken = min(len(mails), limits.max_members + 1)
    builder.inventory.read("mail", n_taken)
    n_left = len(mails) - n_taken
    builder.inventory.unread("mail", f"{n_left} mails", f"more than {limits.max_members} files in one file", n_left)
    builder.parts = [
        Part(f"mail-{number}.eml", mail, "", "message/rfc822") for number, mail in enumerate(mails[:n_taken], start=1)
    ]
    return builder.extract()


class _Mail:
    """Reads the text of one mail and extracts its files."""

    def __init__(self, builder: ExtractBuilder, limits: Limits, *, is_page: bool, charset: str) -> None:
        self.builder, self.inventory = builder, builder.inventory
        self.leaves = Leaves(builder, limits, is_page=is_page, charset=charset)
        self.n_unpacked = self.n_compared = 0

    def read(self, root: Entity, damage: list[str]) -> Extract:
        charset = next((name for name in _list_charsets(root) if name), "")
        self._add_headers(root, charset)
        blocks = self._read_blocks(root, "", 0)
        for what in dict.fromkeys(damage):
            self.inventory.unread("part", "damage", what)
        for block in blocks:
            self.inventory.read(block.kind)
            self.builder.block(block.text, block.place)
        first = next((block for block in blocks if block.encoding), MailBlock("", ""))
        return self.builder.extract(first.encoding, is_guessed=any(block.is_guessed for block in blocks))

    def _add_headers(self, root: Entity, charset: str) -> None:
        """Add the fields that people read, standard fields first."""
        headers = root.headers
        named = [(name.lower(), name, value) for name, value in headers.fields]
        order = {name: place for place, name in enumerate(SHOWN)}
        shown = sorted(
            (one for one in named if not is_technical(one[0]) or one[0] == _DESCRIPTION),
            key=lambda one: order.get(one[0], len(order)),
        )
        self.inventory.ignored("header", "technical-header", len(named) - len(shown))
        values: list[str] = []
        for lowered, name, raw in shown:
            value = decode_value(raw, charset)
            if not value:
                self.inventory.ignored("header", "blank")
            elif (lowered == _DESCRIPTION and value == root.name) or (
                lowered in _REPEATED and self._is_repeated(value, values)
            ):
                self.inventory.ignored("header", "repeated-header")
            else:
                values.append(value)
                self._add_header(name if lowered not in order else lowered.title(), value)
        for line in headers.foreign:
            self._add_header("", decode_value(line, charset))

    def _is_repeated(self, value: str, values: list[str]) -> bool:
        """Whether a field repeats an earlier one; only a limited number of fields is compared."""
        self.n_compared += 1
        return self.n_compared <= _MAX_COMPARED and any(value in other for other in values[:_MAX_COMPARED])

    def _add_header(self, name: str, value: str) -> None:
        self.builder.block(f"{name}: {value}" if name else value, name or "header", separator="\n")
        if "\ufffd" in value:
            self.inventory.unread("header", f"damage: {name}", "unknown encoding")
        else:
            self.inventory.read("header")

    def _read_blocks(self, entity: Entity, around: str, n_alternatives: int) -> list[MailBlock]:
        """Return the text of an entity in order, and extract its files."""
        fields = self._read_part_fields(entity) if around else []
        if not entity.is_multipart:
            if self.n_unpacked < _MAX_UNPACKED:
                inner, is_container = self.leaves.unpack(entity)
                if is_container:
                    return [*fields, *self._read_unpacked(inner, entity, n_alternatives)]
            return [*fields, *self.leaves.read(entity, around)]
        is_alternative = entity.content_type == "multipart/alternative" and n_alternatives < _MAX_ALTERNATIVES
        before = self._read_between(entity, [entity.preamble], "preamble")
        forms = [
            self._read_blocks(child, entity.content_type, n_alternatives + is_alternative) for child in entity.children
        ]
        after = self._read_between(entity, entity.epilogues, "epilogue")
        if not is_alternative:
            return [*before, *fields, *(block for form in forms for block in form), *after]
        # Only forms of a body are alternatives; everything else is read.
        competing = [[block for block in form if block.form] for form in forms]
        others = [block for form in forms for block in form if not block.form]
        chosen, own, n_same = mail_bodies.choose(competing)
        self.inventory.ignored("body", "other-form-of-the-same-body", n_same)
        return [*before, *fields, *chosen, *own, *others, *after]

    def _read_unpacked(self, data: bytes, outer: Entity, n_alternatives: int) -> list[MailBlock]:
        if not data.strip():
            return []
        self.n_unpacked += 1
        root, damage = mime.parse(data)
        for what in dict.fromkeys(damage):
            self.inventory.unread("part", "damage", what)
        blocks = self._read_blocks(root, "multipart/mixed", n_alternatives)
        self.n_unpacked -= 1
        return blocks

    def _read_part_fields(self, entity: Entity) -> list[MailBlock]:
        """Return the fields of a part that people read, such as a description, and lines that are not fields."""
        blocks = []
        named = (entity.name, entity.headers.get("content-id").decode("latin-1"))
        for name, raw in entity.headers.fields:
            lowered = name.lower()
            value = decode_value(raw) if lowered == _DESCRIPTION or not is_technical(lowered) else ""
            if value and value not in named:
                blocks.append(MailBlock(f"{name}: {value}", f"part {entity.number}", kind="header"))
        blocks.extend(
            MailBlock(decode_value(line), f"part {entity.number}", kind="header") for line in entity.headers.foreign
        )
        return blocks

    def _read_between(self, entity: Entity, ranges: list[tuple[int, int]], kind: str) -> list[MailBlock]:
        """Return the text before the first part or after the last one."""
        blocks = []
        for start, end in ranges:
            text = decode_loose(entity.data[start:end]) if end > start else ""
            if mail_bodies.is_blank(text):
                continue
            if is_mime_remark(text):
                self.inventory.ignored(kind, "mime-remark")
            else:
                blocks.append(MailBlock(text.strip("\r\n"), kind, kind=kind))
        return blocks


def _list_charsets(root: Entity) -> Iterator[str]:
    """Yield the encodings that a mail and its parts declare, in order."""
    stack = [root]
    while stack:
        entity = stack.pop()
        yield entity.parameters.get("charset", "")
        stack.extend(reversed(entity.children))
