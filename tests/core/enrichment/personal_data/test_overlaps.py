"""Overlaps are resolved by evidence, length and kind, and no character that was found is given up."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ner_tasks.enrichment.personal_data.overlaps import resolve_overlaps
from ner_tasks.enrichment.personal_data.spans import KINDS, Evidence, SpanCandidate

TEXT = "abc def ghi jkl mno"


def resolve(*candidates: SpanCandidate) -> list[tuple[int, int, str]]:
    return [span[:3] for span in resolve_overlaps(TEXT, candidates, KINDS)]


def candidate(start: int, end: int, kind: str = "name", evidence: Evidence = Evidence.PATTERN) -> SpanCandidate:
    return SpanCandidate(start, end, kind, "x", evidence)


def test_more_evidence_wins_over_length():
    assert resolve(candidate(0, 7), candidate(0, 3, "ssn", Evidence.CHECKSUM))[0] == (0, 3, "ssn")


def test_the_longer_of_equal_evidence_wins():
    assert resolve(candidate(0, 3, "url"), candidate(0, 7, "name")) == [(0, 7, "name")]


def test_the_first_kind_of_equal_length_wins():
    assert resolve(candidate(0, 3, "place"), candidate(0, 3, "name")) == [(0, 3, "name")]


def test_a_candidate_inside_a_longer_one_of_its_kind_adds_to_its_evidence():
    inner, outer = candidate(4, 7, "name", Evidence.CONTEXT), candidate(0, 7, "name", Evidence.MODEL)
    assert resolve(inner, outer, candidate(0, 11, "place")) == [(0, 7, "name"), (8, 11, "place")]


def test_what_a_winner_leaves_stays_a_span():
    assert resolve(candidate(0, 11), candidate(4, 7, "mrn", Evidence.CONTEXT)) == [
        (0, 3, "name"),
        (4, 7, "mrn"),
        (8, 11, "name"),
    ]


def test_a_rest_without_letter_or_digit_is_no_span():
    assert resolve(candidate(0, 4), candidate(0, 3, "mrn", Evidence.CONTEXT)) == [(0, 3, "mrn")]


SPANS = st.builds(
    lambda start, length, kind, evidence: SpanCandidate(
        start, min(start + length, len(TEXT)), kind, f"x:{kind}", evidence
    ),
    st.integers(0, len(TEXT)),
    st.integers(0, 12),
    st.sampled_from(KINDS),
    st.sampled_from(Evidence),
)


@given(st.lists(SPANS, max_size=12), st.randoms())
def test_spans_cover_all_that_was_found_once_in_any_order_of_the_candidates(candidates, random):
    spans = resolve_overlaps(TEXT, candidates, KINDS)
    assert all(a.end <= b.start for a, b in pairwise(spans))
    assert {at for a, b, *_ in spans for at in range(a, b) if TEXT[at].isalnum()} == {
        at for a, b, *_ in candidates for at in range(a, b) if TEXT[at].isalnum()
    }
    random.shuffle(candidates)
    assert resolve_overlaps(TEXT, candidates, KINDS) == spans
