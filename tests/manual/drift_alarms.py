"""Measure false alarms and detections of the drift check on nights drawn from one day's real answers.

    python -m tests.manual.drift_alarms var/store/tagged/2026-01-05

Shuffles the day's documents and deals them out as nights that differ only by chance, so every alarm is false. Then judges
the same nights with more mentions of one label. A few thousand documents make nights of more than a hundred; with
`--documents` they are drawn with replacement.
"""

import argparse
import json
import random
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from ner_tasks.monitoring.drift import DriftConfig, compare_night
from ner_tasks.tagging.answer_ledger import DOCUMENTS
from ner_tasks.tagging.day_parts import find_parts
from ner_tasks.tagging.statistics import compute_statistics

Line = dict[str, Any]


def main() -> None:
    options = arguments()
    console, chance = Console(), random.Random(options.seed)
    parts = find_parts(options.answers)
    lines = [json.loads(line) for part in parts for line in (part / DOCUMENTS).read_text("utf-8").splitlines()]
    config = DriftConfig.read()
    found = {1.0: 0, **dict.fromkeys(options.factors, 0)}
    for _ in track(range(options.rounds), description="rounds", console=console):
        nights = list(dealt(lines, options, chance))
        before = [statistics(night) for night in nights[1:]]
        for factor in found:
            findings, why_not = compare_night(
                statistics(planted(nights[0], options.label, factor, chance)), before, config
            )
            if why_not:
                raise SystemExit(f"nothing was judged: {why_not}")
            alarms = {one.measure for one in findings if one.alert}
            found[factor] += bool(alarms) if factor == 1 else f"entities/{options.label}" in alarms
    console.print(f"{len(lines)} documents, nights of {options.documents}, {options.nights} nights before each")
    console.print(f"false alarms: {found.pop(1.0)} of {options.rounds} nights")
    for factor, n in found.items():
        console.print(f"{options.label} x {factor}: found in {n} of {options.rounds} nights")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("answers", type=Path, help="a published day in its store")
    parser.add_argument("--documents", type=int, default=100, help="in a night (default: %(default)s)")
    parser.add_argument("--nights", type=int, default=14, help="before the one that is judged (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=200, help="nights that are judged (default: %(default)s)")
    parser.add_argument("--label", default="geo", help="whose mentions are multiplied (default: %(default)s)")
    parser.add_argument("--factors", type=float, nargs="*", default=[1.25, 1.5], help="by how much, 1 to 2")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def dealt(lines: Sequence[Line], options: argparse.Namespace, chance: random.Random) -> Iterator[list[Line]]:
    """The night to judge and those before it, of documents dealt out by chance; drawn again where there are too few."""
    n_nights = options.nights + 1
    if len(lines) >= n_nights * options.documents:
        shuffled = chance.sample(lines, n_nights * options.documents)
    else:
        shuffled = chance.choices(lines, k=n_nights * options.documents)
    for first in range(0, len(shuffled), options.documents):
        yield shuffled[first : first + options.documents]


def planted(night: Sequence[Line], label: str, factor: float, chance: random.Random) -> list[Line]:
    """The night with some of a label's mentions a second time."""
    return [
        {
            **line,
            "entities": [
                *line["entities"],
                *(one for one in line["entities"] if one["label"] == label and chance.random() < factor - 1),
            ],
        }
        for line in night
    ]


def statistics(night: Sequence[Line]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / DOCUMENTS
        path.write_text("".join(f"{json.dumps(line)}\n" for line in night), encoding="utf-8")
        return compute_statistics(path, {"n_documents": len(night), "rejected": {}})


if __name__ == "__main__":
    main()
