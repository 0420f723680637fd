"""Presentations with a word in every shape, table, chart, note and comment: as python-pptx writes them, and raw parts."""

import io
import random
import zipfile
from collections.abc import Mapping
from typing import Any

from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from tests.canaries.words import new_word, office_properties

NAME, SUFFIX = "pptx", ".pptx"

_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_SLIDE = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'


class _Maker:
    def __init__(self, rng: random.Random):
        self.rng, self.words = rng, {}

    def word(self, holder: str) -> str:
        word = new_word(self.rng)
        self.words[word] = holder
        return word


def make(rng: random.Random) -> tuple[bytes, Mapping[str, str]]:
    maker = _Maker(rng)
    deck = Presentation()
    for _ in range(rng.randint(1, 3)):
        slide = deck.slides.add_slide(deck.slide_layouts[rng.choice([1, 5, 6])])
        _box(maker, slide)
        for _ in range(rng.randint(0, 2)):
            rng.choice([_box, _table, _group, _title, _notes])(maker, slide)
        if rng.random() < 0.1:
            _chart(maker, slide)
        if rng.random() < 0.2:
            slide._element.set("show", "0")
    file = io.BytesIO()
    deck.save(file)
    return _with_parts(maker, file.getvalue()), maker.words


def _box(maker: _Maker, shapes: Any) -> None:
    shapes = getattr(shapes, "shapes", shapes)
    frame = shapes.add_textbox(0, 0, Inches(2), Inches(1)).text_frame
    frame.text = maker.word("box")
    run = frame.add_paragraph().add_run()
    word = maker.word("run")
    run.text = word[:4]
    frame.paragraphs[1].add_run().text = word[4:] + maker.rng.choice(["\v", "\t", " "]) + maker.word("after a break")


def _table(maker: _Maker, slide: Any) -> None:
    table = slide.shapes.add_table(2, 2, 0, 0, Inches(2), Inches(1)).table
    for row in range(2):
        for column in range(2):
            table.cell(row, column).text = maker.word("cell")
    if maker.rng.random() < 0.3:
        table.cell(0, 0).merge(table.cell(0, 1))


def _group(maker: _Maker, slide: Any) -> None:
    group = slide.shapes.add_group_shape()
    _box(maker, group)
    group.shapes.add_group_shape().shapes.add_textbox(0, 0, 1, 1).text_frame.text = maker.word("group in a group")


def _title(maker: _Maker, slide: Any) -> None:
    for shape in [shape for shape in slide.placeholders if not shape.text_frame.text][:1]:
        shape.text_frame.text = maker.word("placeholder")
        shape.element.nvSpPr.cNvPr.set("descr", maker.word("alt text"))


def _notes(maker: _Maker, slide: Any) -> None:
    if not slide.has_notes_slide:
        slide.notes_slide.notes_text_frame.text = maker.word("notes")


def _chart(maker: _Maker, slide: Any) -> None:
    data = CategoryChartData()
    data.categories = [maker.word("category"), maker.word("category")]
    data.add_series(maker.word("series"), (1, 2))
    chart = slide.shapes.add_chart(XL_CHART_TYPE.PIE, 0, 0, Inches(2), Inches(2), data).chart
    chart.has_title = True
    chart.chart_title.text_frame.text = maker.word("title")


def _with_parts(maker: _Maker, data: bytes) -> bytes:
    """What python-pptx does not write: comments of both kinds, diagrams, text of a master, files inside."""
    with zipfile.ZipFile(io.BytesIO(data)) as source:
        files = {name: source.read(name) for name in source.namelist()}
    related = []
    if maker.rng.random() < 0.4:
        comment = f'<p:cm authorId="0"><p:text>{maker.word("comment")}</p:text></p:cm>'
        files["ppt/comments/comment1.xml"] = f"<p:cmLst {_SLIDE}>{comment}</p:cmLst>".encode()
        related.append(("comments", "../comments/comment1.xml"))
    if maker.rng.random() < 0.4:
        body = f"<q:txBody><a:bodyPr/><a:p><a:r><a:t>{maker.word('thread')}</a:t></a:r></a:p></q:txBody>"
        space = 'xmlns:q="http://schemas.microsoft.com/office/powerpoint/2018/8/main"'
        files["ppt/comments/modern.xml"] = f"<q:cmLst {space} {_SLIDE}><q:cm>{body}</q:cm></q:cmLst>".encode()
        related.append(("comments", "../comments/modern.xml"))
    if maker.rng.random() < 0.4:
        point = f"<d:pt><d:t><a:p><a:r><a:t>{maker.word('diagram')}</a:t></a:r></a:p></d:t></d:pt>"
        space = 'xmlns:d="http://schemas.openxmlformats.org/drawingml/2006/diagram"'
        files["ppt/diagrams/data1.xml"] = (
            f"<d:dataModel {space} {_SLIDE}><d:ptLst>{point}</d:ptLst></d:dataModel>".encode()
        )
        related.append(("diagramData", "../diagrams/data1.xml"))
    if maker.rng.random() < 0.4:
        shape = f"<p:sp><p:nvSpPr><p:cNvPr id='99' name='x'/><p:nvPr/></p:nvSpPr><p:txBody><a:p><a:r><a:t>{maker.word('master')}</a:t></a:r></a:p></p:txBody></p:sp>"
        master = "ppt/slideMasters/slideMaster1.xml"
        files[master] = files[master].replace(b"</p:spTree>", shape.encode() + b"</p:spTree>")
    if maker.rng.random() < 0.3:
        files["ppt/embeddings/note.txt"] = maker.word("embedded").encode()
    if maker.rng.random() < 0.3:
        files["ppt/media/media1.mp4"] = b"no film"
        maker.words[new_word(maker.rng)] = "ppt/media/media1.mp4"
    files |= {name: text.encode() for name, text in office_properties(maker.rng, maker.word).items()}
    rels = "ppt/slides/_rels/slide1.xml.rels"
    more = "".join(
        f'<Relationship Id="rX{n}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(related)
    )
    files[rels] = files[rels].replace(b"</Relationships>", more.encode() + b"</Relationships>")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()
