"""The annotated mentions by which the assertion rules are judged: offsets and statuses, and none of the notes' text."""

import json
from collections import Counter
from itertools import pairwise

import pytest

STATUSES = {"negated", "uncertain", "historical", "hypothetical", "family"}
MOST_GUIDELINES = 25
FEWEST = 30  # mentions of a status: with fewer, one mention moves its F1 by more than 0.02


@pytest.fixture(scope="module")
def content(root):
    return json.loads((root / "tests/manual/assertion_annotations.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def annotations(content):
    return content["annotations"]


def test_a_mention_is_a_range_of_a_note_with_statuses_and_no_text(annotations):
    assert all(set(mention) == {"file", "document", "start", "end", "statuses"} for mention in annotations)
    assert {mention["file"] for mention in annotations} == {"train.csv", "valid.csv"}
    assert all(mention["document"].isalnum() for mention in annotations)
    assert all(0 <= mention["start"] < mention["end"] <= mention["start"] + 80 for mention in annotations)


def test_statuses_are_a_sorted_set_of_those_that_the_rules_know(annotations):
    assert all(mention["statuses"] == sorted(STATUSES.intersection(mention["statuses"])) for mention in annotations)


def test_no_two_mentions_share_a_character(annotations):
    by_place = sorted((mention["document"], mention["start"], mention["end"]) for mention in annotations)
    overlaps = [
        (first, second) for first, second in pairwise(by_place) if first[0] == second[0] and second[1] < first[2]
    ]
    assert overlaps == []


def test_a_document_lies_in_one_file(annotations):
    files = {(mention["document"], mention["file"]) for mention in annotations}
    assert len(files) == len({document for document, _ in files})


def test_each_status_is_there_often_enough_to_be_judged(annotations):
    n_of = Counter(status for mention in annotations for status in mention["statuses"] or ["affirmed"])
    assert len(annotations) == 300
    assert {status: n for status, n in n_of.items() if n < FEWEST} == {}
    assert set(n_of) == STATUSES | {"affirmed"}


def test_the_guidelines_fit_on_a_screen(content):
    assert 0 < len(content["guidelines"]) <= MOST_GUIDELINES
    assert max(map(len, content["guidelines"])) <= 140
