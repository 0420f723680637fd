"""Parse RTF: groups and their state, destinations, characters in the character set of their font."""

import re
from collections import Counter
from dataclasses import dataclass, replace

from ner_tasks.documents.encodings.encoding_labels import find_codec
from ner_tasks.documents.readers.markup import rtf_words as words
from ner_tasks.documents.readers.markup.rtf_blocks import Blob, RtfBlock, is_western
from ner_tasks.documents.readers.office import ooxml_symbols

_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|[\r\n\x00]+|[^\\{}\r\n\x00]+|(\\)",
    re.DOTALL,
)
_MAX_SKIP, _MAX_FONT_NAME = 16, 200
_EAST = frozenset({"cp932", "cp949", "gb18030", "big5hkscs", "johab"})
_CHECKBOX, _DROP_DOWN, _AS_BY_DEFAULT = 1, 2, 25
BODY = "text"


@dataclass(frozen=True)
class _RtfState:
    """State of a group, inherited by the groups in it.

    Attributes:
        block: index of the block that receives the text.
        skipped: rule that ignores the destination; "" if it is read.
        font: number of the font; -1 for the default font.
        unicode_skip: number of fallback characters to skip after a Unicode character.
        is_deleted: whether the text is marked as deleted.
        capture: control word of a destination that is captured rather than read; "" for none.
    """

    block: int = 0
    skipped: str = ""
    font: int = -1
    unicode_skip: int = 1
    is_deleted: bool = False
    capture: str = ""


class RtfParser:
    """Parses one file in a single pass."""

    def __init__(self, data: bytes):
        self._data = data
        self.blocks = [RtfBlock(BODY)]
        self.blobs: list[Blob] = []
        self.ignored: Counter[str] = Counter()
        self._state = _RtfState()
        self._stack: list[_RtfState] = []
        self._raw = bytearray()
        self._raw_font = -1
        self._codec = "cp1252"
        self._fonts: dict[int, str] = {}
        self._font_names: dict[int, str] = {}
        self._default_font = -1
        self._n_skip = 0
        self._is_starred = False
        self._shape_name = ""
        self._captured: list[bytes] = []
        self._form: dict[bytes, int] = {}
        self._choices: list[str] = []

    def run(self) -> "RtfParser":
        """Parse the file; the results are in `blocks`, `blobs` and `ignored`."""
        data, position, match_token = self._data, 0, _TOKEN.match
        while token := match_token(data, position):
            position = token.end()
            word, number, code, symbol, brace, _ = token.groups()
            word = word.lower() if word else word
            if brace:
                self._brace(is_open=brace == b"{")
            elif word:
                if word == b"bin":
                    position = self._binary(position, int(number or 0))
                else:
                    self._word(word, int(number) if number else None)
            elif code:
                self._bytes(bytes([int(code, 16)]))
            elif symbol:
                self._symbol(symbol)
            elif token.group()[0] not in b"\r\n\x00\\":
                self._bytes(token.group())
        self._flush()
        return self

    @property
    def is_whole(self) -> bool:
        """Whether every group is closed."""
        return not self._stack

    def _brace(self, *, is_open: bool) -> None:
        self._n_skip, self._is_starred = 0, False
        if is_open:
            self._stack.append(self._state)
        elif self._stack:
            ended = self._state
            after = self._stack.pop()
            if ended.capture and ended.capture != after.capture:
                self._end_capture(ended)
            if ended is not after:
                self._flush()
            self._state = after

    def _symbol(self, symbol: bytes) -> None:
        if symbol == b"*":
            self._is_starred = True
        elif symbol in b"\\{}":
            self._bytes(symbol)
        elif symbol in b"\r\n":
            self._text("\n")
        elif symbol == b"\t":
            self._text("\t")
        elif symbol in b"~_":
            self._text("\u00a0" if symbol == b"~" else "\u2011")

    def _word(self, word: bytes, number: int | None) -> None:
        is_starred, self._is_starred = self._is_starred, False
        if self._n_skip and word != b"u":
            self._n_skip -= 1
            return
        state = self._state
        if word in words.BLOCKS:
            if not state.skipped:
                self._flush()
                self.blocks.append(RtfBlock(words.BLOCKS[word]))
                self._state = replace(state, block=len(self.blocks) - 1)
        elif word in words.SKIPPED:
            self._skip(words.SKIPPED[word] or word.decode("ascii"), is_counted=bool(words.SKIPPED[word]))
        elif word in words.CHARACTERS:
            self._text(words.CHARACTERS[word])
        elif not self._destination(word) and not self._property(word, number):
            if is_starred and word not in words.INLINE:
                self._skip("unknown-destination", is_counted=True)
            elif word in words.APART:
                self._text(" ")

    def _destination(self, word: bytes) -> bool:
        state = self._state
        if word in (b"pict", b"objdata"):
            if not state.skipped:
                self.blobs.append(Blob("picture" if word == b"pict" else "object"))
                self._state = replace(state, capture=word.decode())
        elif word in (b"sn", b"sv", b"ffl", b"ffdeftext", b"fonttbl", b"formfield"):
            # Word stores the choices of a form field inside the field code.
            if not state.skipped or (word == b"formfield" and state.skipped == "field-code"):
                self._flush()
                self._captured.clear()
                self._state = replace(state, capture=word.decode(), skipped="")
                if word == b"formfield":
                    self._form, self._choices = {}, []
        elif word == b"ud":
            if state.skipped == "other-form":
                self._state = replace(state, skipped="")
        elif word in words.PICTURES:
            if state.capture == "pict" and self.blobs:
                self.blobs[-1].suffix = words.PICTURES[word]
        else:
            return False
        return True

    def _property(self, word: bytes, number: int | None) -> bool:
        state = self._state
        match word:
            case b"u" if number is not None:
                self._unicode(number & 0xFFFF)
            case b"uc":
                self._state = replace(state, unicode_skip=min(max(number if number is not None else 1, 0), _MAX_SKIP))
            case b"f":
                self._flush()
                self._state = replace(state, font=number or 0)
                if state.capture == "fonttbl":
                    self._font_names.pop(number or 0, None)
            case b"deff":
                self._default_font = number or 0
            case b"ansicpg" | b"mac" | b"pc" | b"pca":
                label = {b"mac": "macintosh", b"pc": "cp437", b"pca": "cp850"}.get(word, f"cp{number or 1252}")
                self._codec = find_codec(label) or "cp1252"
            case b"fcharset" | b"cpg" if state.capture == "fonttbl":
                codec = find_codec(f"cp{number}") if word == b"cpg" else words.CHARSETS.get(number or 0, "")
                self._fonts[state.font] = "symbol" if word == b"fcharset" and number == words.SYMBOL_CHARSET else codec
            case b"deleted" | b"plain":
                is_deleted = word == b"deleted" and number != 0
                self._flush()
                self._state = replace(state, is_deleted=is_deleted, font=state.font if word == b"deleted" else -1)
                self.ignored["deleted-text"] += is_deleted and not state.is_deleted
            case b"fftype" | b"ffres" | b"ffdefres":
                self._form[word] = number or 0
            case _:
                return False
        return True

    def _skip(self, rule: str, *, is_counted: bool) -> None:
        if self._state.skipped:
            return
        self._flush()
        self._state = replace(self._state, skipped=rule)
        self.ignored[rule] += is_counted

    def _binary(self, position: int, n_bytes: int) -> int:
        end = min(position + max(n_bytes, 0), len(self._data))
        if self._state.capture in ("pict", "objdata") and self.blobs:
            self.blobs[-1].binary.append(self._data[position:end])
        return end

    def _bytes(self, raw: bytes) -> None:
        if self._n_skip:
            raw, self._n_skip = raw[self._n_skip :], max(0, self._n_skip - len(raw))
        state = self._state
        if not raw or state.skipped:
            return
        if state.capture in ("pict", "objdata"):
            self.blobs[-1].hexadecimal.append(raw)
        elif state.capture == "fonttbl":
            name = self._font_names.get(state.font, "") + raw[:_MAX_FONT_NAME].decode("latin-1")
            self._font_names[state.font] = name.partition(";")[0][:_MAX_FONT_NAME]
        elif not state.is_deleted and state.capture != "formfield":
            if state.font != self._raw_font:
                self._flush()
                self._raw_font = state.font
            self._raw += raw

    def _unicode(self, code: int) -> None:
        self._n_skip = 0
        self._text(self._map_symbol(code) if 0xF000 <= code <= 0xF0FF else chr(code))
        self._n_skip = self._state.unicode_skip

    def _map_symbol(self, code: int) -> str:
        return ooxml_symbols.decode_symbol(self._font_names.get(self._font, "").strip(), f"{code:04X}")

    @property
    def _font(self) -> int:
        return self._state.font if self._state.font >= 0 else self._default_font

    def _text(self, text: str) -> None:
        state = self._state
        if self._n_skip:
            self._n_skip -= 1
        elif (
            not state.skipped
            and not state.is_deleted
            and state.capture not in ("pict", "objdata", "fonttbl", "formfield")
        ):
            self._flush()
            self._put(text)

    def _flush(self) -> None:
        """Decode the pending bytes in the character set of their font."""
        if self._raw:
            raw = bytes(self._raw)
            self._raw.clear()
            font = self._raw_font if self._raw_font >= 0 else self._default_font
            self._put(self._decode(raw, self._fonts.get(font, "") or self._codec))

    def _put(self, text: str) -> None:
        if self._state.capture in ("sn", "sv", "ffl", "ffdeftext"):
            self._captured.append(text.encode("utf-8", "surrogatepass"))
        else:
            self.blocks[self._state.block].pieces.append(text)

    def _decode(self, raw: bytes, codec: str) -> str:
        if codec == "symbol":
            return "".join(self._map_symbol(0xF000 | byte) if byte > 0x20 else chr(byte) for byte in raw)
        if raw.isascii() and codec not in _EAST:
            return raw.decode("ascii")
        text = raw.decode(codec, "replace")
        if codec == "cp1252" and self._codec != codec and not is_western(text):
            return raw.decode(self._codec, "replace")
        return text

    def _end_capture(self, ended: _RtfState) -> None:
        self._flush()
        text = b"".join(self._captured).decode("utf-8", "surrogatepass").strip()
        if ended.capture == "sn":
            self._shape_name = text.lower()
        elif ended.capture == "sv":
            if text and (kind := words.SHAPE_TEXTS.get(self._shape_name)):
                self.blocks.append(RtfBlock(kind, [text]))
            self._shape_name = ""
        elif ended.capture == "ffl":
            self._choices.append(text)
        elif ended.capture == "formfield":
            self._end_form(ended)
        self._captured.clear()

    def _end_form(self, ended: _RtfState) -> None:
        """Add the text that Word displays for a form field without a result."""
        kind = self._form.get(b"fftype", 0)
        chosen = self._form.get(b"ffres", _AS_BY_DEFAULT)
        if chosen == _AS_BY_DEFAULT:
            chosen = self._form.get(b"ffdefres", 0)
        shown = ""
        if kind == _CHECKBOX:
            shown = "[x]" if chosen else "[ ]"
        elif kind == _DROP_DOWN and 0 <= chosen < len(self._choices):
            shown = self._choices[chosen]
        if shown:
            self.blocks[ended.block].pieces.append(f" {shown} ")
