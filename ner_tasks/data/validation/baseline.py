"""Which snapshot was accepted last: `snapshots/accepted.json`, with a line for each one before in `accepted.jsonl`.

A snapshot counts as soon as it has passed its own gate, and not when a model of it is registered: from then on models
may have learnt from its training part and been judged on its test part, so its texts must never change sides. A model
that is refused afterwards says something against the training, not against the data.
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
        version: of the snapshot.
        recipe: what it was made of and how, so that the same data need not be made into it again.
        at: when, in UTC.
        previous: the snapshot that was the last one until then.
    """

    version: Name
    recipe: str
    at: Moment
    previous: Name | None


def find_accepted(store: Store) -> AcceptedSnapshot | None:
    """The snapshot that later data is compared with, None before the first."""
    return (
        read_record(store, keys.ACCEPTED_SNAPSHOT, AcceptedSnapshot) if store.exists(keys.ACCEPTED_SNAPSHOT) else None
    )


def accept_snapshot(store: Store, version: str, recipe: str) -> AcceptedSnapshot:
    """Let `version` be the last accepted snapshot, in one step; one that is already stays as it is.

    Raises:
        Busy: another run has accepted a snapshot meanwhile.
    """
    seen = store.etag(keys.ACCEPTED_SNAPSHOT)
    current = find_accepted(store)
    if current:
        _note(store, current)
        if (current.version, current.recipe) == (version, recipe):
            return current
    previous = current.version if current else None
    if current and current.version == version:
        previous = current.previous  # the same contents by another way
    accepted = AcceptedSnapshot(version, recipe, datetime.now(UTC).isoformat(timespec="microseconds"), previous)
    store.swap_json(keys.ACCEPTED_SNAPSHOT, asdict(accepted), etag=seen)
    _note(store, accepted)
    return accepted


def _note(store: Store, accepted: AcceptedSnapshot) -> None:
    store.append_line(keys.ACCEPTED_SNAPSHOT_HISTORY, json.dumps(asdict(accepted)))
