"""Leases: notes in the store that a run uses a model or snapshot, so that `prune` does not remove it.

A lease is written while holding the pointer's lock, as each removal is done, so that neither misses the other. It is not
deleted but expires, because a run may wait for days for a person's approval.
"""

from datetime import UTC, datetime

from ner_tasks.registry.registry import Registry
from ner_tasks.store import keys


def record_use(registry: Registry, *, models: str = "", snapshots: str = "") -> None:
    """Record that a run uses a model, a snapshot, or both; to be called before checking that they exist.

    Args:
        registry: the registry.
        models: version of the model; empty for none.
        snapshots: version of the snapshot; empty for none.

    Raises:
        Busy: another process holds the pointer's lock for too long.
    """
    things: dict[keys.Leased, str] = {"models": models, "snapshots": snapshots}
    with registry.hold_pointer():
        for thing, version in things.items():
            if version:
                registry.store.write_json(keys.lease(thing, version), {"at": datetime.now(UTC).isoformat()})
