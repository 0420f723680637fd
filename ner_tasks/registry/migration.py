"""Migration: brings the records that earlier releases left in a store to the schema version of this one.

Version 2 puts the number into every record, and calls `models/<version>/tuned` of release 0.1.0 `runtime`; version 3 only
changes the number. Nothing but records is touched: no answer, no document, no model, and no part of a day, whose name has
the digest of its `part.json`: that record keeps the number with which it was written. All records are read before the first is changed, each is replaced
in one step, and a record that is up to date is left alone; so a migration that was killed is simply run again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from ner_tasks.errors import ArtifactBroken, InputMissing, SchemaTooNew
from ner_tasks.files import schema
from ner_tasks.files.json_text import MAX_BYTES, parse_json
from ner_tasks.model import model_folder
from ner_tasks.store import Store, StoredFile, keys
from ner_tasks.tagging.statistics import STATISTICS

Record = dict[str, Any]

# Below `rejected/`, `inbox/` and `labelled/` are only files that others chose.
_FOLDERS = (keys.SNAPSHOTS, keys.MODELS, keys.TAGGED, keys.WITHDRAWN, keys.REPORTS, keys.STAGING)
# JSON that is no record: its folder's manifest names it, with a checksum or a format of its own
_PARTS = frozenset(
    {
        model_folder.TOKENIZER,
        STATISTICS,
        "validation.json",
        "counts.json",
        "int8-counts.json",
        "canary.json",
        "label-studio.json",
    }
)
_PAGES = "data_docs"  # Great Expectations' own files
# The step from version n to n + 1 is number n - 1; it gets a record without its schema version.
STEPS: tuple[Callable[[Record], Record], ...] = (dict, dict)


@dataclass(frozen=True)
class RecordChange:
    """What a migration does to one record, or to one folder.

    Attributes:
        key: the record or the folder.
        description: for people.
        apply: makes the change in a store; does nothing if it is made already. Raises `Busy` if another process writes
            the same record at that moment, so that the migration has to be run again.
    """

    key: str
    description: str
    apply: Callable[[Store], None]


@dataclass(frozen=True)
class MigrationPlan:
    """What a store needs.

    Attributes:
        changes: in the order in which they are made.
        n_records: number of records that were read.
        unreadable: a line for each damaged record, which is left as it is.
    """

    changes: list[RecordChange]
    n_records: int
    unreadable: list[str]


def plan_migration(store: Store) -> MigrationPlan:
    """Read all records of a store and list what has to be changed; changes nothing.

    Raises:
        SchemaTooNew: a newer release wrote one of them.
    """
    unreadable, n_records = list[str](), 0
    changes = list(_plan_moves(store, unreadable))
    for file in _list_records(store):
        try:
            record = _read(store, file.key)
        except InputMissing:  # removed since it was listed
            continue
        except SchemaTooNew:
            raise
        except ArtifactBroken as error:
            unreadable.append(str(error))
            continue
        n_records += 1
        version = schema.read_version(record, store.where(file.key))
        if isinstance(record, dict) and version < schema.SCHEMA_VERSION:
            description = f"schema version {version} to {schema.SCHEMA_VERSION}"
            changes.append(RecordChange(file.key, description, partial(_upgrade, key=file.key)))
    return MigrationPlan(changes, n_records, unreadable)


def _list_records(store: Store) -> Iterator[StoredFile]:
    for folder in _FOLDERS:
        for file in store.files(folder):
            *above, name = file.name.split("/")
            former = f"{keys.former_runtime_configs(above[0])}/" if above else ""
            is_former = folder == keys.MODELS and above != [] and file.key.startswith(former)
            if name.endswith(".json") and name not in _PARTS and _PAGES not in above and not is_former:
                yield file


def _read(store: Store, key: str) -> Any:
    """Read a JSON file as it is, with its schema version."""
    record = parse_json(store.read_bytes(key, 0, MAX_BYTES + 1), store.where(key))
    schema.read_version(record, store.where(key))
    if isinstance(record, dict) and key.endswith(f"/{model_folder.MANIFEST}"):
        model_folder.check_signature(record, store.where(key))
    return record


def _upgrade(store: Store, *, key: str) -> None:
    etag = store.etag(key)  # before reading: what is written in between makes the swap fail
    try:
        record = _read(store, key)
    except InputMissing:  # removed since the plan was made
        return
    version = schema.read_version(record, store.where(key))
    if version == schema.SCHEMA_VERSION:
        return
    record = schema.unstamp(record)
    for step in STEPS[version - 1 :]:
        record = step(record)
    is_signed = key.endswith(f"/{model_folder.MANIFEST}") and model_folder.OWN in record
    store.swap_json(key, model_folder.sign(record) if is_signed else record, etag=etag)


def _plan_moves(store: Store, unreadable: list[str]) -> Iterator[RecordChange]:
    """List the folders of runtime configurations that lie where release 0.1.0 kept them."""
    for version in store.folders(keys.MODELS):
        former = keys.former_runtime_configs(version)
        files = [file for file in store.files(former) if file.name.endswith(".json")]
        try:
            for file in files:
                _read(store, file.key)
        except SchemaTooNew:
            raise
        except ArtifactBroken as error:
            unreadable.append(str(error))
            continue
        if files:
            yield RecordChange(
                former, f"moved to {keys.runtime_configs(version)}", partial(_move_runtime_configs, version=version)
            )


def _move_runtime_configs(store: Store, *, version: str) -> None:
    former = keys.former_runtime_configs(version)
    for file in store.files(former):
        target = keys.runtime_configs(version, file.name)
        # one that is there was measured since, by a release that looks there
        if not store.exists(target):
            store.swap_json(target, _read(store, file.key), etag=None)
    store.remove(former)
