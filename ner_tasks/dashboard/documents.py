"""Finds documents of a day: their answer or rejection, and the same document on other days."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ner_tasks.dashboard.reader import StoreReader
from ner_tasks.errors import ArtifactBroken, InputMissing
from ner_tasks.records import NightManifest, read_record
from ner_tasks.store import keys
from ner_tasks.tagging.answer_index import INDEX, AnswerIndex, IndexedDocument
from ner_tasks.tagging.answer_ledger import DOCUMENTS
from ner_tasks.tagging.answers import Answer, parse_answer, parse_rejection
from ner_tasks.tagging.journal import REJECTED
from ner_tasks.tagging.merge import MANIFEST

MAX_DAYS = 31


@dataclass(frozen=True)
class FoundDocument:
    """A document of one day, with its answer or its rejection."""

    day: str
    entry: IndexedDocument
    answer: Answer | None
    rejection: Mapping[str, Any] | None


@dataclass(frozen=True)
class Sighting:
    """A document of the same name on another day, and the model that tagged it.

    Attributes:
        day: the day, YYYY-MM-DD.
        entry: its entry in the day's index.
        model_version: version of the model.
        replaced: whether the answers were replaced by another model's; only the entry is left of them.
    """

    day: str
    entry: IndexedDocument
    model_version: str
    replaced: bool = False


def list_days(reader: StoreReader) -> list[str]:
    """List the published days, newest first."""
    return sorted(reader.folders(keys.TAGGED), reverse=True)


def search_documents(
    reader: StoreReader, day: str, text: str, *, most: int, rejected_only: bool = False, partly_read_only: bool = False
) -> list[IndexedDocument]:
    """Search the documents of a day whose names contain `text`.

    Args:
        reader: the store.
        day: the day, YYYY-MM-DD.
        text: part of the name, case-insensitive; empty for all documents.
        most: maximum number of documents.
        rejected_only: return rejected documents only.
        partly_read_only: return partly read documents only.

    Raises:
        InputMissing: the day is not published, or was published without an index.
    """
    with _open_index(reader, keys.tagged_day(day, INDEX)) as index:
        return index.search(text, most=most, rejected_only=rejected_only, partly_read_only=partly_read_only)


def find_document(reader: StoreReader, day: str, name: str, *, handle: str = "") -> FoundDocument:
    """Find a document by its exact name, or by its handle in the day's index if one is given.

    Raises:
        InputMissing: the day has no answers or no index, or the index has no such document.
        ArtifactBroken: the document's line is damaged.
        Busy: the day keeps being replaced.
    """
    return reader.store.read_whole(keys.tagged_day(day), lambda: _find(reader, day, name, handle), marker=MANIFEST)


def _find(reader: StoreReader, day: str, name: str, handle: str) -> FoundDocument:
    with _open_index(reader, keys.tagged_day(day, INDEX)) as index:
        entry = index.get(handle) if handle else index.find(name)
    if entry is None and handle:
        raise InputMissing(
            f"found no document {handle[:200]!r} in the index of {day}; the day was replaced, search again"
        )
    if entry is None:
        raise InputMissing(f"found no document {name[:200]!r}, expected one of this name, in the answers of {day}")
    key = keys.tagged_day(day, REJECTED if entry.reason else DOCUMENTS)
    line = reader.store.read_bytes(key, entry.offset, entry.n_bytes)
    if entry.reason:
        return FoundDocument(day, entry, None, parse_rejection(line, reader.store.where(key)))
    return FoundDocument(day, entry, parse_answer(line, reader.store.where(key)), None)


def list_sightings(reader: StoreReader, name: str) -> list[Sighting]:
    """List the answers to documents of this name in the newest 31 days, newest first, including replaced answers.

    Days whose index or manifest is damaged are skipped, see `StoreReader.unreadable`.
    """
    sightings: list[Sighting] = []
    for day in list_days(reader)[:MAX_DAYS]:
        sightings += _find_published(reader, day, name)
        for version in reader.folders(keys.replaced_answers(day)):
            if entry := _find_entry(reader, keys.replaced_answers(day, version, INDEX), name):
                sightings.append(Sighting(day, entry, version, replaced=True))
    return sightings


def _find_published(reader: StoreReader, day: str, name: str) -> list[Sighting]:
    """Find the document in a day's current answers, with the model of the same night; empty if it is not there."""
    index, manifest = keys.tagged_day(day, INDEX), keys.tagged_day(day, MANIFEST)

    def read() -> list[Sighting]:
        entry = _find_entry(reader, index, name)
        version = read_record(reader.store, manifest, NightManifest)["model_version"]
        return [Sighting(day, entry, version)] if entry else []

    if _find_entry(reader, index, name) is None:  # the usual case, in which no consistent read is needed
        return []
    try:
        return reader.store.read_whole(keys.tagged_day(day), read, marker=MANIFEST)
    except InputMissing:  # withdrawn
        return []
    except ArtifactBroken as error:
        reader.report_damaged(manifest, error)
        return []


def _find_entry(reader: StoreReader, key: str, name: str) -> IndexedDocument | None:
    try:
        with _open_index(reader, key) as index:
            return index.find(name)
    except InputMissing:
        return None
    except ArtifactBroken as error:
        reader.report_damaged(key, error)
        return None


def _open_index(reader: StoreReader, key: str) -> AnswerIndex:
    return AnswerIndex(reader.store.fetch(key))
