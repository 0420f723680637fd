"""Time the pages with a day of 1,000,000 documents, a year of nights, 200 versions, and 2,000 sentences to review.

    python -m tests.manual.quick_pages [--documents 1000000] [--versions 200] [--rounds 30]

Builds a store in a scratch folder, requests the pages in turn through the real app, and prints the median and 95th
percentile in milliseconds; the first call, which reads everything, is listed separately. Not part of the test suite.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from airflow.api_fastapi.core_api.security import get_user
from fastapi import FastAPI
from fastapi.testclient import TestClient

from ner_airflow.pages import app as pages
from ner_airflow.pages import overview, reviews
from ner_tasks.dashboard.reader import RecordCache, StoreReader
from ner_tasks.review.decisions.recording import record_decisions
from ner_tasks.review.decisions.verdicts import ReviewerDecision
from ner_tasks.store import keys
from ner_tasks.store.folder import FolderStore
from ner_tasks.tagging.answer_index import write_index
from tests.published import manifest_of
from tests.reviews import letters, queue_in, verdicts

DAY, NEXT, RUN, N_SHARDS = "2026-01-31", "2026-02-01", "drill", 64
AT = "2026-02-02T01:30:00+00:00"
LABELS = ("art", "eve", "geo", "gpe", "nat", "org", "per", "tim")
MEASURES = [f"entities/{label}" for label in LABELS] + [f"rejected/reason-{number}" for number in range(8)]


class _Nobody:
    def get_name(self) -> str:
        return "drill"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--versions", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=30)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        store = FolderStore(Path(scratch))
        began = time.perf_counter()
        fill(store, args.documents, args.versions)
        print(
            f"a store of {args.documents:,} documents and {args.versions} versions: {time.perf_counter() - began:.0f} s"
        )
        begin_a_night(store)
        fill_review(store, Path(scratch) / "work")
        visit = visitor(store)
        name = f"claims/claim-{args.documents // 2:07d}.txt"
        asked = [
            "tonight",
            "models",
            "quality",
            "benchmarks",
            "review",
            f"review/{DAY}",
            f"review/{DAY}?show=decided&from=900",
            "runbook",
            f"run/ner_tag_nightly/{RUN}",
            f"documents?day={DAY}",
            f"documents?day={DAY}&q={args.documents // 2:07d}",
            f"documents?day={DAY}&q=nowhere-at-all",
            f"documents/{DAY}?name={name}",
        ]
        first = {page: visit(page) for page in asked}
        times = {page: [] for page in asked}
        for _ in range(args.rounds):
            for page in asked:
                times[page].append(visit(page))
    worst = 0.0
    for page, taken in times.items():
        median, p95 = np.percentile(taken, [50, 95])
        worst = max(worst, p95)
        print(f"{page}: median {median:.0f} ms, p95 {p95:.0f} ms, the first call {first[page]:.0f} ms")
    print(f"the slowest page: p95 {worst:.0f} ms")
    return 0


def fill(store: FolderStore, n_documents: int, n_versions: int) -> None:
    folder = store.root / "tagged" / DAY
    folder.mkdir(parents=True)
    entities = [{"start": 0, "end": 4, "label": "per", "score": 0.9}]
    with (folder / "documents.jsonl").open("w") as lines:
        for number in range(n_documents):
            answer = {"document": f"claims/claim-{number:07d}.txt", "sha256": "0" * 64, "text_sha256": "1" * 64}
            more = {
                "text": "Anna came to Boston.",
                "entities": entities,
                "receipt": {"n_words": 5, "items": {}, "unread": []},
            }
            lines.write(json.dumps({**answer, **more}) + "\n")
    (folder / "rejected.jsonl").touch()
    began = time.perf_counter()
    write_index(folder / "documents.jsonl", folder / "rejected.jsonl", folder / "index.sqlite")
    mib = (folder / "index.sqlite").stat().st_size / 2**20
    print(f"its index: {time.perf_counter() - began:.0f} s, {mib:.0f} MiB")
    for day in [DAY, *(f"2025-{month:02d}-{day:02d}" for month in range(1, 13) for day in range(1, 29))]:
        store.write_json(f"tagged/{day}/manifest.json", {**manifest_of(day, n_documents), "model_version": "v0"})
        findings = [
            {"measure": name, "now": 4.2, "usual": 4.0, "lowest": 3.0, "highest": 5.0, "alert": name == MEASURES[0]}
            for name in MEASURES
        ]
        store.write_json(
            f"reports/drift/{day}.json",
            {"day": day, "model_version": "v0", "alerts": [], "accepted": False, "findings": findings},
        )
    score = {"precision": 0.8, "recall": 0.8, "f1": 0.8, "n_gold": 100}
    labels = dict.fromkeys(LABELS, score)
    rows = [{"min_score": tenth / 10, "n_given": 9, "precision": 0.8, "recall": 0.8} for tenth in range(10)]
    tables = {"overall": rows, "labels": dict.fromkeys(LABELS, rows)}
    for number in range(n_versions):
        name, at = f"v{number}", f"2026-01-01T00:{number // 60:02d}:{number % 60:02d}"
        details = {"version": name, "at": at, "overall": score, "labels": labels, "snapshot": "s"}
        store.write_json(f"models/{name}/version.json", details)
        compared = {"int8": {"overall": score, "labels": labels}, "speed": {"int8_over_stock": 3.0}}
        store.write_json(f"reports/models/{name}/compare.json", compared)
        said = {"version": name, "kind": "int8", "by": "drill", "at": at, "metrics": {"f1": 0.8}, "previous": None}
        store.append_line("models/history.jsonl", json.dumps(said))
        store.write_json("models/promoted.json", said)
        evaluation = {"overall": score, "labels": labels, "n_sentences": 4000, "calibration": {"by_score": tables}}
        store.write_json(f"reports/models/{name}/evaluate-s.json", evaluation)


def begin_a_night(store: FolderStore) -> None:
    """The next day under way, all of its shards but one answered and noted."""
    place = keys.run_name(RUN)
    plan = {"day": NEXT, "night": "n", "n_shards": N_SHARDS, "n_files": 9, "at": AT, "answered": []}
    plan |= {"model": {"version": "v0", "kind": "int8"}, "columns": {"text_column": "text", "id_column": "id"}}
    store.write_json(f"staging/runs/{place}/{NEXT}/plan.json", plan)
    for index in range(N_SHARDS - 1):
        manifest = f"staging/tagged/{NEXT}/n/shard-{index:02d}/manifest.json"
        store.write_json(manifest, manifest_of(NEXT, 1000))
        note = {"dag": "ner_tag_nightly", "run": RUN, "task": "tag_shard", "map_index": index, "try": 1, "said": ""}
        note |= {"state": "success", "at": AT, "took_s": 9.0, "result": {}}
        store.write_json(keys.task_note("ner_tag_nightly", place, "tag_shard", index), note)


def fill_review(store: FolderStore, folder: Path, n_sentences: int = 2000) -> None:
    """A queue of as many sentences as the page offers, half of them decided by two reviewers."""
    sentences = queue_in(store, folder, letters(*map(str, range(n_sentences))), n_most=n_sentences)
    for by, given in (("ada", verdicts("reject", "accept")), ("ben", verdicts("reject", "accept"))):
        for first in range(0, n_sentences // 2, 50):
            some = [{"sentence": one["id"], "verdicts": given} for one in sentences[first : first + 50]]
            run = f"{by}-{first}"
            record_decisions(store, DAY, list(map(ReviewerDecision.parse, some)), by=by, at=AT, run=run)


def client_for(store: FolderStore) -> TestClient:
    """Asks for pages as somebody who may see them all."""
    memory = RecordCache()
    pages.open_reader = lambda: StoreReader(store, memory)  # type: ignore[assignment]
    pages.may_run = overview.may_run = reviews.may_run = lambda user, dag_id: True
    doors = [*pages.app.router.dependencies, *(door for route in pages.app.routes for door in route.dependencies)]
    for dependency in doors:
        pages.app.dependency_overrides[dependency.dependency] = lambda: None
    pages.app.dependency_overrides[get_user] = _Nobody
    airflow = FastAPI()
    airflow.mount("/ner-ops", pages.app)
    return TestClient(airflow)


def visitor(store: FolderStore):
    """Asks for a page, whole, and says how many milliseconds it took."""
    client = client_for(store)

    def get(page: str):
        answer = client.get(f"/ner-ops/{page}")
        if answer.status_code != 200:
            raise SystemExit(f"found {answer.status_code}, expected 200, at {page}: {answer.text[:300]}")
        return answer

    def visit(page: str) -> float:
        began = time.perf_counter()
        get(page)
        return 1000 * (time.perf_counter() - began)

    visit.get = get  # type: ignore[attr-defined]
    return visit


if __name__ == "__main__":
    sys.exit(main())
