"""Kill a process repeatedly while it replaces a day, and check that a concurrent reader always sees one whole day.

    python -m tests.chaos.kill_replacing --kills 1000
    python -m tests.chaos.kill_replacing --kills 1000 --without-exchange

A child publishes two nights of one day in turn and is killed with -9 at random moments. Readers check continuously that
the day exists and that its manifest, answers and index are of the same night. At the end `ner_maintain` deletes what the
kills left. `--without-exchange` refuses `renameat2`, as NFS does.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ner_tasks.dashboard import documents
from ner_tasks.dashboard.reader import StoreReader
from ner_tasks.files import atomic
from ner_tasks.registry.registry import Registry
from ner_tasks.registry.retention import RetentionPolicy, prune
from ner_tasks.store.folder import FolderStore
from tests.no_exchange import refuse_exchange
from tests.published import answer, publish

DAY = "2026-01-01"
KEY, MARKER = f"tagged/{DAY}", f"tagged/{DAY}/manifest.json"
NIGHTS = ("first", "second")
N_DOCUMENTS, LONGEST_S = 20, 0.02


@dataclass
class Seen:
    """What was noticed; all but `n_kills`, `n_reads` and `n_left_by_kills` are to be zero.

    Attributes:
        n_kills: children that were killed.
        n_reads: looks at the day.
        n_absent_after_kill: kills after which the day was not there.
        n_left_by_kills: hidden files and folders before the store was cleared.
        n_left: those after it.
        problems: what the readers saw, with how often.
    """

    n_kills: int = 0
    n_reads: int = 0
    n_absent_after_kill: int = 0
    n_left_by_kills: int = 0
    n_left: int = 0
    problems: Counter[str] = field(default_factory=Counter)

    @property
    def is_sound(self) -> bool:
        return not (self.n_absent_after_kill or self.n_left or self.problems) and self.n_reads > 0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--without-exchange", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        seen = kill_replacing(Path(folder), n_kills=args.kills, seed=args.seed, without=args.without_exchange)
    print(json.dumps(vars(seen), indent=2))
    return 0 if seen.is_sound else 1


def kill_replacing(folder: Path, *, n_kills: int, seed: int, without: bool = False) -> Seen:
    """Kill `n_kills` publishers of a day in a store below `folder`; what was noticed."""
    store, seen, rng = FolderStore(folder / "store"), Seen(), random.Random(seed)
    for number, night in enumerate(NIGHTS, start=1):
        # of other lengths, so that an index of one night points into the middle of the other's answers
        answers = [answer(f"{index}.txt", f"{night} night {'x' * 50 * number}") for index in range(N_DOCUMENTS)]
        publish(store, folder / night, DAY, answers, night=night)
    context = multiprocessing.get_context("fork")
    done, found = context.Event(), context.SimpleQueue()
    readers = [context.Process(target=_look, args=(store, read, done, found, without)) for read in (_read, _find)]
    for reader in readers:
        reader.start()
    for _ in range(n_kills):
        began = context.Event()
        writer = context.Process(target=_replace, args=(store, folder, began, without))
        writer.start()
        began.wait(60)
        time.sleep(rng.uniform(0, LONGEST_S))
        os.kill(writer.pid or 0, signal.SIGKILL)
        writer.join()
        seen.n_kills += 1
        # the folder itself, before a reader may have completed anything
        seen.n_absent_after_kill += not (without or (store.root / MARKER).exists())
    done.set()
    for _ in readers:
        n_reads, problems = found.get()
        seen.n_reads += n_reads
        seen.problems.update(problems)
    for reader in readers:
        reader.join()
    if without:
        seen.n_absent_after_kill += not store.exists(MARKER)
    seen.n_left_by_kills = len(_hidden(store))
    prune(Registry(store), RetentionPolicy(), time.time() + 2 * 86400)  # as if it were the day after tomorrow
    seen.n_left = len(_hidden(store))
    return seen


def _replace(store: FolderStore, folder: Path, began: Any, without: bool) -> None:
    if without:
        refuse_exchange()
    began.set()
    while True:
        for night in NIGHTS:
            store.publish(folder / night, KEY, marker="manifest.json")


def _look(store: FolderStore, read: Any, done: Any, found: Any, without: bool) -> None:
    if without:
        refuse_exchange()
    n_reads, problems = 0, Counter[str]()
    while not done.is_set():
        n_reads += 1
        try:
            problem = read(store) if store.exists(MARKER) else "absent"
        except Exception as error:  # noqa: BLE001 - whatever it is, it is to be counted
            problem = f"{read.__name__}: {type(error).__name__}: {str(error)[:100]}"
        if problem:
            problems[problem] += 1
    found.put((n_reads, problems))


def _read(store: FolderStore) -> str:
    """Read the manifest, and then the answers; what is wrong with them."""
    folder = store.root / KEY

    def nights() -> set[str]:
        said = json.loads((folder / "manifest.json").read_text())["night"]
        lines = (folder / "documents.jsonl").read_text().splitlines()
        return {said, *(json.loads(line)["text"].split()[0] for line in lines)}

    return "mixed files" if len(atomic.read_whole(folder, nights)) != 1 else ""


def _find(store: FolderStore) -> str:
    """Find a document as the pages do: by the index, and then in the answers; what is wrong with it."""
    found = documents.find_document(StoreReader(store), DAY, "7.txt")
    is_whole = found.answer and found.answer.text and found.answer.text.split()[0] in NIGHTS
    return "" if is_whole and found.answer.document == "7.txt" else "mixed answer"


def _hidden(store: FolderStore) -> list[Path]:
    return [path for path in store.root.rglob(".*") if path.name != ".locks" and ".locks" not in path.parts]


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
