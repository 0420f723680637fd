"""Time engines in interleaved rounds, so that noise of the machine affects all alike."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ner_tasks.worker_process import WorkerFailed


class Asked(Protocol):
    """Anything with the `ask` of `worker_process.WorkerProcess`."""

    def ask(self, **request: Any) -> dict[str, Any]: ...


@dataclass
class Turns:
    """Results: answers by load and engine, one per round, and why engines failed."""

    answers: dict[str, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def take_turns(
    workers: Mapping[str, Asked],
    loads: Mapping[str, Mapping[str, Any]],
    *,
    rounds: int,
    step: Callable[[str], None] = lambda _: None,
) -> Turns:
    """Ask each worker for each load in `rounds` rounds, after a warm-up that is not counted.

    Each round begins with another engine, so that the order varies. An engine that fails gets no more turns, and its
    earlier answers are dropped, so that all engines have the same rounds.

    Args:
        workers: workers by engine.
        loads: request of each load, by name.
        rounds: number of rounds.
        step: called before each turn with its description.
    """
    turns = Turns({load: {name: [] for name in workers} for load in loads})
    for load, request in loads.items():
        for number in range(rounds + 1):
            for name in rotate(list(workers), number):
                if name in turns.failed:
                    continue
                step(f"{load}, {f'round {number}' if number else 'warm-up'}, {name}")
                try:
                    answer = workers[name].ask(**request)
                except WorkerFailed as error:
                    turns.failed[name] = str(error)
                    continue
                if number:
                    turns.answers[load][name].append(answer)
    for of_load in turns.answers.values():
        for name in turns.failed:
            del of_load[name]
    return turns


def rotate(names: Sequence[str], by: int) -> list[str]:
    """Rotate the names by `by` places."""
    at = by % len(names) if names else 0
    return [*names[at:], *names[:at]]
