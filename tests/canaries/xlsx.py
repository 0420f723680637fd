"""Workbooks with a word in every kind of cell and in what hangs on cells: raw XML, and as xlsxwriter writes it."""

import io
import random
import zipfile
from collections.abc import Mapping

import xlsxwriter

from tests.canaries.words import new_word, office_properties

NAME, SUFFIX = "xlsx", ".xlsx"

_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_STRICT_OFFICE = "http://purl.oclc.org/ooxml/officeDocument/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_STRICT_MAIN = "http://purl.oclc.org/ooxml/spreadsheetml/main"
_RELATIONS = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
_DRAWING = 'xmlns:xdr="http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'


class _Maker:
    def __init__(self, rng: random.Random):
        self.rng, self.words = rng, {}
        self.strings: list[str] = []

    def word(self, holder: str) -> str:
        word = new_word(self.rng)
        self.words[word] = holder
        return word

    def text(self, holder: str) -> str:
        """A word as the content of a string: in one or more pieces, with escapes or with furigana around it."""
        word = self.word(holder)
        at = self.rng.randint(1, len(word) - 1)
        return self.rng.choice(
            [
                f"<t>{word}</t>",
                f'<t xml:space="preserve"> {word}_x000D_&#10;</t>',
                f"<t>{word[:at]}_x{ord(word[at]):04X}_{word[at + 1 :]}</t>",
                f"<r><rPr><b/></rPr><t>{word[:at]}</t></r><r><t>{word[at:]}</t></r>",
                f'<t>{word}</t><rPh sb="0" eb="1"><t>spoken</t></rPh><phoneticPr fontId="1"/>',
            ]
        )

    def cell(self, place: str) -> str:
        kind = self.rng.choice(["inlineStr", "s", "str", "e"])
        if kind == "inlineStr":
            return f'<c {place} t="inlineStr"><is>{self.text("inline")}</is></c>'
        if kind == "s":
            self.strings.append(f"<si>{self.text('shared')}</si>")
            return f'<c {place} t="s"><v>{len(self.strings) - 1}</v></c>'
        if kind == "str":
            return f'<c {place} t="str"><f>A1&amp;B1</f><v>{self.word("formula")}</v></c>'
        return f'<c {place} t="e"><v>#N/A</v></c>'

    def sheet(self) -> str:
        rows = []
        has_places = self.rng.random() < 0.7
        for number in sorted(self.rng.sample(range(1, self.rng.choice([10, 1_048_576])), self.rng.randint(1, 6))):
            columns = sorted(self.rng.sample(range(1, self.rng.choice([8, 26])), self.rng.randint(1, 4)))
            cells = "".join(self.cell(f'r="{chr(64 + column)}{number}"' if has_places else "") for column in columns)
            place = f' r="{number}"' if has_places else ""
            rows.append(f"<row{place}>{cells}</row>")
        margins = ""
        if self.rng.random() < 0.3:
            header = f"&amp;C&amp;&quot;Arial,Bold&quot;{self.word('header')}&amp;R{self.word('header')}"
            margins = f"<headerFooter><oddHeader>{header}</oddHeader></headerFooter>"
        return f'<worksheet xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheetData>{"".join(rows)}</sheetData>{margins}</worksheet>'


def make(rng: random.Random) -> tuple[bytes, Mapping[str, str]]:
    return _written(rng) if rng.random() < 0.2 else _raw(rng)


def _raw(rng: random.Random) -> tuple[bytes, Mapping[str, str]]:
    maker = _Maker(rng)
    files: dict[str, str] = {}
    listed, related = [], []
    for number in range(1, rng.randint(2, 4)):
        files[f"xl/worksheets/sheet{number}.xml"] = maker.sheet()
        state = rng.choice(["", ' state="hidden"', ' state="veryHidden"'])
        name = f"Sheet{number}" if rng.random() < 0.3 else maker.word("name of a sheet")
        listed.append(f'<sheet name="{name}" sheetId="{number}"{state} r:id="rId{number}"/>')
        target = rng.choice([f"worksheets/sheet{number}.xml", f"/xl/worksheets/sheet{number}.xml"])
        related.append(f'<Relationship Id="rId{number}" Type="{_OFFICE}/worksheet" Target="{target}"/>')
        own = _remarks(maker, files, number)
        files[f"xl/worksheets/_rels/sheet{number}.xml.rels"] = _RELATIONS.format(own)
    related.append(f'<Relationship Id="rIdS" Type="{_OFFICE}/sharedStrings" Target="sharedStrings.xml"/>')
    files["xl/sharedStrings.xml"] = f'<sst xmlns="{_MAIN}">{"".join(maker.strings)}</sst>'
    files["xl/workbook.xml"] = (
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{"".join(listed)}</sheets></workbook>'
    )
    files["xl/_rels/workbook.xml.rels"] = _RELATIONS.format("".join(related))
    office = f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
    files["_rels/.rels"] = _RELATIONS.format(office)
    files["[Content_Types].xml"] = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
    if rng.random() < 0.2:
        files["xl/media/image1.png"] = "no picture"
        maker.words[new_word(rng)] = "xl/media/image1.png"
    if rng.random() < 0.2:
        files["xl/embeddings/note.txt"] = maker.word("embedded")
    files |= office_properties(rng, maker.word)
    return _packed(files, is_strict=rng.random() < 0.2), maker.words


def _remarks(maker: _Maker, files: dict[str, str], number: int) -> str:
    related = []
    if maker.rng.random() < 0.4:
        comments = "".join(f'<comment ref="A{n}"><text>{maker.text("comment")}</text></comment>' for n in range(1, 3))
        files[f"xl/comments{number}.xml"] = (
            f'<comments xmlns="{_MAIN}"><commentList>{comments}</commentList></comments>'
        )
        related.append(("comments", f"../comments{number}.xml"))
    if maker.rng.random() < 0.3:
        thread = f'<threadedComment ref="B1"><text>{maker.word("thread")}</text></threadedComment>'
        files[f"xl/threadedComments/t{number}.xml"] = f"<ThreadedComments xmlns='x'>{thread}</ThreadedComments>"
        related.append(("threadedComment", f"../threadedComments/t{number}.xml"))
    if maker.rng.random() < 0.4:
        texts = "".join(f"<a:p><a:r><a:t>{maker.word('box')}</a:t></a:r></a:p>" for _ in "ab")
        shape = f"<xdr:sp><xdr:txBody><a:bodyPr/>{texts}</xdr:txBody></xdr:sp>"
        files[f"xl/drawings/drawing{number}.xml"] = (
            f"<xdr:wsDr {_DRAWING}><xdr:twoCellAnchor>{shape}</xdr:twoCellAnchor></xdr:wsDr>"
        )
        related.append(("drawing", f"../drawings/drawing{number}.xml"))
    return "".join(
        f'<Relationship Id="r{n}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(related)
    )


def _packed(files: dict[str, str], *, is_strict: bool) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            strict = text.replace(_MAIN, _STRICT_MAIN).replace(_OFFICE, _STRICT_OFFICE)
            archive.writestr(name, strict if is_strict else text)
    return file.getvalue()


def _written(rng: random.Random) -> tuple[bytes, Mapping[str, str]]:
    maker, file = _Maker(rng), io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    sheet = book.add_worksheet("Claims")
    for row in range(rng.randint(1, 8)):
        sheet.write_string(row, rng.randint(0, 5), maker.word("cell"))
    sheet.write_comment("B2", maker.word("comment"))
    sheet.insert_textbox("D4", maker.word("text box"), {"description": maker.word("alt text")})
    sheet.write_formula("H1", '="x"', None, maker.word("formula"))
    sheet.set_header(f"&L{maker.word('header')}&R&P")
    sheet.insert_chart("D9", _chart(book, maker))
    hidden = book.add_worksheet(maker.word("name of a sheet"))
    book.add_worksheet(maker.word("name of an empty sheet"))
    book.add_chartsheet(maker.word("name of a chart sheet")).set_chart(_chart(book, maker))
    book.set_properties(
        {"title": maker.word("title"), "comments": maker.word("comments"), "category": maker.word("category")}
    )
    book.set_custom_property(maker.word("name of a property"), maker.word("custom property"))
    hidden.write_rich_string("A1", book.add_format({"bold": True}), maker.word("rich"), " and ", maker.word("plain"))
    hidden.hide()
    book.close()
    return file.getvalue(), maker.words


def _chart(book: xlsxwriter.Workbook, maker: _Maker) -> xlsxwriter.chart.Chart:
    chart = book.add_chart({"type": "column"})
    chart.add_series({"values": "=Claims!$A$1:$A$3", "name": maker.word("series")})
    chart.set_title({"name": maker.word("chart title")})
    return chart
