"""Fuzz the document readers: whatever the bytes, each file gets an answer, and nothing but weather is raised.

    python -m tests.fuzz.fuzz_documents --seconds 60            # damage by chance
    python -m tests.fuzz.fuzz_documents --atheris corpus/       # by coverage, with `pip install atheris`

Not part of the test suite, which has hypothesis and two hundred fixed files (tests/hostile.py).
"""

import argparse
import io
import random
import sys
import time
from pathlib import Path

from ner_tasks.documents import FORMATS, Limits
from ner_tasks.documents.archives import Budget
from ner_tasks.documents.extract import CannotRead
from ner_tasks.documents.reading import Place, answers
from tests import hostile

LIMITS = Limits(max_bytes=2**20, max_unpacked_bytes=2**22, max_members=100)


def try_one(name: str, data: bytes) -> int:
    """Read one file; the number of its answers. Anything but `CannotRead` is a finding."""
    try:
        return sum(1 for _ in answers(Place(name, name, LIMITS, Budget(LIMITS)), io.BytesIO(data), len(data)))
    except CannotRead:
        return 1


def by_chance(seconds: float, seed: int) -> int:
    rng, n_files, began = random.Random(seed), 0, time.monotonic()
    while time.monotonic() - began < seconds:
        for name, data in hostile.fuzzed(rng, 100):
            assert try_one(name, data) > 0, name
            n_files += 1
    print(f"{n_files} files in {time.monotonic() - began:.0f} s, each answered; seed {seed}")
    return 0


def by_coverage(arguments: list[str]) -> int:
    import atheris

    def one(data: bytes) -> None:
        if data:
            try_one(f"a{FORMATS[data[0] % len(FORMATS)]}", data[1:])

    atheris.instrument_all()
    atheris.Setup([sys.argv[0], *arguments], one)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--atheris", nargs="*", type=Path, metavar="CORPUS")
    args = parser.parse_args()
    sys.exit(by_chance(args.seconds, args.seed) if args.atheris is None else by_coverage([*map(str, args.atheris)]))
