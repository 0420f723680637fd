"""Word files with a word in every part and wrapper: raw XML, as Word and other programs write it."""

import io
import random
import struct
import zipfile
from collections.abc import Callable, Mapping

from tests.canaries.words import new_word, office_properties

NAME, SUFFIX = "docx", ".docx"

_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_STRICT_OFFICE = "http://purl.oclc.org/ooxml/officeDocument/relationships"
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_STRICT_WORD = "http://purl.oclc.org/ooxml/wordprocessingml/main"
NAMESPACES = " ".join(
    f'xmlns:{prefix}="{uri}"'
    for prefix, uri in {
        "w": _WORD,
        "r": _OFFICE,
        "a": "http://schemas.openxmlformats.org/drawingml/2006/main",
        "c": "http://schemas.openxmlformats.org/drawingml/2006/chart",
        "dgm": "http://schemas.openxmlformats.org/drawingml/2006/diagram",
        "m": "http://schemas.openxmlformats.org/officeDocument/2006/math",
        "mc": "http://schemas.openxmlformats.org/markup-compatibility/2006",
        "wp": "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing",
        "wps": "http://schemas.microsoft.com/office/word/2010/wordprocessingShape",
        "w14": "http://schemas.microsoft.com/office/word/2010/wordml",
        "v": "urn:schemas-microsoft-com:vml",
    }.items()
)
# Around runs: all of them show what is in them.
_AROUND_RUNS = (
    "{}",
    '<w:ins w:id="1" w:author="a">{}</w:ins>',
    '<w:moveTo w:id="2" w:author="a">{}</w:moveTo>',
    '<w:hyperlink r:id="rIdNone">{}</w:hyperlink>',
    "<w:sdt><w:sdtPr><w:alias w:val='x'/></w:sdtPr><w:sdtContent>{}</w:sdtContent></w:sdt>",
    "<w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent>{}</w:sdtContent></w:sdt>",
    '<w:smartTag w:element="x"><w:smartTagPr/>{}</w:smartTag>',
    '<w:customXml w:element="x"><w:customXmlPr/>{}</w:customXml>',
    '<w:fldSimple w:instr=" MERGEFIELD x ">{}</w:fldSimple>',
    '<w:dir w:val="rtl">{}</w:dir>',
    "<mc:AlternateContent><mc:Choice Requires='w14'>{}</mc:Choice></mc:AlternateContent>",
    "<mc:AlternateContent><mc:Choice Requires='x'/><mc:Fallback>{}</mc:Fallback></mc:AlternateContent>",
)
_MARK = '<w:r><w:fldChar w:fldCharType="{}"/></w:r>'
_APART = ("<w:tab/>", "<w:br/>", "<w:cr/>", '<w:ptab w:alignment="right"/>', '<w:t xml:space="preserve"> </w:t>')


class _Maker:
    def __init__(self, rng: random.Random):
        self.rng, self.words = rng, {}
        self.parts: dict[str, bytes] = {}
        self.relations: list[str] = []

    def word(self, holder: str) -> str:
        word = new_word(self.rng)
        self.words[word] = holder
        return word

    def run(self, holder: str) -> str:
        """A run with a word, which may be split over several."""
        word, properties = (
            self.word(holder),
            self.rng.choice(["", "<w:rPr><w:vanish/></w:rPr>", "<w:rPr><w:b/></w:rPr>"]),
        )
        at = self.rng.randint(0, len(word))
        pieces = [word] if self.rng.random() < 0.6 else [word[:at], word[at:]]
        text = "".join(f"<w:r>{properties}<w:t>{piece}</w:t><w:lastRenderedPageBreak/></w:r>" for piece in pieces)
        for _ in range(self.rng.randint(0, 2)):
            text = self.rng.choice(_AROUND_RUNS).format(text)
        return text

    def inline(self, depth: int) -> str:
        kinds: list[Callable[[int], str]] = [self._plain] * 4 + [
            *(self._field, self._form_list, self._ruby, self._formula, self._box, self._old_box, self._picture),
            *(self._word_art, self._button, self._deleted, self._note_mark, self._nested_field),
        ]
        return self.rng.choice(kinds)(depth)

    def _plain(self, _depth: int) -> str:
        return self.run("body")

    def _field(self, _depth: int) -> str:
        code = '<w:r><w:instrText xml:space="preserve"> REF x </w:instrText></w:r>'
        return _MARK.format("begin") + code + _MARK.format("separate") + self.run("field") + _MARK.format("end")

    def _nested_field(self, _depth: int) -> str:
        inner = _MARK.format("begin") + "<w:r><w:instrText>X</w:instrText></w:r>" + _MARK.format("separate")
        inner += "<w:r><w:t>code</w:t></w:r>" + _MARK.format("end")
        outer = _MARK.format("begin") + "<w:r><w:instrText>IF</w:instrText></w:r>" + inner + _MARK.format("separate")
        return outer + self.run("nested field") + _MARK.format("end")

    def _form_list(self, _depth: int) -> str:
        listed = f'<w:listEntry w:val="other"/><w:listEntry w:val="{self.word("list")}"/>'
        form = f'<w:ffData><w:ddList><w:result w:val="1"/>{listed}</w:ddList></w:ffData>'
        begin = f'<w:r><w:fldChar w:fldCharType="begin">{form}</w:fldChar></w:r>'
        return begin + "<w:r><w:instrText>FORMDROPDOWN</w:instrText></w:r>" + _MARK.format("end")

    def _button(self, _depth: int) -> str:
        code = f"<w:r><w:instrText>MACROBUTTON NoMacro {self.word('button')}</w:instrText></w:r>"
        return _MARK.format("begin") + code + _MARK.format("end")

    def _ruby(self, _depth: int) -> str:
        above = f"<w:rt><w:r><w:t>{self.word('ruby')}</w:t></w:r></w:rt>"
        return f"<w:r><w:ruby><w:rubyPr/>{above}<w:rubyBase>{self.run('ruby base')}</w:rubyBase></w:ruby></w:r>"

    def _formula(self, _depth: int) -> str:
        above, below = (f"<m:r><m:t>{self.word('formula')}</m:t></m:r>" for _ in range(2))
        return f"<m:oMath><m:f><m:num>{above}</m:num><m:den>{below}</m:den></m:f></m:oMath>"

    def _box(self, depth: int) -> str:
        content = self.blocks(depth + 1)
        new = (
            f'<w:drawing><wp:inline><wp:docPr id="1" name="x"/><a:graphic><a:graphicData><wps:wsp><wps:txbx>'
            f"<w:txbxContent>{content}</w:txbxContent></wps:txbx></wps:wsp></a:graphicData></a:graphic></wp:inline></w:drawing>"
        )
        old = f"<w:pict><v:shape><v:textbox><w:txbxContent>{content}</w:txbxContent></v:textbox></v:shape></w:pict>"
        forms = f'<mc:Choice Requires="wps">{new}</mc:Choice><mc:Fallback>{old}</mc:Fallback>'
        return f"<w:r><mc:AlternateContent>{forms}</mc:AlternateContent></w:r>"

    def _old_box(self, depth: int) -> str:
        content = f"<w:txbxContent>{self.blocks(depth + 1)}</w:txbxContent>"
        return f"<w:r><w:pict><v:rect><v:textbox>{content}</v:textbox></v:rect></w:pict></w:r>"

    def _word_art(self, _depth: int) -> str:
        return f'<w:r><w:pict><v:shape><v:textpath string="{self.word("word art")}"/></v:shape></w:pict></w:r>'

    def _picture(self, _depth: int) -> str:
        described = f'<wp:docPr id="1" name="x" descr="{self.word("alt text")}"/>'
        return f"<w:r><w:drawing><wp:inline>{described}</wp:inline></w:drawing></w:r>"

    def _deleted(self, _depth: int) -> str:
        return '<w:del w:id="1"><w:r><w:delText>gone</w:delText></w:r></w:del><w:moveFrom w:id="2"><w:r><w:t>moved</w:t></w:r></w:moveFrom>'

    def _note_mark(self, _depth: int) -> str:
        return '<w:r><w:footnoteReference w:id="2"/></w:r>'

    def paragraph(self, depth: int) -> str:
        apart = f"<w:r>{self.rng.choice(_APART)}</w:r>"
        runs = apart.join(self.inline(depth) for _ in range(self.rng.randint(1, 4)))
        joined = '<w:pPr><w:rPr><w:del w:id="1"/></w:rPr></w:pPr>' if self.rng.random() < 0.1 else ""
        return f"<w:p>{joined}{runs}{apart if joined else ''}</w:p>"

    def table(self, depth: int) -> str:
        rows = []
        for _ in range(self.rng.randint(1, 3)):
            cells = [f"<w:tc><w:tcPr/>{self.blocks(depth + 1)}<w:p/></w:tc>" for _ in range(self.rng.randint(1, 3))]
            if self.rng.random() < 0.2:
                cells[-1] = f"<w:sdt><w:sdtContent>{cells[-1]}</w:sdtContent></w:sdt>"
            rows.append(f"<w:tr>{''.join(cells)}</w:tr>")
        return f"<w:tbl><w:tblPr/><w:tblGrid/>{''.join(rows)}</w:tbl>"

    def blocks(self, depth: int = 0) -> str:
        made = []
        for _ in range(self.rng.randint(1, 4 if depth == 0 else 2)):
            kind = self.rng.random()
            block = self.table(depth) if kind < 0.2 and depth < 3 else self.paragraph(min(depth, 3) if depth < 3 else 9)
            if kind > 0.9:
                block = f"<w:sdt><w:sdtPr/><w:sdtContent>{block}</w:sdtContent></w:sdt>"
            made.append(block)
        return "".join(made)

    def part(self, name: str, kind: str, content: str | bytes, *, is_related: bool = True) -> str:
        data = content.encode(self.rng.choice(["utf-8", "utf-8", "utf-16"])) if isinstance(content, str) else content
        self.parts[f"word/{name}"] = data
        id_ = f"rId{len(self.relations) + 1}"
        if is_related:
            target = self.rng.choice([name, f"/word/{name}", f"../word/{name}"])
            self.relations.append(f'<Relationship Id="{id_}" Type="{_OFFICE}/{kind}" Target="{target}"/>')
        return id_


def _inline_limit(maker: _Maker) -> None:
    """Boxes nest at most so deep."""
    inline = maker.inline
    maker.inline = lambda depth: maker.run("deep") if depth > 3 else inline(depth)  # type: ignore[method-assign]


def make(rng: random.Random) -> tuple[bytes, Mapping[str, str]]:
    maker = _Maker(rng)
    _inline_limit(maker)
    body = maker.blocks()
    if rng.random() < 0.3:
        body += f"<m:oMathPara><m:oMath><m:r><m:t>{maker.word('formula between')}</m:t></m:r></m:oMath></m:oMathPara>"
    body += _chunk(maker) if rng.random() < 0.3 else ""
    for name, root in (
        ("header1", "hdr"),
        ("footer1", "ftr"),
        ("footnotes", "footnotes"),
        ("endnotes", "endnotes"),
        ("comments", "comments"),
    ):
        if rng.random() < 0.5:
            note = {"footnotes": "footnote", "endnotes": "endnote", "comments": "comment"}.get(root)
            content = maker.blocks(2)
            content = f'<w:{note} w:id="2">{content}</w:{note}>' if note else content
            maker.part(f"{name}.xml", root, f"<w:{root} {NAMESPACES}>{content}</w:{root}>")
    _drawings(maker)
    _files(maker)
    if rng.random() < 0.2:
        maker.parts["customXml/item1.xml"] = f"<claim><who>{maker.word('customXml/item1.xml')}</who></claim>".encode()
    properties = office_properties(rng, maker.word)
    maker.parts |= {name: text.encode() for name, text in properties.items()}
    return _packed(maker, body), maker.words


def _chunk(maker: _Maker) -> str:
    word = maker.word("chunk")
    name, content = maker.rng.choice([("chunk.html", f"<html><body><p>{word}</p></body></html>"), ("chunk.txt", word)])
    return f'<w:altChunk r:id="{maker.part(name, "aFChunk", content.encode())}"/>'


def _drawings(maker: _Maker) -> None:
    rng = maker.rng
    if rng.random() < 0.3:
        points = "".join(
            f"<dgm:pt><dgm:t><a:p><a:r><a:t>{maker.word('diagram')}</a:t></a:r></a:p></dgm:t></dgm:pt>" for _ in "ab"
        )
        maker.part(
            "diagrams/data1.xml",
            "diagramData",
            f"<dgm:dataModel {NAMESPACES}><dgm:ptLst>{points}</dgm:ptLst></dgm:dataModel>",
        )
    if rng.random() < 0.3:
        title = f"<c:title><c:tx><c:rich><a:bodyPr/><a:p><a:r><a:t>{maker.word('title')}</a:t></a:r></a:p></c:rich></c:tx></c:title>"
        labels = "".join(f'<c:pt idx="0"><c:v>{maker.word("label")}</c:v></c:pt>' for _ in "abc")
        series = f"<c:ser><c:cat><c:strRef><c:f>A1</c:f><c:strCache>{labels}</c:strCache></c:strRef></c:cat></c:ser>"
        maker.part(
            "charts/chart1.xml",
            "chart",
            f"<c:chartSpace {NAMESPACES}><c:chart>{title}<c:plotArea>{series}</c:plotArea></c:chart></c:chartSpace>",
        )


def _files(maker: _Maker) -> None:
    rng = maker.rng
    if rng.random() < 0.3:
        maker.words[new_word(rng)] = "word/media/image1.png"  # a word that no reader without OCR could find
        maker.part(
            "media/image1.png", "image", b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 600, 400) + bytes(9)
        )
    if rng.random() < 0.2:
        maker.part("embeddings/note.txt", "package", maker.word("embedded").encode())
    if rng.random() < 0.2:
        native = (
            b"\2\0bill.txt\0C:\\bill.txt\0\0\0\3\0\4\0\0\0tmp\0" + struct.pack("<I", 10) + maker.word("object").encode()
        )
        maker.part("embeddings/oleObject1.bin", "oleObject", struct.pack("<I", len(native)) + native)


def _packed(maker: _Maker, body: str) -> bytes:
    rng = maker.rng
    is_strict = rng.random() < 0.2
    main = rng.choice(["document.xml", "document.xml", "document2.xml"])
    document = f"<w:document {NAMESPACES}><w:body>{body}<w:sectPr/></w:body></w:document>"
    names = list(maker.parts)
    rng.shuffle(names)
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    relations = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    types = f'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/word/{main}" ContentType="{kind}"/></Types>'
    office = f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="word/{main}"/>'
    maker.relations.append(f'<Relationship Id="rIdX" Type="{_OFFICE}/image" Target="NULL"/>')
    files = {
        "[Content_Types].xml": types,
        "_rels/.rels": relations.format(office),
        f"word/{main}": head + document,
        f"word/_rels/{main}.rels": relations.format("".join(maker.relations)),
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            strict = text.replace(_WORD, _STRICT_WORD).replace(_OFFICE, _STRICT_OFFICE)
            archive.writestr(name, strict if is_strict else text)
        for name in names:
            archive.writestr(name, maker.parts[name])
    return file.getvalue()
