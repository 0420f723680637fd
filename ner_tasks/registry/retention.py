"""Clearing away what nobody needs any more: versions, snapshots, what runs have handed from task to task.

What is kept has a reason, and only what has none is removed. Nothing is removed before everything has been looked at:
a pointer or a day that cannot be read ends it. Each version goes while the pointer is held, after another look at
whether it may.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ner_tasks.data.snapshot import MANIFEST as SNAPSHOT_MANIFEST
from ner_tasks.errors import ConfigInvalid
from ner_tasks.records import AnsweredBy, LineageRecord, OfModel, OfVersion, read_record
from ner_tasks.registry.promotions import previous_promotion
from ner_tasks.registry.registry import Registry
from ner_tasks.store import Store, keys
from ner_tasks.tagging.merge import MANIFEST

_DAY_S = 86400.0
_HALF_DONE_DAYS = 1.0  # no step writes for so long without a sign of life
# written last into a folder and removed first: without it nobody reads the rest
_MARKERS = {keys.MODELS: keys.REGISTRATION, keys.SNAPSHOTS: SNAPSHOT_MANIFEST}
# folders of staging/ that are one piece of work each: so many names deep
_DEPTHS, _DEPTH = {keys.NIGHTS: 4, keys.LEASES: 4}, 3


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
    if registry.store.exists(keys.ACCEPTED_SNAPSHOT):
        accepted = read_record(registry.store, keys.ACCEPTED_SNAPSHOT, OfVersion)
        known.need(keys.snapshot(accepted["version"]), "later data is compared with it")
    _need_what_is_worked_on(known)
    registered = registry.versions()
    for version in registered[-keep.n_versions :]:
        known.need(keys.model_version(version), f"one of the {keep.n_versions} newest versions")
    models = {name: _judged(known, name) for name in registry.store.folders(keys.MODELS)}
    for version, item in models.items():
        if item.reason and (snapshot := _snapshot_of(registry, version)):
            known.need(keys.snapshot(snapshot), f"{item.key} was made from it")
    return [*models.values(), *_snapshots(known), *_staging(known), *_half_done(known)]


def prune(
    registry: Registry, keep: RetentionPolicy, now_s: float, *, delete: bool = True
) -> tuple[list[StoredItem], list[StoredItem]]:
    """Remove what has no reason to be kept.

    Args:
        registry: the models, and the store that they lie in.
        keep: what is kept in any case.
        now_s: seconds since 1970.
        delete: False: remove nothing, only tell what would be removed.

    Returns:
        What was kept, and what was removed.

    Raises:
        ArtifactBroken: as for `survey`; nothing was removed.
        Busy: somebody holds the pointer, and goes on for too long.
    """
    before_it = _State.of(registry)
    found = survey_store(registry, keep, now_s)
    kept, removed = [item for item in found if item.reason], list[StoredItem]()
    if not delete:
        return kept, [item for item in found if not item.reason]
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
                registry.store.remove(item.key, marker=_MARKERS.get(item.key.split("/")[0]))
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
        notes = {file.key: file.etag for file in registry.store.files(keys.LEASES)}
        return cls(len(registry.history()), registry.store.etag(keys.ACCEPTED_SNAPSHOT), notes)

    def needed_since(self, registry: Registry, key: str, old_s: float) -> str:
        """Why something must not go after all; empty if it still may."""
        top, _, name = key.partition("/")
        if top == keys.STAGING:
            return "written meanwhile" if _size_of(registry.store, key).newest_s > old_s else ""
        if any(key == keys.model_version(line.version) for line in registry.history()[self.n_promotions :]):
            return "promoted meanwhile"
        if registry.store.etag(keys.ACCEPTED_SNAPSHOT) != self.accepted and top == keys.SNAPSHOTS:
            return "another snapshot was accepted meanwhile"
        note = keys.lease("models" if top == keys.MODELS else "snapshots", name)
        return "a run works on it meanwhile" if registry.store.etag(note) != self.notes.get(note) else ""


def _need_what_is_promoted(known: _Survey) -> None:
    history = known.registry.history()
    if history:
        known.need(keys.model_version(history[-1].version), "promoted")
    if target := previous_promotion(history):
        known.need(keys.model_version(target.version), "a roll-back goes to it")
    for line, following in itertools.pairwise(history):
        if known.is_young(_seconds(following.at), known.keep.days):
            known.need(keys.model_version(line.version), f"in use until {following.at[:10]}")


def _need_what_tagged(known: _Survey) -> None:
    store = known.registry.store
    for day in store.folders(keys.TAGGED):
        key = keys.tagged_day(day, MANIFEST)
        if store.exists(key):
            known.need(keys.model_version(read_record(store, key, AnsweredBy)["model_version"]), f"has tagged {day}")


def _need_what_is_worked_on(known: _Survey) -> None:
    store = known.registry.store
    for file in store.files(keys.LEASES):
        thing, version, *_ = file.name.split("/")
        if known.is_young(file.modified_s, known.keep.staging_days):
            known.need(keys.join(thing, version), "a run works on it")
    for file in store.files(keys.RUNS):
        if file.name.endswith(f"/{keys.PLAN}") and known.is_young(file.modified_s, known.keep.staging_days):
            plan = read_record(store, file.key, OfModel)
            known.need(keys.model_version(plan["model"]["version"]), "a night works with it")


def _judged(known: _Survey, version: str) -> StoredItem:
    key = keys.model_version(version)
    size = _size_of(known.registry.store, key)
    registered = known.registry.store.exists(keys.registration(version))
    at_s = _seconds(known.registry.details(version)["at"]) if registered else 0.0
    if known.is_young(max(size.newest_s, at_s), known.keep.days):
        known.need(key, f"made within {known.keep.days:g} days")
    return StoredItem(key, known.needed.get(key, ""), size.n_bytes)


def _snapshot_of(registry: Registry, version: str) -> str | None:
    """What a version was made from, whether it is registered or still being made."""
    for key in (keys.registration(version), keys.training_report(version)):
        if registry.store.exists(key):
            return read_record(registry.store, key, LineageRecord)["snapshot"]
    return None


def _snapshots(known: _Survey) -> Iterator[StoredItem]:
    store = known.registry.store
    found = [keys.snapshot(name) for name in store.folders(keys.SNAPSHOTS)]
    sizes = {key: _size_of(store, key) for key in found}
    by_age = sorted(sizes, key=lambda key: sizes[key].newest_s)
    for key in by_age[-known.keep.n_versions :]:
        known.need(key, f"one of the {known.keep.n_versions} newest snapshots")
    for key, size in sizes.items():
        if known.is_young(size.newest_s, known.keep.days):
            known.need(key, f"made within {known.keep.days:g} days")
        yield StoredItem(key, known.needed.get(key, ""), size.n_bytes)


def _staging(known: _Survey) -> Iterator[StoredItem]:
    found: dict[str, _Size] = {}
    for file in known.registry.store.files(keys.STAGING):
        parts = file.key.split("/")
        depth = _DEPTHS.get("/".join(parts[:2]), _DEPTH)
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
