"""Exports a day into two Delta tables, `entities` and `documents`: each replaces the day in one commit; see `tables`.

Source: Delta transaction log protocol, https://github.com/delta-io/delta/blob/master/PROTOCOL.md.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ner_tasks.errors import ArtifactBroken, Busy, ConfigInvalid, redact_error
from ner_tasks.files import atomic
from ner_tasks.tagging.answers import AnswerFiles
from ner_tasks.tagging.exports.parquet import DOCUMENTS_FILE, ENTITIES_FILE, write_parquet
from ner_tasks.tagging.exports.tables import DAY

_FILES = {"entities": ENTITIES_FILE, "documents": DOCUMENTS_FILE}
_LOCK_FILE, _PATIENCE_S = ".nightly-ner.lock", 600
_BATCH_ROWS = 20_000


def write_delta(documents_jsonl: AnswerFiles, folder: Path, *, day: date) -> dict[str, int]:
    """Replace a day in the Delta tables `entities` and `documents` of a folder; make the tables if there are none.

    A table has the day's old rows or its new ones, whenever it is read. The two tables are replaced one after the other; after
    a kill between them, a repetition completes the second.

    Args:
        documents_jsonl: the answers.
        folder: folder of the tables; other days in them are kept.
        day: day of the answers, by which the tables are partitioned.

    Returns:
        Number of rows: `{"n_documents": ..., "n_entities": ...}`.

    Raises:
        InputMissing: there are no answers.
        ArtifactBroken: a line is not an answer, or a table is damaged.
        ConfigInvalid: the package `deltalake` is absent, or the folder holds something else, or tables of another schema.
        Busy: somebody else writes into the tables.
        StorageFull: no space left on the device; no table has changed.
    """
    _import_deltalake()
    folder.mkdir(parents=True, exist_ok=True)
    with (
        atomic.exclusive(folder / _LOCK_FILE, patience_s=_PATIENCE_S),
        TemporaryDirectory(prefix=".nightly-ner-", dir=folder) as scratch,
    ):
        counts = write_parquet(documents_jsonl, Path(scratch), day=day)
        for table, name in _FILES.items():
            with pq.ParquetFile(Path(scratch, name)) as rows, _translate_errors(folder / table):
                _replace_day(folder / table, rows, day)
    return counts


def _replace_day(table: Path, rows: pq.ParquetFile, day: date) -> None:
    deltalake = _import_deltalake()
    schema, of_day = rows.schema_arrow, f"{DAY} = '{day.isoformat()}'"
    if deltalake.DeltaTable.is_deltatable(str(table)):
        found = deltalake.DeltaTable(str(table))
        _check_columns(found, schema, table)
    elif table.exists() and any(table.iterdir()):
        raise ConfigInvalid(f"found other files, expected nothing or a Delta table, at {table}")
    else:
        found = deltalake.DeltaTable.create(str(table), schema, partition_by=[DAY])
    if rows.metadata.num_rows == 0:
        found.delete(of_day)
        return
    # `deltalake` panics at a predicate over a table without rows: https://github.com/delta-io/delta-rs/issues/3959
    how: dict[str, Any] = {"mode": "overwrite", "predicate": of_day} if found.file_uris() else {"mode": "append"}
    reader = pa.RecordBatchReader.from_batches(schema, rows.iter_batches(_BATCH_ROWS))
    # columns are only added: an older table gets those of a newer release
    deltalake.write_deltalake(found, reader, schema_mode="merge", **how)


def _check_columns(found: Any, schema: pa.Schema, table: Path) -> None:
    """Check that a table is partitioned by day and has our types, since `deltalake` would cast the rows to its own."""
    by = found.metadata().partition_columns
    if by != [DAY]:
        raise ConfigInvalid(
            f"found a Delta table partitioned by {', '.join(by) or 'nothing'}, expected {DAY}, at {table}"
        )
    ours = _import_deltalake().Schema.from_arrow(schema)
    kinds = {field.name: field.type for field in found.schema().fields}
    for field in ours.fields:
        if (kind := kinds.get(field.name, field.type)) != field.type:
            raise ConfigInvalid(
                f"found column {field.name} of type {kind}, expected {field.type}, in the table at {table}"
            )


def _import_deltalake() -> Any:
    try:
        import deltalake
    except ModuleNotFoundError:
        raise ConfigInvalid(
            "found no package deltalake, expected it for Delta tables, in this environment: pip install 'nightly-ner[delta]'"
        ) from None
    return deltalake


@contextmanager
def _translate_errors(table: Path) -> Iterator[None]:
    """Translate the exceptions of `deltalake` in the block into those of this package."""
    from deltalake import exceptions

    try:
        yield
    except exceptions.CommitFailedError as error:
        raise Busy(f"found {redact_error(error)}, expected to be alone, at {table}") from error
    except (exceptions.SchemaMismatchError, exceptions.DeltaProtocolError) as error:
        raise ConfigInvalid(f"found {redact_error(error)}, expected a Delta table of ours, at {table}") from error
    except (exceptions.DeltaError, OSError) as error:
        if atomic.is_full(table.parent):
            raise atomic.storage_full(table) from error
        raise ArtifactBroken(f"found {redact_error(error)}, expected a Delta table, at {table}") from error
