"""One document of one day: its answer, or why it has none, and what became of it on other days."""

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
    """A document as one day has it: an answer, or what the rejection said."""

    day: str
    entry: IndexedDocument
    answer: Answer | None
    rejection: Mapping[str, Any] | None


@dataclass(frozen=True)
class Sighting:
    """A document of the same name on some day, and the model that has read it.

    `replaced` are answers that those of another model have taken the place of: what is left of them is this entry.
    """

    day: str
    entry: IndexedDocument
    model_version: str
    replaced: bool = False


def list_days(reader: StoreReader) -> list[str]:
    """Published days, the newest first."""
    return sorted(reader.folders(keys.TAGGED), reverse=True)


def search_documents(
    reader: StoreReader, day: str, text: str, *, most: int, rejected_only: bool = False, partly_read_only: bool = False
) -> list[IndexedDocument]:
    """Documents of a day whose names hold `text`.

    Raises:
        InputMissing: the day has no index: it is not published, or was before there was one.
    """
    with _index(reader, keys.tagged_day(day, INDEX)) as index:
        return index.search(text, most=most, rejected_only=rejected_only, partly_read_only=partly_read_only)


def find_document(reader: StoreReader, day: str, name: str, *, handle: str = "") -> FoundDocument:
    """A document by its very name, or by its handle in the day's index if one is given.

    Raises:
        InputMissing: the day has no answers, no index, or the index not this name.
        ArtifactBroken: its line is none of ours.
        Busy: the day is replaced again and again.
    """
    return reader.store.read_whole(keys.tagged_day(day), lambda: _find(reader, day, name, handle), marker=MANIFEST)


def _find(reader: StoreReader, day: str, name: str, handle: str) -> FoundDocument:
    with _index(reader, keys.tagged_day(day, INDEX)) as index:
        entry = index.get(handle) if handle else index.find(name)
    if entry is None and handle:
        raise InputMissing(f"found no document {handle[:200]!r} of the index of {day}, expected one; search it again")
    if entry is None:
        raise InputMissing(f"found no document {name[:200]!r}, expected one of this name, in the answers of {day}")
    key = keys.tagged_day(day, REJECTED if entry.reason else DOCUMENTS)
    line = reader.store.read_bytes(key, entry.offset, entry.n_bytes)
    if entry.reason:
        return FoundDocument(day, entry, None, parse_rejection(line, reader.store.where(key)))
    return FoundDocument(day, entry, parse_answer(line, reader.store.where(key)), None)


def list_sightings(reader: StoreReader, name: str) -> list[Sighting]:
    """The days among the newest that have a document of this name, the newest first, and every model that has read it.

    A day whose index or manifest is damaged is left out, see `Reader.unreadable`.
    """
    found: list[Sighting] = []
    for day in list_days(reader)[:MAX_DAYS]:
        found += _published(reader, day, name)
        for version in reader.folders(keys.replaced_answers(day)):
            if entry := _entry(reader, keys.replaced_answers(day, version, INDEX), name):
                found.append(Sighting(day, entry, version, replaced=True))
    return found


def _published(reader: StoreReader, day: str, name: str) -> list[Sighting]:
    """The document as a day has it now, with the model of this very night; none if the day has it not."""
    index, manifest = keys.tagged_day(day, INDEX), keys.tagged_day(day, MANIFEST)

    def read() -> list[Sighting]:
        entry = _entry(reader, index, name)
        version = read_record(reader.store, manifest, NightManifest)["model_version"]
        return [Sighting(day, entry, version)] if entry else []

    if _entry(reader, index, name) is None:  # as on most days, and one look is enough
        return []
    try:
        return reader.store.read_whole(keys.tagged_day(day), read, marker=MANIFEST)
    except InputMissing:  # withdrawn
        return []
    except ArtifactBroken as error:
        reader.report_damaged(manifest, error)
        return []


def _entry(reader: StoreReader, key: str, name: str) -> IndexedDocument | None:
    try:
        with _index(reader, key) as index:
            return index.find(name)
    except InputMissing:
        return None
    except ArtifactBroken as error:
        reader.report_damaged(key, error)
        return None


def _index(reader: StoreReader, key: str) -> AnswerIndex:
    return AnswerIndex(reader.store.fetch(key))
