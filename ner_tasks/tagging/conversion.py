"""Converts a folder of answers to other formats."""

from datetime import date
from pathlib import Path
from typing import Any

from ner_tasks.errors import ConfigInvalid, InputMissing
from ner_tasks.files import atomic
from ner_tasks.records import OfDay, ShardManifest, read_file
from ner_tasks.tagging.answer_ledger import DOCUMENTS
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
from ner_tasks.tagging.merge import MANIFEST


def convert_answers(
    answers: Path, output: Path, *, to: Format, day: str | None = None, note_ids: Path | None = None
) -> dict[str, Any]:
    """Convert a folder of answers; read it again if it is replaced meanwhile.

    Args:
        answers: folder made by `tag` or `build_day`.
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
    return atomic.read_whole(answers, lambda: _convert(answers, output, to, find_day(answers, day), ids))


def find_day(answers: Path, given: str | None) -> date | None:
    """Return the day of a folder of answers: the given one, else that of its manifest; None if it has none.

    Raises:
        ConfigInvalid: it is no day.
        ArtifactBroken: the manifest is damaged.
    """
    where = "--day"
    if given is None:
        where = str(answers / MANIFEST)
        try:
            given = read_file(answers / MANIFEST, OfDay).get("day")
        except InputMissing:
            return None
    if given is None:
        return None
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise ConfigInvalid(f"found day {given[:100]!r}, expected YYYY-MM-DD, in {where}") from None


def _convert(answers: Path, output: Path, to: Format, day: date | None, note_ids: NoteIds) -> dict[str, Any]:
    documents = answers / DOCUMENTS
    if to == "page":
        manifest = read_file(answers / MANIFEST, ShardManifest)
        return dict(write_day_page(documents, answers / REJECTED, manifest, output, day=day))
    if to in ("hive", "delta"):
        if day is None:
            raise ConfigInvalid(f"found no day in {answers}, expected one to name the partition; give --day")
        return dict((write_hive if to == "hive" else write_delta)(documents, output, day=day))
    if to == "omop":
        return dict(write_note_nlp(documents, output, day=day, note_ids=note_ids))
    if to == "parquet":
        return dict(write_parquet(documents, output, day=day))
    writers = {"brat": write_brat, "inception": write_inception, "conll": write_conll, "redacted": write_redacted}
    return dict(writers[to](documents, output))
