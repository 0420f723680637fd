"""Two mentions are the same finding by their words, a narrower name, or an acronym; others are not."""

import pytest

from ner_tasks.enrichment.same_findings import NamedFindings, find_head


@pytest.mark.parametrize(
    ("named", "mention"),
    [
        ("asthma", "Asthma"),
        ("Migraine", "migraines"),
        ("type 2 diabetes", "diabetes, type 2"),
        ("type 2 diabetes", "diabetes"),
        ("ischemic\n  stroke", "stroke"),
        ("CHF", "congestive heart failure"),
        ("shortness of breath", "SB"),
        ("congestive heart failure", "CHF"),
    ],
)
def test_the_same_finding_is_recognized(named: str, mention: str) -> None:
    assert NamedFindings(["fever", named]).have(mention)


@pytest.mark.parametrize(
    ("named", "mention"),
    [
        ("stroke", "ischemic stroke"),
        ("pain", "chest pain"),
        ("diabetes insipidus", "diabetes"),
        ("chf", "congestive heart failure"),
        ("it", "iron toxicity"),
        ("A", "asthma"),
        ("...", "asthma"),
        ("asthma", "..."),
        ("asthma", ""),
    ],
)
def test_another_finding_is_not(named: str, mention: str) -> None:
    assert not NamedFindings(["fever", named]).have(mention)


def test_the_head_of_a_finding_is_its_last_word_in_both_numbers() -> None:
    assert {"stones", "stone"} <= set(find_head("Kidney stones"))
    assert "fractures" in find_head("wrist fracture")
    assert find_head("...") == []
