"""Entities in tags, as conlleval reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities

from ner_tasks.entities import ScoredSpan, WordSpan, bio_to_spans, place_entities

TAGS = st.lists(st.sampled_from(["O", "B-geo", "I-geo", "B-per", "I-per"]), max_size=12)


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        ([], []),
        (["O", "O"], []),
        (["B-geo", "I-geo", "O"], [(0, 2, "geo")]),
        (["B-geo", "B-geo"], [(0, 1, "geo"), (1, 2, "geo")]),
        (["O", "I-geo", "I-geo"], [(1, 3, "geo")]),
        (["B-geo", "I-per"], [(0, 1, "geo"), (1, 2, "per")]),
        (["O", "B-geo"], [(1, 2, "geo")]),
    ],
)
def test_every_sequence_of_tags_has_one_reading(tags, spans):
    assert bio_to_spans(tags) == [WordSpan(*span) for span in spans]


@given(tags=TAGS)
def test_the_spans_are_seqevals(tags):
    # seqeval names the last word of an entity, we name the word after it
    expected = [WordSpan(start, last + 1, label) for label, start, last in get_entities(tags)]

    assert bio_to_spans(tags) == expected


@given(tags=TAGS)
def test_spans_lie_in_order_do_not_overlap_and_cover_every_tagged_word(tags):
    spans = bio_to_spans(tags)
    covered = [at for span in spans for at in range(span.start, span.end)]

    assert covered == [at for at, tag in enumerate(tags) if tag != "O"]


def test_an_entity_lies_from_its_first_word_to_the_end_of_its_last_one():
    entities = [ScoredSpan(WordSpan(0, 2, "per"), 0.98764), ScoredSpan(WordSpan(3, 4, "geo"), 0.5)]
    words = [(5, 9), (10, 14), (15, 22), (23, 29)]
    assert list(place_entities(words, entities)) == [(5, 14, "per", 0.9876), (23, 29, "geo", 0.5)]
