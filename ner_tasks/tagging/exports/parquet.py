"""Exports answers as two Parquet tables: one row per entity, and one row per document; see `tables`."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from ner_tasks.documents.source_map import PLACE_FIELDS
from ner_tasks.errors import ArtifactBroken, redact_error
from ner_tasks.files import atomic
from ner_tasks.surrogates import escape_surrogates
from ner_tasks.tagging.answers import Answer, AnswerFiles, count_unread, list_files, name_files, read_answers
from ner_tasks.tagging.exports.tables import COUNTS, DAY, DOCUMENTS, ENRICHMENT, ENTITIES, without_day

ENTITIES_FILE, DOCUMENTS_FILE = "entities.parquet", "documents.parquet"
HIVE_TABLES = ("entities", "documents")

# Size of a row group: large enough to compress well, small enough for memory.
_GROUP_ROWS, _GROUP_CHARACTERS = 50_000, 8_000_000


def write_parquet(documents_jsonl: AnswerFiles, folder: Path, *, day: date | None = None) -> dict[str, int]:
    """Write `entities.parquet` and `documents.parquet` into a folder, each atomically.

    Args:
        documents_jsonl: the answers.
        folder: output folder; other files in it are kept.
        day: day of the answers, a column of both tables.

    Returns:
        Number of rows: `{"n_documents": ..., "n_entities": ...}`.

    Raises:
        InputMissing: there are no answers.
        ArtifactBroken: a line is not an answer.
        StorageFull: no space left on the device; no files are left.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return _write(documents_jsonl, [folder / ENTITIES_FILE, folder / DOCUMENTS_FILE], [ENTITIES, DOCUMENTS], day)


def write_hive(documents_jsonl: AnswerFiles, folder: Path, *, day: date) -> dict[str, int]:
    """Write a day of a Hive-partitioned data set: `entities/day=<day>/` and `documents/day=<day>/`, each atomically.

    Args:
        documents_jsonl: the answers; each file gets a file of its own in both tables, `part-<NN>.parquet`.
        folder: root of the data set; other days in it are kept, the two folders of this one are replaced.
        day: day of the answers; the files have no such column.

    Returns:
        Number of rows, as `write_parquet`.

    Raises:
        InputMissing, ArtifactBroken, StorageFull: as `write_parquet`.
    """
    counts = {"n_documents": 0, "n_entities": 0}
    with ExitStack() as stack:
        # both folders first: the first of them is replaced after both tables are complete
        stages = [
            stack.enter_context(atomic.staged_folder(folder / table / f"{DAY}={day.isoformat()}"))
            for table in HIVE_TABLES
        ]
        for number, path in enumerate(list_files(documents_jsonl)):
            files = [stage / f"part-{number:02d}.parquet" for stage in stages]
            written = _write(path, files, [without_day(ENTITIES), without_day(DOCUMENTS)], day)
            counts = {name: n + written[name] for name, n in counts.items()}
    return counts


def _write(
    documents_jsonl: AnswerFiles, paths: Sequence[Path], schemas: Sequence[pa.Schema], day: date | None
) -> dict[str, int]:
    with ExitStack() as stack:
        # all files first: the first of them is replaced after both tables are complete
        stages = [stack.enter_context(atomic.staged_file(path)) for path in paths]
        entities, documents = (
            stack.enter_context(ParquetTable(stage, schema)) for stage, schema in zip(stages, schemas, strict=True)
        )
        where = name_files(documents_jsonl)
        for answer in read_answers(documents_jsonl):
            entities.add(_entity_rows(answer, day))
            documents.add([_document_row(answer, day, where)])
    return {"n_documents": documents.n_rows, "n_entities": entities.n_rows}


def _entity_rows(answer: Answer, day: date | None) -> Iterable[dict[str, Any]]:
    for entity in answer.entities:
        yield {
            "document": escape_surrogates(answer.document),
            "sha256": answer.sha256,
            "start": entity["start"],
            "end": entity["end"],
            "label": str(entity["label"]),
            "text": None if (mention := answer.mention(entity)) is None else escape_surrogates(mention),
            "score": float(entity["score"]),
            **{name: entity.get(name) for name in PLACE_FIELDS},
            "model_version": str(answer.receipt.get("model_version", "")),
            DAY: day,
            **{name: _escape(entity.get(name)) for name in ENRICHMENT if name != "assertion"},
            "assertion": _statuses(entity.get("assertion")),
        }


def _escape(value: Any) -> Any:
    """Escape the surrogates of a text; a value of another type is left to the table to refuse."""
    return escape_surrogates(value) if isinstance(value, str) else value


def _statuses(assertion: Any) -> list[Any] | None:
    # of a text, the table would make a list of its letters
    if not isinstance(assertion, list | None):
        raise ArtifactBroken("found an assertion that is no list, expected answers that `tag` wrote")
    return None if assertion is None else list(map(_escape, assertion))


def _document_row(answer: Answer, day: date | None, where: str) -> dict[str, Any]:
    try:
        receipt = answer.receipt
        counts = {name: int(receipt[name]) for name in COUNTS}
        n_items_unread = count_unread(receipt)
        read = {"format": str(receipt["format"]), "encoding": str(receipt["encoding"])}
        unread = [escape_surrogates(str(line)) for line in receipt["unread"]]
        read_share, version = float(receipt["read_share"]), str(receipt["model_version"])
    except KeyError as error:
        raise ArtifactBroken(f"found a receipt without {error}, expected one, in {where}") from None
    except (ValueError, TypeError, OverflowError) as error:
        raise ArtifactBroken(f"found {redact_error(error)}, expected a receipt, in {where}") from None
    return {
        "document": escape_surrogates(answer.document),
        "sha256": answer.sha256,
        **counts,
        **read,
        "read_share": read_share,
        "n_unread": n_items_unread,
        "unread": unread,
        "n_entities": len(answer.entities),
        "model_version": version,
        DAY: day,
        "redacted_text": _escape(answer.redacted_text),
    }


class ParquetTable:
    """A Parquet file that is written one row group at a time."""

    def __init__(self, path: Path, schema: pa.Schema):
        self._path = path
        self._writer, self._schema = pq.ParquetWriter(path, schema, compression="zstd"), schema
        self._rows: list[Mapping[str, Any]] = []
        self._n_characters = self.n_rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._write()
        finally:
            self._writer.close()

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        for row in rows:
            self._rows.append(row)
            self._n_characters += sum(len(value) for value in row.values() if isinstance(value, str))
            if len(self._rows) >= _GROUP_ROWS or self._n_characters >= _GROUP_CHARACTERS:
                self._write()

    def _table(self) -> pa.Table:
        try:
            return pa.Table.from_pylist(self._rows, schema=self._schema)
        except (pa.ArrowInvalid, pa.ArrowTypeError, ValueError, TypeError, OverflowError) as error:
            reason = f"{redact_error(error)} in one of {len(self._rows)} rows"
            raise ArtifactBroken(f"found {reason}, expected answers that `tag` wrote, for {self._path.name}") from None

    def _write(self) -> None:
        if self._rows:
            self._writer.write_table(self._table())
        self.n_rows += len(self._rows)
        self._rows, self._n_characters = [], 0
