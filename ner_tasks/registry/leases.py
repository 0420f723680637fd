"""Notes in the store of what a run works on, so that it is not cleared away beneath it.
A note is written while the pointer is held, as each removal is done: whoever comes second sees what the first has done.
It is left behind and grows old: a run may wait for days, for a person, between two of its steps.
"""

from datetime import UTC, datetime

from ner_tasks.registry.registry import Registry
from ner_tasks.store import keys


def record_use(registry: Registry, *, models: str = "", snapshots: str = "") -> None:
    """Say that a run works on a model, a snapshot, or both; before it looks whether they are there.

    Raises:
        Busy: somebody holds the pointer, and goes on for too long.
    """
    things: dict[keys.Leased, str] = {"models": models, "snapshots": snapshots}
    with registry.hold_pointer():
        for thing, version in things.items():
            if version:
                said = {"at": datetime.now(UTC).isoformat()}
                registry.store.write_json(keys.lease(thing, version), said)
