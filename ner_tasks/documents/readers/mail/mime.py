"""Parse a MIME message into a tree, in one pass over its delimiter lines, so that no part is missed.

The standard library's parser compares each line with the boundary of every open multipart: 300 nested parts around 2,000
lines take it 0.38 s, and this parser 0.02 s. It also re-serializes forwarded messages instead of returning their bytes.

Source: RFC 2046, 5.1.
"""

import re
from dataclasses import dataclass, field

from ner_tasks.documents.readers.mail.mail_headers import Headers, parse_parameters, split_headers

# Parts of a more deeply nested multipart become its siblings, so all of them are read.
MAX_DEPTH = 50
_DELIMITER = re.compile(rb"^--[^\r\n]*", re.MULTILINE)
_PART_BEGINS = re.compile(rb"\r?\n(?:Content-|\r?\n)", re.IGNORECASE)
_MEDIA_TYPE = re.compile(r"[^\s/;,\"]+/[^\s/;,\"]+")
_GUESSES = 5
NO_CLOSE = "a multipart without its closing delimiter"
NO_PARTS = "a multipart without its delimiters"
OTHER_BOUNDARY = "a multipart with another boundary than declared"


@dataclass
class Entity:
    """A message or a part of one.

    Attributes:
        data: the bytes of the whole message.
        headers: its header fields.
        content_type: lower-case media type, such as `text/plain`; the default of the enclosing multipart if not declared.
        parameters: parameters of its Content-Type.
        disposition: disposition, such as `attachment`, "" if not declared.
        name: its file name, "" if not declared.
        end: offset of the end of its body.
        children: parts of a multipart.
        preamble: range of a multipart before its first part.
        epilogues: ranges after its closing delimiter; several if more parts follow.
        number: section number, such as `1.2`.
        has_type: whether it declares a Content-Type.
    """

    data: bytes
    headers: Headers
    content_type: str
    parameters: dict[str, str]
    disposition: str
    name: str
    end: int
    children: list["Entity"] = field(default_factory=list)
    preamble: tuple[int, int] = (0, 0)
    epilogues: list[tuple[int, int]] = field(default_factory=list)
    number: str = ""
    has_type: bool = True
    is_multipart: bool = False

    @property
    def raw_body(self) -> bytes:
        """The body before transfer decoding."""
        return self.data[self.headers.body_start : self.end]


@dataclass
class _Level:
    """An open multipart."""

    entity: Entity
    container: Entity  # receives its parts
    boundary: bytes
    child: Entity | None = None
    is_closed: bool = False
    tail_start: int = 0


class _Parser:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.damage: list[str] = []
        self.lines = [(match.start(), match.end()) for match in _DELIMITER.finditer(data)]
        self.tokens = {data[start:end].rstrip() for start, end in self.lines}
        self.levels: list[_Level] = []
        self.by_boundary: dict[bytes, list[int]] = {}

    def parse(self) -> Entity:
        root = self._open(0, "text/plain", is_root=True)
        if not root.has_type and (line := self._next_line(0)) is not None and self._is_implied(root, line):
            root.content_type, root.is_multipart = "multipart/mixed", True
        self._push(root, 0)
        position = root.headers.body_start
        for index, (start, end) in enumerate(self.lines):
            if start < position or not self.levels:
                continue
            token = self.data[start:end].rstrip()
            level, closes = self._find_level(token)
            if level is None:
                continue
            self._end_child(level, start)
            if closes:
                self.levels[level].is_closed = True
                self.levels[level].tail_start = self.data.find(b"\n", end) + 1 or len(self.data)
            else:
                position = self._open_child(level, self.data.find(b"\n", end) + 1 or len(self.data), index + 1)
        self._finish()
        return root

    def _open(self, start: int, default: str, *, is_root: bool = False) -> Entity:
        headers = split_headers(self.data, start, is_root=is_root)
        content_type, parameters = parse_parameters(headers.get("content-type"))
        disposition, own = parse_parameters(headers.get("content-disposition"))
        name = own.get("filename") or parameters.get("name") or ""
        has_type = bool(_MEDIA_TYPE.fullmatch(content_type))
        if not has_type:
            content_type = default if not content_type or content_type == "text" else "application/octet-stream"
        is_multipart = content_type.startswith("multipart/")
        return Entity(
            self.data, headers, content_type, parameters, disposition, name, len(self.data),
            has_type=bool(headers.get("content-type")), is_multipart=is_multipart,
        )  # fmt: skip

    def _next_line(self, index: int) -> tuple[int, int] | None:
        return self.lines[index] if index < len(self.lines) else None

    def _is_implied(self, root: Entity, line: tuple[int, int]) -> bool:
        """Whether a mail without a declared type begins like a multipart."""
        before = self.data[root.headers.body_start : line[0]]
        return not before.strip() and bool(_PART_BEGINS.match(self.data, line[1]))

    def _push(self, entity: Entity, next_index: int) -> None:
        """Open a multipart; one without delimiters becomes a text leaf."""
        if not entity.is_multipart:
            return
        boundary = entity.parameters.get("boundary", "").strip().encode("utf-8", "surrogateescape")
        if not boundary or b"--" + boundary not in self.tokens:
            if entity.headers.get("content-transfer-encoding").strip().lower() in (b"base64", b"quoted-printable"):
                entity.is_multipart = False  # encoded as a whole, which violates the standard
                return
            guessed = self._guess(next_index)
            self.damage.append(OTHER_BOUNDARY if guessed else NO_PARTS)
            if not guessed:
                entity.is_multipart = False
                entity.content_type = "text/plain"
                return
            boundary = guessed
        deepest = self.levels[-1].container if len(self.levels) >= MAX_DEPTH else entity
        entity.preamble = (entity.headers.body_start, entity.headers.body_start)
        self.by_boundary.setdefault(boundary, []).append(len(self.levels))
        self.levels.append(_Level(entity, deepest, boundary))

    def _guess(self, index: int) -> bytes:
        for start, end in self.lines[index : index + _GUESSES]:
            token = self.data[start:end].rstrip()[2:]
            if token and token not in self.by_boundary and _PART_BEGINS.match(self.data, end):
                return token
        return b""

    def _find_level(self, token: bytes) -> tuple[int | None, bool]:
        """Return the innermost open multipart that a delimiter line belongs to, and whether the line closes it."""
        for boundary, closes in ((token[2:], False), (token[2:-2] if token.endswith(b"--") else b"", True)):
            if levels := self.by_boundary.get(boundary):
                still_open = [level for level in levels[-2:] if not self.levels[level].is_closed]
                return (still_open or levels)[-1], closes
        return None, False

    def _end_child(self, number: int, start: int) -> None:
        """Close everything inside a multipart at a delimiter line, which includes the preceding line break."""
        end = start - self.data.endswith(b"\n", 0, start)
        end -= self.data.endswith(b"\r", 0, end)
        while len(self.levels) > number + 1:
            self._close(self.levels.pop(), end)
        level = self.levels[number]
        if level.child is not None:
            level.child.end = max(end, level.child.headers.body_start)
        elif not level.is_closed:
            level.entity.preamble = (level.entity.headers.body_start, max(end, level.entity.headers.body_start))
        if level.is_closed:  # parts after the closing delimiter
            level.is_closed = False
            level.entity.epilogues.append((level.tail_start, max(end, level.tail_start)))
        level.child = None

    def _open_child(self, number: int, start: int, next_index: int) -> int:
        level = self.levels[number]
        is_digest = level.entity.content_type == "multipart/digest"
        child = self._open(start, "message/rfc822" if is_digest else "text/plain")
        level.child = child
        level.container.children.append(child)
        self._push(child, next_index)
        return child.headers.body_start

    def _close(self, level: _Level, end: int) -> None:
        self.by_boundary[level.boundary].pop()
        if not self.by_boundary[level.boundary]:
            del self.by_boundary[level.boundary]
        level.entity.end = end
        if level.is_closed:
            level.entity.epilogues.append((level.tail_start, max(end, level.tail_start)))
            return
        self.damage.append(NO_CLOSE)
        if level.child is not None:
            level.child.end = max(end, level.child.headers.body_start)
        elif level.entity.preamble[1] <= level.entity.preamble[0]:
            level.entity.preamble = (level.entity.headers.body_start, max(end, level.entity.headers.body_start))

    def _finish(self) -> None:
        while self.levels:
            self._close(self.levels.pop(), len(self.data))


def parse(data: bytes) -> tuple[Entity, list[str]]:
    """Parse a message, and describe its damage."""
    parser = _Parser(data)
    root = parser.parse()
    _number(root)
    return root, parser.damage


def _number(root: Entity) -> None:
    stack = [(root, "")]
    while stack:
        entity, number = stack.pop()
        entity.number = number
        stack.extend(
            (child, f"{number}.{index}" if number else str(index))
            for index, child in enumerate(entity.children, start=1)
        )
