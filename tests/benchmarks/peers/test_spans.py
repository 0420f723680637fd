"""Entities from tag ids, all at once, are those that `ner_tasks.entities` reads sentence by sentence."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.peers.spans import decode_spans, encode_bio
from ner_tasks.entities import bio_to_spans
from ner_tasks.labels import LabelSet

LABELS = LabelSet(("geo", "org", "per"))
SENTENCES = st.lists(st.lists(st.integers(0, len(LABELS.tags) - 1), max_size=8), max_size=6)


def flat(sentences):
    return np.array([tag for sentence in sentences for tag in sentence], np.intp), [len(one) for one in sentences]


@given(SENTENCES)
def test_any_tags_broken_or_not_give_the_entities_that_each_sentence_gives(sentences):
    expected = [
        (index, span.start, span.end, span.label)
        for index, sentence in enumerate(sentences)
        for span in bio_to_spans([LABELS.tags[tag] for tag in sentence])
    ]
    assert decode_spans(*flat(sentences), LABELS.labels) == expected


@given(SENTENCES)
def test_tags_made_of_entities_give_the_same_entities(sentences):
    ids, lengths = flat(sentences)
    spans = decode_spans(ids, lengths, LABELS.labels)
    again = [[LABELS.id_of[tag] for tag in tags] for tags in encode_bio(spans, lengths)]
    assert decode_spans(*flat(again), LABELS.labels) == spans
