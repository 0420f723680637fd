"""HL7 v2: words in every kind of field, in batches and single messages, with any separators and line ends."""

import base64
import random
from collections.abc import Mapping

from tests.canaries.words import new_word

NAME, SUFFIX = "hl7", ".hl7"
_SEGMENTS = (
    "PID",
    "NK1",
    "PV1",
    "DG1",
    "AL1",
    "IN1",
    "GT1",
    "TXA",
    "SCH",
    "RXE",
    "OBR",
    "ORC",
    "ZPI",
    "ROL",
    "XYZ",
    "ACC",
)


class _Message:
    def __init__(self, rng: random.Random):
        self.rng = rng
        self.words: dict[str, str] = {}
        self.field, self.component, self.repetition = rng.choice(["|^~", "|^~", "|^~", "!$%", "#@*"])
        self.end = rng.choice(["\r", "\n", "\r\n"])

    def word(self, holder: str) -> str:
        word = new_word(self.rng)
        self.words[word] = holder
        return word

    def make(self, charset: str) -> str:
        f, c, r = self.field, self.component, self.repetition
        header = (
            f"MSH{f}{c}{r}\\&{f}{self.word('MSH-3')}{f}{self.word('MSH-4')}{f}A{f}B{f}2024{f}{f}ORU{c}R01{f}1{f}P{f}2.5"
        )
        lines = [header + f * 6 + charset]
        lines += [self._any() for _ in range(self.rng.randint(1, 12))]
        return self.end.join(lines) + self.rng.choice(["", self.end])

    def _any(self) -> str:
        kind = self.rng.choice(["segment", "segment", "text", "coded", "number", "note", "file", "pointer"])
        f, c = self.field, self.component
        if kind == "segment":
            name = self.rng.choice(_SEGMENTS)
            return f.join([name, *(self._value(f"{name}-{n}") for n in range(1, self.rng.randint(2, 24)))])
        if kind == "text":
            named = self.rng.choice(["TX", "FT", "ST", ""])
            return f.join(
                [
                    "OBX",
                    "1",
                    named,
                    self._label(),
                    self.rng.choice(["", "1.1"]),
                    self._text(),
                    *[""] * 10,
                    self._value("OBX-16"),
                ]
            )
        if kind == "coded":
            return f.join(["OBX", "1", "CWE", self._label(), "", f"{self.word('OBX-5')}{c}{self.word('OBX-5')}{c}L"])
        if kind == "number":
            return f.join(
                [
                    "OBX",
                    "1",
                    "NM",
                    self._label(),
                    "",
                    "10.2",
                    self.word("OBX-6"),
                    self.word("OBX-7"),
                    self.word("OBX-8"),
                ]
            )
        if kind == "note":
            return f.join(["NTE", "1", self.rng.choice(["L", ""]), self._text()])
        if kind == "file":
            page = f"<html><body><p>{self.word('file in OBX-5')}</p></body></html>".encode()
            encoded = base64.b64encode(page).decode() if self.rng.random() < 0.7 else page.hex()
            how = "Base64" if encoded[0] == "P" else "Hex"
            return f.join(["OBX", "1", "ED", self._label(), "", c.join(["LAB", "TEXT", "HTML", how, encoded])])
        return f.join(["OBX", "1", "RP", self._label(), "", f"{self.word('OBX-5')}.pdf{c}PACS{c}TEXT{c}PDF"])

    def _label(self) -> str:
        return self.rng.choice(["1{0}{1}{0}LN", "{1}", "{0}{1}"]).format(self.component, self.word("OBX-3"))

    def _text(self) -> str:
        breaks = [" ", "\\.br\\", "\\.sp\\", self.repetition, "\\T\\", "\\F\\", "\\H\\ ", " \\X41\\ ", "\\.in+2\\"]
        words = [self.word("text") for _ in range(self.rng.randint(1, 6))]
        return "".join(word + self.rng.choice(breaks) for word in words)

    def _value(self, holder: str) -> str:
        joints = [self.component, self.repetition, "&", " ", ", "]
        words = [self.word(holder) for _ in range(self.rng.randint(0, 4))]
        return self.rng.choice(["", self.component]) + "".join(word + self.rng.choice(joints) for word in words)


def make(rng: random.Random) -> tuple[bytes, Mapping[str, str]]:
    messages = [_Message(rng) for _ in range(rng.choice([1, 1, 2, 5]))]
    encoding, charset = rng.choice(
        [("utf-8", "UNICODE UTF-8"), ("utf-8", ""), ("latin-1", "8859/1"), ("cp1252", "ASCII")]
    )
    made = [message.make(charset) for message in messages]
    words = {word: holder for message in messages for word, holder in message.words.items()}
    if rng.random() < 0.3:
        made = [f"\x0b{one}\x1c\r" for one in made]
    if rng.random() < 0.3:
        comment = new_word(rng)
        words[comment] = "BHS-10"
        made = [f"FHS|^~\\&|A\rBHS|^~\\&|||||2024|||{comment}\r", *made, f"\rBTS|{len(made)}\rFTS|1\r"]
    return rng.choice(["", "\r\n"]).join(f"{one}\r" for one in made).encode(encoding), words
