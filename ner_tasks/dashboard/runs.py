"""Reads the results that the tasks of a DAG run have recorded in the store."""

import math
from dataclasses import dataclass

from ner_tasks.dashboard.reader import StoreReader
from ner_tasks.records import RunNote
from ner_tasks.store import keys

FAILED, RETRIED = "failed", "up_for_retry"


@dataclass(frozen=True)
class Step:
    """A task of a run with all its mapped instances.

    Attributes:
        task: id of the task.
        notes: the record of each instance, in the order of their indices.
    """

    task: str
    notes: tuple[RunNote, ...]

    @property
    def state(self) -> str:
        """State of the worst instance."""
        states = [note["state"] for note in self.notes]
        return next((state for state in (FAILED, RETRIED) if state in states), states[-1])

    @property
    def at(self) -> str:
        """Time at which the last instance finished, ISO 8601."""
        return max(note["at"] for note in self.notes)

    @property
    def took_s(self) -> float:
        """Total duration of all instances in seconds."""
        return math.fsum(note["took_s"] or 0 for note in self.notes)

    @property
    def messages(self) -> list[str]:
        """Error messages of the instances, without duplicates."""
        return list(dict.fromkeys(note["said"] for note in self.notes if note["said"]))


def list_steps(reader: StoreReader, dag_id: str, run: str) -> list[Step]:
    """List the tasks of a run that have recorded a result, in the order in which they finished.

    Args:
        reader: the store.
        dag_id: id of the DAG.
        run: name of the run, as `keys.run_name` gives it.
    """
    by_task: dict[str, list[RunNote]] = {}
    for name in sorted(reader.names(keys.run_notes(dag_id, run))):
        note = reader.record(keys.run_notes(dag_id, run, name), RunNote)
        if note:
            by_task.setdefault(note["task"], []).append(note)
    return sorted((Step(task, tuple(notes)) for task, notes in by_task.items()), key=lambda step: step.at)
