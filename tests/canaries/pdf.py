"""PDF: text on pages of any kind, form fields, annotations, layers, attached files, XFA forms."""

import io
import random
from collections.abc import Mapping

import pypdf

from tests.canaries.words import new_word
from tests.pdf_objects import PdfObjects, drawn, string

NAME, SUFFIX = "pdf", ".pdf"
_MARKS = (
    "Text",
    "Highlight",
    "Underline",
    "StrikeOut",
    "Squiggly",
    "Line",
    "Square",
    "Circle",
    "Ink",
    "Caret",
    "Stamp",
)
_DATA = "http://www.xfa.org/schema/xfa-data/1.0/"


class _Maker:
    """Makes one file, a canary at a time."""

    def __init__(self, rng: random.Random) -> None:
        self.rng, self.pdf, self.words = rng, PdfObjects(), dict[str, str]()
        self.fields: list[bytes] = []
        self.files: list[bytes] = []
        self.layers: list[bytes] = []

    def word(self, holder: str) -> str:
        word = new_word(self.rng)
        self.words[word] = f"canary in {holder}"  # no line of `unread` says so: all of it has to be read
        return word

    def sentence(self, holder: str, n: int = 0) -> str:
        words = [self.word(holder) for _ in range(n or self.rng.randint(1, 4))]
        return "".join(word + self.rng.choice([" ", ", ", ". ", " - ", "/"]) for word in words).rstrip(" ,/-")

    def page(self) -> None:
        rng = self.rng
        lines = [self.sentence("page") for _ in range(rng.randint(1, 20))]
        content = drawn(*lines, y=rng.randint(400, 740), leading=rng.randint(11, 20))
        if rng.random() < 0.3:
            content += drawn(self.sentence("margin", 1), x=rng.randint(300, 400), y=40, size=8)
        if rng.random() < 0.2:
            content += b"q 0 1 -1 0 40 100 cm BT /F1 9 Tf (%s) Tj ET Q\n" % self.word("turned text").encode()
        resources = b""
        if rng.random() < 0.3:
            inner = self.pdf.add_form(drawn(self.word("form XObject"), x=2, y=4))
            resources = b"/XObject<</X1 %s>>" % inner
            content += b"q 1 0 0 1 72 120 cm /X1 Do Q\n"
        if rng.random() < 0.3:
            layer = self.pdf.add(b"<</Type/OCG/Name(layer)>>")
            self.layers.append(layer)
            resources += b"/Properties<</L1 %s>>" % layer
            content += b"/OC /L1 BDC\n" + drawn(self.word("layer"), y=90) + b"EMC\n"
        if rng.random() < 0.2:
            content += b"BT 3 Tr /F1 10 Tf 72 60 Td (%s) Tj ET\n" % self.word("invisible text").encode()
        entries = rng.choice([b"", b"", b"/Rotate 90", b"/Rotate 180", b"/Rotate 270", b"/CropBox[20 20 600 780]"])
        notes = [self.annotation(number) for number in range(rng.choice([0, 0, 1, 3]))]
        notes += [self.field(number) for number in range(rng.choice([0, 0, 2, 5]))]
        self.pdf.add_page(content, annotations=notes, entries=entries, resources=resources)

    def annotation(self, number: int) -> bytes:
        rng, rect = self.rng, b"/Rect[300 %d 500 %d]" % (100 + 40 * number, 120 + 40 * number)
        kind = rng.choice(["mark", "freetext", "stamp", "file", "rich", "link", "popup"])
        if kind == "mark":
            author = b"/T%s" % string(self.word("author")) if rng.random() < 0.5 else b""
            contents = string(self.sentence("annotation"))
            return self._annot(rng.choice(_MARKS), rect + author + b"/Contents%s" % contents)
        if kind == "freetext" and rng.random() < 0.5:
            return self._annot("FreeText", rect + b"/DA(/F1 10 Tf)/Contents%s" % string(self.sentence("typed text")))
        if kind in ("freetext", "stamp"):
            form = self.pdf.add_form(b"q " + drawn(self.word("appearance"), x=2, y=4, size=10) + b"Q")
            if rng.random() < 0.4:
                form = self.pdf.add_form(b"q /X0 Do Q", entries=b"/XObject<</X0 %s>>" % form)
            return self._annot("FreeText" if kind == "freetext" else "Stamp", rect + b"/AP<</N %s>>" % form)
        if kind == "file":
            return self._annot("FileAttachment", rect + b"/FS %s" % self._file("file of an annotation"))
        if kind == "rich":
            body = f"<body><p>{self.word('rich text')}</p><p>{self.word('rich text')}</p></body>"
            return self._annot("FreeText", rect + b"/RC%s" % string(body))
        if kind == "link":
            contents = b"/Contents%s" % string(self.word("link")) if rng.random() < 0.5 else b""
            return self._annot("Link", rect + contents + b"/A<</S/URI/URI(https://example.org)>>")
        parent = self._annot("Text", rect + b"/Contents%s" % string(self.word("note")))
        return parent + b" " + self._annot("Popup", rect + b"/Parent %s" % parent)

    def _annot(self, kind: str, entries: bytes) -> bytes:
        flags = self.rng.choice([b"/F 4", b"/F 0", b"", b"/F 2"])
        return self.pdf.add(b"<</Type/Annot/Subtype/%s%s%s>>" % (kind.encode(), entries, flags))

    def field(self, number: int) -> bytes:
        rng = self.rng
        common = b"<</Type/Annot/Subtype/Widget/F 4/Rect[72 %d 272 %d]" % (200 + 30 * number, 220 + 30 * number)
        name = f"field{len(self.fields)}"
        title = b"/T%s" % string(name)
        if rng.random() < 0.4:
            title += b"/TU%s" % string(self.word("tooltip"))
        kind = rng.choice(["text", "text", "long", "check", "radio", "list", "combo", "signature", "drawn"])
        if kind == "text":
            entries = b"/FT/Tx/V%s" % string(self.sentence("field") + rng.choice(["", " \u00e9\u4e2d"]))
        elif kind == "long":
            entries = b"/FT/Tx/Ff 4096/V%s" % string(self.word("field") + "\r" + self.word("field"))
        elif kind in ("check", "radio"):
            state = self.word("tick").encode()
            on = self.pdf.add_form(b"")
            flags = b"/Ff 32768" if kind == "radio" else b""
            entries = b"/FT/Btn%s/V/%s/AS/%s/AP<</N<</%s %s/Off %s>>>>" % (flags, state, state, state, on, on)
        elif kind == "list":
            one, two = self.word("option"), self.word("option")
            options = b"[%s %s (other)]" % (string(one), string(two))
            entries = b"/FT/Ch/Ff 2097152/Opt%s/V[%s %s]" % (options, string(one), string(two))
        elif kind == "combo":
            label = self.word("option")
            entries = b"/FT/Ch/Ff 131072/Opt[[(1) %s][(2)(other)]]/V(1)" % string(label)
        else:
            form = self.pdf.add_form(b"q " + drawn(self.word("drawn field"), x=2, y=4, size=9) + b"Q")
            entries = b"/FT/%s/AP<</N %s>>" % (b"Sig" if kind == "signature" else b"Tx", form)
        if kind in ("check", "radio", "list", "combo", "text", "long") or b"/TU" not in title:
            field = self.pdf.add(common + title + entries + b">>")
        else:  # a tooltip is not shown with a drawing
            self.words = {word: holder for word, holder in self.words.items() if word.encode() not in title}
            field = self.pdf.add(common + b"/T%s" % string(name) + entries + b">>")
        self.fields.append(field)
        return field

    def _file(self, holder: str) -> bytes:
        stream = self.pdf.add_stream(f"{self.word(holder)} in a file\n".encode(), b"/Type/EmbeddedFile", is_packed=True)
        name = string(f"file{self.rng.randint(0, 99)}.txt")
        return self.pdf.add(b"<</Type/Filespec/F%s/UF%s/EF<</F %s>>>>" % (name, name, stream))

    def catalogue(self) -> bytes:
        entries = b""
        if self.layers:
            off = b" ".join(layer for layer in self.layers if self.rng.random() < 0.5)
            layers = b" ".join(self.layers)
            entries += b"/OCProperties<</OCGs[%s]/D<</OFF[%s]/Order[%s]>>>>" % (layers, off, layers)
        xfa = b""
        if self.rng.random() < 0.2:
            data = f"<form><name>{self.word('XFA')}</name><row><town>{self.word('XFA')}</town></row></form>"
            packet = f'<xfa:datasets xmlns:xfa="{_DATA}"><xfa:data>{data}</xfa:data></xfa:datasets>'
            xfa = b"/XFA[(datasets) %s]" % self.pdf.add_stream(packet.encode())
        if self.fields or xfa:
            resources = b"/DR<</Font<</F1 %s>>>>" % self.pdf.font
            entries += b"/AcroForm<</Fields[%s]%s%s>>" % (b" ".join(self.fields), resources, xfa)
        names = b"".join(b"(n%d) %s " % (n, self._file("attached file")) for n in range(self.rng.choice([0, 0, 1, 3])))
        if names:
            kid = self.pdf.add(b"<</Names[%s]/Limits[(n0)(n9)]>>" % names)
            entries += b"/Names<</EmbeddedFiles<</Kids[%s]>>>>" % kid
            entries += self.rng.choice([b"", b"/Collection<</View/D>>"])
        return entries


def make(rng: random.Random) -> tuple[bytes, Mapping[str, str]]:
    maker = _Maker(rng)
    for _ in range(rng.randint(1, 4)):
        maker.page()
    data = maker.pdf.to_bytes(maker.catalogue())
    if rng.random() < 0.1:
        writer, file = pypdf.PdfWriter(clone_from=io.BytesIO(data)), io.BytesIO()
        writer.encrypt("", "owner", algorithm="RC4-128")
        writer.write(file)
        data = file.getvalue()
    return data, maker.words
