"""Great Expectations suites for labelled data.

A broken rule either quarantines the sentences that break it or rejects the data. The suites run on frames with one plain
column for each property, so that every rule is a stock expectation, and Great Expectations reports the rows that break
it. They run in an ephemeral context that writes nothing to disk.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import great_expectations as gx
import great_expectations.expectations as gxe
import numpy as np
import pandas as pd

from ner_tasks.data.validation.limits import BatchLimits
from ner_tasks.errors import DataRejected

N_EXAMPLES = 5


@dataclass(frozen=True)
class Rule:
    """An expectation with a description.

    Attributes:
        name: slug; for a rule that quarantines also the reason code.
        expected: description of what is expected.
        expectation: expectation of Great Expectations.
        quarantines: whether breaking it quarantines the sentences; otherwise it rejects the data.
        only_noted: whether breaking it is only recorded, because drift was accepted.
    """

    name: str
    expected: str
    expectation: gxe.Expectation
    quarantines: bool = False
    only_noted: bool = False

    @property
    def when_broken(self) -> str:
        if self.only_noted:
            return "noted: drift was accepted"
        return "sentences go to quarantine" if self.quarantines else "the data is refused"


@dataclass(frozen=True)
class RuleFinding:
    """Result of one rule.

    Attributes:
        suite: name of the suite.
        rule: the rule.
        ok: whether the rule holds.
        found: description of what was found.
        rows: index labels of the rows that break the rule; empty for a rule about the whole frame.
        answer: result of Great Expectations without long lists, for Data Docs.
    """

    suite: str
    rule: Rule
    ok: bool
    found: str
    rows: np.ndarray[Any, Any]
    answer: Any = None

    @property
    def refuses(self) -> bool:
        return not (self.ok or self.rule.quarantines or self.rule.only_noted)

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.rule.name,
            "ok": self.ok,
            "found": self.found,
            "expected": self.rule.expected,
            "when_broken": self.rule.when_broken,
            "expectation": self.rule.expectation.expectation_type,
        }


def run_suite(suite: str, frame: pd.DataFrame, rules: Sequence[Rule], *, named_by: str = "") -> list[RuleFinding]:
    """Run a suite of rules over a frame.

    Args:
        suite: name of the suite.
        frame: frame without nulls, which Great Expectations ignores, and with an integer index.
        rules: rules of the suite.
        named_by: column that identifies a row in the examples of a finding.

    Returns:
        A finding for each rule, in order.
    """
    batch = _frame_definition().get_batch({"dataframe": frame})
    for rule in rules:
        note = f"{rule.name}: {rule.expected}; when broken {rule.when_broken}"
        rule.expectation.meta = {"rule": rule.name, "notes": {"format": "string", "content": [note]}}
    checked = gx.ExpectationSuite(name=suite, expectations=[rule.expectation for rule in rules])
    answer = batch.validate(
        checked, result_format={"result_format": "COMPLETE", "return_unexpected_index_query": False}
    )
    by_name = {result.expectation_config.meta["rule"]: result for result in answer.results}
    names = frame[named_by] if named_by else None
    return [_make_finding(suite, rule, by_name[rule.name], names) for rule in rules]


@cache
def _frame_definition() -> Any:
    """Return a batch definition for whole frames, in one in-memory context per process without progress bars."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    asset = context.data_sources.add_pandas("labelled").add_dataframe_asset("frame")
    return asset.add_batch_definition_whole_dataframe("all")


def require_passed(findings: Iterable[RuleFinding]) -> None:
    """Raise an error if a rule that rejects the data is broken.

    Raises:
        DataRejected: the message names every such rule.
    """
    broken = [finding for finding in findings if finding.refuses]
    if broken:
        lines = (f"found {finding.found}, expected {finding.rule.expected} ({finding.rule.name})" for finding in broken)
        raise DataRejected("; ".join(lines))


def row_rules(tags: Sequence[str], *, max_words: int) -> list[Rule]:
    """Return the rules for rows; the first broken rule is the reason of a sentence.

    Columns: `problem`, `span_problem`, `is_blank`, `tag`, `is_orphan`, `n_words` (of the sentence of the row).
    """
    return [
        Rule("broken-row", "rows with a word and a tag of the file's scheme", _only("problem", [""]), quarantines=True),
        Rule(
            "bad-span", "spans of whole words, apart, within their text", _only("span_problem", [""]), quarantines=True
        ),
        Rule("empty-word", "words that show something", _only("is_blank", [False]), quarantines=True),
        Rule("unknown-tag", f"tags {', '.join(tags)}", _only("tag", tags), quarantines=True),
        Rule("orphan-inside-tag", "each I- to continue its label", _only("is_orphan", [False]), quarantines=True),
        Rule("too-long", f"1 to {max_words} words a sentence", _between("n_words", 1, max_words), quarantines=True),
    ]


def copy_rules() -> list[Rule]:
    """Return the rules for copies of a sentence; column `n_readings`: number of different taggings of its words."""
    expected = "one tagging for each text"
    return [Rule("conflicting-labels", expected, _between("n_readings", 1, 1), quarantines=True)]


def file_rules(*, min_sentences: int, max_quarantined_share: float) -> list[Rule]:
    """Return the rules for all sentences; column `reason`: empty for a sound sentence."""
    share = gxe.ExpectColumnValuesToBeInSet(column="reason", value_set=[""], mostly=round(1 - max_quarantined_share, 9))
    count = gxe.ExpectTableRowCountToBeBetween(min_value=min_sentences)
    return [
        Rule("enough-sentences", f"at least {min_sentences} sentences", count),
        Rule("quarantined-share", f"at most {max_quarantined_share:.2%} of the sentences in quarantine", share),
    ]


def label_rules(*, min_label_entities: int) -> list[Rule]:
    """Return the rules for labels; one row per label, column `n_entities`: entities in sound sentences."""
    return [
        Rule("some-label", "at least 1 label", gxe.ExpectTableRowCountToBeBetween(min_value=1)),
        Rule(
            "entities-per-label",
            f"at least {min_label_entities} entities of each label",
            _between("n_entities", min_label_entities, None),
        ),
    ]


def snapshot_row_rules(tags: Sequence[str], columns: Sequence[str], *, n_rows: int, max_words: int) -> list[Rule]:
    """Return the rules for the rows of the written parts, from which quarantine must have removed every invalid one."""
    exist = gxe.ExpectTableColumnsToMatchSet(column_set=list(columns), exact_match=False)
    return [
        Rule("columns", f"columns {', '.join(columns)}", exist),
        Rule("all-rows-there", f"{n_rows} rows in all parts", gxe.ExpectTableRowCountToEqual(value=n_rows)),
        *(
            Rule(rule.name, rule.expected, rule.expectation)
            for rule in row_rules(tags, max_words=max_words)
            if rule.name not in ("broken-row", "bad-span")
        ),
    ]


def leak_rules() -> list[Rule]:
    """Return the rules against leaks, over the sentences of all parts: each text once, and in its earlier part.

    Columns: `text`, and `moved`: empty, or the old and the new part.
    """
    return [
        Rule("no-leak", "each text once in one part", gxe.ExpectColumnValuesToBeUnique(column="text")),
        Rule("keeps-its-part", "each text in the part that it was in before", _only("moved", [""])),
    ]


def batch_rules(limits: BatchLimits, *, may_change: bool) -> list[Rule]:
    """Return the rules for batches, each for a frame with columns `batch` and `value`, 0 to 1.

    Args:
        limits: limits of the rules.
        may_change: record drift instead of rejecting the data.
    """
    most = {
        "unseen-words": ("new words unseen before", limits.max_unseen_words),
        "label-drift": ("distance of label shares from those before", limits.max_label_drift),
        "own-labels": ("entities with labels that no other batch has", limits.max_own_labels),
    }
    agreed = limits.min_word_agreement
    return [
        Rule(
            "batch-quarantined-share",
            f"at most {limits.max_quarantined_share:.0%} of each batch in quarantine",
            _between("value", None, limits.max_quarantined_share),
        ),
        Rule(
            "word-agreement",
            f"at least {agreed:.0%} of the known words labelled as elsewhere",
            _between("value", agreed, None),
            only_noted=may_change,
        ),
        *(
            Rule(name, f"{what}: at most {limit:.0%}", _between("value", None, limit), only_noted=may_change)
            for name, (what, limit) in most.items()
        ),
    ]


def known_label_rules(*, may_change: bool) -> list[Rule]:
    """Return the rule that the labels are those of the last snapshot; column `change`: empty, `new` or `gone`."""
    return [Rule("known-labels", "the labels that were there before", _only("change", [""]), only_noted=may_change)]


def balance_rules(*, max_label_share_difference: float) -> list[Rule]:
    """Return the rules for label balance; one row per label, columns `n_train` and `share_difference`, 0 to 1."""
    limit = max_label_share_difference
    return [
        Rule("label-in-train", "each label in train", _between("n_train", 1, None)),
        Rule(
            "label-shares",
            f"label shares in train and test at most {limit} apart",
            _between("share_difference", None, limit),
        ),
    ]


def _only(column: str, values: Sequence[Any]) -> gxe.Expectation:
    return gxe.ExpectColumnValuesToBeInSet(column=column, value_set=list(values))


def _between(column: str, low: float | None, high: float | None) -> gxe.Expectation:
    return gxe.ExpectColumnValuesToBeBetween(column=column, min_value=low, max_value=high)


def _make_finding(suite: str, rule: Rule, result: Any, names: "pd.Series[str] | None") -> RuleFinding:
    """Convert a result of Great Expectations.

    Raises:
        RuntimeError: the expectation could not be evaluated, which is a bug in the frame or the rule, not bad data.
    """
    values = result.result
    if not values:
        raise RuntimeError(f"Great Expectations could not evaluate {rule.name!r}: {result.exception_info}")
    rows = np.asarray(values.get("unexpected_index_list") or [], dtype=np.int64)
    for name in ("unexpected_index_list", "unexpected_list", "partial_unexpected_index_list"):
        values.pop(name, None)  # may have a million items, and no page shows them
    if "element_count" not in values:
        return RuleFinding(suite, rule, bool(result.success), _format_observed(values["observed_value"]), rows, result)
    n, total = values["unexpected_count"], values["element_count"]
    found = f"{n} of {total} ({n / total:.2%}) break the rule" if n else f"all {total} as expected"
    shown = [str(value) for value in values.get("partial_unexpected_list", [])]
    if names is not None:
        shown = [f"{name}: {value}" for name, value in zip(names.loc[rows[: len(shown)]], shown, strict=True)]
    examples = ", ".join(list(dict.fromkeys(shown))[:N_EXAMPLES])
    description = f"{found}, such as {examples}" if examples else found
    return RuleFinding(suite, rule, bool(result.success), description, rows, result)


def _format_observed(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
