"""Checks a published day against its inbox, its manifest and its rejected documents, as after a restore.

A copy that was taken while the day was replaced may hold files of two nights: a manifest without its answers, or answers
of another night. Of a day of parts, a copy may lack parts. All files are read as streams, in the order of the inbox.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from heapq import merge as merge_sorted
from itertools import chain, groupby, zip_longest
from pathlib import Path, PurePosixPath

from ner_tasks.errors import ArtifactBroken, InputMissing
from ner_tasks.files import atomic, sqlite_files
from ner_tasks.records import PartManifest, PartRecord, PublishedDay, read_file
from ner_tasks.tagging.answer_ledger import DOCUMENTS, LEDGER, AnswerKey, AnswerLedger
from ner_tasks.tagging.journal import ANSWERS, REJECTED
from ner_tasks.tagging.merge import MANIFEST, iter_files
from ner_tasks.tagging.part import PART, check_part, name_part

_N_NAMED = 3
_COUNTS = ("n_documents", "n_tagged", "n_rejected", "n_entities")  # of a day, each the sum of those of its parts


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


def check_day(day: str, manifest: PublishedDay, parts: Sequence[Path], where: str) -> None:
    """Check that a day's files are all there, and that they are those that its manifest means.

    Args:
        day: YYYY-MM-DD.
        manifest: the day's.
        parts: its parts in order, see `part.list_part_keys`; of an earlier release the day's folder only.
        where: location of the manifest, for messages.

    Raises:
        InputMissing, ArtifactBroken: a file is missing, damaged, or of another night.
    """
    if "parts" not in manifest:
        for answers in parts:
            _check_lines(answers, manifest, MANIFEST)
            _check_ledger(answers)
        return
    sums = dict.fromkeys(_COUNTS, 0)
    for record, part in zip(manifest["parts"], parts, strict=True):
        described = _check_part(day, part, record)
        night = record.get("night", manifest.get("night"))
        for name, expected in (("model_version", manifest["model_version"]), ("night", night)):
            if described[name] != expected:  # type: ignore[literal-required]
                found = f"found a part of {name} {described[name]}"  # type: ignore[literal-required]
                raise ArtifactBroken(f"{found}, expected {expected} as in {where}, in {part / PART}")
        sums = {name: n + described[name] for name, n in sums.items()}  # type: ignore[literal-required]
    for name, n_found in sums.items():
        n_expected = manifest.get(name, n_found)
        if n_found != n_expected:
            raise ArtifactBroken(f"found parts with {name} {n_found} in all, expected {n_expected}, as in {where}")


def _check_part(day: str, part: Path, record: PartRecord) -> PartManifest:
    if not (part / PART).is_file():
        raise InputMissing(f"found nothing, expected a file, at {part / PART}")
    described = read_file(part / PART, PartManifest)
    if described["day"] != day:
        raise ArtifactBroken(f"found a part of {described['day']}, expected one of {day}, in {part / PART}")
    for name, digest in described["files"].items():
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise ArtifactBroken(f"found the name {name!r}, expected that of a file of the part, in {part / PART}")
        if not (part / name).is_file():
            raise InputMissing(f"found nothing, expected a file, at {part / name}")
        if (found := (part / name).stat().st_size) != digest["n_bytes"]:
            raise ArtifactBroken(f"found {found} bytes, expected {digest['n_bytes']} as in {PART}, at {part / name}")
    check_part(part, record)
    named = name_part(part)
    told: PartRecord = {**named, **record}
    if "night" in record:  # a kept part, made with another number, which its key has
        told["number"] = named["number"]
    if any(told[name] != value for name, value in named.items()):  # type: ignore[literal-required]
        raise ArtifactBroken(f"found part {named}, expected {dict(record)} as in {MANIFEST}, at {part}")
    _check_lines(part, described, PART)
    _check_ledger(part)
    return described


def _check_lines(answers: Path, manifest: PublishedDay | PartManifest, manifest_name: str) -> None:
    """Check that files have as many lines as the manifest beside them counts."""
    for name, n_expected in ((DOCUMENTS, manifest.get("n_tagged")), (REJECTED, manifest.get("n_rejected"))):
        n_lines = sum(1 for _ in atomic.lines_in(answers / name))
        if n_expected is not None and n_lines != n_expected:
            found = f"found {n_lines} lines, expected {n_expected} as in {manifest_name}"
            raise ArtifactBroken(f"{found}: files of two nights, at {answers / name}")


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


def compare_names(inbox: Iterable[str], parts: Sequence[Path]) -> NamesCompared:
    """Compare the files of the inbox with those that have an answer.

    Args:
        inbox: names of the day's files, in order.
        parts: the parts of the published day, in order.

    Raises:
        InputMissing, ArtifactBroken: a file of the day is missing or damaged.
    """
    unanswered, gone, n_files = NameList(), NameList(), 0
    answered = _iter_answered(parts)
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


def check_rejected(parts: Sequence[Path], rejected: Path) -> None:
    """Check that the folder of rejected documents is that of the same night, with a reason for each.

    Args:
        parts: the parts of the published day, in order.
        rejected: its folder of rejected documents.

    Raises:
        InputMissing, ArtifactBroken: it is missing, damaged, or of another night.
    """
    listed = chain.from_iterable(iter_files(part / REJECTED) for part in parts)
    for expected, found in zip_longest(listed, iter_files(rejected / REJECTED)):
        if expected != found:
            raise ArtifactBroken(
                f"found {found or 'no more lines'}, expected {expected or 'no more lines'} as in the answers, "
                f"at {rejected / REJECTED}"
            )


def _iter_answered(parts: Sequence[Path]) -> Iterator[str]:
    """Iterate over the names of files that have an answer, each once, in the order of the inbox."""
    last = ""
    for part in parts:
        streams = [_in_order(part / name) for name in ANSWERS]
        for name, _ in groupby(merge_sorted(*streams)):
            if name < last or (last and name == last):
                raise ArtifactBroken(f"found {name} after {last}, expected parts in the order of the inbox, at {part}")
            last = name
            yield name


def _in_order(path: Path) -> Iterator[str]:
    last = ""
    for name, _ in groupby(iter_files(path)):
        if name < last:
            raise ArtifactBroken(f"found {name} after {last}, expected each file once, in order, at {path}")
        last = name
        yield name
