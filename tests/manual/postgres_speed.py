"""Measure how fast a day is loaded into PostgreSQL: twice, and once killed in between; the rows have to be the same.

    python -m tests.manual.postgres_speed --documents 100000 --entities 20

Starts a server of its own (Debian: apt-get install postgresql) with its default settings, on the same machine.
"""

import argparse
import json
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ner_tasks.tagging.exports.parquet import write_parquet
from tests import answers, postgres
from tests.distributed import programs
from tests.published import manifest_of

DAY = "2026-03-14"
SENTENCE = "claim denied the member Rosa Delgado of Tampa was seen by doctor Ann Lee at Mercy on Monday for pain"
BATCH_DOCUMENTS = 1000
SUM = """
SELECT (SELECT count(*) FROM nightly_ner.documents), (SELECT count(*) FROM nightly_ner.entities),
       (SELECT sum(hashtext(e::text)::bigint) FROM nightly_ner.entities e)
"""


def make_day(folder: Path, n_documents: int, n_entities: int) -> None:
    """Write the tables of a day of letters, each with this number of entities; half have boxes, as those of PDF files."""
    write_parquet(
        answers.write(folder / "documents.jsonl", make_letters(n_entities)), folder, day=date.fromisoformat(DAY)
    )
    for name in ("entities.parquet", "documents.parquet"):
        some = pq.read_table(folder / name).combine_chunks()
        numbers = [int(document) for document in some.column("document").to_pylist()]
        with pq.ParquetWriter(folder / name, some.schema, compression="zstd") as writer:
            for first in range(0, n_documents, BATCH_DOCUMENTS):
                names = pa.array([f"letter-{first + number:07d}.pdf" for number in numbers])
                writer.write_table(some.set_column(0, some.schema.field(0), names))
    (folder / "manifest.json").write_text(json.dumps(manifest_of(DAY, n_documents)))


def make_letters(n_entities: int) -> list[dict]:
    """Make the first letters of the day, named by number."""
    chosen, letters = random.Random(0), []
    for number in range(BATCH_DOCUMENTS):
        words, start, entities = chosen.choices(SENTENCE.split(), k=8 * n_entities), 0, []
        for index, word in enumerate(words):
            if index % 8 == 0:
                box = {"page": 1, "boxes": [[10.5, 20.5, 40.5, 30.5]]} if number % 2 else {}
                span = {"start": start, "end": start + len(word), "label": "per", "score": 0.9}
                entities.append({**span, **box, "section": "plan", "assertion": ["negated"]})
            start += len(word) + 1
        letters.append({**answers.answer(str(number), " ".join(words)), "entities": entities})
    return letters


def ask(address: str, question: str) -> list[tuple]:
    from adbc_driver_postgresql import dbapi

    with closing(dbapi.connect(address)) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(question)
        return cursor.fetchall()


def start(folder: Path, address: str) -> subprocess.Popen:
    report = folder / "report.json"
    flags = ["--answers", folder, "--database", address, "--report", report]
    return subprocess.Popen([sys.executable, "-m", "ner_tasks", "load-postgres", *map(str, flags)])


def timed(what: str, do: Callable[[], object], n_rows: int) -> None:
    began, used = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    do()
    seconds, now = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    print(f"{what}: {seconds:.1f} s, {n_rows / seconds:,.0f} rows/s; {cpu_s:.1f} s of CPU in the client", flush=True)


def load(folder: Path, address: str) -> None:
    assert start(folder, address).wait() == 0
    report = json.loads((folder / "report.json").read_text())
    print(f"  {report['peak_memory_mib']} MiB at most", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--entities", type=int, default=20, help="per document (default: %(default)s)")
    args = parser.parse_args()
    if args.documents % BATCH_DOCUMENTS:
        parser.error(f"found {args.documents} documents, expected a multiple of {BATCH_DOCUMENTS}")
    n_rows = args.documents * (1 + args.entities)
    with tempfile.TemporaryDirectory() as place, postgres.running() as url:
        folder, address = Path(place), url.replace("+psycopg2", "")
        make_day(folder, args.documents, args.entities)
        timed("loaded into empty tables", lambda: load(folder, address), n_rows)
        first = ask(address, SUM)
        child = start(folder, address)
        copying = "SELECT count(*) FROM pg_stat_progress_copy WHERE tuples_processed > 1000"
        programs.wait(lambda: ask(address, copying) != [(0,)] or child.poll() is not None, "a copy", every_s=0.05)
        assert child.poll() is None, "found the load done before it could be killed, expected more documents"
        child.send_signal(signal.SIGKILL)
        child.wait()
        assert ask(address, SUM) == first
        print("killed while copying: the same rows", flush=True)
        timed("loaded again", lambda: load(folder, address), n_rows)
        assert ask(address, SUM) == first
        print(f"the same rows: {first}", flush=True)


if __name__ == "__main__":
    main()
