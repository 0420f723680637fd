"""RTF: words in the body, tables, headers, notes, boxes, fields, shapes, objects, in many character sets."""

import random
import struct
from collections.abc import Callable, Mapping

from tests.canaries.words import new_word

NAME, SUFFIX = "rtf", ".rtf"
_MAX_DEPTH = 4


class _File:
    def __init__(self, rng: random.Random):
        self.rng, self.words = rng, dict[str, str]()

    def word(self, holder: str) -> str:
        word = new_word(self.rng)
        self.words[word] = holder
        return self.rng.choice([self._plain, self._plain, self._as_hex, self._as_unicode])(word)

    def _plain(self, word: str) -> str:
        return word

    def _as_hex(self, word: str) -> str:
        return word[:-2] + "".join(f"\\'{ord(letter):02x}" for letter in word[-2:])

    def _as_unicode(self, word: str) -> str:
        return word[:-1] + f"\\uc1\\u{ord(word[-1])}?"

    def node(self, depth: int = 0) -> str:
        kinds: list[Callable[[int], str]] = [self.text, self.styled, self.field, self.apart, self.shape]
        if depth < _MAX_DEPTH:
            kinds += [self.group, self.table, self.object, self.form]
        return self.rng.choice(kinds)(depth + 1)

    def text(self, _depth: int) -> str:
        end = self.rng.choice(
            ["\\par ", "\\line ", "\\tab ", " ", "\\page ", "\\~", "\\emdash ", "\\sect\\sectd ", "\\\n"]
        )
        return f"{self.word('text')}{end}\n"

    def styled(self, _depth: int) -> str:
        word = self.rng.choice(
            ["\\b", "\\i\\f1", "\\v", "\\cf1\\f2\\fs20", "\\strike", "\\revised", "\\lang1033\\loch\\f0", "\\caps"]
        )
        return f"{{{word} {self.word('styled text')}}} "

    def group(self, depth: int) -> str:
        return "{" + "".join(self.node(depth) for _ in range(self.rng.randint(1, 3))) + "}\\par\n"

    def table(self, depth: int) -> str:
        rows = []
        for _ in range(self.rng.randint(1, 2)):
            n_cells = self.rng.randint(1, 3)
            cells = "".join(f"\\pard\\intbl {self.word('cell')}\\cell" for _ in range(n_cells))
            rows.append(f"\\trowd\\cellx1000 {self._nested() if depth < 2 else ''}{cells}\\row\n")
        return "\\par " + "".join(rows) + "\\pard "

    def _nested(self) -> str:
        cell = self.word("nested cell")
        return f"{{\\pard\\itap2 {cell}\\nestcell{{\\*\\nesttableprops\\trowd\\nestrow}}{{\\nonesttables\\par}}}}"

    def field(self, _depth: int) -> str:
        result = self.word("result of a field")
        return f'{{\\field{{\\*\\fldinst{{ HYPERLINK "http://x" }}}}{{\\fldrslt{{\\ul {result}}}}}}} '

    def apart(self, _depth: int) -> str:
        kind = self.rng.choice(
            ["header", "footer", "headerl", "footerf", "footnote", "footnote\\ftnalt", "*\\annotation"]
        )
        return f"{{\\{kind}\\pard\\plain {self.word(kind)}\\par}} "

    def shape(self, _depth: int) -> str:
        box = self.word("text box")
        return self.rng.choice(
            [
                f"{{\\shp{{\\*\\shpinst\\shpleft0{{\\sp{{\\sn fLine}}{{\\sv 0}}}}{{\\shptxt \\pard {box}\\par}}}}{{\\shprslt{{\\*\\do}}}}}} ",
                f"{{\\shp{{\\*\\shpinst{{\\sp{{\\sn gtextUNICODE}}{{\\sv {box}}}}}}}}} ",
                f"{{\\*\\do\\dobxcolumn{{\\dptxbx{{\\dptxbxtext \\pard {box}\\par}}}}}} ",
                f"{{\\*\\shppict{{\\pict{{\\*\\picprop{{\\sp{{\\sn wzDescription}}{{\\sv {box}}}}}}}\\pngblip 89504e47}}}}{{\\nonshppict{{\\pict\\wmetafile8 00}}}} ",
                f"{{\\listtext {box}\\tab}}item\\par ",
            ]
        )

    def form(self, _depth: int) -> str:
        word = self.word("form field")
        chosen = f"{{\\*\\formfield{{\\fftype2\\ffres1{{\\*\\ffl one}}{{\\*\\ffl {word}}}}}}}"
        return f"{{\\field{{\\*\\fldinst FORMDROPDOWN {chosen}}}{{\\fldrslt}}}} "

    def object(self, _depth: int) -> str:
        word = new_word(self.rng)
        self.words[word] = "object"
        content = f"{word} in a file\n".encode()
        native = struct.pack("<H", 2) + b"a.txt\0C:\\a.txt\0" + b"\0\0\3\0" + struct.pack("<I", 8) + b"C:\\a.tx\0"
        native += struct.pack("<I", len(content)) + content
        ole = struct.pack("<III", 0x501, 2, 8) + b"Package\0" + bytes(8) + struct.pack("<I", len(native)) + native
        return f"{{\\object\\objemb{{\\*\\objclass Package}}{{\\*\\objdata {ole.hex()}}}{{\\result{{{self.word('result')}}}}}}} "


def make(rng: random.Random) -> tuple[bytes, Mapping[str, str]]:
    file = _File(rng)
    fonts = "{\\fonttbl{\\f0\\fnil\\fcharset0 Arial;}{\\f1\\fcharset204 Arial Cyr;}{\\f2\\fcharset128 MS Mincho;}}"
    body = "".join(file.node() for _ in range(rng.randint(1, 10)))
    pages = rng.choice(["\\ansicpg1252", "\\ansicpg1251", "\\ansicpg932", ""])
    return f"{{\\rtf1\\ansi{pages}\\deff0{fonts}{{\\info{{\\title x}}}}\n{body}}}".encode("latin-1"), file.words
