"""Finds documents of a day: their answer or rejection, and the same document on other days."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ner_tasks.dashboard.parts import DayPart, FetchedFile, fetch_parts, find_part, list_parts, open_part, read_day
from ner_tasks.dashboard.reader import StoreReader
from ner_tasks.errors import ArtifactBroken, InputMissing
from ner_tasks.store import keys
from ner_tasks.tagging.answer_index import INDEX, AnswerIndex, IndexedDocument, parse_handle
from ner_tasks.tagging.answer_ledger import DOCUMENTS
from ner_tasks.tagging.answers import Answer, parse_answer, parse_rejection
from ner_tasks.tagging.journal import REJECTED
from ner_tasks.tagging.merge import MANIFEST

MAX_DAYS = 31
_REPLACED = re.compile(r"index(-\d+)?\.sqlite", re.ASCII)


@dataclass(frozen=True)
class FoundDocument:
    """A document of one day, with its answer or its rejection.

    Attributes:
        day: the day, YYYY-MM-DD.
        entry: its entry in the index.
        answer: the answer; None for a rejected document.
        rejection: its line among the rejected documents; None for a tagged document.
        copies: key of the folder with copies of rejected files.
    """

    day: str
    entry: IndexedDocument
    answer: Answer | None
    rejection: Mapping[str, Any] | None
    copies: str


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

    Returns:
        Documents in the order of the inbox; those of damaged parts are left out, see `StoreReader.unreadable`.

    Raises:
        InputMissing: the day is not published, or was published without an index.
        ArtifactBroken: the day's manifest is damaged.
    """
    entries = list[IndexedDocument]()
    for file in fetch_parts(reader, list_parts(day, read_day(reader, day)), INDEX):
        try:
            with open_part(reader, file, AnswerIndex) as index:
                left = most - len(entries)
                entries += index.search(text, most=left, rejected_only=rejected_only, partly_read_only=partly_read_only)
        except ArtifactBroken as error:
            reader.report_damaged(file.key, error)
        if len(entries) >= most:
            break
    return entries


def find_document(reader: StoreReader, day: str, name: str, *, handle: str = "") -> FoundDocument:
    """Find a document by its exact name, or by its handle in the day's index if one is given.

    Raises:
        InputMissing: the day has no answers or no index, or the index has no such document.
        ArtifactBroken: the document's line is damaged, or a part that may have the document.
        Busy: the day keeps being replaced.
    """
    return reader.store.read_whole(keys.tagged_day(day), lambda: _find(reader, day, name, handle), marker=MANIFEST)


def _find(reader: StoreReader, day: str, name: str, handle: str) -> FoundDocument:
    parts = list_parts(day, read_day(reader, day))
    part, entry = _find_by_handle(reader, day, parts, handle) if handle else _find_by_name(reader, day, parts, name)
    key = part.key_of(REJECTED if entry.reason else DOCUMENTS)
    line = reader.store.read_bytes(key, entry.offset, entry.n_bytes)
    where = reader.store.where(key)
    copies = keys.rejected_day(day) if part.record is None else part.key_of(keys.REJECTS)
    if entry.reason:
        return FoundDocument(day, entry, None, parse_rejection(line, where), copies)
    return FoundDocument(day, entry, parse_answer(line, where), None, copies)


def _find_by_handle(
    reader: StoreReader, day: str, parts: Sequence[DayPart], handle: str
) -> tuple[DayPart, IndexedDocument]:
    parsed = parse_handle(handle)
    part = find_part(parts, parsed[0]) if parsed else None
    for file in fetch_parts(reader, [part] if part else [], INDEX):
        with open_part(reader, file, AnswerIndex) as index:
            if entry := index.get(handle):
                return file.part, entry
    raise InputMissing(f"found no document {handle[:200]!r} in the index of {day}; the day was replaced, search again")


def _find_by_name(
    reader: StoreReader, day: str, parts: Sequence[DayPart], name: str
) -> tuple[DayPart, IndexedDocument]:
    damaged: ArtifactBroken | None = None
    for file in fetch_parts(reader, (part for part in parts if part.may_have(name)), INDEX):
        try:
            with open_part(reader, file, AnswerIndex) as index:
                if entry := index.find(name):
                    return file.part, entry
        except ArtifactBroken as error:
            damaged = damaged or error
    if damaged:  # which may have it
        raise damaged
    raise InputMissing(f"found no document {name[:200]!r}, expected one of this name, in the answers of {day}")


def list_sightings(reader: StoreReader, name: str) -> list[Sighting]:
    """List the answers to documents of this name in the newest 31 days, newest first, including replaced answers.

    Days and parts whose index or manifest is damaged are skipped, see `StoreReader.unreadable`.
    """
    sightings: list[Sighting] = []
    for day in list_days(reader)[:MAX_DAYS]:
        sightings += _find_published(reader, day, name)
        for version in reader.folders(keys.replaced_answers(day)):
            if entry := _find_replaced(reader, day, version, name):
                sightings.append(Sighting(day, entry, version, replaced=True))
    return sightings


def _find_published(reader: StoreReader, day: str, name: str) -> list[Sighting]:
    """Find the document in a day's current answers, with the model of the same night; empty if it is not there."""

    def read() -> list[Sighting]:
        manifest = read_day(reader, day)
        parts = (part for part in list_parts(day, manifest) if part.may_have(name))
        found = (_find_in(reader, file, name) for file in fetch_parts(reader, parts, INDEX))
        entry = next((entry for entry in found if entry), None)
        return [Sighting(day, entry, manifest["model_version"])] if entry else []

    try:
        if not read():  # the usual case, in which no consistent read is needed
            return []
        return reader.store.read_whole(keys.tagged_day(day), read, marker=MANIFEST)
    except InputMissing:  # withdrawn
        return []
    except ArtifactBroken as error:
        reader.report_damaged(keys.tagged_day(day, MANIFEST), error)
        return []


def _find_in(reader: StoreReader, file: FetchedFile, name: str) -> IndexedDocument | None:
    try:
        with open_part(reader, file, AnswerIndex) as index:
            return index.find(name)
    except InputMissing:  # a day of an earlier release, without an index
        return None
    except ArtifactBroken as error:
        reader.report_damaged(file.key, error)
        return None


def _find_replaced(reader: StoreReader, day: str, version: str, name: str) -> IndexedDocument | None:
    """Find the document in what is left of replaced answers: an index, or one of each part."""
    key = keys.replaced_answers(day, version)
    try:
        indexes = sorted(path for path in reader.store.fetch(key).iterdir() if _REPLACED.fullmatch(path.name))
    except InputMissing:
        return None
    for path in indexes:
        try:
            with AnswerIndex(path) as index:
                if entry := index.find(name):
                    return entry
        except ArtifactBroken as error:
            reader.report_damaged(keys.join(key, path.name), error)
    return None
