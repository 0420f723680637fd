"""Clearing away what nobody needs any more: versions, snapshots, what runs have handed from task to task.

What is kept has a reason, and only what has none is removed. Nothing is removed before everything has been looked at:
a pointer or a day that cannot be read ends it. Each version goes while the pointer is held, after another look at
whether it may.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ner_tasks.errors import ConfigInvalid
from ner_tasks.records import AnsweredBy, LineageRecord, OfModel, OfVersion, read_record
from ner_tasks.registry import leases
from ner_tasks.registry.promotions import previous_promotion
from ner_tasks.registry.registry import MARKER, Registry
from ner_tasks.store import Store
from ner_tasks.tagging.merge import MANIFEST

_DAY_S = 86400.0
_HALF_DONE_DAYS = 1.0  # no step writes for so long without a sign of life
_SNAPSHOT, _ACCEPTED = "snapshot.json", "snapshots/accepted.json"
# folders of staging/ that are one piece of work each: so many names deep
_DEPTH = {"tagged": 4, "using": 4}


@dataclass(frozen=True)
class RetentionPolicy:
    """What is kept in any case.

    Attributes:
        days: what was made, registered or in use within so many days.
        n_versions: so many of the newest registered versions, and of the newest snapshots.
        staging_days: what was handed from task to task within so many days; more than the longest run.
    """

    days: float = 90
    n_versions: int = 5
    staging_days: float = 14

    def __post_init__(self) -> None:
        for name, least in (("days", 1), ("n_versions", 1), ("staging_days", 8)):
            if getattr(self, name) < least:
                raise ConfigInvalid(f"found {name} = {getattr(self, name)}, expected at least {least}")


@dataclass(frozen=True)
class StoredItem:
    """Something in the store, and why it is kept; an empty `reason`: it may go."""

    key: str
    reason: str
    n_bytes: int

    @property
    def is_half_done(self) -> bool:
        """Whether it is what a killed process has left behind, under a hidden name."""
        return self.key.rsplit("/", 1)[-1].startswith(".")


@dataclass(frozen=True)
class _Size:
    n_bytes: int = 0
    newest_s: float = 0.0


@dataclass
class _Survey:
    """What there is and what it is needed for, read once."""

    registry: Registry
    keep: RetentionPolicy
    now_s: float
    needed: dict[str, str] = field(default_factory=dict)

    def need(self, key: str, reason: str) -> None:
        self.needed.setdefault(key, reason)

    def is_young(self, at_s: float, days: float) -> bool:
        return at_s > self.now_s - days * _DAY_S


def survey_store(registry: Registry, keep: RetentionPolicy, now_s: float) -> list[StoredItem]:
    """Everything that might be cleared away, with the reason why it is kept, if there is one.

    Args:
        registry: the models, and the store that they lie in.
        keep: what is kept in any case.
        now_s: seconds since 1970.

    Raises:
        ArtifactBroken: something cannot be read that says what is needed.
    """
    known = _Survey(registry, keep, now_s)
    _need_what_is_promoted(known)
    _need_what_tagged(known)
    if registry.store.exists(_ACCEPTED):
        accepted = read_record(registry.store, _ACCEPTED, OfVersion)
        known.need(f"snapshots/{accepted['version']}", "later data is compared with it")
    _need_what_is_worked_on(known)
    registered = registry.versions()
    for version in registered[-keep.n_versions :]:
        known.need(f"models/{version}", f"one of the {keep.n_versions} newest versions")
    models = [_judged(known, f"models/{name}") for name in registry.store.folders("models")]
    for item in models:
        if item.reason and (snapshot := _snapshot_of(registry, item.key.removeprefix("models/"))):
            known.need(f"snapshots/{snapshot}", f"{item.key} was made from it")
    return [*models, *_snapshots(known), *_staging(known), *_half_done(known)]


def prune(registry: Registry, keep: RetentionPolicy, now_s: float) -> tuple[list[StoredItem], list[StoredItem]]:
    """Remove what nothing is kept for; what was kept and what was removed.

    Raises:
        ArtifactBroken: as for `survey`; nothing was removed.
        Busy: somebody holds the pointer, and goes on for too long.
    """
    before_it = _State.of(registry)
    found = survey_store(registry, keep, now_s)
    kept, removed = [item for item in found if item.reason], []
    for item in (item for item in found if not item.reason):
        if item.is_half_done:
            registry.store.remove_half_done(item.key)
            removed.append(item)
            continue
        with registry.hold_pointer():
            reason = before_it.needed_since(registry, item.key, now_s - keep.staging_days * _DAY_S)
            if reason:
                kept.append(StoredItem(item.key, reason, item.n_bytes))
            else:
                marker = {"models": MARKER, "snapshots": _SNAPSHOT}.get(item.key.split("/")[0])
                registry.store.remove(item.key, marker=marker)
                removed.append(item)
    return kept, removed


@dataclass(frozen=True)
class _State:
    """What changes when something is promoted or worked on, to be compared with later; no clock has to be right for it."""

    n_promotions: int
    accepted: str | None
    notes: Mapping[str, str]

    @classmethod
    def of(cls, registry: Registry) -> "_State":
        notes = {file.key: file.etag for file in registry.store.files(leases.NOTES)}
        return cls(len(registry.history()), registry.store.etag(_ACCEPTED), notes)

    def needed_since(self, registry: Registry, key: str, old_s: float) -> str:
        """Why something must not go after all; empty if it still may."""
        if key.startswith("staging/"):
            return "written meanwhile" if _size_of(registry.store, key).newest_s > old_s else ""
        if any(key == f"models/{line.version}" for line in registry.history()[self.n_promotions :]):
            return "promoted meanwhile"
        if registry.store.etag(_ACCEPTED) != self.accepted and key.startswith("snapshots/"):
            return "another snapshot was accepted meanwhile"
        note = f"{leases.NOTES}/{key}/{leases.NOTE}"
        return "a run works on it meanwhile" if registry.store.etag(note) != self.notes.get(note) else ""


def _need_what_is_promoted(known: _Survey) -> None:
    history = known.registry.history()
    if history:
        known.need(f"models/{history[-1].version}", "promoted")
    if target := previous_promotion(history):
        known.need(f"models/{target.version}", "a roll-back goes to it")
    for line, following in itertools.pairwise(history):
        if known.is_young(_seconds(following.at), known.keep.days):
            known.need(f"models/{line.version}", f"in use until {following.at[:10]}")


def _need_what_tagged(known: _Survey) -> None:
    store = known.registry.store
    for day in store.folders("tagged"):
        key = f"tagged/{day}/{MANIFEST}"
        if store.exists(key):
            known.need(f"models/{read_record(store, key, AnsweredBy)['model_version']}", f"has tagged {day}")


def _need_what_is_worked_on(known: _Survey) -> None:
    store = known.registry.store
    for file in store.files(leases.NOTES):
        thing, version, *_ = file.name.split("/")
        if known.is_young(file.modified_s, known.keep.staging_days):
            known.need(f"{thing}/{version}", "a run works on it")
    for file in store.files("staging/runs"):
        if file.name.endswith("/plan.json") and known.is_young(file.modified_s, known.keep.staging_days):
            plan = read_record(store, file.key, OfModel)
            known.need(f"models/{plan['model']['version']}", "a night works with it")


def _judged(known: _Survey, key: str) -> StoredItem:
    size = _size_of(known.registry.store, key)
    registered = known.registry.store.exists(f"{key}/{MARKER}")
    at_s = _seconds(known.registry.details(key.removeprefix("models/"))["at"]) if registered else 0.0
    if known.is_young(max(size.newest_s, at_s), known.keep.days):
        known.need(key, f"made within {known.keep.days:g} days")
    return StoredItem(key, known.needed.get(key, ""), size.n_bytes)


def _snapshot_of(registry: Registry, version: str) -> str | None:
    """What a version was made from, whether it is registered or still being made."""
    for key in (f"models/{version}/{MARKER}", f"reports/models/{version}/train.json"):
        if registry.store.exists(key):
            return read_record(registry.store, key, LineageRecord)["snapshot"]
    return None


def _snapshots(known: _Survey) -> Iterator[StoredItem]:
    store = known.registry.store
    sizes = {name: _size_of(store, f"snapshots/{name}") for name in store.folders("snapshots")}
    by_age = sorted(sizes, key=lambda name: sizes[name].newest_s)
    for name in by_age[-known.keep.n_versions :]:
        known.need(f"snapshots/{name}", f"one of the {known.keep.n_versions} newest snapshots")
    for name, size in sizes.items():
        if known.is_young(size.newest_s, known.keep.days):
            known.need(f"snapshots/{name}", f"made within {known.keep.days:g} days")
        yield StoredItem(f"snapshots/{name}", known.needed.get(f"snapshots/{name}", ""), size.n_bytes)


def _staging(known: _Survey) -> Iterator[StoredItem]:
    found: dict[str, _Size] = {}
    for file in known.registry.store.files("staging"):
        parts = file.key.split("/")
        depth = _DEPTH.get(parts[1], 3)
        if len(parts) > depth:
            key = "/".join(parts[:depth])
            found[key] = _together(found.get(key, _Size()), file.n_bytes, file.modified_s)
    for key, size in found.items():
        young = known.is_young(size.newest_s, known.keep.staging_days)
        yield StoredItem(key, f"written within {known.keep.staging_days:g} days" if young else "", size.n_bytes)


def _half_done(known: _Survey) -> Iterator[StoredItem]:
    for file in known.registry.store.half_done():
        young = known.is_young(file.modified_s, _HALF_DONE_DAYS)
        yield StoredItem(file.key, "somebody may be writing it" if young else "", file.n_bytes)


def _size_of(store: Store, key: str) -> _Size:
    size = _Size()
    for file in store.files(key):
        size = _together(size, file.n_bytes, file.modified_s)
    return size


def _together(size: _Size, n_bytes: int, modified_s: float) -> _Size:
    return _Size(size.n_bytes + n_bytes, max(size.newest_s, modified_s))


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()
