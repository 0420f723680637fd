"""Measure time and peak memory of planning and bookkeeping for a night of 10,000,000 documents.

    python -m tests.manual.plan_ten_million [--documents 10000000] [--in_folder 1000000] [--answered 300000] [PART ...]

The parts are the product's own code, each in a process of its own, over documents that are not there:

| part | what runs |
|---|---|
| `plan-s3` | `PlanShardsOperator` over a bucket that lists so many objects: a real S3 client against moto, the listing made up |
| `plan-folder` | `PlanShardsOperator` over one folder with `--in_folder` files of 2,000 bytes, which have no content |
| `ledger` | the ledgers of 64 shards taken over into the day's, and what a later night asks of it |
| `join` | `check_night` and `publish_day` over 64 parts whose counts add up to all documents, a hundredth of them rejected |
| `check` | `--answered` answers of a shard whose digest differs, and the digest of all names |

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
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ner_tasks.files import atomic
from ner_tasks.settings import Settings
from ner_tasks.store import open_store
from ner_tasks.tagging import merge
from ner_tasks.tagging.answer_ledger import DOCUMENTS, AnswerKey, AnswerLedger
from ner_tasks.tagging.file_chain import chain_names
from tests import s3
from tests.old_days import _with_offsets

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

    options = {"shard_minutes": 3, "lookback_days": 7}
    shards = PlanShardsOperator(task_id="plan_shards", day=DAY, model=MODEL, config=options).execute(RUN)  # type: ignore[arg-type]
    store = Settings.from_env().open_store()
    (plan,) = [file.key for file in store.files("staging/runs")]
    staging = f"staging/tagged/{DAY}/{store.read_json(plan)['night']}"
    sizes = [
        sum(1 for _ in store.fetch(file.key).open()) for file in store.files(staging) if file.name.startswith("inputs-")
    ]
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
        book.merge(_with_offsets(shards))
    return {"MiB": (day / "ledger.sqlite").stat().st_size // 2**20}


def _ask(day: Path, n_asked: int, seed: int) -> dict[str, Any]:
    chance = random.Random(seed)
    with AnswerLedger(day, read_only=True) as book:
        found = sum(book.find(_key(f"new {chance.random()}")) is not None for _ in range(n_asked))
    return {"found": found}


def _key(text: str) -> AnswerKey:
    return AnswerKey(hashlib.sha256(text.encode()).hexdigest(), "0123456789abcdef", "fedcba9876543210")


# --- answers


def check(args: argparse.Namespace, scratch: Path) -> None:
    shard = scratch / "shard"
    _write_answers(shard, args.answered)
    tell("check_night: a shard whose digest differs", args.answered, apart(_check, shard))
    tell("plan_shards, tag: digest of names", args.documents, apart(_chain, args.documents))


def join(args: argparse.Namespace, scratch: Path) -> None:
    where = {"NER_STORE": str(scratch / "store"), "NER_SCRATCH": str(scratch / "scratch")}
    n_answered = min(args.answered, 100 * N_SHARDS) // N_SHARDS
    apart(_make_parts, where, n_answered, args.documents // N_SHARDS, scratch)
    tell("check_night", args.documents, apart(_run_gate, where))
    tell("publish_day", args.documents, apart(_publish, where))


def _make_parts(environment: dict[str, str], n_answered: int, n_told: int, scratch: Path) -> dict[str, Any]:
    """Parts of `n_answered` answers, and all rejects, whose counts are those of `n_told` documents."""
    from ner_tasks.store import keys
    from ner_tasks.tagging.part import name_part, write_part

    store, columns = (
        open_store(environment["NER_STORE"], cache=scratch / "cache"),
        {"text_column": "t", "id_column": "i"},
    )
    planned, n_rejected = [], n_told // 100
    said = {"reason": "empty", "message": "found no text"}
    for number in range(N_SHARDS):
        shard, target = scratch / f"shard-{number}", scratch / f"part-{number}"
        _write_answers(shard, n_answered)
        (shard / "ignored.jsonl").touch()
        names = [f"bad-{number:02d}-{index:08d}.txt" for index in range(n_rejected)]
        lines = (json.dumps({"document": name, "file": name, **said}) + "\n" for name in names)
        (shard / "rejected.jsonl").write_text("".join(lines))
        files = {"n_files": n_told, "files_sha256": chain_names([str(number)])}
        manifest = {**atomic.read_json(shard / merge.MANIFEST), **dict.fromkeys(merge._COUNTS, n_told), **files}
        manifest |= {"n_partly_read": 0, "n_rejected": n_rejected, "n_tagged": n_told - n_rejected}
        manifest |= {"words_per_s": 1.0, "ignored": {}, "items": {}, "rejected": {"empty": n_rejected}}
        atomic.write_json(shard / merge.MANIFEST, manifest)
        named = {"day": DAY, "night": "n", "model_version": MODEL["version"], "number": number}
        # the sample is of the answers that are there
        atomic.write_json(shard / merge.MANIFEST, {**manifest, "n_tagged": n_answered})
        write_part(shard, target, columns=columns, **named)  # type: ignore[arg-type]
        described = atomic.read_json(target / "part.json")
        atomic.write_json(target / "part.json", {**described, "n_tagged": n_told - n_rejected})
        record = name_part(target)
        store.publish(target, record["key"], marker="part.json")
        store.write_json(keys.shard(DAY, "n", number, merge.MANIFEST), {**manifest, "part": record})
        planned.append(files)
        for folder in (shard, target):
            shutil.rmtree(folder)
    plan = {"day": DAY, "night": "n", "model": MODEL, "n_shards": N_SHARDS, "shards": planned, "columns": columns}
    plan |= {"n_files": N_SHARDS * n_told, "at": "2001-01-05T00:00:00+00:00", "answered": []}
    store.write_json(keys.night_plan(keys.run_name(RUN["run_id"]), DAY), plan)
    return {}


def _run_gate(environment: dict[str, str]) -> dict[str, Any]:
    os.environ.update(environment)
    from ner_airflow.operators.publication import NightGateOperator

    checked = NightGateOperator(task_id="check_night", day=DAY, shards_done=[], config={}).execute(RUN)  # type: ignore[arg-type]
    return {"documents": checked["n_documents"]}


def _publish(environment: dict[str, str]) -> dict[str, Any]:
    os.environ.update(environment)
    from ner_airflow.assets import TAGGED_DOCUMENTS
    from ner_airflow.operators.publication import PublishDayOperator

    context = {**RUN, "outlet_events": {TAGGED_DOCUMENTS: SimpleNamespace(extra=None)}}
    published = PublishDayOperator(task_id="publish_day", night={"day": DAY}).execute(context)  # type: ignore[arg-type]
    store = Settings.from_env().open_store()
    day = {f"bytes of {file.name}": file.n_bytes for file in store.files(f"tagged/{DAY}")}
    return {"documents": published["n_documents"], **day}


def _write_answers(folder: Path, n_documents: int) -> None:
    """Answers of 300 words and 30 entities each."""
    folder.mkdir()
    entity = {"start": 10, "end": 14, "label": "per", "mention": "Anna", "score": 0.9}
    receipt = {
        **dict.fromkeys(("n_sentences", "n_words", "n_pieces", "n_windows", "n_unknown"), 300),
        "n_characters": N_BYTES,
    }
    receipt |= {
        "format": "text",
        "items": {"text": {"read": 1}},
        "read_share": 1.0,
        "model_version": "v1",
        "config": "c",
        "encoding": "utf-8",
        "unread": [],
    }
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


PARTS = {
    "plan-s3": plan_s3,
    "plan-folder": plan_folder,
    "ledger": ledger,
    "check": check,
    "join": join,
}


if __name__ == "__main__":
    sys.exit(main())
