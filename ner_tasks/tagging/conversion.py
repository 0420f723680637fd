"""Converts folders of answers to other formats."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from ner_tasks.errors import ConfigInvalid
from ner_tasks.records import OfDay, ShardManifest, validate_record
from ner_tasks.tagging.answer_ledger import DOCUMENTS
from ner_tasks.tagging.day_parts import read_described, read_parts
from ner_tasks.tagging.exports import Format
from ner_tasks.tagging.exports.brat import write_brat
from ner_tasks.tagging.exports.conll import write_conll
from ner_tasks.tagging.exports.delta import write_delta
from ner_tasks.tagging.exports.inception import write_inception
from ner_tasks.tagging.exports.omop import NoteIds, write_note_nlp
from ner_tasks.tagging.exports.page import write_day_page
from ner_tasks.tagging.exports.parquet import write_hive, write_parquet
from ner_tasks.tagging.exports.redacted import write_redacted
from ner_tasks.tagging.journal import REJECTED
from ner_tasks.tagging.merge import MANIFEST, sum_manifests

# What a format needs besides `documents.jsonl`.
_MORE_FILES: dict[Format, tuple[str, ...]] = {"page": (REJECTED,)}


def convert_answers(
    answers: Sequence[Path], output: Path, *, to: Format, day: str | None = None, note_ids: Path | None = None
) -> dict[str, Any]:
    """Convert answers; read them again if they are replaced meanwhile.

    Args:
        answers: a published day, or folders of answers in order, see `day_parts`.
        output: file to write; for all formats but CoNLL, the page and redacted copies, a folder.
        to: the format.
        day: YYYY-MM-DD; by default that of the manifest, which an answer folder of `tag` does not have.
        note_ids: for OMOP: CSV with the columns `document` and `note_id`.

    Returns:
        What was written, counted.

    Raises:
        InputMissing, ArtifactBroken: there are no answers, or they are damaged.
        ConfigInvalid: the format needs a text that was not kept, or a day that is not known; `day` is no day.
        StorageFull: no space left on the device.
    """
    if note_ids is not None and to != "omop":
        raise ConfigInvalid(f"found note_ids for --to {to}, expected them for --to omop")
    ids = NoteIds.read(note_ids) if note_ids else NoteIds()
    return read_parts(
        answers,
        lambda parts: _convert(answers, parts, output, to, find_day(answers, day), ids),
        files=(DOCUMENTS, *_MORE_FILES.get(to, ())),
    )


def find_day(answers: Sequence[Path], given: str | None) -> date | None:
    """Return the day of folders of answers: the given one, else that of their manifests; None if they have none.

    Raises:
        ConfigInvalid: it is no day, or they are of several days.
        ArtifactBroken: a manifest is damaged.
    """
    where = "--day"
    if given is None:
        where = str(answers[0] / MANIFEST)
        days = {validate_record(read_described(folder), OfDay, str(folder)).get("day") for folder in answers}
        if len(days) > 1:
            found = " and ".join(sorted(str(day)[:100] for day in days)[:2])
            raise ConfigInvalid(f"found answers of {found}, expected those of one day, in --answers; give --day")
        given = days.pop()
    if given is None:
        return None
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise ConfigInvalid(f"found day {given[:100]!r}, expected YYYY-MM-DD, in {where}") from None


def _convert(
    answers: Sequence[Path], parts: Sequence[Path], output: Path, to: Format, day: date | None, note_ids: NoteIds
) -> dict[str, Any]:
    documents = [part / DOCUMENTS for part in parts]
    if to == "page":
        told = [validate_record(read_described(one), ShardManifest, str(one)) for one in answers]
        manifest = {**told[0], **(sum_manifests(told) if told[1:] else {})}
        return dict(write_day_page(documents, [part / REJECTED for part in parts], manifest, output, day=day))
    if to in ("hive", "delta"):
        if day is None:
            raise ConfigInvalid(f"found no day in {answers[0]}, expected one to name the partition; give --day")
        return dict((write_hive if to == "hive" else write_delta)(documents, output, day=day))
    if to == "omop":
        return dict(write_note_nlp(documents, output, day=day, note_ids=note_ids))
    if to == "parquet":
        return dict(write_parquet(documents, output, day=day))
    writers = {"brat": write_brat, "inception": write_inception, "conll": write_conll, "redacted": write_redacted}
    return dict(writers[to](documents, output))
