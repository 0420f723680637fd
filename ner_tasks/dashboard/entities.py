"""Finds the documents that name somebody or something, over all days, and what is frequent or new."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from heapq import merge
from itertools import islice, pairwise

from ner_tasks.dashboard.parts import DayPart, FetchedFile, fetch_parts, list_parts, open_part, read_day
from ner_tasks.dashboard.reader import StoreReader
from ner_tasks.dashboard.top_mentions import DayMentions, rank_mentions
from ner_tasks.errors import ArtifactBroken, InputMissing, NerTasksError
from ner_tasks.records import NewMention, NewMentions, NightManifest
from ner_tasks.store import keys
from ner_tasks.tagging.entity_index import ENTITY_INDEX, NEW_MENTIONS
from ner_tasks.tagging.entity_index.reader import EntityIndex, FoundMention, Position
from ner_tasks.tagging.merge import MANIFEST

MAX_DAYS = 400  # that one search looks at
LONGEST_S = 0.2  # after which it goes to no further day
WEEK = 7
_N_AT_ONCE = 8  # days whose indexes are fetched at once
_After = tuple[int, Position]  # number of a part, and a position in its index
_CURSOR = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?::(?:(\d{1,4})\.)?(\d{1,15})\.(\d{1,15})\.(\d{1,15})\.(\d{1,15}))?", re.ASCII
)


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
    start, after = _parse_cursor(cursor)
    days = [day for day in days if not start or day <= start]
    rows, n_days, n_not_indexed, n_without_text, oldest, following = list[FoundOnDay](), 0, 0, 0, None, ""
    for number, (day, files) in enumerate(_fetch_days(reader, days)):
        if number == MAX_DAYS or (number and clock() - began > LONGEST_S):
            following = day
            break
        oldest = day
        try:
            with _open_day(reader, files) as (indexes, is_whole):
                found = _merge(indexes, text, label, after if day == start else None)
                rows += [FoundOnDay(day, one) for one in islice(found, most + 1 - len(rows))]
                n_without_text += sum(index.n_without_text for index in indexes)
                n_days += is_whole
        except InputMissing:
            n_not_indexed += 1
        except ArtifactBroken as error:
            _report(reader, day, error)
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
        parts = list_parts(day, read_day(reader, day))
        version = " ".join(part.record["sha256"] for part in parts if part.record)

        def rank() -> DayMentions | None:
            with _open_day(reader, list(fetch_parts(reader, parts, ENTITY_INDEX))) as (indexes, is_whole):
                return rank_mentions(indexes, most=most) if is_whole else None  # sums of some parts would be wrong

        ranked = reader.once(f"top {most} {version}", day, rank, is_there=bool) if version else rank()
    except InputMissing:
        return None
    except ArtifactBroken as error:
        _report(reader, day, error)
        return None
    if ranked is None or not label:
        return ranked
    chosen, unranked = ([one for one in ranked.by_label if one[0] == label], [*{label}.intersection(ranked.unranked)])
    return replace(ranked, by_label=chosen, unranked=unranked)


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


def _fetch_days(
    reader: StoreReader, days: Sequence[str]
) -> Iterator[tuple[str, Sequence[FetchedFile] | NerTasksError]]:
    """Yield each day with the entity indexes of its parts, or why it has none; several files are fetched at once."""
    for first, last in pairwise([0, 1, *range(1 + _N_AT_ONCE, len(days) + _N_AT_ONCE, _N_AT_ONCE)]):
        some = days[first:last]
        if len(some) == 1:
            listed = {day: _list_parts(reader, day) for day in some}
        else:
            with ThreadPoolExecutor(_N_AT_ONCE) as pool:
                listed = dict(zip(some, pool.map(partial(_list_parts, reader), some), strict=True))
        parts = (part for found in listed.values() if not isinstance(found, NerTasksError) for part in found)
        files = fetch_parts(reader, parts, ENTITY_INDEX)
        for day, found in listed.items():
            yield day, found if isinstance(found, NerTasksError) else list(islice(files, len(found)))


def _list_parts(reader: StoreReader, day: str) -> list[DayPart] | NerTasksError:
    try:
        return list_parts(day, read_day(reader, day))
    except (InputMissing, ArtifactBroken) as error:
        return error


@contextmanager
def _open_day(
    reader: StoreReader, files: Sequence[FetchedFile] | NerTasksError
) -> Iterator[tuple[Sequence[EntityIndex], bool]]:
    """Open the indexes of a day's parts, without damaged ones; and say whether that is all of them.

    Raises:
        InputMissing: the day has no index.
        ArtifactBroken: the manifest is damaged.
    """
    if isinstance(files, NerTasksError):
        raise files
    with ExitStack() as stack:
        indexes = list[EntityIndex]()
        for file in files:
            try:
                indexes.append(stack.enter_context(open_part(reader, file, EntityIndex)))
            except ArtifactBroken as error:
                reader.report_damaged(file.key, error)
        yield indexes, len(indexes) == len(files)


def _merge(indexes: Sequence[EntityIndex], text: str, label: str, after: _After | None) -> Iterator[FoundMention]:
    """Yield what the parts of a day have, in order: a mention's documents part by part."""
    parts = [index.part or 0 for index in indexes]
    if after is None:
        found = [index.iter_found(text, label=label) for index in indexes]
    else:
        part, position = after
        shown = next((index for index in indexes if (index.part or 0) == part), None)
        order = shown.order_of(position, text) if shown else None
        if shown is None or order is None:
            return iter(())  # the day was replaced
        found = [
            index.iter_found(text, label=label, after=position)
            if index is shown
            else index.iter_found(text, label=label, since=order, is_since_included=parts.index(part) < number)
            for number, index in enumerate(indexes)
        ]
    # of equal ones `merge` takes the first part's
    return merge(*found, key=lambda one: one.order)


def _report(reader: StoreReader, day: str, error: ArtifactBroken) -> None:
    if keys.tagged_day(day, MANIFEST) not in reader.unreadable:  # otherwise it is the manifest, which was reported
        reader.report_damaged(keys.tagged_day(day, ENTITY_INDEX), error)


def _is_day(name: str) -> bool:
    try:
        return str(date.fromisoformat(name)) == name
    except ValueError:
        return False


def _make_cursor(row: FoundOnDay) -> str:
    part = "" if row.found.part is None else f"{row.found.part}."
    return f"{row.day}:{part}{'.'.join(map(str, row.found.position))}"


def _parse_cursor(cursor: str) -> tuple[str, _After | None]:
    match = _CURSOR.fullmatch(cursor)
    if not match:
        return "", None
    day, part, *numbers = match.groups()
    if numbers[0] is None:
        return day, None
    mention, word, document, context = map(int, numbers)
    return day, (int(part or 0), (mention, word, document, context))
