"""Retention: removes versions, snapshots, parts of days and staged files that are no longer needed.

Everything that is kept has a reason, and only what has none is removed. The whole store is surveyed first, so that an
unreadable pointer or manifest stops the removal. Each item is checked again and removed while holding the pointer's lock.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ner_tasks.data.snapshot import MANIFEST as SNAPSHOT_MANIFEST
from ner_tasks.errors import ConfigInvalid
from ner_tasks.records import AnsweredBy, LineageRecord, OfModel, OfVersion, read_record
from ner_tasks.registry.part_retention import NamedParts
from ner_tasks.registry.promotions import previous_promotion
from ner_tasks.registry.registry import Registry
from ner_tasks.store import Store, keys
from ner_tasks.tagging.merge import MANIFEST
from ner_tasks.tagging.part import PART

_DAY_S = 86400.0
_HALF_DONE_DAYS = 1.0  # longer than any step writes to one file
# written last and removed first: a folder without its marker is ignored
_MARKERS = {keys.MODELS: keys.REGISTRATION, keys.SNAPSHOTS: SNAPSHOT_MANIFEST, keys.PARTS: PART}
# depth of the folders in staging/, and of parts, that are removed as a whole
_DEPTHS, _DEPTH = {keys.NIGHTS: 4, keys.LEASES: 4}, 3


@dataclass(frozen=True)
class RetentionPolicy:
    """Minimum that is kept.

    Attributes:
        days: keep what was made, registered or in use within this number of days, from 1.
        n_versions: keep this number of the newest registered versions and of the newest snapshots, from 1.
        staging_days: keep staged files, and parts that no day names, for this number of days, from 8; must exceed the
            longest run.
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
    """An item of the store.

    Attributes:
        key: key of the folder or file.
        reason: reason to keep it; empty if it can be removed.
        n_bytes: size in bytes.
    """

    key: str
    reason: str
    n_bytes: int

    @property
    def is_half_done(self) -> bool:
        """Whether it is a hidden leftover of a killed process."""
        return self.key.rsplit("/", 1)[-1].startswith(".")


@dataclass(frozen=True)
class _Size:
    n_bytes: int = 0
    newest_s: float = 0.0


@dataclass
class _Survey:
    """Collects the reasons to keep items."""

    registry: Registry
    keep: RetentionPolicy
    now_s: float
    needed: dict[str, str] = field(default_factory=dict)

    def need(self, key: str, reason: str) -> None:
        self.needed.setdefault(key, reason)

    def is_young(self, at_s: float, days: float) -> bool:
        return at_s > self.now_s - days * _DAY_S


def survey_store(registry: Registry, keep: RetentionPolicy, now_s: float) -> list[StoredItem]:
    """List everything that could be removed, with the reason to keep it if there is one; parts only if no day names them.

    Args:
        registry: the registry.
        keep: minimum that is kept.
        now_s: Unix time in seconds.

    Raises:
        ArtifactBroken: a record that determines what is needed is damaged.
    """
    known = _Survey(registry, keep, now_s)
    _keep_promoted(known)
    _keep_tagged(known)
    if registry.store.exists(keys.ACCEPTED_SNAPSHOT):
        accepted = read_record(registry.store, keys.ACCEPTED_SNAPSHOT, OfVersion)
        known.need(keys.snapshot(accepted["version"]), "later data is compared with it")
    _keep_leased(known)
    registered = registry.versions()
    for version in registered[-keep.n_versions :]:
        known.need(keys.model_version(version), f"one of the {keep.n_versions} newest versions")
    models = {name: _check_version(known, name) for name in registry.store.folders(keys.MODELS)}
    for version, item in models.items():
        if item.reason and (snapshot := _read_snapshot(registry, version)):
            known.need(keys.snapshot(snapshot), f"{item.key} was made from it")
    staged = [*_list_parts(known), *_list_staging(known), *_list_half_done(known)]
    return [*models.values(), *_list_snapshots(known), *staged]


def prune(
    registry: Registry, keep: RetentionPolicy, now_s: float, *, delete: bool = True
) -> tuple[list[StoredItem], list[StoredItem]]:
    """Remove what has no reason to be kept.

    Args:
        registry: the registry.
        keep: minimum that is kept.
        now_s: Unix time in seconds.
        delete: False only lists what would be removed.

    Returns:
        The items that were kept, and those that were removed.

    Raises:
        ArtifactBroken: as for `survey_store`; nothing was removed.
        Busy: another process holds the pointer's lock for too long.
    """
    state = _State.read(registry)
    items = survey_store(registry, keep, now_s)
    kept, removed = [item for item in items if item.reason], list[StoredItem]()
    if not delete:
        return kept, [item for item in items if not item.reason]
    for item in (item for item in items if not item.reason):
        if item.is_half_done:
            registry.store.remove_half_done(item.key)
            removed.append(item)
            continue
        with registry.hold_pointer():
            reason = state.needed_since(registry, item.key, now_s - keep.staging_days * _DAY_S)
            if reason:
                kept.append(StoredItem(item.key, reason, item.n_bytes))
            else:
                registry.store.remove(item.key, marker=_MARKERS.get(item.key.split("/")[0]))
                removed.append(item)
    return kept, removed


@dataclass(frozen=True)
class _State:
    """State of promotions and leases, compared again before each removal; does not depend on clocks."""

    n_promotions: int
    accepted: str | None
    notes: Mapping[str, str]

    @classmethod
    def read(cls, registry: Registry) -> "_State":
        notes = {file.key: file.etag for file in registry.store.files(keys.LEASES)}
        return cls(len(registry.history()), registry.store.etag(keys.ACCEPTED_SNAPSHOT), notes)

    def needed_since(self, registry: Registry, key: str, old_s: float) -> str:
        """Return the reason to keep an item that arose since this state was read; empty if there is none."""
        top, _, name = key.partition("/")
        if top == keys.STAGING:
            return "written in the meantime" if _measure(registry.store, key).newest_s > old_s else ""
        if top == keys.PARTS:
            named = NamedParts.read(registry.store, name.split("/")[0])
            return named.find_reason(key, _measure(registry.store, key).newest_s, old_s)
        if any(key == keys.model_version(line.version) for line in registry.history()[self.n_promotions :]):
            return "promoted in the meantime"
        if registry.store.etag(keys.ACCEPTED_SNAPSHOT) != self.accepted and top == keys.SNAPSHOTS:
            return "another snapshot was accepted in the meantime"
        note = keys.lease("models" if top == keys.MODELS else "snapshots", name)
        return "used by a run in the meantime" if registry.store.etag(note) != self.notes.get(note) else ""


def _keep_promoted(known: _Survey) -> None:
    history = known.registry.history()
    if history:
        known.need(keys.model_version(history[-1].version), "promoted")
    if target := previous_promotion(history):
        known.need(keys.model_version(target.version), "target of a rollback")
    for line, following in itertools.pairwise(history):
        if known.is_young(_seconds(following.at), known.keep.days):
            known.need(keys.model_version(line.version), f"in use until {following.at[:10]}")


def _keep_tagged(known: _Survey) -> None:
    store = known.registry.store
    for day in store.folders(keys.TAGGED):
        key = keys.tagged_day(day, MANIFEST)
        if store.exists(key):
            known.need(keys.model_version(read_record(store, key, AnsweredBy)["model_version"]), f"tagged {day}")


def _keep_leased(known: _Survey) -> None:
    store = known.registry.store
    for file in store.files(keys.LEASES):
        thing, version, *_ = file.name.split("/")
        if known.is_young(file.modified_s, known.keep.staging_days):
            known.need(keys.join(thing, version), "used by a run")
    for file in store.files(keys.RUNS):
        if file.name.endswith(f"/{keys.PLAN}") and known.is_young(file.modified_s, known.keep.staging_days):
            plan = read_record(store, file.key, OfModel)
            known.need(keys.model_version(plan["model"]["version"]), "used by a planned night")


def _check_version(known: _Survey, version: str) -> StoredItem:
    key = keys.model_version(version)
    size = _measure(known.registry.store, key)
    registered = known.registry.store.exists(keys.registration(version))
    at_s = _seconds(known.registry.details(version)["at"]) if registered else 0.0
    if known.is_young(max(size.newest_s, at_s), known.keep.days):
        known.need(key, f"made within {known.keep.days:g} days")
    return StoredItem(key, known.needed.get(key, ""), size.n_bytes)


def _read_snapshot(registry: Registry, version: str) -> str | None:
    """Read the snapshot that a version was made from, registered or not."""
    for key in (keys.registration(version), keys.training_report(version)):
        if registry.store.exists(key):
            return read_record(registry.store, key, LineageRecord)["snapshot"]
    return None


def _list_snapshots(known: _Survey) -> Iterator[StoredItem]:
    store = known.registry.store
    snapshots = [keys.snapshot(name) for name in store.folders(keys.SNAPSHOTS)]
    sizes = {key: _measure(store, key) for key in snapshots}
    by_age = sorted(sizes, key=lambda key: sizes[key].newest_s)
    for key in by_age[-known.keep.n_versions :]:
        known.need(key, f"one of the {known.keep.n_versions} newest snapshots")
    for key, size in sizes.items():
        if known.is_young(size.newest_s, known.keep.days):
            known.need(key, f"made within {known.keep.days:g} days")
        yield StoredItem(key, known.needed.get(key, ""), size.n_bytes)


def _list_parts(known: _Survey) -> Iterator[StoredItem]:
    old_s, store = known.now_s - known.keep.staging_days * _DAY_S, known.registry.store
    sizes = _measure_folders(store, keys.PARTS)
    for day, keys_of_day in itertools.groupby(sizes, key=lambda key: key.split("/")[1]):
        named = NamedParts.read(store, day)
        for key in keys_of_day:
            if key not in named.names:
                yield StoredItem(key, named.find_reason(key, sizes[key].newest_s, old_s), sizes[key].n_bytes)


def _list_staging(known: _Survey) -> Iterator[StoredItem]:
    for key, size in _measure_folders(known.registry.store, keys.STAGING).items():
        young = known.is_young(size.newest_s, known.keep.staging_days)
        yield StoredItem(key, f"written within {known.keep.staging_days:g} days" if young else "", size.n_bytes)


def _measure_folders(store: Store, top: str) -> dict[str, _Size]:
    """Measure the folders below `top` that are removed as a whole."""
    sizes: dict[str, _Size] = {}
    for file in store.files(top):
        parts = file.key.split("/")
        depth = _DEPTHS.get("/".join(parts[:2]), _DEPTH)
        if len(parts) > depth:
            key = "/".join(parts[:depth])
            sizes[key] = _add_file(sizes.get(key, _Size()), file.n_bytes, file.modified_s)
    return sizes


def _list_half_done(known: _Survey) -> Iterator[StoredItem]:
    for file in known.registry.store.half_done():
        young = known.is_young(file.modified_s, _HALF_DONE_DAYS)
        yield StoredItem(file.key, "may still be written" if young else "", file.n_bytes)


def _measure(store: Store, key: str) -> _Size:
    size = _Size()
    for file in store.files(key):
        size = _add_file(size, file.n_bytes, file.modified_s)
    return size


def _add_file(size: _Size, n_bytes: int, modified_s: float) -> _Size:
    return _Size(size.n_bytes + n_bytes, max(size.newest_s, modified_s))


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()
