"""Labels, tags and their ids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_tasks.entities import bio_to_spans
from ner_tasks.errors import ConfigInvalid
from ner_tasks.labels import LabelSet, find_bio_violation, is_tag, tag_label

GMB = LabelSet(("art", "eve", "geo", "gpe", "nat", "org", "per", "tim"))
TAGS = st.lists(st.sampled_from(["O", "B-geo", "I-geo", "B-per", "I-per"]), max_size=10)


def test_eight_labels_make_seventeen_tags_with_outside_first():
    assert len(GMB.tags) == 17
    assert GMB.tags[:3] == ("O", "B-art", "I-art")


def test_an_id_is_a_tags_place():
    assert [GMB.tags[GMB.id_of[tag]] for tag in GMB.tags] == list(GMB.tags)


def test_the_labels_of_data_come_in_alphabetical_order_whatever_the_order_of_the_data():
    assert LabelSet.from_tags(["I-per", "O", "B-geo", "B-per"]).labels == ("geo", "per")


def test_given_labels_keep_their_order():
    assert LabelSet(("per", "art")).tags == ("O", "B-per", "I-per", "B-art", "I-art")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ((), "found no label"),
        (("geo", "geo"), "found a label twice"),
        (("geo-loc",), "found label 'geo-loc', expected a letter, then letters, digits or _"),
        (("",), "found label ''"),
        (("ge o",), "found label 'ge o'"),
        (("geo\n",), r"found label 'geo\\n'"),
    ],
)
def test_a_label_set_that_cannot_be_tags_is_refused(labels, message):
    with pytest.raises(ConfigInvalid, match=message):
        LabelSet(labels)


@pytest.mark.parametrize("tag", ["O", "B-geo", "I-Chemical", "B-G_2"])
def test_bio_tags_are_tags(tag):
    assert is_tag(tag)


@pytest.mark.parametrize(
    "text", ["", "o", "geo", "B-", "B_geo", "S-geo", "b-geo", "B-geo ", "B-2", "Ox", "O\n", "B-geo\n", "I-G_2\n"]
)
def test_anything_else_is_no_tag(text):
    assert not is_tag(text)


def test_outside_has_no_label():
    assert (tag_label("O"), tag_label("B-geo"), tag_label("I-G_2")) == (None, "geo", "G_2")


@pytest.mark.parametrize(
    ("tags", "index"),
    [
        (["B-geo", "I-geo", "I-geo"], None),
        (["I-geo"], 0),
        (["O", "I-geo"], 1),
        (["B-per", "I-geo"], 1),
        (["B-geo", "O", "I-geo"], 2),
        ([], None),
    ],
)
def test_the_first_inside_tag_that_continues_nothing_is_found(tags, index):
    assert find_bio_violation(tags) == index


@given(tags=TAGS)
def test_tags_without_a_break_are_those_where_every_tag_may_follow_the_one_before(tags):
    fine = all(GMB.may_follow(before, tag) for before, tag in zip(["O", *tags], tags, strict=False))

    assert (find_bio_violation(tags) is None) == fine


@given(tags=TAGS)
def test_in_sound_tags_every_entity_begins_with_b(tags):
    if find_bio_violation(tags) is None:
        assert [span.start for span in bio_to_spans(tags)] == [
            at for at, tag in enumerate(tags) if tag.startswith("B-")
        ]
