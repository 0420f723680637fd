"""Exports answers as two Parquet tables: one row per entity, and one row per document.

The schemas `ENTITIES` and `DOCUMENTS` do not depend on the answers, so that many days can be read as one table.
"""

from collections.abc import Iterable, Mapping
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
from ner_tasks.tagging.answers import Answer, count_unread, read_answers

ENTITIES_FILE, DOCUMENTS_FILE = "entities.parquet", "documents.parquet"

ENTITIES = pa.schema(
    [
        pa.field("document", pa.string(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),  # [start, end) in characters of the text
        pa.field("end", pa.int64(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("text", pa.string()),  # null if the text was not kept
        pa.field("score", pa.float64(), nullable=False),
        pa.field("page", pa.int32()),  # from 1; null if the format has no pages
        # left, top, right, bottom in points from the top left of the page, one box per line; null as for `page`
        pa.field("boxes", pa.list_(pa.list_(pa.float32()))),
        pa.field("ocr_confidence", pa.int32()),  # percent, of the least certain word; null without OCR
        pa.field("source", pa.string()),  # cell, part or section; null if the format has none
        pa.field("model_version", pa.string(), nullable=False),
        pa.field("day", pa.date32()),  # null if the answers do not belong to a day
    ]
)
_COUNTS = ("n_characters", "n_sentences", "n_words", "n_pieces", "n_windows")
DOCUMENTS = pa.schema(
    [
        pa.field("document", pa.string(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        *(pa.field(name, pa.int64(), nullable=False) for name in _COUNTS),
        pa.field("format", pa.string(), nullable=False),
        pa.field("encoding", pa.string(), nullable=False),
        pa.field("read_share", pa.float64(), nullable=False),
        pa.field("n_unread", pa.int64(), nullable=False),  # number of unread items
        pa.field("unread", pa.list_(pa.string()), nullable=False),
        pa.field("n_entities", pa.int64(), nullable=False),
        pa.field("model_version", pa.string(), nullable=False),
        pa.field("day", pa.date32()),
    ]
)
# Size of a row group: large enough to compress well, small enough for memory.
_GROUP_ROWS, _GROUP_CHARACTERS = 50_000, 8_000_000


def write_parquet(documents_jsonl: Path, folder: Path, *, day: date | None = None) -> dict[str, int]:
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
    with ExitStack() as stack:
        paths = [stack.enter_context(atomic.staged_file(folder / name)) for name in (ENTITIES_FILE, DOCUMENTS_FILE)]
        entities = stack.enter_context(_ParquetTable(paths[0], ENTITIES))
        documents = stack.enter_context(_ParquetTable(paths[1], DOCUMENTS))
        for answer in read_answers(documents_jsonl):
            entities.add(_entity_rows(answer, day))
            documents.add([_document_row(answer, day, documents_jsonl)])
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
            "day": day,
        }


def _document_row(answer: Answer, day: date | None, where: Path) -> dict[str, Any]:
    try:
        receipt = answer.receipt
        counts = {name: int(receipt[name]) for name in _COUNTS}
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
        "day": day,
    }


class _ParquetTable:
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
            self._n_characters += len(row.get("text") or "") + len(row["document"])
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
