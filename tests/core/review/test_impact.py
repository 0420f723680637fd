"""What a person reads before they approve a model: short, complete, and inert."""

import pytest

from ner_tasks.review.impact import summarize_impact
from ner_tasks.review.prediction_diffs import diff_predictions
from tests.answers import answer, without_text, write

TEXT = "Rosa Delgado of Tampa met Jackson in New York City."
OLD = {"Rosa Delgado": "per", "Tampa": "geo", "Jackson": "geo", "New York": "geo"}
NEW = {"Rosa Delgado": "per", "of": "art", "Jackson": "per", "New York City": "geo"}


def summary(folder, old, new):
    found = diff_predictions(write(folder / "old.jsonl", old), write(folder / "new.jsonl", new)).as_dict()
    night = {"day": "2026-11-22", "n_documents": 400, "n_words": 90_000}
    return summarize_impact({**night, "sampled": {"n_words": 9_000, "n_documents": 1}, "difference": found})


def test_it_counts_every_kind_of_change_and_shows_examples(tmp_path):
    said = summary(tmp_path, [answer("a", TEXT, OLD)], [answer("a", TEXT, NEW)])
    assert said.startswith(
        "Compared 1 of 400 documents of 2026-11-22 (9,000 words) with the answers of `v1`: 1 changed."
    )
    assert "Entities: 4 before, 4 after; 1 added, 1 removed, 1 relabelled, 1 with different bounds." in said
    assert "| `geo` | 3 | 1 | 0 | 1 | 0 | 1 | 1 |" in said
    assert "- `art` 0.90: `Rosa Delgado [of] Tampa met Jackson in New York City.`" in said
    assert "- `geo -> per` 0.90: `" in said


def test_without_texts_the_examples_say_where_and_nothing_else(tmp_path):
    old, new = (without_text(answer("a", TEXT, mentions)) for mentions in (OLD, NEW))
    said = summary(tmp_path, [old], [new])
    assert "- `art` 0.90: characters 13 to 15 of `a`" in said
    assert not any(word in said for word in TEXT.rstrip(".").split() if len(word) > 2)


@pytest.mark.parametrize("hostile", ["`</code><script>alert(1)</script>", "a | b | c", "[x](http://e.org)\n# Title"])
def test_what_a_document_says_stays_inside_its_code_span(tmp_path, hostile):
    text = f"{hostile} Tampa"
    said = summary(tmp_path, [answer(hostile, text)], [answer(hostile, text, {"Tampa": "geo"})])
    (line,) = [line for line in said.splitlines() if "[Tampa]" in line]
    assert line.startswith("- `geo` 0.90: `") and line.endswith("`") and line.count("`") == 4
    assert "\n# Title" not in said


def test_documents_that_could_not_be_compared_are_said(tmp_path):
    said = summary(tmp_path, [answer("a", TEXT, OLD), answer("b", TEXT, OLD)], [answer("a", TEXT, OLD)])
    assert said.endswith("Documents not compared: 1 (only old).")


def test_no_change_gives_no_examples(tmp_path):
    assert "for example" not in summary(tmp_path, [answer("a", TEXT, OLD)], [answer("a", TEXT, OLD)])
