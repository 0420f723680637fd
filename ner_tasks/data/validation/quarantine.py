"""Which sentences of labelled files are sound, and why each of the others is not.

A whole sentence goes to quarantine if any of its rows is bad: half a sentence would teach a wrong one.
Great Expectations names the bad rows; here they become sentences with one reason each.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from ner_tasks.data.corpus import LabelledSentence, is_blank
from ner_tasks.data.readers.conversions import Conversions
from ner_tasks.data.readers.rows import BAD_SPAN, LabelledRow
from ner_tasks.data.validation import expectations
from ner_tasks.data.validation.expectations import RuleFinding
from ner_tasks.labels import OUTSIDE, LabelSet, is_tag, tag_label

QUARANTINE_COLUMNS = ("file", "line", "sentence", "word", "tag", "reason", "found")
_MALFORMED = "?"


@dataclass(frozen=True)
class RowReview:
    """What came of looking at every row.

    Attributes:
        labels: the labels that count, given or taken from the data.
        reasons: for each sentence why it is in quarantine; empty if it is sound.
        superseded: whether a correction with other labels has taken the sentence's place; then it has no reason.
        bad_rows: which rows gave their sentence that reason, one flag for each row.
        n_entities: entities of each label in the sound sentences.
        findings: what each rule found.
    """

    labels: tuple[str, ...]
    reasons: tuple[str, ...]
    superseded: tuple[bool, ...]
    bad_rows: np.ndarray[Any, Any]
    n_entities: dict[str, int]
    findings: tuple[RuleFinding, ...]

    @property
    def is_sound(self) -> list[bool]:
        """Whether each sentence may go into a part."""
        return [not (reason or gone) for reason, gone in zip(self.reasons, self.superseded, strict=True)]


class LabelledTable:
    """The rows of labelled files in columns, with what the rules judge worked out for each row.

    Attributes:
        names: of the files, in the order in which they stand here.
        files: for each sentence the index of its file.
        starts: index of each sentence's first row.
        conversions: what was recognised and changed in each file, in the same order.
    """

    def __init__(
        self, sources: Iterable[tuple[str, Iterable[LabelledRow]]], conversions: Sequence[Conversions] | None = None
    ) -> None:
        """Take the rows of files.

        Args:
            sources: name and rows of each file; the name begins the origins of its sentences.
            conversions: of each file, filled as its rows are read.
        """
        self.names: list[str] = []
        rows: list[LabelledRow] = []
        bounds = [0]
        for name, found in sources:
            self.names.append(name)
            rows.extend(found)
            bounds.append(len(rows))
        self.conversions = list(conversions or (Conversions() for _ in self.names))
        columns = tuple(zip(*rows, strict=True)) or ((),) * len(LabelledRow._fields)
        self.lines, sentence, self.words, self.pos, self.tags, self.problems, self.kinds = columns
        begins = np.diff(np.asarray(sentence, dtype=np.int64), prepend=-1) != 0
        begins[[at for at in bounds if at < len(rows)]] = True
        self.starts = np.flatnonzero(begins)
        self.files = np.searchsorted(np.asarray(bounds[1:]), self.starts, side="right")
        self.n_words = np.diff(self.starts, append=len(self.lines))
        self.n_sentences, self.n_rows = len(self.starts), len(self.lines)

    @cached_property
    def sentences(self) -> list[LabelledSentence]:
        """All sentences, sound or not; a broken row's word is its whole line."""
        made = []
        for start, n, file in zip(self.starts.tolist(), self.n_words.tolist(), self.files.tolist(), strict=True):
            at = slice(start, start + n)
            pos = self.pos[at] if any(self.pos[at]) else ()
            made.append(LabelledSentence(self.words[at], self.tags[at], f"{self.names[file]}:{self.lines[start]}", pos))
        return made

    def frame(self) -> pd.DataFrame:
        """The columns that `expectations.row_rules` judges, one row for each row of the file.

        A broken row has no tag to judge, so it stands there with `O` and is found by its problem alone.
        """
        problem = pd.Series(self.problems, dtype="str")
        is_span = pd.Series(self.kinds, dtype="str") == BAD_SPAN
        tag_ids, tags = pd.factorize(np.asarray(self.tags, dtype=object))
        label_ids, is_inside = _labels_of(tags)
        is_first = np.zeros(self.n_rows, dtype=bool)
        is_first[self.starts] = True
        label = label_ids[tag_ids]
        continues = (label == np.roll(label, 1)) & ~is_first
        word_ids, words = pd.factorize(np.asarray(self.words, dtype=object))
        blank = np.array([is_blank(word) for word in words], dtype=bool)
        return pd.DataFrame(
            {
                "problem": problem.where(~is_span, ""),
                "span_problem": problem.where(is_span, ""),
                "is_blank": blank[word_ids],
                "tag": pd.Series(self.tags, dtype="str").where(problem == "", OUTSIDE),
                "is_orphan": is_inside[tag_ids] & ~continues,
                "n_words": np.repeat(self.n_words, self.n_words),
            }
        )

    def entities_per_label(self, is_sound: np.ndarray[Any, Any]) -> dict[str, int]:
        """How many entities of each label begin in the sentences that are sound, labels in alphabetical order."""
        kept = np.repeat(is_sound, self.n_words)
        tags, counts = np.unique(np.asarray(self.tags, dtype=object)[kept], return_counts=True)
        pairs = zip(tags.tolist(), counts.tolist(), strict=True)
        return {tag[2:]: count for tag, count in pairs if tag.startswith("B-") and is_tag(tag)}


def review_rows(
    table: LabelledTable,
    *,
    labels: tuple[str, ...] | None,
    min_label_entities: int,
    max_words: int,
    ranks: Sequence[int] = (0,),
) -> RowReview:
    """Judge every row and every sentence.

    Labels that are taken from the data must have `min_label_entities` entities each, else their tags are
    unknown: a label that occurs three times in a large file is a slip of the pen. Quarantine may take a
    label below that number, so the rows are judged again without it until no label is left that is too rare.

    Args:
        table: all rows of the file.
        labels: those that may occur; None takes those of the data.
        min_label_entities: at least 1; only for labels of the data.
        max_words: longest sentence, in words.
        ranks: how much the word of each file counts where two label a text differently; as many as files.
    """
    frame = table.frame()
    counts = table.entities_per_label(np.ones(table.n_sentences, dtype=bool))
    current = labels or _frequent(counts, min_label_entities)
    while True:
        reasons, superseded, bad_rows, findings = _judge(table, frame, current, max_words, ranks)
        counts = table.entities_per_label((reasons == "") & ~superseded)
        n_entities = {label: counts.get(label, 0) for label in current}
        frequent = _frequent(n_entities, min_label_entities)
        if labels or frequent == current:
            gone = tuple(superseded.tolist())
            return RowReview(current, tuple(reasons.tolist()), gone, bad_rows, n_entities, tuple(findings))
        current = frequent


def quarantined_rows(table: LabelledTable, reviewed: RowReview) -> list[tuple[str, int, str, str, str, str, str]]:
    """Rows of all quarantined sentences in the order of the files, as `QUARANTINE_COLUMNS`.

    Every row carries its sentence's reason; `found` is filled on the rows that are to blame.
    """
    rows = []
    first = np.searchsorted(table.files, np.arange(len(table.names)))
    for index, start in enumerate(table.starts.tolist()):
        file = table.files[index]
        reason = reviewed.reasons[index]
        for at in range(start, start + int(table.n_words[index])) if reason else ():
            found = _found(table, reason, at, index) if reviewed.bad_rows[at] else ""
            number = f"Sentence: {index - first[file] + 1}"
            rows.append((table.names[file], table.lines[at], number, table.words[at], table.tags[at], reason, found))
    return rows


def _judge(
    table: LabelledTable, frame: pd.DataFrame, labels: tuple[str, ...], max_words: int, ranks: Sequence[int]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any], list[RuleFinding]]:
    """Reason of each sentence, who is superseded, the rows to blame, and what the rules found.

    The first rule that is broken counts.
    """
    tags = LabelSet(labels).tags if labels else (OUTSIDE,)
    reasons = np.full(table.n_sentences, "", dtype=object)
    bad_rows = np.zeros(table.n_rows, dtype=bool)
    of_row = np.repeat(np.arange(table.n_sentences), table.n_words)
    findings = expectations.run_suite("rows", frame, expectations.row_rules(tags, max_words=max_words))
    for finding in findings:
        fresh = finding.rows[reasons[of_row[finding.rows]] == ""]
        bad_rows[fresh] = True
        reasons[of_row[fresh]] = finding.rule.name
    is_sound, of_sentence = reasons == "", [ranks[file] for file in table.files.tolist()]
    readings = _readings(table.sentences, of_sentence, is_sound)
    superseded = _superseded(table.sentences, of_sentence, is_sound, readings)
    counts = (is_sound & ~superseded).tolist()
    n_readings = [len(readings[s.words][1]) if one else 1 for s, one in zip(table.sentences, counts, strict=True)]
    copies = expectations.run_suite("copies", pd.DataFrame({"n_readings": n_readings}), expectations.copy_rules())
    for finding in copies:
        reasons[finding.rows] = finding.rule.name
        bad_rows[table.starts[finding.rows]] = True
    return reasons, superseded, bad_rows, [*findings, *copies]


Readings = Mapping[tuple[str, ...], tuple[int, set[tuple[str, ...]]]]


def _readings(sentences: Sequence[LabelledSentence], ranks: Sequence[int], is_sound: np.ndarray[Any, Any]) -> Readings:
    """For the words of each sound sentence the highest rank among its copies, and how those of that rank are tagged."""
    readings: dict[tuple[str, ...], tuple[int, set[tuple[str, ...]]]] = {}
    for sentence, rank, sound in zip(sentences, ranks, is_sound.tolist(), strict=True):
        if sound:
            highest, taggings = readings.get(sentence.words, (-1, set()))
            if rank > highest:
                readings[sentence.words] = (rank, {sentence.tags})
            elif rank == highest:
                taggings.add(sentence.tags)
    return readings


def _superseded(
    sentences: Sequence[LabelledSentence], ranks: Sequence[int], is_sound: np.ndarray[Any, Any], readings: Readings
) -> np.ndarray[Any, Any]:
    """Which sound sentences are tagged in another way than a copy of higher rank is."""
    gone = [
        sound and rank < readings[sentence.words][0] and {sentence.tags} != readings[sentence.words][1]
        for sentence, rank, sound in zip(sentences, ranks, is_sound.tolist(), strict=True)
    ]
    return np.asarray(gone, dtype=bool)


def _frequent(counts: dict[str, int], at_least: int) -> tuple[str, ...]:
    return tuple(label for label, count in counts.items() if count >= at_least)


def _labels_of(tags: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """For each different tag the number of its label, and whether it is an I- tag."""
    labels = [(tag_label(tag) or "") if is_tag(tag) else _MALFORMED for tag in tags]
    ids, _ = pd.factorize(np.asarray(labels, dtype=object))
    inside = np.array([is_tag(tag) and tag.startswith("I-") for tag in tags], dtype=bool)
    return ids, inside


def _found(table: LabelledTable, reason: str, at: int, sentence: int) -> str:
    match reason:
        case "broken-row" | "bad-span":
            return str(table.problems[at])
        case "empty-word":
            return f"a word that shows nothing: {table.words[at]!r}"
        case "unknown-tag":
            return f"tag {table.tags[at]!r}"
        case "orphan-inside-tag":
            before = table.tags[at - 1] if at > table.starts[sentence] else "the sentence's start"
            return f"{table.tags[at]} after {before}"
        case "too-long":
            return f"{table.n_words[sentence]} words"
        case _:
            return "the same words with other tags elsewhere"
