"""Exports answers as table `NOTE_NLP` of the OMOP Common Data Model 5.4, one row per entity.

Source: OHDSI CommonDataModel, version 5.4, table NOTE_NLP and its conventions on term_exists, term_temporal and
term_modifiers.
"""

import csv
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

import ner_tasks
from ner_tasks.errors import ConfigInvalid, InputMissing
from ner_tasks.files import atomic
from ner_tasks.surrogates import escape_surrogates
from ner_tasks.tagging.answers import Answer, AnswerFiles, name_files, read_answers
from ner_tasks.tagging.exports.parquet import ParquetTable
from ner_tasks.tagging.exports.tables import describe_field

NOTE_NLP_FILE, NOTE_IDS_FILE = "note_nlp.parquet", "note_ids.parquet"
CDM_VERSION = "5.4"
NOTE_NLP = pa.schema(
    [
        describe_field("note_nlp_id", pa.int64(), "hash of day, document, offsets and label", nullable=False),
        describe_field(
            "note_id", pa.int64(), "note: hash of day and document, or yours (`--note_ids`)", nullable=False
        ),
        describe_field("section_concept_id", pa.int32(), "0; the section is in `term_modifiers`"),
        describe_field("snippet", pa.string(), "the mention and what surrounds it, at most 250 characters"),
        describe_field("offset", pa.string(), "first character in the text, from 0"),
        describe_field("lexical_variant", pa.string(), "the mention, at most 250 characters", nullable=False),
        describe_field("note_nlp_concept_id", pa.int32(), "the code if its code system is `OMOP`, else 0"),
        describe_field("note_nlp_source_concept_id", pa.int32(), "0; code and system are in `term_modifiers`"),
        describe_field("nlp_system", pa.string(), "this program and its version, and that of the model"),
        describe_field("nlp_date", pa.date32(), "when it was tagged, in UTC", nullable=False),
        describe_field("nlp_datetime", pa.timestamp("us"), "the same with the time"),
        describe_field(
            "term_exists", pa.string(), "N if negated, hypothetical or the family's, else Y; null: not assessed"
        ),
        describe_field("term_temporal", pa.string(), "Past if historical, else Present; null: not assessed"),
        describe_field(
            "term_modifiers", pa.string(), "`negated=no,subject=patient,...`, then label, score, section, code"
        ),
    ],
    metadata={"cdm_version": CDM_VERSION},
)
# To join the rows with the table NOTE.
NOTE_IDS = pa.schema(
    [
        describe_field("note_id", pa.int64(), "as in `note_nlp`", nullable=False),
        describe_field("document", pa.string(), "name of the document", nullable=False),
        describe_field("sha256", pa.string(), "SHA-256 of the document as it arrived", nullable=False),
        describe_field("day", pa.date32(), "day on which it arrived"),
    ]
)
# Most characters of a column of text.
LENGTHS = {
    "snippet": 250,
    "offset": 50,
    "lexical_variant": 250,
    "nlp_system": 250,
    "term_exists": 1,
    "term_temporal": 50,
    "term_modifiers": 2000,
}
_NO_CONCEPT = 0  # the CDM's "no matching concept"
_OWN_CONCEPTS = "OMOP"  # the code system whose codes are concept_ids
_MAX_CONCEPT, _MAX_ID = 2**31 - 1, 2**63 - 1
_SEPARATORS = re.compile(r"[,=\s]+")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True)
class NoteIds:
    """The note_id of each document: the user's, else a hash.

    Attributes:
        given: note_id by name of the document; None: all are hashes.
        where: the file that they come from.
    """

    given: Mapping[str, int] | None = None
    where: Path = field(default=Path())

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a CSV with the columns `document` and `note_id`, in UTF-8.

        Raises:
            InputMissing: no such file.
            ConfigInvalid: it is no such CSV, an id is no whole number, or a document has two.
        """
        given: dict[str, int] = {}
        if not path.is_file():
            raise InputMissing(f"found nothing at {path}, expected a CSV with the columns document,note_id")
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows = csv.DictReader(file, strict=True)
                if not {"document", "note_id"} <= set(rows.fieldnames or ()):
                    raise ConfigInvalid(f"found other columns, expected document,note_id, in {path}")
                for row in rows:
                    name, note_id, line = row["document"], row["note_id"], rows.line_num
                    if not re.fullmatch(r"[0-9]{1,19}", note_id or "", re.ASCII) or int(note_id) > _MAX_ID:
                        raise ConfigInvalid(
                            f"found note_id {str(note_id)[:50]!r}, expected a whole number, in {path}, line {line}"
                        )
                    if given.setdefault(name, int(note_id)) != int(note_id):
                        raise ConfigInvalid(
                            f"found a second note_id, expected one per document, in {path}, line {line}"
                        )
        except (UnicodeDecodeError, csv.Error) as error:
            raise ConfigInvalid(f"found {type(error).__name__}, expected a CSV in UTF-8, at {path}") from None
        return cls(given, path)

    def get(self, document: str, day: date | None) -> int:
        """Return the note_id of a document of a day; a hash is the same in every run.

        Raises:
            ConfigInvalid: the user's file does not have the document.
        """
        if self.given is None:
            return _hash_id(str(day), document)
        try:
            return self.given[document]
        except KeyError:
            raise ConfigInvalid(
                f"found no note_id of {document[:200]!r}, expected one of each document, in {self.where}"
            ) from None


def write_note_nlp(
    documents_jsonl: AnswerFiles, folder: Path, *, day: date | None = None, note_ids: NoteIds | None = None
) -> dict[str, int]:
    """Write `note_nlp.parquet` and `note_ids.parquet` into a folder, each atomically.

    Args:
        documents_jsonl: the answers, with their texts.
        folder: output folder; other files in it are kept.
        day: day of the answers; part of the ids, and `nlp_date` where a receipt has no time.
        note_ids: note_id of each document.

    Returns:
        `{"n_documents": ..., "n_entities": ...}`.

    Raises:
        InputMissing: there are no answers.
        ArtifactBroken: a line is not an answer.
        ConfigInvalid: a text was not kept, a document has no note_id, or neither receipt nor day give a date.
        StorageFull: no space left on the device; no files are left.
    """
    ids = note_ids or NoteIds()
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        stages = [stack.enter_context(atomic.staged_file(folder / name)) for name in (NOTE_NLP_FILE, NOTE_IDS_FILE)]
        terms = stack.enter_context(ParquetTable(stages[0], NOTE_NLP))
        notes = stack.enter_context(ParquetTable(stages[1], NOTE_IDS))
        where = name_files(documents_jsonl)
        for answer in read_answers(documents_jsonl):
            note_id, document = ids.get(answer.document, day), escape_surrogates(answer.document)
            notes.add([{"note_id": note_id, "document": document, "sha256": answer.sha256, "day": day}])
            terms.add(_rows(answer, note_id, day, where))
    return {"n_documents": notes.n_rows, "n_entities": terms.n_rows}


def _rows(answer: Answer, note_id: int, day: date | None, where: str) -> Iterator[dict[str, Any]]:
    text = answer.text
    if text is None:
        raise ConfigInvalid(
            f"found answers without text, expected them with it to write NOTE_NLP, in {where}: only hashes were kept"
        )
    if not answer.entities:
        return
    moment = _tagged_at(answer, day, where)
    system = f"nightly-ner {ner_tasks.__version__}, model {answer.receipt.get('model_version', '')}"
    for entity in answer.entities:
        start, end = entity["start"], entity["end"]
        statuses = _statuses(entity)
        exists, temporal = _summarize(statuses)
        yield {
            "note_nlp_id": _hash_id(str(day), answer.document, start, end, entity["label"]),
            "note_id": note_id,
            "section_concept_id": _NO_CONCEPT,
            "snippet": _clean(_snippet(text, start, end), "snippet"),
            "offset": str(start),
            "lexical_variant": _clean(text[start:end], "lexical_variant"),
            "note_nlp_concept_id": _concept(entity),
            "note_nlp_source_concept_id": _NO_CONCEPT,
            "nlp_system": _clean(system, "nlp_system"),
            "nlp_date": moment.date(),
            "nlp_datetime": moment,
            "term_exists": exists,
            "term_temporal": temporal,
            "term_modifiers": _clean(_modifiers(entity, statuses), "term_modifiers"),
        }


def _hash_id(*parts: object) -> int:
    """Return a positive 63-bit hash: of 20 million, two are the same with a probability of 2 in 100,000."""
    text = json.dumps(parts)  # in ASCII, so that half a surrogate is no error
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1 or 1


def _tagged_at(answer: Answer, day: date | None, where: str) -> datetime:
    """Return when the document was tagged, in UTC without a time zone, as the CDM stores it."""
    try:
        moment = datetime.fromisoformat(str(answer.receipt["tagged_at"]))
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except (KeyError, ValueError, OverflowError):
        if day is None:
            raise ConfigInvalid(f"found neither tagged_at nor a day, expected one for nlp_date, in {where}") from None
        return datetime.combine(day, time())


def _snippet(text: str, start: int, end: int) -> str:
    """Return the mention in the middle of its surroundings, at most as long as the column."""
    around = max(0, LENGTHS["snippet"] - (end - start)) // 2
    return text[max(0, start - around) : min(len(text), end + around)]


def _clean(text: str, column: str) -> str:
    """Return a text on one line that fits into a column."""
    return escape_surrogates(_CONTROL.sub(" ", text))[: LENGTHS[column]]


def _statuses(entity: Mapping[str, Any]) -> frozenset[str] | None:
    """Return the statuses of an entity's assertion; None if it was not assessed."""
    assertion = entity.get("assertion")
    return frozenset(map(str, assertion)) if isinstance(assertion, list) else None


def _summarize(statuses: frozenset[str] | None) -> tuple[str | None, str | None]:
    """Return term_exists and term_temporal.

    Uncertain and historical terms exist: by the convention, only very low certainty is absence.
    """
    if statuses is None:
        return None, None
    exists = "N" if statuses & {"negated", "family", "hypothetical"} else "Y"
    return exists, "Past" if "historical" in statuses else "Present"


def _modifiers(entity: Mapping[str, Any], statuses: frozenset[str] | None) -> str:
    """Return the modifiers as the CDM writes them, `negated=no,subject=patient,...`, and after them our own."""
    modifiers: dict[str, object] = {}
    if statuses is not None:
        modifiers = {
            "negated": "yes" if "negated" in statuses else "no",
            "subject": "family" if "family" in statuses else "patient",
            "certainty": "low" if "uncertain" in statuses else "high",
            "conditional": "true" if "hypothetical" in statuses else "false",
            "history": "true" if "historical" in statuses else "false",
        }
    modifiers |= {name: entity.get(name) for name in ("label", "score", "section", "code_system", "code", "decision")}
    return ",".join(
        f"{name}={_SEPARATORS.sub('_', str(value))}" for name, value in modifiers.items() if value is not None
    )


def _concept(entity: Mapping[str, Any]) -> int:
    """Return the concept_id if the code is one."""
    code = str(entity.get("code") or "")
    is_concept = entity.get("code_system") == _OWN_CONCEPTS and re.fullmatch(r"[0-9]{1,10}", code, re.ASCII)
    return int(code) if is_concept and int(code) <= _MAX_CONCEPT else _NO_CONCEPT
