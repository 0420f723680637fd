"""Measure size and speed of the pages, and the server's memory, with names chosen by hostile senders.

    python -m tests.manual.hostile_pages [--names 100000] [--entities 300000] [--mib 20] [--rounds 5]

Builds three days in a scratch folder: many very long names; a hundred ids of two million characters; one document with
very many entities in a long text. Prints bytes, milliseconds and the memory of this process, which runs the app. Not part
of the test suite.
"""

import argparse
import html
import json
import re
import resource
import sys
import tempfile
import time
from pathlib import Path

from ner_tasks.store.folder import FolderStore
from ner_tasks.tagging.answer_index import write_index
from tests.manual.quick_pages import visitor
from tests.published import answer, manifest_of

NAMES, IDS, LONG = "2026-01-31", "2026-01-30", "2026-01-29"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--names", type=int, default=100_000)
    parser.add_argument("--entities", type=int, default=300_000)
    parser.add_argument("--mib", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        store = FolderStore(Path(scratch))
        fill(store, NAMES, (answer(f"{n:06d}" + 'x"' * 497, "Anna came.") for n in range(args.names)))
        fill(store, IDS, (answer(f"{n:06d}" + '"' * 2_000_000, "Anna came.") for n in range(100)))
        fill(store, LONG, [long_document(args.entities, args.mib)])
        print(f"memory before the first page: {peak_mib():.0f} MiB")
        visit = visitor(store)
        asked = [f"documents?day={NAMES}", f"documents?day={NAMES}&q=nowhere", f"documents?day={IDS}"]
        asked += [first_link(visit, day) for day in (NAMES, IDS)]
        asked += [f"documents/{LONG}?name=long.txt", f"documents/{LONG}?name=long.txt&from={args.entities // 2}"]
        for page in asked:
            times, n_bytes = [], 0
            for _ in range(args.rounds):
                began = time.perf_counter()
                n_bytes = len(visit.get(page).content)
                times.append(1000 * (time.perf_counter() - began))
            print(f"{page}: {n_bytes / 2**20:.2f} MiB, {sorted(times)[len(times) // 2]:.0f} ms, {peak_mib():.0f} MiB")
    return 0


def fill(store: FolderStore, day: str, answers) -> None:
    folder, n_documents = store.root / "tagged" / day, 0
    folder.mkdir(parents=True)
    with (folder / "documents.jsonl").open("w") as lines:
        for line in answers:
            lines.write(json.dumps(line) + "\n")
            n_documents += 1
    (folder / "rejected.jsonl").touch()
    write_index(folder / "documents.jsonl", folder / "rejected.jsonl", folder / "index.sqlite")
    store.write_json(f"tagged/{day}/manifest.json", manifest_of(day, n_documents))
    print(f"index of {day}: {(folder / 'index.sqlite').stat().st_size / 2**20:.1f} MiB")


def long_document(n_entities: int, mib: int) -> dict:
    apart = max(5, mib * 2**20 // n_entities)
    line = answer("long.txt", ("Anna " + '"' * (apart - 6) + " ") * n_entities)
    spans = ((apart * n, apart * n + 4) for n in range(n_entities))
    return {**line, "entities": [{"start": start, "end": end, "label": "per", "score": 0.9} for start, end in spans]}


def first_link(visit, day: str) -> str:
    page = visit.get(f"documents?day={day}").text
    found = re.search(rf'href="/ner-ops/(documents/{day}[?][^"]*)"', page)
    if not found:
        raise SystemExit(f"found no link to a document, expected one, on the page of {day}")
    return html.unescape(found[1])


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
