"""An entity is boxed where the reader found it, and the text beside a page is that of the page."""

import json

import pytest

from ner_tasks.dashboard.page_boxes import describe_page, first_page
from ner_tasks.documents.rendering.page_picture import DrawnPage
from ner_tasks.tagging.answers import parse_answer
from tests.published import answer

TEXT = "Anna paid.\n\nBoris paid.\n\nCarla paid."


def parsed(*entities, text=TEXT):
    line = answer("a.pdf", text)
    line["entities"] = [{"label": "per", "score": 0.9, **entity} for entity in entities]
    return parse_answer(json.dumps(line).encode(), "a test")


def page(text="", n_pages=3, width=612.0, height=792.0):
    return DrawnPage(width, height, n_pages, b"", text)


def entity(word, number, boxes=((10, 20, 30, 40),), text=TEXT):
    start = text.index(word)
    return {"start": start, "end": start + len(word), "page": number, "boxes": [list(box) for box in boxes]}


def test_a_page_has_its_own_entities_with_a_margin_around_each_box():
    content = describe_page(parsed(entity("Anna", 1), entity("Boris", 2)), 2, page(), most=9)
    (boris,) = content.entities
    assert (boris.number, boris.boxes) == (1, [(9, 19, 22, 22)])
    assert (content.n_entities, content.n_boxed) == (1, 1)


def test_a_box_ends_at_the_edge_of_its_page():
    boxes = [(-5, -5, 30, 40), (600, 780, 700, 900)]
    (anna,) = describe_page(parsed(entity("Anna", 1, boxes)), 1, page(), most=9).entities
    assert anna.boxes == [(0, 0, 31, 41), (599, 779, 13, 13)]


@pytest.mark.parametrize(
    "boxes",
    [None, [], "x", [[1, 2, 3]], [[1, 2, 3, "4"]], [[1, 2, 3, None]], [[True, 2, 3, 4]], [[5, 5, 1, 9]],
     [[700, 10, 800, 20]], [[1, 2, 3, 1e400]], [[1, 2, 3, float("nan")]], [[1, 2, 3, 4]] * 61],
)  # fmt: skip
def test_an_entity_whose_boxes_make_no_sense_has_none(boxes):
    content = describe_page(parsed({**entity("Anna", 1), "boxes": boxes}), 1, page(), most=9)
    assert [list(one.boxes) for one in content.entities] == [[]]
    assert (content.n_entities, content.n_boxed) == (1, 0)


@pytest.mark.parametrize("number", [None, 0, -1, "1", 1.0, True])
def test_an_entity_without_a_page_is_on_none(number):
    answered = parsed({**entity("Anna", 1), "page": number})
    assert describe_page(answered, 1, page(), most=9).n_entities == 0
    assert first_page(answered) == 1


def test_the_text_of_a_page_is_the_block_that_holds_its_entities():
    content = describe_page(parsed(entity("Boris", 2)), 2, page("Boris paid."), most=9)
    assert [TEXT[first:last] for first, last in content.stretches] == ["Boris paid."] and content.is_whole


def test_of_two_pages_with_the_same_text_each_has_its_own():
    text = "Anna paid.\n\nAnna paid."
    second = {**entity("Anna", 2, text=text), "start": 12, "end": 16}
    content = describe_page(parsed(entity("Anna", 1, text=text), second, text=text), 2, page("Anna paid.", 2), most=9)
    assert content.stretches == [(12, 22)] and content.is_whole


@pytest.mark.parametrize("given", ["", "paid.", "Boris was paid.", "x" * 20_001])
def test_without_the_text_of_its_page_an_entity_is_shown_in_an_excerpt(given):
    content = describe_page(parsed(entity("Boris", 2)), 2, page(given), most=9)
    assert not content.is_whole
    assert any(first <= TEXT.index("Boris") < last for first, last in content.stretches)


def test_a_page_without_entities_and_without_a_text_of_its_own_shows_none():
    text = "Anna paid.\n\nAnna paid."
    content = describe_page(parsed(text=text), 2, page("Anna paid.", 2), most=9)
    assert content.stretches == [] and not content.is_whole


def test_the_text_of_a_single_page_is_that_of_the_document_unless_it_is_long():
    assert describe_page(parsed(), 1, page("", 1), most=9).stretches == [(0, len(TEXT))]
    assert describe_page(parsed(text="word " * 5_000), 1, page("", 1), most=9).stretches == []


def test_the_nearest_pages_with_entities_are_named():
    answered = parsed(entity("Anna", 1), entity("Boris", 4), entity("Carla", 9))
    found = [describe_page(answered, number, page(n_pages=8), most=9) for number in (1, 2, 4, 6)]
    assert [(one.earlier, one.later) for one in found] == [(None, 4), (1, 4), (1, None), (4, None)]
    assert first_page(parsed(entity("Boris", 4), entity("Carla", 9))) == 4


def test_a_page_of_many_entities_shows_the_first():
    text = "Anna " * 500
    many = [{"start": 5 * n, "end": 5 * n + 4, "page": 1, "boxes": [[1, 2, 3, 4]]} for n in range(500)]
    content = describe_page(parsed(*many, text=text), 1, page(), most=300)
    assert (len(content.entities), content.n_entities, content.n_boxed) == (300, 500, 300)
