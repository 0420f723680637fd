"""Extract HTML or plain text that Outlook wrapped in RTF.

Source: [MS-OXRTFEX].
"""

import re
from dataclasses import dataclass, replace

from ner_tasks.documents.encodings import text_encoding
from ner_tasks.documents.types import CannotRead

_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,9})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|[\r\n]+|[^\\{}\r\n]+", re.DOTALL
)
_FROM = re.compile(rb"\\from(html|text)\d?", re.IGNORECASE)
_HEAD_BYTES = 4096
_CHARSETS = {
    0: "cp1252", 77: "mac-roman", 128: "cp932", 129: "cp949", 130: "johab", 134: "gbk", 136: "big5", 161: "cp1253",
    162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250",
}  # fmt: skip
_SYMBOLS = {
    b"par": "\r\n", b"line": "\r\n", b"tab": "\t", b"lquote": "\u2018", b"rquote": "\u2019", b"ldblquote": "\u201c",
    b"rdblquote": "\u201d", b"bullet": "\u2022", b"endash": "\u2013", b"emdash": "\u2014",
}  # fmt: skip
_HIDDEN = frozenset((b"fonttbl", b"colortbl", b"stylesheet", b"info", b"pict", b"generator", b"xmlnstbl", b"listtable"))
_MAX_DEPTH = 1_000


@dataclass
class _GroupState:
    is_hidden: bool = False  # in a header table or an unknown destination
    is_rtf_only: bool = False  # shown only in RTF
    is_font_table: bool = False
    unicode_skip: int = 1
    font: int = 0


def detect_kind(rtf: bytes) -> str:
    """Return `html` or `text` if the RTF wraps either, "" if it is genuine RTF."""
    match = _FROM.search(rtf[:_HEAD_BYTES])
    return match.group(1).decode().lower() if match else ""


def unwrap(rtf: bytes) -> str:
    """Return the HTML or text wrapped in RTF, as `detect_kind` reports it."""
    return _Unwrapper(rtf).run()


class _Unwrapper:
    def __init__(self, rtf: bytes) -> None:
        self.rtf = rtf
        self.pieces: list[str] = []
        self.raw = bytearray()
        self.raw_encoding = self.encoding = "cp1252"
        self.fonts: dict[int, str] = {}
        self.state, self.stack = _GroupState(), list[_GroupState]()
        self.n_skip = 0
        self.is_starred = False
        self.n_too_deep = 0

    def run(self) -> str:
        for token in _TOKEN.finditer(self.rtf):
            word, number, code, symbol, brace = token.groups()
            if brace:
                self._handle_brace(brace)
            elif word:
                self._handle_word(word.lower(), int(number) if number else None)
            elif code:
                self._add_bytes(bytes([int(code, 16)]))
            elif symbol:
                self._handle_symbol(symbol)
            elif not token.group().startswith((b"\r", b"\n")):
                self._add_bytes(token.group())
        self._flush()
        return "".join(self.pieces)

    def _handle_brace(self, brace: bytes) -> None:
        self.n_skip = 0
        self.is_starred = False
        if brace == b"{":
            if len(self.stack) >= _MAX_DEPTH:
                self.n_too_deep += 1
                return
            self.stack.append(self.state)
            self.state = replace(self.state)
        elif self.n_too_deep:
            self.n_too_deep -= 1
        elif self.stack:
            self.state = self.stack.pop()

    def _handle_symbol(self, symbol: bytes) -> None:
        if symbol == b"*":
            self.is_starred = True
        elif symbol in b"\\{}":
            self._add_bytes(symbol)
        elif symbol == b"~":
            self._add_text("\u00a0")
        elif symbol == b"_":
            self._add_text("\u2011")

    def _handle_word(self, word: bytes, number: int | None) -> None:
        if self.is_starred:
            self.is_starred = False
            if word != b"htmltag":
                self.state.is_hidden = True
            else:
                self.state.is_rtf_only = self.state.is_hidden = False
            return
        match word:
            case b"htmlrtf":
                self.state.is_rtf_only = number != 0
            case b"ansicpg":
                self.encoding = f"cp{number}" if number != 65001 else "utf-8"
            case b"fonttbl":
                self.state.is_hidden = self.state.is_font_table = True
            case b"f":
                self.state.font = number or 0
            case b"fcharset" if self.state.is_font_table:
                self.fonts[self.state.font] = _CHARSETS.get(number or 0, "")
            case b"uc":
                self.state.unicode_skip = number if number is not None else 1
            case b"u" if number is not None:
                self._add_text(chr(number & 0xFFFF))
                self.n_skip = min(self.state.unicode_skip, 8)
            case _ if word in _SYMBOLS:
                self._add_text(_SYMBOLS[word])
            case _ if word in _HIDDEN:
                self.state.is_hidden = True

    @property
    def _is_shown(self) -> bool:
        return not self.state.is_hidden and not self.state.is_rtf_only

    def _add_bytes(self, raw: bytes) -> None:
        if self.n_skip:
            raw, self.n_skip = raw[self.n_skip :], max(0, self.n_skip - len(raw))
        if not raw or not self._is_shown:
            return
        encoding = self.fonts.get(self.state.font) or self.encoding
        if encoding != self.raw_encoding:
            self._flush()
            self.raw_encoding = encoding
        self.raw += raw

    def _add_text(self, text: str) -> None:
        if self._is_shown:
            self._flush()
            self.pieces.append(text)

    def _flush(self) -> None:
        if self.raw:
            raw = bytes(self.raw)
            try:
                text = raw.decode(self.raw_encoding)
            except (LookupError, UnicodeDecodeError):
                text = _guess(raw)
            self.pieces.append(text)
            self.raw.clear()


def _guess(raw: bytes) -> str:
    try:
        return text_encoding.decode(raw)[0]
    except CannotRead:
        return raw.decode("cp1252", "replace")
