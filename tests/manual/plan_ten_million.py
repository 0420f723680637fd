"""Measure time and peak memory of planning and bookkeeping for a night of 10,000,000 documents.

    python -m tests.manual.plan_ten_million [--documents 10000000] [--in_folder 1000000] [--answered 300000] [PART ...]

The parts are the product's own code, each in a process of its own, over documents that are not there:

| part | what runs |
|---|---|
| `plan-s3` | `PlanShardsOperator` over a bucket that lists so many objects: a real S3 client against moto, the listing made up |
| `plan-folder` | `PlanShardsOperator` over one folder with `--in_folder` files of 2,000 bytes, which have no content |
| `ledger` | the ledgers of 64 shards taken over into the day's, and what a later night asks of it |
| `join` | `--answered` answers checked and joined as `publish_day` does, and the digest of all names; the figures grow with them |
| `rejects` | a hundredth of `--answered` rejected files gathered, from S3 and from a folder |

Needs 6 GB below the folder for temporary files (`TMPDIR`). Not part of the test suite: all of it takes half an hour on two cores.
"""

import argparse
import hashlib
import importlib
import json
import logging
import multiprocessing
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ner_tasks.files import atomic
from ner_tasks.settings import Settings
from ner_tasks.tagging import merge
from ner_tasks.tagging.answer_ledger import DOCUMENTS, AnswerKey, AnswerLedger
from ner_tasks.tagging.file_chain import chain_names
from tests import s3

DAY = "2001-01-04"
MODEL = {"version": "v1", "kind": "int8"}
N_BYTES = 2000
N_SHARDS = 64
BUCKET = "drill"
XCOM_BYTES = 48_000
RUN = {"run_id": "manual__drill"}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all of them if none is given")
    parser.add_argument("--documents", type=int, default=10_000_000)
    parser.add_argument("--in_folder", type=int, default=1_000_000)
    parser.add_argument("--answered", type=int, default=300_000)
    args = parser.parse_args()
    if unknown := set(args.parts) - set(PARTS):
        parser.error(f"found {', '.join(sorted(unknown))}, expected some of {', '.join(PARTS)}")
    for name in args.parts or PARTS:
        with tempfile.TemporaryDirectory() as scratch:
            PARTS[name](args, Path(scratch))
    return 0


# --- planning


def plan_s3(args: argparse.Namespace, scratch: Path) -> None:
    with s3.running() as url:
        s3.client(url).create_bucket(Bucket=BUCKET)
        proxy = s3.Proxy(url)
        listing = s3.endless_listing(args.documents, n_bytes=N_BYTES)
        proxy.faults.append(s3.Fault(_lists_inbox, "tell", times=args.documents, tells=listing))
        with proxy.running() as mine:
            store = {**s3.CREDENTIALS, "AWS_ENDPOINT_URL": mine, "NER_STORE": f"s3://{BUCKET}/ner"}
            tell("plan-s3", args.documents, apart(_plan, {**store, "NER_SCRATCH": str(scratch)}))


def plan_folder(args: argparse.Namespace, scratch: Path) -> None:
    inbox = scratch / "store" / "inbox" / DAY
    inbox.mkdir(parents=True)
    for number in range(args.in_folder):
        with (inbox / f"claim-{number:08d}.txt").open("wb") as file:
            file.truncate(N_BYTES)
    where = {"NER_STORE": str(scratch / "store"), "NER_SCRATCH": str(scratch / "scratch")}
    tell("plan-folder", args.in_folder, apart(_plan, where))


def _lists_inbox(method: str, path: str) -> bool:
    return method == "GET" and "list-type" in path and f"inbox%2F{DAY}%2F" in path


def _plan(environment: dict[str, str]) -> dict[str, Any]:
    os.environ.update(environment)
    from ner_airflow.operators.tagging import (
        PlanShardsOperator,  # Airflow takes seconds to import: not in the main process
    )

    options = {"shard_mib": 8, "lookback_days": 7}
    shards = PlanShardsOperator(task_id="plan_shards", day=DAY, model=MODEL, config=options).execute(RUN)  # type: ignore[arg-type]
    store = Settings.from_env().open_store()
    (plan,) = [file.key for file in store.files("staging/runs")]
    staging = f"staging/tagged/{DAY}/{store.read_json(plan)['night']}"
    sizes = [sum(1 for _ in store.fetch(file.key).open()) for file in store.files(staging)]
    n_xcom_bytes = len(json.dumps(shards))
    if n_xcom_bytes > XCOM_BYTES or len(shards) > N_SHARDS:
        raise SystemExit(
            f"found {len(shards)} shards in an XCom of {n_xcom_bytes} bytes, expected {N_SHARDS}, {XCOM_BYTES}"
        )
    return {"shards": len(shards), "files": sum(sizes), "largest shard": max(sizes), "bytes of XCom": n_xcom_bytes}


# --- books


def ledger(args: argparse.Namespace, scratch: Path) -> None:
    day = scratch / "day"
    tell("ledger: written by the shards", args.documents, apart(_write_ledgers, scratch, args.documents))
    tell("ledger: taken over into one", args.documents, apart(_take_over, scratch, day))
    n_asked = 100_000
    tell("ledger: texts that it does not know", n_asked, apart(_ask, day, n_asked, 0))


def _write_ledgers(folder: Path, n_documents: int) -> dict[str, Any]:
    for number in range(N_SHARDS):
        part = folder / f"shard-{number:02d}"
        part.mkdir()
        with (part / DOCUMENTS).open("wb") as file:
            file.truncate(n_documents // N_SHARDS * N_BYTES)
        with AnswerLedger(part) as book:
            for index in range(n_documents // N_SHARDS):
                book.add(_key(f"{number}-{index}"), offset=index * N_BYTES, n_bytes=N_BYTES)
            book.commit()
    return {}


def _take_over(folder: Path, day: Path) -> dict[str, Any]:
    day.mkdir()
    shards = sorted(folder.glob("shard-*"))
    with AnswerLedger(day) as book:
        book.merge(merge._with_offsets(shards))
    return {"MiB": (day / "ledger.sqlite").stat().st_size // 2**20}


def _ask(day: Path, n_asked: int, seed: int) -> dict[str, Any]:
    chance = random.Random(seed)
    with AnswerLedger(day, read_only=True) as book:
        found = sum(book.find(_key(f"new {chance.random()}")) is not None for _ in range(n_asked))
    return {"found": found}


def _key(text: str) -> AnswerKey:
    return AnswerKey(hashlib.sha256(text.encode()).hexdigest(), "0123456789abcdef", "fedcba9876543210")


# --- answers


def join(args: argparse.Namespace, scratch: Path) -> None:
    shard = scratch / "shard"
    _write_answers(shard, args.answered)
    tell("check_night: a shard whose digest differs", args.answered, apart(_check, shard))
    tell("plan_shards, tag: digest of names", args.documents, apart(_chain, args.documents))
    tell("publish_day: join", args.answered, apart(_join, [shard], scratch / "day"))


def _write_answers(folder: Path, n_documents: int) -> None:
    """Answers of 300 words and 30 entities each."""
    folder.mkdir()
    entity = {"start": 10, "end": 14, "label": "per", "mention": "Anna", "score": 0.9}
    receipt = {
        **dict.fromkeys(("n_sentences", "n_words", "n_pieces", "n_windows", "n_unknown"), 300),
        "n_characters": N_BYTES,
    }
    receipt |= {"read_share": 1.0, "model_version": "v1", "config": "c", "encoding": "utf-8", "unread": []}
    said = {"sha256": "0" * 64, "text": "word " * (N_BYTES // 5), "entities": [entity] * 30, "receipt": receipt}
    with (folder / DOCUMENTS).open("w") as lines:
        for number in range(n_documents):
            name = f"claim-{number:08d}.txt"
            lines.write(json.dumps({"document": name, "file": name, "text_sha256": _key(name)[0], **said}) + "\n")
    (folder / "rejected.jsonl").touch()
    counts = dict.fromkeys((*merge._COUNTS, *merge._TIMES), n_documents)
    atomic.write_json(folder / merge.MANIFEST, {**counts, "rejected": {}, "entities": {"per": 30 * n_documents}})
    with AnswerLedger(folder) as book:
        book.commit()


def _check(shard: Path) -> dict[str, Any]:
    n_documents = atomic.read_json(shard / merge.MANIFEST)["n_documents"]
    names = (f"claim-{number:08d}.txt" for number in range(n_documents))
    return {"lost": sum(1 for _ in merge.find_unanswered(names, shard))}


def _chain(n_documents: int) -> dict[str, Any]:
    return {"digest": chain_names(f"claim-{number:08d}.txt" for number in range(n_documents))[:12]}


def _join(shards: list[Path], target: Path) -> dict[str, Any]:
    from ner_tasks.tagging.publication import build_day

    columns = {"text_column": "text", "id_column": "id"}
    build_day(shards, target, day=DAY, night="n", model_version="v1", columns=columns)
    return {f"MiB of {file.name}": file.stat().st_size // 2**20 for file in sorted(target.iterdir())}


def rejects(args: argparse.Namespace, scratch: Path) -> None:
    n_rejected = args.answered // 100
    listing = scratch / "rejected.jsonl"
    names = [f"bad-{number:08d}.txt" for number in range(n_rejected)]
    listing.write_text("".join(json.dumps({"file": name, "reason": "empty"}) + "\n" for name in names))
    inbox = scratch / "store" / "inbox" / DAY
    inbox.mkdir(parents=True)
    for name in names:
        (inbox / name).write_bytes(bytes(N_BYTES))
    where = {"NER_STORE": str(scratch / "store"), "NER_SCRATCH": str(scratch / "scratch")}
    tell("publish_day: rejects from a folder", n_rejected, apart(_gather, where, listing, scratch / "folder"))
    with s3.running() as url:
        client = s3.client(url)
        client.create_bucket(Bucket=BUCKET)
        for name in names:
            client.put_object(Bucket=BUCKET, Key=f"ner/inbox/{DAY}/{name}", Body=bytes(N_BYTES))
        where |= {**s3.CREDENTIALS, "AWS_ENDPOINT_URL": url, "NER_STORE": f"s3://{BUCKET}/ner"}
        tell("publish_day: rejects from S3 (moto)", n_rejected, apart(_gather, where, listing, scratch / "s3"))


def _gather(environment: dict[str, str], listing: Path, target: Path) -> dict[str, Any]:
    os.environ.update(environment)
    from ner_airflow.operators.publication import PublishDayOperator

    Path(environment["NER_SCRATCH"]).mkdir(exist_ok=True)
    PublishDayOperator(task_id="publish_day", night={"day": DAY})._gather_rejected(listing, DAY, target)
    return {"copies": sum(1 for _ in (target / "documents").iterdir())}


# --- measuring


def apart(work: Callable[..., dict[str, Any]], *args: Any) -> dict[str, Any]:
    """What `work` says, in a process of its own, with its seconds and its peak memory."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (work, *args))


def _measured(work: Callable[..., dict[str, Any]], *args: Any) -> dict[str, Any]:
    logging.disable(logging.INFO)
    for name in ("publication", "tagging"):  # Airflow is there before a step begins
        importlib.import_module(f"ner_airflow.operators.{name}")
    began, cpu = time.monotonic(), time.process_time()
    with _quiet():
        said = work(*args)
    took = {"seconds": round(time.monotonic() - began, 1), "seconds of CPU": round(time.process_time() - cpu, 1)}
    return {**took, "peak MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**10, **said}


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the lines that a step logs: the figures are what is read here."""
    with Path(os.devnull).open("w") as nowhere:
        shown, sys.stdout = sys.stdout, nowhere
        try:
            yield
        finally:
            sys.stdout = shown


def tell(name: str, n: int, said: dict[str, Any]) -> None:
    each = f"{1e6 * said['seconds'] / n:.1f} us each"
    print(f"{name}: {n:,}, {each}, {', '.join(f'{what} {value:,}' for what, value in said.items())}", flush=True)


PARTS = {"plan-s3": plan_s3, "plan-folder": plan_folder, "ledger": ledger, "join": join, "rejects": rejects}


if __name__ == "__main__":
    sys.exit(main())
