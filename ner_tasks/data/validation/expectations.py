"""The Great Expectations suites that labelled data has to pass, and what breaking a rule leads to.

A rule with a reason sends the sentences that break it to quarantine; a rule without one refuses the data.
The suites run on frames that hold one plain column for each thing judged, so that every rule is a
stock expectation and the answer, down to the rows that broke it, is Great Expectations' own.

Called directly: no provider, an ephemeral context, nothing written outside the frames.
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
    """One expectation in words that a person reads.

    Attributes:
        name: a slug; for a rule that quarantines also the reason that is given.
        expected: what is expected, in words.
        quarantines: whether the sentences that break it are set aside; if not, breaking it refuses the data.
        only_noted: whether somebody has said that breaking it is all right this time.
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
    """What one rule found.

    Attributes:
        rows: index labels of the rows that broke the rule; empty for a rule about a whole table.
        answer: Great Expectations' own, without the long lists; for Data Docs.
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
    """Run a suite of rules over a frame; one finding for each rule, in their order.

    Args:
        suite: name of the suite, for people.
        frame: without nulls, since Great Expectations passes over them; indexed by whole numbers.
        named_by: a column that says what a row is about, for the examples in a finding.
    """
    batch = _whole_frame().get_batch({"dataframe": frame})
    for rule in rules:
        says = f"{rule.name}: {rule.expected}; when broken {rule.when_broken}"
        rule.expectation.meta = {"rule": rule.name, "notes": {"format": "string", "content": [says]}}
    checked = gx.ExpectationSuite(name=suite, expectations=[rule.expectation for rule in rules])
    answer = batch.validate(
        checked, result_format={"result_format": "COMPLETE", "return_unexpected_index_query": False}
    )
    by_name = {result.expectation_config.meta["rule"]: result for result in answer.results}
    names = frame[named_by] if named_by else None
    return [_finding(suite, rule, by_name[rule.name], names) for rule in rules]


@cache
def _whole_frame() -> Any:
    """Great Expectations' handle on "a frame, all of it": one context for the process, in memory, without bars."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    asset = context.data_sources.add_pandas("labelled").add_dataframe_asset("frame")
    return asset.add_batch_definition_whole_dataframe("all")


def require_passed(findings: Iterable[RuleFinding]) -> None:
    """Stop data that broke a rule which refuses.

    Raises:
        DataRejected: names every such rule, what was found and what was expected.
    """
    broken = [finding for finding in findings if finding.refuses]
    if broken:
        lines = (f"found {finding.found}, expected {finding.rule.expected} ({finding.rule.name})" for finding in broken)
        raise DataRejected("; ".join(lines))


def row_rules(tags: Sequence[str], *, max_words: int) -> list[Rule]:
    """What each row of a labelled file must be like, in the order in which a sentence's reason is chosen.

    For a frame with the columns `problem`, `span_problem`, `is_blank`, `tag`, `is_orphan`, `n_words` (of the row's sentence).
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
    """What each sentence must be like beside its copies; column `n_readings`: different taggings of its words."""
    expected = "one tagging for each text"
    return [Rule("conflicting-labels", expected, _between("n_readings", 1, 1), quarantines=True)]


def file_rules(*, min_sentences: int, max_quarantined_share: float) -> list[Rule]:
    """What the sentences of a file must be like together; column `reason`, empty for a sound sentence."""
    share = gxe.ExpectColumnValuesToBeInSet(column="reason", value_set=[""], mostly=round(1 - max_quarantined_share, 9))
    count = gxe.ExpectTableRowCountToBeBetween(min_value=min_sentences)
    return [
        Rule("enough-sentences", f"at least {min_sentences} sentences", count),
        Rule("quarantined-share", f"at most {max_quarantined_share:.2%} of the sentences in quarantine", share),
    ]


def label_rules(*, min_label_entities: int) -> list[Rule]:
    """What the labels must be like; a row for each label, column `n_entities`: entities in sound sentences."""
    return [
        Rule("some-label", "at least 1 label", gxe.ExpectTableRowCountToBeBetween(min_value=1)),
        Rule(
            "entities-per-label",
            f"at least {min_label_entities} entities of each label",
            _between("n_entities", min_label_entities, None),
        ),
    ]


def snapshot_row_rules(tags: Sequence[str], columns: Sequence[str], *, n_rows: int, max_words: int) -> list[Rule]:
    """What the written parts must be like, read back from disk: everything that quarantine was to remove is gone."""
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
    """No text twice, in one part or in two, none where it was not before; over the sentences of all parts.

    Columns `text` and `moved`: empty, or from which part to which.
    """
    return [
        Rule("no-leak", "each text once in one part", gxe.ExpectColumnValuesToBeUnique(column="text")),
        Rule("keeps-its-part", "each text in the part that it was in before", _only("moved", [""])),
    ]


def batch_rules(limits: BatchLimits, *, may_change: bool) -> list[Rule]:
    """What each batch must be like; a frame for each rule, with columns `batch` and `value`, 0 to 1."""
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
            Rule(name, f"{says}: at most {limit:.0%}", _between("value", None, limit), only_noted=may_change)
            for name, (says, limit) in most.items()
        ),
    ]


def known_label_rules(*, may_change: bool) -> list[Rule]:
    """The labels are those of the last accepted snapshot; column `change`: empty, `new` or `gone`."""
    return [Rule("known-labels", "the labels that were there before", _only("change", [""]), only_noted=may_change)]


def balance_rules(*, max_label_share_difference: float) -> list[Rule]:
    """A row for each label, columns `n_train` and `share_difference` between train and test, 0 to 1."""
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


def _finding(suite: str, rule: Rule, result: Any, names: "pd.Series[str] | None") -> RuleFinding:
    """Great Expectations' answer in plain values.

    Raises:
        RuntimeError: an expectation could not be evaluated: a bug in the frame or the rule, never bad data.
    """
    values = result.result
    if not values:
        raise RuntimeError(f"Great Expectations could not evaluate {rule.name!r}: {result.exception_info}")
    rows = np.asarray(values.get("unexpected_index_list") or [], dtype=np.int64)
    for name in ("unexpected_index_list", "unexpected_list", "partial_unexpected_index_list"):
        values.pop(name, None)  # a million of them, and no page shows them
    if "element_count" not in values:
        return RuleFinding(suite, rule, bool(result.success), _observed(values["observed_value"]), rows, result)
    n, total = values["unexpected_count"], values["element_count"]
    found = f"{n} of {total} ({n / total:.2%}) break the rule" if n else f"all {total} as expected"
    shown = [str(value) for value in values.get("partial_unexpected_list", [])]
    if names is not None:
        shown = [f"{name}: {value}" for name, value in zip(names.loc[rows[: len(shown)]], shown, strict=True)]
    examples = ", ".join(list(dict.fromkeys(shown))[:N_EXAMPLES])
    says = f"{found}, such as {examples}" if examples else found
    return RuleFinding(suite, rule, bool(result.success), says, rows, result)


def _observed(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
