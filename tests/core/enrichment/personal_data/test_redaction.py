"""A redacted copy holds no character of a span, and offsets map between the copy and the original."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_tasks.enrichment.personal_data.keyed import hash_value
from ner_tasks.enrichment.personal_data.redaction import redact
from ner_tasks.enrichment.personal_data.spans import KINDS, PersonalSpan
from ner_tasks.errors import ConfigInvalid

KEY = b"0123456789abcdef"
LABEL = re.compile(r"\[[A-Z-]+(?::[a-p]{10})?\]")
# Characters that neither a label nor a hash has: any of them in a copy comes from the text.
PERSONAL = "Ωж語é\ud83d\0 5"
OTHER = "qrstuvwxyz\n.\udc00"


@st.composite
def texts_with_spans(draw):
    """A text whose spans are of other characters than the rest; spans may be empty, adjacent, or the whole text."""
    text, spans = "", []
    for is_span, size in draw(st.lists(st.tuples(st.booleans(), st.integers(0, 4)), max_size=8)):
        part = draw(st.text(st.sampled_from(PERSONAL if is_span else OTHER), min_size=size, max_size=size))
        if is_span:
            spans.append(PersonalSpan(len(text), len(text) + size, draw(st.sampled_from(KINDS)), "pattern:x"))
        text += part
    return text, spans


@given(texts_with_spans(), st.sampled_from(["label", "hash"]))
def test_no_character_of_a_span_survives(text_and_spans, mode):
    text, spans = text_and_spans
    copy = redact(text, spans, mode=mode, key=KEY).text
    assert not set(copy) & set(PERSONAL)
    assert LABEL.sub("", copy) == "".join(c for c in text if c in OTHER)


@given(texts_with_spans(), st.sampled_from(["label", "hash", "surrogate"]))
def test_offsets_map_back_and_forth(text_and_spans, mode):
    text, spans = text_and_spans
    copy = redact(text, spans, mode=mode, key=KEY)
    inside = {at for span in spans for at in range(span.start + 1, span.end)}
    starts = {span.start for span in spans if span.start < span.end}
    for at in range(len(text) + 1):
        there = copy.to_redacted(at)
        assert 0 <= there <= len(copy.text)
        if at not in inside:
            assert copy.to_original(there) == at
            if at < len(text) and at not in starts:
                assert copy.text[there] == text[at]
    places = [copy.to_original(at) for at in range(len(copy.text) + 1)]
    assert places == sorted(places)
    assert (places[0], places[-1]) == (0, len(text))


@given(texts_with_spans(), st.data())
def test_a_range_maps_to_all_that_stands_for_it(text_and_spans, data):
    text, spans = text_and_spans
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    copy = redact(text, spans)
    a, b = copy.span_to_redacted(start, end)
    assert 0 <= a <= b <= len(copy.text)
    for each in copy.replacements:
        if start < min(end, each.end) and each.start < end:  # a replacement is in the range as a whole
            assert a <= each.redacted_start and each.redacted_end <= b


def test_a_label_names_the_kind():
    assert redact("of Rosa, 40", [PersonalSpan(3, 7, "name", "model:per")]).text == "of [NAME], 40"


def test_equal_values_have_equal_hashes_under_one_key():
    assert hash_value(KEY, "name", "Rosa  Delgado") == hash_value(KEY, "name", "ROSA DELGADO")
    assert hash_value(KEY, "ssn", "123-45-6789") == hash_value(KEY, "ssn", "123456789")
    assert hash_value(KEY, "ssn", "123456789") != hash_value(KEY, "mrn", "123456789")
    assert hash_value(KEY, "ssn", "123456789") != hash_value(b"another key 1234", "ssn", "123456789")


def test_a_redaction_holds_nothing_of_its_spans():
    copy = redact("of Rosa, 40", [PersonalSpan(3, 7, "name", "model:per")], mode="hash", key=KEY)
    assert "Rosa" not in repr(copy)


NOTE = """Patient: Rosa Delgado
MRN: 00123456  DOB: 03/04/1956
Phone: (480) 555-0134
Address: 12 Oak St, Mesa, AZ 85201
Member ID: W12345678, NPI 1234567893, card 4111 1111 1111 1111. Seen by Dr. Paul O'Neil on March 3, 2020."""


@pytest.mark.parametrize("mode", ["label", "hash"])
def test_nothing_is_found_in_a_redacted_copy(rules, mode):
    copy = redact(NOTE, rules.find(NOTE), mode=mode, key=KEY)
    assert rules.find(copy.text) == []


def test_the_same_inputs_give_the_same_copy(rules):
    spans = rules.find(NOTE)
    assert rules.find(NOTE) == spans
    for mode in ("label", "hash", "surrogate"):
        copies = [redact(NOTE, spans, mode=mode, key=KEY, document="a") for _ in range(2)]
        assert copies[0] == copies[1]


@pytest.mark.parametrize(
    ("spans", "found"),
    [
        ([(2, 4), (3, 6)], "from 3 to 6"),
        ([(0, 12)], "from 0 to 12"),
        ([(4, 6), (0, 2)], "from 0 to 2"),
        ([(3, 1)], "from 3 to 1"),
    ],
    ids=["overlapping", "outside", "out-of-order", "backwards"],
)
def test_spans_that_fit_no_text_are_an_error(spans, found):
    with pytest.raises(ValueError, match=found):
        redact("of Rosa, 40", [PersonalSpan(*span, "name", "model:per") for span in spans])


@pytest.mark.parametrize(("mode", "key"), [("hash", b""), ("surrogate", b"short"), ("rot13", KEY)])
def test_an_unknown_mode_or_a_short_key_is_one_line(mode, key):
    with pytest.raises(ConfigInvalid, match=r"^found .*, expected .*redaction$"):
        redact("text", [], mode=mode, key=key)
