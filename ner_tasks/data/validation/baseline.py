"""Pointer to the last accepted snapshot, with a history of the earlier ones.

A snapshot is accepted when it passes the data gate, not when a model of it is registered: from then on models may be
trained on its train part and tested on its test part, so its texts must keep their parts. If a model fails its gate
later, the snapshot stays accepted.
"""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from ner_tasks.records import Moment, Name, read_record
from ner_tasks.store import Store, keys


@dataclass(frozen=True)
class AcceptedSnapshot:
    """An accepted snapshot.

    Attributes:
        version: version of the snapshot.
        recipe: hash of its inputs and settings, to skip building the same snapshot again.
        at: time of acceptance, in UTC.
        previous: the accepted snapshot before it.
    """

    version: Name
    recipe: str
    at: Moment
    previous: Name | None


def find_accepted(store: Store) -> AcceptedSnapshot | None:
    """Read the last accepted snapshot; None if there is none."""
    return (
        read_record(store, keys.ACCEPTED_SNAPSHOT, AcceptedSnapshot) if store.exists(keys.ACCEPTED_SNAPSHOT) else None
    )


def accept_snapshot(store: Store, version: str, recipe: str) -> AcceptedSnapshot:
    """Make `version` the last accepted snapshot, atomically; does nothing if it already is.

    Args:
        store: store with the pointer.
        version: version of the snapshot.
        recipe: hash of its inputs and settings.

    Raises:
        Busy: another run accepted a snapshot at the same time.
    """
    seen = store.etag(keys.ACCEPTED_SNAPSHOT)
    current = find_accepted(store)
    if current:
        _append_history(store, current)
        if (current.version, current.recipe) == (version, recipe):
            return current
    previous = current.version if current else None
    if current and current.version == version:
        previous = current.previous  # same content, built from other inputs
    accepted = AcceptedSnapshot(version, recipe, datetime.now(UTC).isoformat(timespec="microseconds"), previous)
    store.swap_json(keys.ACCEPTED_SNAPSHOT, asdict(accepted), etag=seen)
    _append_history(store, accepted)
    return accepted


def _append_history(store: Store, accepted: AcceptedSnapshot) -> None:
    store.append_line(keys.ACCEPTED_SNAPSHOT_HISTORY, json.dumps(asdict(accepted)))
