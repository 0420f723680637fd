"""Presentations: shapes, tables, charts, notes and comments of each slide are read, and text of its master."""

import io
import zipfile
from typing import Any

import pytest
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE

from ner_tasks.documents import CannotRead, Limits
from ner_tasks.documents.readers.office import pptx
from tests.formats import zipped

OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
SPACES = (
    'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
)
TEXT = "<a:p><a:r><a:t>{}</a:t></a:r></a:p>"


def saved(deck: Any, change=lambda files: files) -> bytes:
    file = io.BytesIO()
    deck.save(file)
    with zipfile.ZipFile(file) as archive:
        return zipped(change({name: archive.read(name) for name in archive.namelist()}))


def deck_of(*titles: str) -> Any:
    deck = Presentation()
    for title in titles:
        deck.slides.add_slide(deck.slide_layouts[5]).shapes.title.text = title
    return deck


def test_a_slide_is_read_with_its_notes_and_each_has_its_place():
    deck = deck_of("One", "Two")
    deck.slides[0].notes_slide.notes_text_frame.text = "A note"
    found = pptx.read(saved(deck), Limits())
    assert found.text == "One\n\nA note\n\nTwo"
    places = [found.sources.locate(at, at + 1)["source"] for at in (0, 5, 13)]
    assert places == ["slide 1", "slide 1 notes", "slide 2"]
    assert found.items.counts["slide"] == {"read": 2}


def test_slides_are_in_presentation_order_including_hidden_ones():
    deck = deck_of("One", "Two", "Three")
    ids = deck.slides._sldIdLst
    ids.insert(0, ids[2])
    deck.slides[1]._element.set("show", "0")
    assert pptx.read(saved(deck), Limits()).text == "Three\n\nOne\n\nTwo"


def test_an_unlisted_slide_is_read():
    deck = deck_of("One", "Two")
    ids = deck.slides._sldIdLst
    ids.remove(ids[0])
    assert pptx.read(saved(deck), Limits()).text == "Two\n\nOne"


def test_boxes_groups_tables_and_charts_are_read():
    deck = deck_of("One")
    shapes = deck.slides[0].shapes
    frame = shapes.add_textbox(0, 0, 1, 1).text_frame
    frame.text = "First\nSecond"
    shapes.add_group_shape().shapes.add_textbox(0, 0, 1, 1).text_frame.text = "In a group"
    table = shapes.add_table(1, 2, 0, 0, 1, 1).table
    table.cell(0, 0).text, table.cell(0, 1).text = "a", "b"
    data = CategoryChartData()
    data.categories = ["East", "West"]
    data.add_series("Claims", (1, 2))
    shapes.add_chart(XL_CHART_TYPE.PIE, 0, 0, 1, 1, data)
    found = pptx.read(saved(deck), Limits())
    assert found.text.split("\n\n") == ["One", "First\nSecond", "In a group", "a\tb", "Claims", "East", "West"]
    assert [part.name for part in found.parts] == ["ppt/embeddings/Microsoft_Excel_Sheet1.xlsx"]


def test_comments_of_both_kinds_and_diagrams_are_read():
    old = f"<p:cmLst {SPACES}><p:cm><p:text>Old comment</p:text></p:cm></p:cmLst>"
    new = f"<q:cmLst xmlns:q='x' {SPACES}><q:cm><q:txBody>{TEXT.format('New comment')}</q:txBody></q:cm></q:cmLst>"
    diagram = f"<d:dataModel xmlns:d='x' {SPACES}><d:pt><d:t>{TEXT.format('Director')}</d:t></d:pt></d:dataModel>"
    parts = {"comments": old, "comment": new, "diagramData": diagram}

    def change(files: dict[str, bytes]) -> dict[str, bytes]:
        related = ""
        for kind, content in parts.items():
            files[f"ppt/more/{kind}.xml"] = content.encode()
            type_ = "comments" if kind == "comment" else kind
            related += f'<Relationship Id="r{kind}" Type="{OFFICE}/{type_}" Target="../more/{kind}.xml"/>'
        rels = "ppt/slides/_rels/slide1.xml.rels"
        return files | {rels: files[rels].replace(b"</Relationships>", related.encode() + b"</Relationships>")}

    found = pptx.read(saved(deck_of("One"), change), Limits())
    assert found.text.split("\n\n") == ["One", "Director", "Old comment", "New comment"]


def test_shown_text_of_a_master_is_read_and_placeholders_ignored():
    shape = f"<p:sp><p:nvSpPr><p:cNvPr id='9' name='x'/><p:nvPr/></p:nvSpPr><p:txBody>{TEXT.format('Keystone')}</p:txBody></p:sp>"
    master = "ppt/slideMasters/slideMaster1.xml"
    change = lambda files: files | {master: files[master].replace(b"</p:spTree>", shape.encode() + b"</p:spTree>")}  # noqa: E731
    found = pptx.read(saved(deck_of("One"), change), Limits())
    assert found.text == "One\n\nKeystone"
    assert found.items.ignored["layout"] > 10


def test_media_and_pictures_are_listed():
    change = lambda files: files | {"ppt/media/a.mp4": b"x", "ppt/media/b.png": b"x"}  # noqa: E731
    found = pptx.read(saved(deck_of("One"), change), Limits())
    assert [line.partition(":")[0] for line in found.items.unread] == ["ppt/media/a.mp4", "ppt/media/b.png"]


def test_a_damaged_slide_does_not_affect_the_others():
    def change(files: dict[str, bytes]) -> dict[str, bytes]:
        name = "ppt/slides/slide1.xml"
        return files | {name: files[name][: files[name].index(b"<p:txBody>") + 10]}

    found = pptx.read(saved(deck_of("One", "Two"), change), Limits())
    assert found.text == "Two"
    assert found.items.unread[0].startswith("ppt/slides/slide1.xml: damaged XML")


def test_a_missing_slide_is_listed():
    change = lambda files: {name: data for name, data in files.items() if name != "ppt/slides/slide1.xml"}  # noqa: E731
    found = pptx.read(saved(deck_of("One", "Two"), change), Limits())
    assert (found.text, found.items.unread) == ("Two", ("slide 1: its part is missing or damaged",))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (saved(Presentation(), lambda files: files | {"ppt/media/a.png": b"x"}), "no-text-layer"),
        (saved(deck_of("One"), lambda files: files | {"ppt/bomb.bin": bytes(3_000_000)}), "too-large"),
        (zipped({"ppt/presentation.xml": b"<other/>"}), "broken"),
        (b"\xd0\xcf\x11\xe0" + bytes(500), "encrypted"),
    ],
    ids=["pictures", "bomb", "other", "old"],
)
def test_a_bad_file_is_rejected_with_its_reason(data, reason):
    with pytest.raises(CannotRead) as caught:
        pptx.read(data, Limits(max_unpacked_bytes=1_000_000))
    assert caught.value.reason == reason


def test_entered_properties_are_the_last_block():
    deck = deck_of("One")
    deck.core_properties.title, deck.core_properties.subject = "PowerPoint Presentation", "Claim of Rosa"
    found = pptx.read(saved(deck), Limits())
    assert found.text == "One\n\nSubject: Claim of Rosa"
    assert found.items.ignored["default-name"] == 2
