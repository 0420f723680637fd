"""Quarantine: decides which sentences of labelled files are valid, with one reason for each invalid one.

A whole sentence is quarantined if any of its rows is invalid, since part of a sentence would be wrong training data.
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
    """Result of the review of all rows.

    Attributes:
        labels: accepted labels, given or taken from the data.
        reasons: reason code of each sentence; empty if it is not quarantined.
        superseded: whether a correction with other tags replaces the sentence, which then has no reason.
        bad_rows: whether each row caused the reason of its sentence.
        n_entities: number of entities of each label in sound sentences.
        findings: finding of each rule.
    """

    labels: tuple[str, ...]
    reasons: tuple[str, ...]
    superseded: tuple[bool, ...]
    bad_rows: np.ndarray[Any, Any]
    n_entities: dict[str, int]
    findings: tuple[RuleFinding, ...]

    @property
    def is_sound(self) -> list[bool]:
        """Whether each sentence may be used."""
        return [not (reason or gone) for reason, gone in zip(self.reasons, self.superseded, strict=True)]


class LabelledTable:
    """Rows of labelled files in columns.

    Attributes:
        names: names of the files.
        files: index of the file of each sentence.
        starts: index of the first row of each sentence.
        conversions: what was recognized and converted in each file.
    """

    def __init__(
        self, sources: Iterable[tuple[str, Iterable[LabelledRow]]], conversions: Sequence[Conversions] | None = None
    ) -> None:
        """Read the rows of files.

        Args:
            sources: name and rows of each file; origins of sentences start with the name.
            conversions: conversions of each file, filled while its rows are read.
        """
        self.names: list[str] = []
        rows: list[LabelledRow] = []
        bounds = [0]
        for name, file_rows in sources:
            self.names.append(name)
            rows.extend(file_rows)
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
        """All sentences, valid or not; the word of a broken row is its whole line."""
        sentences = []
        for start, n, file in zip(self.starts.tolist(), self.n_words.tolist(), self.files.tolist(), strict=True):
            at = slice(start, start + n)
            pos = self.pos[at] if any(self.pos[at]) else ()
            sentences.append(
                LabelledSentence(self.words[at], self.tags[at], f"{self.names[file]}:{self.lines[start]}", pos)
            )
        return sentences

    def frame(self) -> pd.DataFrame:
        """Return the columns for `expectations.row_rules`.

        A broken row has no tag, so its tag is `O` and only its problem breaks a rule.
        """
        problem = pd.Series(self.problems, dtype="str")
        is_span = pd.Series(self.kinds, dtype="str") == BAD_SPAN
        tag_ids, tags = pd.factorize(np.asarray(self.tags, dtype=object))
        label_ids, is_inside = _factorize_labels(tags)
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
        """Count the entities of each label, in alphabetical order, in sentences that are sound."""
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
    """Review all rows and quarantine invalid sentences.

    With `labels` None, a label with fewer than `min_label_entities` entities counts as a typo, and its tags as unknown.
    Since quarantine may reduce the entities of other labels, the review is repeated until no label is too rare.

    Args:
        table: rows of all files.
        labels: allowed labels; None for those of the data.
        min_label_entities: minimum number of entities of a label of the data, at least 1.
        max_words: maximum number of words in a sentence.
        ranks: rank of each file; if two label a text differently, the higher rank wins.
    """
    frame = table.frame()
    counts = table.entities_per_label(np.ones(table.n_sentences, dtype=bool))
    current = labels or _frequent(counts, min_label_entities)
    while True:
        reasons, superseded, bad_rows, findings = _review_once(table, frame, current, max_words, ranks)
        counts = table.entities_per_label((reasons == "") & ~superseded)
        n_entities = {label: counts.get(label, 0) for label in current}
        frequent = _frequent(n_entities, min_label_entities)
        if labels or frequent == current:
            gone = tuple(superseded.tolist())
            return RowReview(current, tuple(reasons.tolist()), gone, bad_rows, n_entities, tuple(findings))
        current = frequent


def quarantined_rows(table: LabelledTable, reviewed: RowReview) -> list[tuple[str, int, str, str, str, str, str]]:
    """Return the rows of all quarantined sentences in file order, with the `QUARANTINE_COLUMNS`.

    Every row has the reason of its sentence; `found` is set only on the rows that caused it.
    """
    rows = []
    first = np.searchsorted(table.files, np.arange(len(table.names)))
    for index, start in enumerate(table.starts.tolist()):
        file = table.files[index]
        reason = reviewed.reasons[index]
        for at in range(start, start + int(table.n_words[index])) if reason else ():
            problem = _describe_problem(table, reason, at, index) if reviewed.bad_rows[at] else ""
            number = f"Sentence: {index - first[file] + 1}"
            rows.append((table.names[file], table.lines[at], number, table.words[at], table.tags[at], reason, problem))
    return rows


def _review_once(
    table: LabelledTable, frame: pd.DataFrame, labels: tuple[str, ...], max_words: int, ranks: Sequence[int]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any], list[RuleFinding]]:
    """Return reasons, superseded sentences, bad rows and findings; the first broken rule is the reason."""
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
    readings = _collect_readings(table.sentences, of_sentence, is_sound)
    superseded = _find_superseded(table.sentences, of_sentence, is_sound, readings)
    counts = (is_sound & ~superseded).tolist()
    n_readings = [len(readings[s.words][1]) if one else 1 for s, one in zip(table.sentences, counts, strict=True)]
    copies = expectations.run_suite("copies", pd.DataFrame({"n_readings": n_readings}), expectations.copy_rules())
    for finding in copies:
        reasons[finding.rows] = finding.rule.name
        bad_rows[table.starts[finding.rows]] = True
    return reasons, superseded, bad_rows, [*findings, *copies]


Readings = Mapping[tuple[str, ...], tuple[int, set[tuple[str, ...]]]]


def _collect_readings(
    sentences: Sequence[LabelledSentence], ranks: Sequence[int], is_sound: np.ndarray[Any, Any]
) -> Readings:
    """Return the highest rank among the copies of each sound sentence, and the taggings with that rank."""
    readings: dict[tuple[str, ...], tuple[int, set[tuple[str, ...]]]] = {}
    for sentence, rank, sound in zip(sentences, ranks, is_sound.tolist(), strict=True):
        if sound:
            highest, taggings = readings.get(sentence.words, (-1, set()))
            if rank > highest:
                readings[sentence.words] = (rank, {sentence.tags})
            elif rank == highest:
                taggings.add(sentence.tags)
    return readings


def _find_superseded(
    sentences: Sequence[LabelledSentence], ranks: Sequence[int], is_sound: np.ndarray[Any, Any], readings: Readings
) -> np.ndarray[Any, Any]:
    """Return whether each sound sentence has a copy of higher rank with other tags."""
    gone = [
        sound and rank < readings[sentence.words][0] and {sentence.tags} != readings[sentence.words][1]
        for sentence, rank, sound in zip(sentences, ranks, is_sound.tolist(), strict=True)
    ]
    return np.asarray(gone, dtype=bool)


def _frequent(counts: dict[str, int], at_least: int) -> tuple[str, ...]:
    return tuple(label for label, count in counts.items() if count >= at_least)


def _factorize_labels(tags: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the id of the label of each distinct tag, and whether it is an I- tag."""
    labels = [(tag_label(tag) or "") if is_tag(tag) else _MALFORMED for tag in tags]
    ids, _ = pd.factorize(np.asarray(labels, dtype=object))
    inside = np.array([is_tag(tag) and tag.startswith("I-") for tag in tags], dtype=bool)
    return ids, inside


def _describe_problem(table: LabelledTable, reason: str, at: int, sentence: int) -> str:
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
