"""Time the page Entities, and other engines, with an index of many documents by the product's own writer.

    python -m tests.manual.entity_search_speed [--documents 1000000] [--entities 20] [--days 31] [--rounds 100]
        [--engines 1] [--folder FOLDER]

Invents documents whose mentions follow Zipf's law, writes the entity index of each day and the list of its new mentions,
then requests pages through the real app, with other words in each round, and prints the median and 95th percentile in
milliseconds, and of the CPU time, which a busy machine distorts less. With --engines 1 the same mentions are also put into SQLite FTS5, and into sorted Parquet files for DuckDB and
pyarrow, and sought there. With --folder the store is kept and used again. Not part of the test suite.
"""

import argparse
import json
import logging
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from html import unescape
from pathlib import Path
from urllib.parse import quote

import numpy as np

from ner_tasks.files import atomic
from ner_tasks.store import keys
from ner_tasks.store.folder import FolderStore
from ner_tasks.tagging.entity_index import ENTITY_INDEX, NEW_MENTIONS
from ner_tasks.tagging.entity_index.novelty import find_new_mentions
from ner_tasks.tagging.entity_index.writer import write_entity_index
from tests.manual import entity_search_engines
from tests.manual.quick_pages import visitor
from tests.published import manifest_of

LAST = date(2026, 1, 31)
LABELS = ("per", "org", "geo", "gpe", "tim", "dis", "med", "art")
N_NAMES = 3_000_000  # different mentions that there are
ASKED = ("first letter", "two letters", "word", "word and label", "whole mention", "absent", "next page", "top and new")


class Names:
    """Invented mentions of one to three words: the number of one is its rank."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        parts = [c + v for c in "bcdfghjklmnprstvz" for v in ("a", "e", "i", "o", "u", "é")]
        self.words = ["".join(rng.choice(parts, rng.integers(2, 5))).capitalize() for _ in range(60_000)]

    def __getitem__(self, rank: int) -> tuple[str, str]:
        """Mention and label of a rank."""
        scrambled = rank * 2_654_435_761 % 2**32
        n_words = 1 + scrambled % 3 if rank > 1000 else 1
        picked = (self.words[(scrambled >> 7 * at) * (at + 1) % len(self.words)] for at in range(n_words))
        return " ".join(picked), LABELS[scrambled % len(LABELS)]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--entities", type=int, default=20, help="of each document")
    parser.add_argument("--days", type=int, default=31)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--engines", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder and args.folder.parent) as scratch:
        store = FolderStore(args.folder or Path(scratch) / "store")
        names = Names(0)
        if not store.exists(keys.TAGGED):
            fill(store, Path(scratch), names, args.documents, args.entities, args.days)
        days = sorted(store.folders(keys.TAGGED))
        size = sum((store.root / keys.tagged_day(day, ENTITY_INDEX)).stat().st_size for day in days)
        print(f"{len(days)} days, {size / 2**20:.0f} MiB of indexes")
        measure(store, names, days[-1], args.rounds)
        if args.engines:
            paths = [store.root / keys.tagged_day(day, ENTITY_INDEX) for day in days]
            entity_search_engines.compare(paths, Path(scratch), lambda: words(names, args.rounds))
    return 0


def fill(store: FolderStore, scratch: Path, names: Names, n_documents: int, n_entities: int, n_days: int) -> None:
    rng = np.random.default_rng(1)
    took = {"index": 0.0, "new": 0.0}
    written = list[Path]()
    for back in range(n_days - 1, -1, -1):
        day = str(LAST - timedelta(days=back))
        n = n_documents // n_days + (back < n_documents % n_days)
        answers = scratch / "documents.jsonl"
        write_answers(answers, rng, names, day, n, n_entities)
        target = store.root / keys.tagged_day(day, ENTITY_INDEX)
        began = time.process_time()
        counts = write_entity_index(answers, target)
        took["index"] += time.process_time() - began
        began = time.process_time()
        found, _ = find_new_mentions([target], [[day] for day in written[-28:]], scratch)
        took["new"] += time.process_time() - began
        atomic.write_json(target.with_name(NEW_MENTIONS), {"night": "n", **found})
        entities = dict.fromkeys(LABELS, n * n_entities // len(LABELS))
        store.write_json(keys.tagged_day(day, "manifest.json"), {**manifest_of(day, n), "entities": entities})
        written.append(target)
        if not back:
            n_new = sum(label["n_new"] for label in found["labels"].values())
            print(f"the last day: {counts}, {n_new:,} new; {answers.stat().st_size / 2**20:.0f} MiB of answers")
        answers.unlink()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    total = f"{n_documents:,} documents, {n_documents * n_entities:,} entities"
    print(
        f"{total}: CPU time of indexes {took['index']:.0f} s, of new mentions {took['new']:.0f} s; peak memory {peak:.0f} MiB"
    )


def write_answers(path: Path, rng, names: Names, day: str, n_documents: int, n_entities: int) -> None:
    with path.open("w") as lines:
        for number in range(n_documents):
            ranks = np.minimum(rng.zipf(1.25, n_entities), N_NAMES) + rng.integers(0, 3, n_entities)
            text, entities = "", []
            for place, rank in enumerate(ranks.tolist()):
                mention, label = names[rank]
                entity = {"start": len(text), "end": len(text) + len(mention), "label": label, "score": 0.9}
                if place % 4 == 0:
                    entity |= {
                        "assertion": ["negated"] if place % 8 else [],
                        "section": ("history", "plan")[place % 3 > 0],
                    }
                entities.append(entity)
                text += mention + ", "
            answer = {"document": f"claims/{day}/claim-{number:07d}.txt", "sha256": "0" * 64, "text": text}
            receipt = {"n_words": 2 * n_entities, "items": {}, "unread": []}
            lines.write(json.dumps({**answer, "entities": entities, "receipt": receipt}) + "\n")


def words(names: Names, n: int) -> Iterator[tuple[str, str]]:
    """Mentions that are sought, frequent and rare ones, with their labels."""
    rng = np.random.default_rng(2)
    for _ in range(n):
        yield names[int(10 ** rng.uniform(0, 6))]


def measure(store: FolderStore, names: Names, last: str, n_rounds: int) -> None:
    logging.disable(logging.INFO)  # who reads what
    visit = visitor(store)
    times: dict[str, list[tuple[float, float]]] = {kind: [] for kind in ASKED}

    def timed(page: str) -> tuple[float, float]:
        began = time.process_time()
        taken = visit(page)
        return taken, 1000 * (time.process_time() - began)

    began = time.perf_counter()
    visit("entities")
    print(f"the first call: {1000 * (time.perf_counter() - began):.0f} ms")
    for mention, label in words(names, n_rounds):
        word = mention.split(" ")[-1]
        asked = {
            "first letter": f"entities?q={quote(word[0])}",
            "two letters": f"entities?q={quote(word[:2])}",
            "word": f"entities?q={quote(word)}",
            "word and label": f"entities?q={quote(word)}&label={label}",
            "whole mention": f"entities?q={quote(mention)}",
            "absent": f"entities?q={quote(word)}xyz",
            "top and new": f"entities?day={last}&label={label}",
        }
        for kind, page in asked.items():
            times[kind].append(timed(page))
        page = visit.get(asked["two letters"]).text
        following = page.partition('<p><a href="/ner-ops/')[2].partition('"')[0]
        if following:
            times["next page"].append(timed(unescape(following)))
    for kind, taken in times.items():
        if taken:
            entity_search_engines.report(kind, taken)


if __name__ == "__main__":
    sys.exit(main())
