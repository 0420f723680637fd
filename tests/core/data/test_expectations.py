"""The suites: each rule lets sound data pass and says plainly what is wrong with the rest."""

import pandas as pd
import pytest

from ner_tasks.data.validation import expectations
from ner_tasks.errors import DataRejected

TAGS = ("O", "B-geo", "I-geo")


def rows(**changes: list[object]) -> pd.DataFrame:
    sound = {
        "problem": [""] * 3,
        "span_problem": [""] * 3,
        "is_blank": [False] * 3,
        "tag": list(TAGS),
        "is_orphan": [False] * 3,
        "n_words": [3] * 3,
    }
    return pd.DataFrame({**sound, **changes})


def check(frame: pd.DataFrame, rules: list[expectations.Rule], **options: str) -> dict[str, expectations.RuleFinding]:
    return {finding.rule.name: finding for finding in expectations.run_suite("suite", frame, rules, **options)}


def test_sound_rows_break_no_rule():
    findings = check(rows(), expectations.row_rules(TAGS, max_words=512))

    assert all(finding.ok and not len(finding.rows) for finding in findings.values())
    assert list(findings) == ["broken-row", "bad-span", "empty-word", "unknown-tag", "orphan-inside-tag", "too-long"]


@pytest.mark.parametrize(
    ("changes", "rule", "bad"),
    [
        ({"problem": ["", "found 2 columns", ""]}, "broken-row", [1]),
        ({"span_problem": ["found span", "", ""]}, "bad-span", [0]),
        ({"is_blank": [False, False, True]}, "empty-word", [2]),
        ({"tag": ["O", "B-gep", ""]}, "unknown-tag", [1, 2]),
        ({"tag": ["O\n", "B-geo\n", "I-geo"]}, "unknown-tag", [0, 1]),
        ({"is_orphan": [True, False, False]}, "orphan-inside-tag", [0]),
        ({"n_words": [512, 513, 0]}, "too-long", [1, 2]),
    ],
)
def test_a_broken_rule_names_exactly_the_rows_that_broke_it(changes, rule, bad):
    findings = check(rows(**changes), expectations.row_rules(TAGS, max_words=512))

    assert findings[rule].rows.tolist() == bad
    assert [name for name, finding in findings.items() if not finding.ok] == [rule]
    assert not findings[rule].refuses


def test_all_bad_rows_are_named_however_many():
    n = 3000
    frame = pd.DataFrame({"n_readings": [2] * n})

    assert check(frame, expectations.copy_rules())["conflicting-labels"].rows.tolist() == list(range(n))


@pytest.mark.runbook("retraining", "snapshot: too many sentences in quarantine")
@pytest.mark.parametrize(("n_bad", "ok"), [(0, True), (2, True), (3, False)])
def test_the_share_in_quarantine_is_a_limit_that_may_be_reached(n_bad, ok):
    frame = pd.DataFrame({"reason": ["unknown-tag"] * n_bad + [""] * (100 - n_bad)})
    findings = check(frame, expectations.file_rules(min_sentences=1, max_quarantined_share=0.02))

    assert findings["quarantined-share"].ok is ok


def test_no_quarantine_at_all_can_be_asked_for():
    rules = expectations.file_rules(min_sentences=1, max_quarantined_share=0.0)

    assert not check(pd.DataFrame({"reason": ["", "x"]}), rules)["quarantined-share"].ok
    assert check(pd.DataFrame({"reason": ["", ""]}), rules)["quarantined-share"].ok


def test_too_few_sentences_refuse_the_data():
    rules = expectations.file_rules(min_sentences=3, max_quarantined_share=0.02)
    findings = expectations.run_suite("suite", pd.DataFrame({"reason": ["", ""]}), rules)

    with pytest.raises(DataRejected, match=r"^found 2, expected at least 3 sentences \(enough-sentences\)$"):
        expectations.require_passed(findings)


def test_a_label_that_is_too_rare_is_named():
    frame = pd.DataFrame({"label": ["geo", "nat"], "n_entities": [100, 3]})
    findings = expectations.run_suite("suite", frame, expectations.label_rules(min_label_entities=5), named_by="label")

    with pytest.raises(DataRejected) as caught:
        expectations.require_passed(findings)
    assert str(caught.value) == (
        "found 1 of 2 (50.00%) break the rule, such as nat: 3, expected at least 5 entities of each label (entities-per-label)"
    )


def test_no_label_at_all_refuses_the_data():
    frame = pd.DataFrame({"label": [], "n_entities": []}).astype({"n_entities": "int64"})

    assert check(frame, expectations.label_rules(min_label_entities=5), named_by="label")["some-label"].refuses


def test_a_text_in_two_parts_is_a_leak():
    findings = check(pd.DataFrame({"text": ["a", "b", "a"], "moved": [""] * 3}), expectations.leak_rules())

    assert findings["no-leak"].refuses
    assert findings["no-leak"].rows.tolist() == [0, 2]


@pytest.mark.parametrize(("n_train", "difference", "broken"), [(0, 0.0, "label-in-train"), (9, 0.2, "label-shares")])
def test_labels_must_be_learned_and_scored_alike(n_train, difference, broken):
    frame = pd.DataFrame({"label": ["geo"], "n_train": [n_train], "share_difference": [difference]})
    findings = check(frame, expectations.balance_rules(max_label_share_difference=0.15), named_by="label")

    assert [name for name, finding in findings.items() if finding.refuses] == [broken]


def test_in_a_snapshot_the_same_rules_refuse_instead_of_quarantine():
    frame = rows(is_orphan=[False, True, False]).assign(Word="x", Tag="O")
    rules = expectations.snapshot_row_rules(TAGS, ("Word", "Tag"), n_rows=3, max_words=512)
    findings = check(frame, rules)

    assert [name for name, finding in findings.items() if finding.refuses] == ["orphan-inside-tag"]


@pytest.mark.parametrize(
    ("columns", "n_rows", "broken"), [(("Word", "POS"), 3, "columns"), (("tag",), 4, "all-rows-there")]
)
def test_a_snapshot_that_lost_a_column_or_a_row_is_refused(columns, n_rows, broken):
    rules = expectations.snapshot_row_rules(TAGS, columns, n_rows=n_rows, max_words=512)

    assert [name for name, finding in check(rows(), rules).items() if finding.refuses] == [broken]


def test_all_broken_rules_are_named_in_one_line():
    rules = expectations.snapshot_row_rules(TAGS, ("nowhere",), n_rows=4, max_words=2)

    with pytest.raises(DataRejected) as caught:
        expectations.require_passed(expectations.run_suite("suite", rows(), rules))
    assert all(name in str(caught.value) for name in ("(columns)", "(all-rows-there)", "(too-long)"))
    assert "\n" not in str(caught.value)


def test_a_rule_that_cannot_be_evaluated_is_a_bug_and_never_a_pass():
    with pytest.raises(RuntimeError, match="could not evaluate 'broken-row'"):
        check(rows().drop(columns=["problem"]), expectations.row_rules(TAGS, max_words=512))


def test_a_finding_reads_well_in_the_report():
    finding = check(rows(tag=["O", "B-gep", "O"]), expectations.row_rules(TAGS, max_words=512))["unknown-tag"]

    assert finding.as_dict() == {
        "name": "unknown-tag",
        "ok": False,
        "found": "1 of 3 (33.33%) break the rule, such as B-gep",
        "expected": "tags O, B-geo, I-geo",
        "when_broken": "sentences go to quarantine",
        "expectation": "expect_column_values_to_be_in_set",
    }
