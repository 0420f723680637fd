"""Finds the documents that name somebody or something, over all days, and what is frequent or new."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

from ner_tasks.dashboard.reader import StoreReader
from ner_tasks.errors import ArtifactBroken, InputMissing
from ner_tasks.records import NewMention, NewMentions, NightManifest
from ner_tasks.store import keys
from ner_tasks.tagging.entity_index import ENTITY_INDEX, NEW_MENTIONS
from ner_tasks.tagging.entity_index.reader import EntityIndex, FoundMention, Position, TopMention
from ner_tasks.tagging.merge import MANIFEST

MAX_DAYS = 400  # that one search looks at
LONGEST_S = 0.2  # after which it goes to no further day
WEEK = 7
_N_AT_ONCE = 8  # days whose indexes are fetched at once
_CURSOR = re.compile(r"(\d{4}-\d{2}-\d{2})(?::(\d{1,15})\.(\d{1,15})\.(\d{1,15})\.(\d{1,15}))?", re.ASCII)


@dataclass(frozen=True)
class FoundOnDay:
    """A mention in a document of one day."""

    day: str
    found: FoundMention


@dataclass(frozen=True)
class EntitySearch:
    """One page of a search.

    Attributes:
        rows: what was found, newest day first, in a day by where the mention matches and by document.
        cursor: from where the next page continues; "" if there is nothing more to search.
        oldest: oldest day that was looked at; None if there was none.
        n_days: number of days looked at, without the next two and damaged ones.
        n_not_indexed: number of days without an index.
        n_without_text: number of documents whose text was not kept, so that their mentions are not known.
    """

    rows: Sequence[FoundOnDay]
    cursor: str
    oldest: str | None
    n_days: int
    n_not_indexed: int
    n_without_text: int


@dataclass(frozen=True)
class DayMentions:
    """The mentions in most documents of a day.

    Attributes:
        by_label: labels and their mentions.
        n_documents, n_without_text: number of tagged documents, and of those whose mentions are not known.
    """

    by_label: Sequence[tuple[str, Sequence[TopMention]]]
    n_documents: int
    n_without_text: int


@dataclass(frozen=True)
class FirstSeen:
    """A mention on the first day that has it."""

    day: str
    label: str
    found: NewMention


@dataclass(frozen=True)
class NewThisWeek:
    """Mentions that no earlier day had.

    Attributes:
        first_day, last_day: the week.
        mentions: those in most documents of their first day.
        n_new: number of all.
        n_days: number of days of the week that were compared with earlier ones.
    """

    first_day: str
    last_day: str
    mentions: Sequence[FirstSeen]
    n_new: int
    n_days: int


def list_days(reader: StoreReader) -> list[str]:
    """List the published days, newest first, without folders that are none."""
    return sorted((day for day in reader.folders(keys.TAGGED) if _is_day(day)), reverse=True)


def search_entities(
    reader: StoreReader,
    text: str,
    days: Sequence[str],
    *,
    most: int,
    label: str = "",
    cursor: str = "",
    clock: Callable[[], float] = time.monotonic,
) -> EntitySearch:
    """Search the mentions of days; damaged days are left out, see `StoreReader.unreadable`.

    Args:
        reader: the store.
        text: beginning of a mention or of a word in it; case and accents make no difference.
        days: days to search, newest first.
        most: maximum number of rows.
        label: search mentions of this label only; "" for all.
        cursor: `EntitySearch.cursor` of the page before; one of another shape is ignored.
        clock: returns seconds.
    """
    began = clock()
    start, position = _parse_cursor(cursor)
    days = [day for day in days if not start or day <= start]
    rows, n_days, n_not_indexed, n_without_text, oldest, following = list[FoundOnDay](), 0, 0, 0, None, ""
    for number, (day, path) in enumerate(_fetch_indexes(reader, days)):
        if number == MAX_DAYS or (number and clock() - began > LONGEST_S):
            following = day
            break
        oldest = day
        try:
            with _open_index(path) as index:
                after = position if day == start else None
                found = index.search(text, most=most + 1 - len(rows), label=label, after=after)
                n_without_text += index.n_without_text
            rows += [FoundOnDay(day, one) for one in found]
            n_days += 1
        except InputMissing:
            n_not_indexed += 1
        except ArtifactBroken as error:
            reader.report_damaged(keys.tagged_day(day, ENTITY_INDEX), error)
        if len(rows) > most:
            rows = rows[:most]
            following = _make_cursor(rows[-1])
            break
    return EntitySearch(rows, following, oldest, n_days, n_not_indexed, n_without_text)


def read_top_mentions(reader: StoreReader, day: str, *, most: int, label: str = "") -> DayMentions | None:
    """Read the mentions in most documents of a day, by label; None if the day has no index or a damaged one.

    Args:
        reader: the store.
        day: the day.
        most: maximum number of mentions of each label.
        label: this label only; "" for all.
    """
    try:
        with _open_index(_fetch_index(reader, day)) as index:
            labels = [one for one in index.labels() if label in ("", one)]
            by_label = [(one, index.top(one, most)) for one in labels]
            return DayMentions(by_label, index.n_documents, index.n_without_text)
    except InputMissing:
        return None
    except ArtifactBroken as error:
        reader.report_damaged(keys.tagged_day(day, ENTITY_INDEX), error)
        return None


def read_new_mentions(reader: StoreReader, last_day: str, *, most: int, label: str = "") -> NewThisWeek:
    """Read the mentions that are new on a day or the six days before it.

    Args:
        reader: the store.
        last_day: last day of the week, YYYY-MM-DD.
        most: maximum number of mentions.
        label: this label only; "" for all.
    """
    last = date.fromisoformat(last_day)
    days = [str(last - timedelta(days=back)) for back in range(WEEK)]
    seen, n_new, n_days = list[FirstSeen](), 0, 0
    for day in days:
        new = reader.record(keys.tagged_day(day, NEW_MENTIONS), NewMentions)
        manifest = reader.record(keys.tagged_day(day, MANIFEST), NightManifest) if new else None
        # written after the answers: it may be that of answers replaced meanwhile
        if not new or not new["n_days"] or not manifest or manifest["night"] != new["night"]:
            continue
        n_days += 1
        for one, listed in new["labels"].items():
            if label in ("", one):
                n_new += listed["n_new"]
                seen += [FirstSeen(day, one, found) for found in listed["mentions"]]
    seen.sort(key=lambda one: (-one.found["n_documents"], one.day, one.label))
    return NewThisWeek(days[-1], last_day, seen[:most], n_new, n_days)


def _fetch_indexes(reader: StoreReader, days: Sequence[str]) -> Iterator[tuple[str, Path | None]]:
    """Yield each day with its index; after the newest one several at a time, since S3 takes a while to answer."""
    for first, last in pairwise([0, 1, *range(1 + _N_AT_ONCE, len(days) + _N_AT_ONCE, _N_AT_ONCE)]):
        some = days[first:last]
        with ThreadPoolExecutor(_N_AT_ONCE) as pool:
            yield from zip(some, pool.map(lambda day: _fetch_index(reader, day), some), strict=True)


def _fetch_index(reader: StoreReader, day: str) -> Path | None:
    try:
        return reader.store.fetch(keys.tagged_day(day, ENTITY_INDEX))
    except InputMissing:
        return None


def _open_index(path: Path | None) -> EntityIndex:
    if path is None:
        raise InputMissing("found no entity index, expected one, of the day")
    return EntityIndex(path)


def _is_day(name: str) -> bool:
    try:
        return str(date.fromisoformat(name)) == name
    except ValueError:
        return False


def _make_cursor(row: FoundOnDay) -> str:
    return f"{row.day}:{'.'.join(map(str, row.found.position))}"


def _parse_cursor(cursor: str) -> tuple[str, Position | None]:
    match = _CURSOR.fullmatch(cursor)
    if not match:
        return "", None
    day, *numbers = match.groups()
    if numbers[0] is None:
        return day, None
    mention, word, document, context = map(int, numbers)
    return day, (mention, word, document, context)
