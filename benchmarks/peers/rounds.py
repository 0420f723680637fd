"""Interleaved rounds: in each, every engine has one turn under every load, so that a noisy machine is noisy for all."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ner_tasks.worker_process import WorkerFailed


class Asked(Protocol):
    """A worker that answers; see `worker_process.WorkerProcess`."""

    def ask(self, **request: Any) -> dict[str, Any]: ...


@dataclass
class Turns:
    """What came out: answers by load and engine, a round each, and the engines that failed on the way."""

    answers: dict[str, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def take_turns(
    workers: Mapping[str, Asked],
    loads: Mapping[str, Mapping[str, Any]],
    *,
    rounds: int,
    step: Callable[[str], None] = lambda _: None,
) -> Turns:
    """Ask each worker for each load, `rounds` times after a warm-up that counts for nothing.

    Each round begins with the next engine, so that none always follows the same one. An engine that fails has no
    more turns, and what it answered before does not count: its rounds would not be those of the others.

    Args:
        workers: by engine.
        loads: the request of each load, by name.
        rounds: how often.
        step: is told before each turn what is being done.
    """
    turns = Turns({load: {name: [] for name in workers} for load in loads})
    for load, request in loads.items():
        for number in range(rounds + 1):
            for name in rotated(list(workers), number):
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


def rotated(names: Sequence[str], by: int) -> list[str]:
    """The names, beginning with another one."""
    at = by % len(names) if names else 0
    return [*names[at:], *names[:at]]
