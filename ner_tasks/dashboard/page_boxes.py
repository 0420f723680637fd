"""Which entities are on a page of a document, where on it, and which part of the text is the page's.

The answer has page and boxes of each entity as the reader found them. They hold for a file of the same bytes, which
`PagePictures` makes sure of, so nothing is recognised or matched again.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ner_tasks import display
from ner_tasks.documents.rendering.page_picture import DrawnPage
from ner_tasks.tagging.answers import Answer

MAX_BOXES = 60  # of one entity: lines that it goes over
WHOLE_CHARACTERS = 20_000  # of a page's text; longer ones are shown as excerpts around the entities
_PAD = 1.0  # points between a word and the edge of its box
_BLANK = "\n\n"  # between two pages of a text

Rectangle = tuple[float, float, float, float]


@dataclass(frozen=True)
class PageEntity:
    """An entity on a page.

    Attributes:
        number: number of the entity in the document, from 0.
        entity: the entity, as in the answer.
        boxes: left, top, width, height in points, one for each line; empty if not available.
    """

    number: int
    entity: Mapping[str, Any]
    boxes: Sequence[Rectangle]


@dataclass(frozen=True)
class PageContent:
    """What is shown of a page.

    Attributes:
        entities: entities on the page in text order.
        n_entities: number of all entities on the page.
        n_boxed: number of those shown that have a box.
        stretches: `[start, end)` of the text shown beside the page, in characters.
        is_whole: whether that is the whole text of the page, and not excerpts around its entities.
        earlier, later: the nearest pages before and after it with an entity; None if there is none.
    """

    entities: Sequence[PageEntity]
    n_entities: int
    n_boxed: int
    stretches: Sequence[tuple[int, int]]
    is_whole: bool
    earlier: int | None
    later: int | None


def describe_page(answer: Answer, number: int, drawn: DrawnPage, *, most: int) -> PageContent:
    """Describe a page.

    Args:
        answer: the document's answer, with its text.
        number: page number, from 1.
        drawn: the page as it was drawn from the same file.
        most: maximum number of entities.
    """
    assert answer.text is not None
    pages = [_page_of(entity) for entity in answer.entities]
    here = [index for index, page in enumerate(pages) if page == number]
    listed = [(index, answer.entities[index]) for index in here[:most]]
    shown = [PageEntity(index, entity, _find_boxes(entity, drawn)) for index, entity in listed]
    whole = _find_text(answer, [entity for _, entity in listed], drawn)
    excerpts = display.find_stretches(answer.text, [entity for _, entity in listed], most=most) if listed else []
    return PageContent(
        shown,
        len(here),
        sum(bool(one.boxes) for one in shown),
        [whole] if whole else excerpts,
        whole is not None,
        max((page for page in pages if page and page < number), default=None),
        min((page for page in pages if page and number < page <= drawn.n_pages), default=None),
    )


def first_page(answer: Answer) -> int:
    """Return the page of the first entity that has one, else 1."""
    return next((page for page in map(_page_of, answer.entities) if page), 1)


def _page_of(entity: Mapping[str, Any]) -> int | None:
    page = entity.get("page")
    return page if type(page) is int and page > 0 else None


def _find_boxes(entity: Mapping[str, Any], drawn: DrawnPage) -> Sequence[Rectangle]:
    """Return the boxes of an entity, cut at the edges of the page; none if one of them is not a box on it."""
    boxes = entity.get("boxes")
    if not isinstance(boxes, list) or len(boxes) > MAX_BOXES:
        return ()
    found = []
    for box in boxes:
        if not isinstance(box, list) or len(box) != 4 or not all(_is_finite(edge) for edge in box):
            return ()
        left, top = max(box[0] - _PAD, 0.0), max(box[1] - _PAD, 0.0)
        width, height = min(box[2] + _PAD, drawn.width) - left, min(box[3] + _PAD, drawn.height) - top
        if width <= 0 or height <= 0:
            return ()
        found.append((left, top, width, height))
    return found


def _is_finite(edge: Any) -> bool:
    return type(edge) in (int, float) and math.isfinite(edge)


def _find_text(answer: Answer, entities: Sequence[Mapping[str, Any]], drawn: DrawnPage) -> tuple[int, int] | None:
    """Return the characters `[start, end)` of the page's text in the document's; None if that is unclear or too long."""
    assert answer.text is not None
    text = answer.text
    if drawn.n_pages == 1:
        return (0, len(text)) if len(text) <= WHOLE_CHARACTERS else None
    n = len(drawn.text)
    if not 0 < n <= WHOLE_CHARACTERS:
        return None
    places, at = list[int](), text.find(drawn.text)
    while at >= 0 and len(places) < 1_000:
        if _is_block(text, at, at + n):
            places.append(at)
        at = text.find(drawn.text, at + n)
    if entities:
        places = [at for at in places if all(at <= one["start"] and one["end"] <= at + n for one in entities)]
    return (places[0], places[0] + n) if len(places) == 1 else None


def _is_block(text: str, start: int, end: int) -> bool:
    """Whether a stretch of a text is a whole block: pages are separated by a blank line."""
    return (start == 0 or text.startswith(_BLANK, start - 2)) and (end == len(text) or text.startswith(_BLANK, end))
