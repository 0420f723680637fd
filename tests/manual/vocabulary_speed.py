"""Measure a vocabulary of generated names: seconds, memory and disk to compile it, and look-ups per second.

    python -m tests.manual.vocabulary_speed                     # 5 million rows
    python -m tests.manual.vocabulary_speed --rows 100000
    python -m tests.manual.vocabulary_speed --icd               # ICD-10-CM from the package `simple-icd-10-cm` as well

Needs 3 GB below the folder for temporary files (`TMPDIR`). Each compilation has its own process; its memory is the peak of that
process over what it had before. Look-ups are counted per second of CPU, each on mentions that were not looked up before.
"""

import argparse
import csv
import multiprocessing
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ner_tasks.enrichment.codes import Vocabulary

_SYLLABLES = [
    first + vowel + last for first in "bcdfghklmnprstvz" for vowel in "aeiou" for last in ("", "n", "r", "l", "s")
]
_N_WORDS, _N_LOOKED_UP = 200_000, 20_000


def make_rows(n_rows: int, seed: int = 0) -> Iterator[tuple[str, str, str]]:
    """Yield names of one to five words; every fourth is an alias of the code before, every thousandth has two codes."""
    rng = random.Random(seed)
    words = ["".join(rng.choices(_SYLLABLES, k=rng.randint(2, 5))) for _ in range(_N_WORDS)]
    name, code = "", 0
    for number in range(n_rows):
        if number % 1000 != 999:
            name = " ".join(rng.choices(words, k=rng.randint(1, 5)))
        if number % 4:
            code += 1
        yield name.capitalize(), f"C{code:08d}", "GENERATED"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--icd", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "generated.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["name", "code", "system"])
            writer.writerows(make_rows(args.rows))
        print(f"{args.rows:,} rows, {path.stat().st_size / 2**20:,.0f} MiB of CSV")
        measure(lambda: Vocabulary.open(path))
        if args.icd:
            measure(lambda: Vocabulary.open_icd_10_cm(Path(folder)))
        look_up(path)
    return 0


def measure(open_vocabulary: Callable[[], Vocabulary]) -> None:
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_compile, args=(open_vocabulary, sender))
    process.start()
    process.join()
    print(", ".join(f"{name} {value}" for name, value in receiver.recv().items()), flush=True)


def _compile(open_vocabulary: Callable[[], Vocabulary], sender: Any) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, used = time.monotonic(), time.process_time()
    with open_vocabulary() as vocabulary:
        compiled_s, cpu_s = time.monotonic() - began, time.process_time() - used
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        began = time.monotonic()
        open_vocabulary().close()
        said = {
            "compiled in s": f"{compiled_s:.1f}",
            "CPU s": f"{cpu_s:.1f}",
            "peak MiB": f"{peak / 1024:.0f}",
            "file MiB": f"{vocabulary.path.stat().st_size / 2**20:,.0f}",
            "opened again in s": f"{time.monotonic() - began:.2f}",
            **{name: f"{vocabulary.facts[name]:,}" for name in ("n_rows", "n_names", "n_codes", "n_ambiguous")},
        }
    sender.send(said)


def look_up(path: Path) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        names = [row[0] for number, row in enumerate(csv.reader(file)) if number % 97 == 1]
    rng = random.Random(1)
    known = rng.sample(names, min(_N_LOOKED_UP, len(names)))
    misspelled = [name[:place] + "q" + name[place + 1 :] for name in known for place in [rng.randrange(len(name))]]
    kinds = {
        "known": (known, True),
        "known, the same again": (known[:5_000] * 4, True),
        "unknown, no suggestions": (misspelled, False),
        "unknown, with suggestions": (misspelled, True),
    }
    for kind, (mentions, suggests) in kinds.items():
        with Vocabulary.open(path) as vocabulary:
            began = time.process_time()
            found = [vocabulary.look_up(mention, suggests=suggests).match for mention in mentions]
            seconds = time.process_time() - began
        counts = ", ".join(f"{match} {found.count(match):,}" for match in dict.fromkeys(found))
        print(f"{kind}: {len(mentions) / seconds:,.0f} look-ups/s ({counts})", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
