"""A small complete store: a published day without parts and one of a part, a running night, two versions, their reports.

The product itself makes answers, indexes, statistics, snapshots and the registry; the tagger is rule-based, and the model
files have valid checksums but contain no network.
"""

import contextlib
import io
import json
from pathlib import Path

import numpy as np

from ner_tasks.cli import app
from ner_tasks.data.validation.baseline import accept_snapshot
from ner_tasks.enrichment.config import EnrichmentConfig
from ner_tasks.enrichment.rules import EnrichmentRules
from ner_tasks.evaluation.entity_counts import N_KINDS, EntityCounts
from ner_tasks.files import atomic
from ner_tasks.files.contained import ContainedFile
from ner_tasks.model import model_folder
from ner_tasks.records import ShardManifest, TaggedShard, read_file
from ner_tasks.registry.registry import Registry
from ner_tasks.store import keys
from ner_tasks.store.folder import FolderStore
from ner_tasks.tagging import publication, rejects
from ner_tasks.tagging.answer_index import INDEX
from ner_tasks.tagging.batcher import TagConfig
from ner_tasks.tagging.inputs import write_inputs
from ner_tasks.tagging.journal import REJECTED
from ner_tasks.tagging.merge import MANIFEST
from ner_tasks.tagging.part import PART, write_part
from ner_tasks.tagging.shard import tag_documents
from ner_tasks.tagging.statistics import STATISTICS
from tests.old_days import build_day
from tests.rules import RuleTagger

DAYS, NEXT = ("2026-01-30", "2026-01-31"), "2026-02-01"
COLUMNS = {"text_column": "text", "id_column": "id"}
RUN = "manual__2026-01-31T01:30:00+00:00"
VERSIONS = ("1111aaaa1111", "2222bbbb2222")
ANSWERS = "answers"  # a folder that `tag` wrote, in the store to be damaged like its files
# a word of the documents that no message may quote
SECRET = "Zebulonquill"
SCORE = {"precision": 0.8, "recall": 0.8, "f1": 0.8, "n_gold": 100, "n_predicted": 100, "n_correct": 80}
# every field of an answer that rules fill in
RULES = EnrichmentRules.load(EnrichmentConfig(assertion_labels="per", redaction="label"), ["per"])
_FILES = {
    "letter.txt": f"Anna {SECRET} came to see Otto Brandt. They met Kay Tran.\n",
    "note.txt": "Rosa Delgado left us. Nobody else was there.\n",
    "rows.csv": f"id,text\n1,Ada {SECRET} wrote\n2,Max Muster called\n",
    "calls.jsonl": '{"id": "c1", "text": "Olga Chen called"}\n{"id": "c2"\n',
    "empty.txt": "",
    "Thumbs.db": "x",
}
_ROWS = "Sentence #,Word,POS,Tag\n"


def make_store(root: Path, scratch: Path) -> FolderStore:
    """Make it in the folder `root`; `scratch` is for what is handed over."""
    scratch.mkdir(parents=True, exist_ok=True)
    store = FolderStore(root)
    snapshot = _snapshot(store, scratch)
    _versions(store, scratch, snapshot)
    _published_without_parts(store, scratch, DAYS[0])
    _published(store, scratch, DAYS[1])
    store.put_file(store.fetch(f"tagged/{DAYS[0]}/{INDEX}"), keys.replaced_answers(DAYS[0], VERSIONS[0], INDEX))
    _reports(store, scratch)
    _under_way(store, scratch)
    return store


def verb(*words: object) -> dict:
    """What a verb reports."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        code = app.main([str(word) for word in words])
    assert code == 0, words
    text = printed.getvalue()
    return json.loads(text[text.index("\n{\n") if "\n{\n" in text else 0 :])


def _shard(folder: Path) -> Path:
    """Answers of the files, in a folder such as `tag` makes."""
    inbox = folder / "inbox"
    inbox.mkdir(parents=True)
    for name, text in _FILES.items():
        (inbox / name).write_text(text)
    documents = [(path.name, path) for path in sorted(inbox.iterdir())]
    tag_documents(documents, tagger=RuleTagger(), output=folder / "shard", config=TagConfig(rules=RULES, version="c1"))
    return folder / "shard"


def _published_without_parts(store: FolderStore, scratch: Path, day: str) -> None:
    shard, joined = _shard(scratch / day), scratch / day / "joined"
    build_day([shard], joined, day=day, night="n1", model_version=VERSIONS[1], columns=COLUMNS)
    store.put_file(joined / REJECTED, keys.rejected_day(day, REJECTED))
    store.publish(joined, keys.tagged_day(day), marker=MANIFEST)


def _published(store: FolderStore, scratch: Path, day: str) -> None:
    plan = _plan(day, "n1")
    parts = publication.check_parts(store, [_tagged(store, scratch / day, plan)], plan)
    manifest, folder = publication.describe_day(parts, plan), scratch / day
    rejects.write_lines(folder / REJECTED, rejects.list_rejected(folder / "part" / REJECTED, parts[0].record["key"]))
    publication.write_page_of_parts(store, parts, manifest, folder / REJECTED, folder / publication.PAGE)
    store.put_file(folder / REJECTED, keys.rejected_day(day, REJECTED))
    store.put_file(folder / publication.PAGE, keys.tagged_day(day, publication.PAGE))
    store.write_json(keys.tagged_day(day, STATISTICS), publication.sum_part_statistics(store, parts, plan["night"]))
    store.write_json(keys.tagged_day(day, MANIFEST), manifest)


def _tagged(store: FolderStore, folder: Path, plan: dict) -> TaggedShard:
    """Tag the only shard of a night and publish its part; its record."""
    shard, listing = _shard(folder), folder / "inputs.jsonl"
    files = [ContainedFile(path.parent, path.name) for path in sorted((folder / "inbox").iterdir())]
    write_inputs(listing, sorted(_FILES), files)
    named = {"day": plan["day"], "night": plan["night"], "model_version": plan["model"]["version"]}
    record = write_part(shard, folder / "part", **named, number=0, columns=COLUMNS, inputs=listing)
    store.publish(folder / "part", record["key"], marker=PART)
    return {**read_file(shard / MANIFEST, ShardManifest), "part": record}


def _plan(day: str, night: str) -> dict:
    model = {"version": VERSIONS[1], "kind": "int8"}
    plan = {"day": day, "night": night, "model": model, "n_shards": 1, "n_files": len(_FILES), "columns": COLUMNS}
    return {**plan, "at": f"{day}T01:30:00+00:00", "answered": [DAYS[1]]}


def _snapshot(store: FolderStore, scratch: Path) -> str:
    rows, names = [_ROWS], ("Anna", "Otto", "Rosa", "Olga", "Kay", "Max")
    for number in range(120):
        words = ((names[number % 6], "B-per"), ("left", "O"), ("Ohio", "B-geo"), (str(number), "O"), (".", "O"))
        rows += [f"{f'Sentence: {number + 1}' if not at else ''},{w},X,{tag}\n" for at, (w, tag) in enumerate(words)]
    labelled = scratch / "ner.csv"
    labelled.write_text("".join(rows))
    store.put_file(labelled, "labelled/first/ner.csv")
    said = verb("dataset", "--data", labelled, "--output", scratch / "snapshot", "--block_sentences", 4)
    version = str(said["version"])
    store.publish(scratch / "snapshot", f"snapshots/{version}", marker="snapshot.json")
    accept_snapshot(store, version, "r1")
    return version


def _versions(store: FolderStore, scratch: Path, snapshot: str) -> None:
    registry = Registry(store)
    for number, version in enumerate(VERSIONS):
        for kind in ("trained", "frozen", "int8"):
            folder = scratch / version / kind
            folder.mkdir(parents=True)
            for name in (model_folder.WEIGHTS if kind == "trained" else model_folder.GRAPH, model_folder.TOKENIZER):
                (folder / name).write_text(json.dumps([kind, version]))
            manifest = model_folder.ModelManifest(kind=kind, labels=("geo", "per"), encoder={}, max_pieces=128)
            model_folder.write_manifest(folder, manifest)
            registry.put(version, kind, folder)
        scores = {"overall": SCORE, "labels": {"geo": SCORE, "per": SCORE}, "n_sentences": 40}
        details = {"gate": ["found entity F1 0.8, expected 0.5"], "champion": VERSIONS[0] if number else None}
        registry.register(version, {**scores, **details, "snapshot": snapshot, "n_words": 200})
        home = f"reports/models/{version}"
        intervals = {"overall": [0.7, 0.9], "labels": {"geo": [0.7, 0.9], "per": [0.7, 0.9]}}
        rows = [{"min_score": tenth / 10, "n_given": 9, "precision": 0.8, "recall": 0.8} for tenth in range(10)]
        tables = {"by_score": {"overall": rows, "labels": {"geo": rows, "per": rows}}}
        evaluation = {**scores, "intervals": intervals, "calibration": tables}
        store.write_json(f"{home}/evaluate-{snapshot}.json", evaluation)
        speed = {"fp32": 100.0, "int8": 300.0, "stock": 90.0, "int8_over_stock": 3.0}
        store.write_json(f"{home}/compare.json", {"fp32": scores, "int8": scores, "f1_loss": 0.001, "speed": speed})
        store.write_json(f"{home}/gate.json", {"lines": ["found speed 3.0, expected 1.5"]})
        store.write_json(f"{home}/train.json", {"snapshot": snapshot, "config": {"epochs": 2}})
        counts = EntityCounts(("geo", "per"), np.ones((40, 2, N_KINDS), np.int64), "d" * 64)
        counts.write(scratch / version / "counts.json")
        store.put_file(scratch / version / "counts.json", f"{home}/evaluate-{snapshot}/counts.json")
        for name in ("card.html", "card.md", "learning.svg"):
            (scratch / version / name).write_text(f"<p>{version}</p>")
            store.put_file(scratch / version / name, f"{home}/{name}")
        store.put_file(scratch / version / "card.html", f"{home}/evaluate-{snapshot}/page.html")
        registry.promote(version, "int8", by="ada", metrics={"f1": 0.8}, reason="better")


def _reports(store: FolderStore, scratch: Path) -> None:
    for day in DAYS:
        statistics = store.fetch(f"tagged/{day}/statistics.json")
        said = {"day": day, "night": "n1", "model_version": VERSIONS[1], "model_before": None, "accepted": False}
        drift = verb("drift", "--night", statistics, "--before", statistics)
        # two nights are too few to compare
        found = {"now": 4.2, "usual": 4.0, "lowest": 3.0, "highest": 5.0, "change": 0.05, "p": 0.5, "alert": False}
        drift["findings"] = [{"measure": name, **found} for name in ("entities/per", "pieces/unknown")]
        store.write_json(f"reports/drift/{day}.json", {**said, **drift})
        store.write_json(f"reports/nights/{day}.json", {"night": "n1", "passed": True, "lines": ["few rejected"]})
        queue = scratch / day / "review"
        found = verb("review", "--answers", store.fetch(f"tagged/{day}"), "--output", queue, "--day", day)
        atomic.write_json(queue / "review.json", found)
        store.publish(queue, f"reports/review/{day}")
    row = {"engine": "INT8", "batch_size": 1, "words_per_s": 9.5, "p50_ms": 1.5, "p95_ms": 2.5, "f1": 0.8}
    run = {"version": VERSIONS[1], "report": "reports/benchmarks/b1", "at": f"{DAYS[1]}T03:00:00+00:00"}
    run |= {"n_sentences": 9, "rounds": 3, "rows": [row], "data_sha256": "d" * 64, "host": {"cpu": "x"}}
    store.write_json("reports/benchmarks/history/host/1.json", run)
    for name in ("plot.svg", "latency.svg"):
        (scratch / name).write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
        store.put_file(scratch / name, f"reports/benchmarks/b1/{name}")
    store.write_json(f"reports/impact/{VERSIONS[1]}.json", {"version": VERSIONS[1], "day": None, "summary": "none"})


def _under_way(store: FolderStore, scratch: Path) -> None:
    place, at = keys.run_name(RUN), f"{NEXT}T01:30:00+00:00"
    plan = _plan(NEXT, "n2")
    store.write_json(f"staging/runs/{place}/{NEXT}/plan.json", plan)
    store.write_json(keys.shard(NEXT, "n2", 0, MANIFEST), _tagged(store, scratch / NEXT, plan))
    store.publish(scratch / NEXT / "shard", ANSWERS)
    listing = scratch / "inputs.jsonl"
    listing.write_text(
        "".join(json.dumps({"name": name, "key": f"inbox/{NEXT}/{name}"}) + "\n" for name in sorted(_FILES))
    )
    store.put_file(listing, f"staging/tagged/{NEXT}/n2/inputs-00.jsonl")
    for name, text in _FILES.items():
        (scratch / "document").write_text(text)
        store.put_file(scratch / "document", f"inbox/{NEXT}/{name}")
    note = {"dag": "ner_tag_nightly", "run": RUN, "task": "tag_shard", "map_index": 0, "try": 1, "said": ""}
    note |= {"state": "success", "at": at, "took_s": 9.0, "result": {"day": NEXT, "gate": ["a line"], "n": 1.5}}
    store.write_json(keys.task_note("ner_tag_nightly", place, "tag_shard", 0), note)
