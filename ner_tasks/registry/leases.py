"""Notes in the store of what a run works on, so that it is not cleared away beneath it.

    staging/using/models/<version>/note.json      staging/using/snapshots/<version>/note.json

A note is written while the pointer is held, as each removal is done: whoever comes second sees what the first has done.
It is left behind and grows old: a run may wait for days, for a person, between two of its steps.
"""

from datetime import UTC, datetime
from typing import Literal

from ner_tasks.registry.registry import Registry

Thing = Literal["models", "snapshots"]
NOTES = "staging/using"
NOTE = "note.json"


def lease_key(thing: Thing, version: str) -> str:
    return f"{NOTES}/{thing}/{version}"


def record_use(registry: Registry, *, models: str = "", snapshots: str = "") -> None:
    """Say that a run works on a model, a snapshot, or both; before it looks whether they are there.

    Raises:
        Busy: somebody holds the pointer, and goes on for too long.
    """
    things: dict[Thing, str] = {"models": models, "snapshots": snapshots}
    with registry.hold_pointer():
        for thing, version in things.items():
            if version:
                said = {"at": datetime.now(UTC).isoformat()}
                registry.store.write_json(f"{lease_key(thing, version)}/{NOTE}", said)
