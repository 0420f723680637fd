"""What the tasks of a DAG run came to, as each of them has noted in the store."""

import math
from dataclasses import dataclass

from ner_tasks.dashboard.reader import StoreReader
from ner_tasks.records import RunNote
from ner_tasks.store import keys

FAILED, RETRIED = "failed", "up_for_retry"


@dataclass(frozen=True)
class Step:
    """A task of a run, all its mapped instances together.

    Attributes:
        task: its id.
        notes: what each instance noted, in the order of their indices.
    """

    task: str
    notes: tuple[RunNote, ...]

    @property
    def state(self) -> str:
        """That of the worst instance."""
        states = [note["state"] for note in self.notes]
        return next((state for state in (FAILED, RETRIED) if state in states), states[-1])

    @property
    def at(self) -> str:
        """When the last of them ended."""
        return max(note["at"] for note in self.notes)

    @property
    def took_s(self) -> float:
        return math.fsum(note["took_s"] or 0 for note in self.notes)

    @property
    def messages(self) -> list[str]:
        """Error messages of the instances, without duplicates."""
        return list(dict.fromkeys(note["said"] for note in self.notes if note["said"]))


def list_steps(reader: StoreReader, dag_id: str, run: str) -> list[Step]:
    """The tasks of a run that have noted something, in the order in which they ended.

    Args:
        reader: the store.
        dag_id: which DAG.
        run: name of the run, as `keys.run_name` gives it.
    """
    found: dict[str, list[RunNote]] = {}
    for name in sorted(reader.names(keys.run_notes(dag_id, run))):
        note = reader.record(keys.run_notes(dag_id, run, name), RunNote)
        if note:
            found.setdefault(note["task"], []).append(note)
    return sorted((Step(task, tuple(notes)) for task, notes in found.items()), key=lambda step: step.at)
