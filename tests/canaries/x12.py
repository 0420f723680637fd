"""X12: words in names, addresses, free text, descriptions and binary segments, with any separators."""

import base64
import random
from collections.abc import Mapping

from tests.canaries.words import new_word

NAME, SUFFIX = "x12", ".edi"


class _Maker:
    def __init__(self, rng: random.Random):
        self.rng = rng
        self.words: dict[str, str] = {}
        self.element, self.component, self.terminator = rng.choice(["*:~", "*:~", "|>~", "*:\n", "^:'"])
        self.end = self.terminator + rng.choice(["", "\n", "\r\n"])

    def word(self, holder: str) -> str:
        word = new_word(self.rng)
        self.words[word] = holder
        return word

    def segment(self) -> str:
        w, c = self.word, self.component
        elements = self.rng.choice(
            [
                lambda: ["NM1", "IL", "1", w("NM103"), w("NM104"), w("NM105"), "", w("NM107"), "MI", w("NM109")],
                lambda: ["N1", self.rng.choice(["PR", "ZZ"]), w("N102"), "XV", w("N104")],
                lambda: ["N2", w("N201"), w("N202")],
                lambda: ["N3", w("N301"), w("N302")],
                lambda: ["N4", w("N401"), "NV", "89501", w("N404")],
                lambda: ["PER", "IC", w("PER02"), "TE", w("PER04"), "EM", w("PER06")],
                lambda: ["NTE", "ADD", f"{w('NTE02')} {w('NTE02')}"],
                lambda: ["MSG", w("MSG01")],
                lambda: ["K3", w("K301")],
                lambda: ["PWK", "OZ", "FX", "", "", "AC", w("PWK06"), w("PWK07")],
                lambda: ["SBR", "P", "18", "GRP", w("SBR04")],
                lambda: ["HD", "021", "", "HLT", w("HD04")],
                lambda: ["REF", "EA", w("REF02"), w("REF03")],
                lambda: ["SV1", f"HC{c}99213{c}{c}{c}{c}{c}{w('SV101-7')}", "100", "UN", "1"],
                lambda: ["EB", "1", "IND", "30", "", w("EB05")],
                lambda: ["STC", "A1", "20240101", *[""] * 9, w("STC12")],
                lambda: ["HI", f"ABK{c}E119"],
                lambda: ["ZZZ", "1", f"{w('ZZZ02')} {w('ZZZ02')}"],
                self._binary,
            ]
        )()
        return self.element.join(elements)

    def _binary(self) -> list[str]:
        page = f"<html>\n<body>~{self.word('binary')}*'\n</body></html>"
        if self.rng.random() < 0.5:
            page = base64.b64encode(page.encode()).decode()
            return ["BDS", "B64", str(len(page)), page]
        return ["BIN", str(len(page)), page]


def make(rng: random.Random) -> tuple[bytes, Mapping[str, str]]:
    makers = [_Maker(rng) for _ in range(rng.choice([1, 1, 2]))]
    made = ""
    for maker in makers:
        e, sender = maker.element, "A".ljust(15)
        isa = ["ISA", "00", " " * 10, "00", " " * 10, "ZZ", sender, "ZZ", sender, "240101", "0830"]
        head = e.join([*isa, "U", "00501", "000000001", "0", "P", maker.component])
        body = [maker.segment() for _ in range(rng.randint(1, 20))]
        segments = [head, e.join(["GS", "HC", "A", "B"]), e.join(["ST", "837", "1"]), *body, e.join(["SE", "9", "1"])]
        segments += [e.join(["GE", "1", "1"]), e.join(["IEA", "1", "1"])]
        made += maker.end.join(segments) + maker.end
    words = {word: holder for maker in makers for word, holder in maker.words.items()}
    return rng.choice(["", "\n\n", "\ufeff"]).encode() + made.encode(), words
