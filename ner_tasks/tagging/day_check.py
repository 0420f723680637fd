"""Checks a published day against its inbox, its manifest and its rejected documents, as after a restore.

A copy that was taken while the day was replaced may hold files of two nights: a manifest without its answers, or answers
of another night. All files are read as streams, in the order of the inbox.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from heapq import merge as merge_sorted
from itertools import groupby, zip_longest
from pathlib import Path

from ner_tasks.errors import ArtifactBroken, InputMissing
from ner_tasks.files import atomic, sqlite_files
from ner_tasks.records import PublishedDay, read_file
from ner_tasks.tagging.answer_ledger import DOCUMENTS, LEDGER, AnswerKey, AnswerLedger
from ner_tasks.tagging.journal import ANSWERS, REJECTED
from ner_tasks.tagging.merge import MANIFEST, iter_files

_N_NAMED = 3


@dataclass
class NameList:
    """How many names there are, and the first of them."""

    n: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        self.n += 1
        if len(self.first) < _N_NAMED:
            self.first.append(name)

    def __str__(self) -> str:
        return ", ".join(self.first) + (", ..." if self.n > len(self.first) else "")


@dataclass(frozen=True)
class NamesCompared:
    """Files of a day's inbox beside those that its answers name.

    Attributes:
        n_files: files in the inbox.
        unanswered: files in the inbox that are neither answered nor rejected nor ignored.
        gone: files that have an answer and are not in the inbox.
    """

    n_files: int
    unanswered: NameList
    gone: NameList


def check_counts(answers: Path) -> None:
    """Check that a day's files are all there, and that they have as many lines as its manifest counts.

    Args:
        answers: the published day.

    Raises:
        InputMissing, ArtifactBroken: a file is missing, damaged, or of another night.
    """
    manifest = read_file(answers / MANIFEST, PublishedDay)
    for name, key in ((DOCUMENTS, "n_tagged"), (REJECTED, "n_rejected")):
        n_lines, n_expected = sum(1 for _ in atomic.lines_in(answers / name)), manifest.get(key)
        if n_expected is not None and n_lines != n_expected:
            raise ArtifactBroken(
                f"found {n_lines} lines, expected {n_expected} as in {MANIFEST}: files of two nights, at {answers / name}"
            )
    _check_ledger(answers)


def _check_ledger(answers: Path) -> None:
    """Check that the ledger points at the answers beside it, by the last of them."""
    path = answers / LEDGER
    if not path.is_file():
        raise InputMissing(f"found nothing, expected a file, at {path}")
    with sqlite_files.translate_errors(path, "a ledger"), closing(sqlite_files.open_read_only(path)) as rows:
        last = rows.execute(
            "SELECT text_sha256, model_version, config FROM answers ORDER BY offset DESC LIMIT 1"
        ).fetchone()
    if last:
        with AnswerLedger(answers, read_only=True) as ledger:
            ledger.find(AnswerKey(*last))


def compare_names(inbox: Iterable[str], answers: Path) -> NamesCompared:
    """Compare the files of the inbox with those that have an answer.

    Args:
        inbox: names of the day's files, in order.
        answers: the published day.

    Raises:
        InputMissing, ArtifactBroken: a file of the day is missing or damaged.
    """
    unanswered, gone, n_files = NameList(), NameList(), 0
    answered = _iter_answered(answers)
    waiting = next(answered, None)
    for name in inbox:
        n_files += 1
        while waiting is not None and waiting < name:
            gone.add(waiting)
            waiting = next(answered, None)
        if waiting == name:
            waiting = next(answered, None)
        else:
            unanswered.add(name)
    while waiting is not None:
        gone.add(waiting)
        waiting = next(answered, None)
    return NamesCompared(n_files, unanswered, gone)


def check_rejected(answers: Path, rejected: Path) -> None:
    """Check that the folder of rejected documents is that of the same night, with a reason for each.

    Args:
        answers: the published day.
        rejected: its folder of rejected documents.

    Raises:
        InputMissing, ArtifactBroken: it is missing, damaged, or of another night.
    """
    for expected, found in zip_longest(iter_files(answers / REJECTED), iter_files(rejected / REJECTED)):
        if expected != found:
            raise ArtifactBroken(
                f"found {found or 'no more lines'}, expected {expected or 'no more lines'} as in the answers, "
                f"at {rejected / REJECTED}"
            )


def _iter_answered(answers: Path) -> Iterator[str]:
    """Iterate over the names of files that have an answer, each once, in the order of the inbox."""
    streams = [_in_order(answers / name) for name in ANSWERS]
    return (name for name, _ in groupby(merge_sorted(*streams)))


def _in_order(path: Path) -> Iterator[str]:
    last = ""
    for name, _ in groupby(iter_files(path)):
        if name < last:
            raise ArtifactBroken(f"found {name} after {last}, expected each file once, in order, at {path}")
        last = name
        yield name
