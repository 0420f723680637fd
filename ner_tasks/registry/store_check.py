"""Checks a store as a whole, as after a restore: each document of the inbox answered once, and the promoted model there.

It reads and changes nothing. Each finding names what mends it. A restored copy may be older or newer than Airflow's
database, which is why only the store itself is asked what was published.
"""

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from ner_tasks.errors import ArtifactBroken, ConfigInvalid, InputMissing, SchemaTooNew
from ner_tasks.records import PublishedDay, read_record
from ner_tasks.registry.part_retention import NamedParts
from ner_tasks.registry.registry import Registry
from ner_tasks.store import Store, keys
from ner_tasks.tagging import day_check
from ner_tasks.tagging.merge import MANIFEST
from ner_tasks.tagging.part import list_part_keys

_NIGHT = "ner_tag_nightly"
_ALL_ANEW, _REJECTS = {"force": True}, {"retry_rejected": True}


@dataclass(frozen=True)
class StoreFinding:
    """Something of a store that needs a person.

    Attributes:
        key: key of what it is about.
        found: what was found, and what was expected.
        fix: a command, or what to do; empty if nothing has to be done.
    """

    key: str
    found: str
    fix: str

    def __str__(self) -> str:
        return f"{self.key}: {self.found}; {self.fix}" if self.fix else f"{self.key}: {self.found}"


def list_days(store: Store, now: datetime, *, since: date | None = None) -> list[str]:
    """List the days to check, in order: closed days that have an inbox, answers or parts.

    Args:
        store: the store.
        now: current time, with a time zone; a day closes at the next midnight UTC.
        since: the first day; None for all.
    """
    days = set[date]()
    for name in {*store.folders(keys.INBOX), *store.folders(keys.TAGGED), *store.folders(keys.PARTS)}:
        try:
            days.add(date.fromisoformat(name))
        except ValueError:
            continue  # other folders may lie in the inbox as well
    first = since or date.min
    return [str(day) for day in sorted(days) if first <= day and _day_end(day) <= now]


def check_store(registry: Registry, days: list[str]) -> Iterator[StoreFinding]:
    """Yield what is wrong with the promoted model and with these days, in this order, and parts that nobody names.

    A day that was withdrawn and is not published is left to the person who withdrew it.

    Args:
        registry: the registry of the store.
        days: days of `list_days`.
    """
    yield from _check_promoted(registry)
    for day in days:
        yield from _check_day(registry.store, day)
        yield from _find_orphans(registry.store, day)


def check_copies(
    store: Store, days: list[str], copies: Mapping[str, str | None], *, flags: str = ""
) -> Iterator[StoreFinding]:
    """Yield the days of which a database has no copy, one of another night, or one of a day that is not published.

    Args:
        store: the store.
        days: days of `list_days`.
        copies: days in the database, each with its night, see `sinks.postgres.list_days`.
        flags: what the printed commands need to find the database.
    """
    for day in sorted({*days, *(day for day in copies if days and day >= days[0])}):
        marker = keys.tagged_day(day, MANIFEST)
        if not store.exists(marker):
            if day in copies:
                found = "found a copy in PostgreSQL of a day that is not published, expected none"
                yield StoreFinding(
                    keys.tagged_day(day), found, f"python -m ner_tasks unload-postgres --day {day}{flags}"
                )
            continue
        try:
            night = read_record(store, marker, PublishedDay).get("night")
        except ArtifactBroken:
            continue  # `check_store` says so
        if day not in copies or copies[day] != night:
            found = (
                f"found {f'night {copies[day]}' if day in copies else 'no copy'} in PostgreSQL, expected night {night}"
            )
            answers = shlex.quote(str(store.fetch(keys.tagged_day(day))))
            fix = f"python -m ner_tasks load-postgres --answers {answers}{flags}"
            yield StoreFinding(keys.tagged_day(day), found, fix)


def _check_promoted(registry: Registry) -> Iterator[StoreFinding]:
    try:
        if registry.promoted() is None and not registry.versions():
            return  # nothing was ever trained
        registry.resolve()
    except (InputMissing, ArtifactBroken) as error:
        usable = next(filter(partial(_is_usable, registry), reversed(registry.versions())), None)
        fix = f"python -m ner_tasks promote --version {usable}" if usable else "restore models/, or run ner_retrain"
        yield StoreFinding(keys.PROMOTED_MODEL, str(error), fix)


def _is_usable(registry: Registry, version: str) -> bool:
    return registry.find(version, "int8") is not None


def _check_day(store: Store, day: str) -> Iterator[StoreFinding]:
    tagged, inbox = keys.tagged_day(day), keys.inbox_day(day)
    if not store.exists(keys.tagged_day(day, MANIFEST)):
        n_files = sum(1 for _ in store.files(inbox))
        if n_files and not store.folders(keys.withdrawn_day(day)):
            yield _rerun(inbox, f"found {n_files} files and no answers, expected answers", day)
        return
    try:
        parts = _check_parts(store, day)
        names = day_check.compare_names((file.name for file in store.files(inbox)), parts)
    except SchemaTooNew as error:
        yield StoreFinding(tagged, str(error), "install the release that wrote it")
        return
    except (InputMissing, ArtifactBroken, ConfigInvalid) as error:
        yield _rerun(tagged, str(error), day, _ALL_ANEW)
        return
    if names.unanswered.n:
        found = f"found {names.unanswered.n} files without an answer ({names.unanswered}), expected none"
        yield _rerun(inbox, found, day)
    if names.gone.n and names.n_files:
        found = f"found {names.gone.n} answered files gone ({names.gone}), expected them"
        yield StoreFinding(inbox, found, "put them back before any night of this day, which deletes their answers")
    try:
        day_check.check_rejected(parts, store.fetch(keys.rejected_day(day)))
    except (InputMissing, ArtifactBroken) as error:
        yield _rerun(keys.rejected_day(day), str(error), day, _REJECTS)


def _check_parts(store: Store, day: str) -> list[Path]:
    marker = keys.tagged_day(day, MANIFEST)
    manifest, where = read_record(store, marker, PublishedDay), store.where(marker)
    for part in manifest.get("parts", ()):
        if not part["key"].startswith(f"{keys.PARTS}/"):  # of a record that somebody has written by hand
            raise ArtifactBroken(f"found part {part['key']!r}, expected one below {keys.PARTS}/, in {where}")
    parts = [store.fetch(key) for key in list_part_keys(day, manifest)]
    day_check.check_day(day, manifest, parts, where)
    return parts


def _find_orphans(store: Store, day: str) -> Iterator[StoreFinding]:
    parts = store.folders(keys.join(keys.PARTS, day))
    try:
        named = NamedParts.read(store, day).names if parts else {}
    except ArtifactBroken as error:  # a damaged manifest may name any of them
        yield StoreFinding(keys.join(keys.PARTS, day), f"not looked for parts that nobody names: {error}", "")
        return
    orphans = day_check.NameList()
    for part in parts:
        if keys.part(day, part) not in named:
            orphans.add(part)
    if orphans.n:
        found = f"found {orphans.n} parts that nobody names ({orphans}), which ner_maintain removes"
        yield StoreFinding(keys.join(keys.PARTS, day), found, "")


def _rerun(key: str, found: str, day: str, params: Mapping[str, Any] | None = None) -> StoreFinding:
    conf = json.dumps({"day": day, **(params or {})})
    return StoreFinding(key, found, f"airflow dags trigger {_NIGHT} --conf '{conf}'")


def _day_end(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=UTC)
