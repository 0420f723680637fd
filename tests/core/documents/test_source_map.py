"""Source maps locate the characters of a document: pages with boxes, cells, parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_tasks.documents.source_map import MAX_RUNS, SourceMap
from ner_tasks.documents.types import ExtractBuilder


def page() -> SourceMap:
    """Two lines `Rosa Delgado` and `of Tampa`, then a second page."""
    found = SourceMap()
    found.add_run(0, 1)
    for start, end, box in [
        (0, 4, (10, 20, 30, 32)),
        (5, 12, (34, 20, 70, 33)),
        (13, 15, (10, 40, 20, 52)),
        (16, 21, (24, 40, 50, 52)),
    ]:
        found.add_box(start, end, box)
    found.add_run(23, 2)
    found.add_box(23, 28, (1, 2, 3, 4), 91)
    return found


def test_an_entity_on_one_line_has_one_box_around_its_words():
    assert page().locate(0, 12) == {"page": 1, "boxes": [[10, 20, 70, 33]]}


def test_an_entity_over_a_line_end_has_a_box_on_each_line():
    assert page().locate(5, 15) == {"page": 1, "boxes": [[34, 20, 70, 33], [10, 40, 20, 52]]}


def test_an_entity_on_two_pages_is_shown_on_the_first():
    assert page().locate(16, 28) == {"page": 1, "boxes": [[24, 40, 50, 52]]}


def test_a_recognised_word_has_a_confidence():
    assert page().locate(23, 28) == {"page": 2, "boxes": [[1, 2, 3, 4]], "ocr_confidence": 91}


def test_text_with_a_label_has_a_source_and_text_without_a_place_has_none():
    found = SourceMap()
    found.add_run(3, "Claims!B7")
    found.add_run(9, "")
    assert found.locate(0, 2) == {}
    assert found.locate(4, 8) == {"source": "Claims!B7"}
    assert found.locate(10, 11) == {}


def test_runs_beyond_the_bound_keep_the_last_label():
    found = SourceMap()
    for number in range(MAX_RUNS + 10):
        found.add_run(number, f"A{number}")
    assert len(found.places) == MAX_RUNS
    assert found.locate(MAX_RUNS + 5, MAX_RUNS + 6) == {"source": f"A{MAX_RUNS - 1}"}


@given(
    runs=st.lists(st.tuples(st.integers(0, 99), st.one_of(st.integers(1, 9), st.text(max_size=5))), max_size=9),
    n_boxes=st.integers(0, 9),
)
def test_a_map_comes_through_the_pipe_as_it_went_in(runs, n_boxes):
    found = SourceMap()
    for start, place in sorted(runs, key=lambda run: run[0]):
        found.add_run(start, place)
    for number in range(n_boxes):
        found.add_box(2 * number, 2 * number + 1, (number, 1.5, number + 1, 3.0), number)
    assert SourceMap.from_bytes(found.to_bytes()) == found


def test_a_map_that_was_cut_off_is_refused():
    with pytest.raises(ValueError, match="source map"):
        SourceMap.from_bytes(page().to_bytes()[:-3])


def test_blocks_are_separated_and_have_a_source():
    builder = ExtractBuilder()
    builder.block("Claim", "Claims!A1")
    builder.block("  \n ", "Claims!B1")
    at = builder.block("Rosa", "Claims!C1", separator="\t")
    extract = builder.extract()
    assert extract.text == "Claim\tRosa"
    assert extract.sources.locate(at, at + 4) == {"source": "Claims!C1"}
