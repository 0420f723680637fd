"""A review queue in a store, and what reviewers decide about it."""

import json
from pathlib import Path
from typing import Any

from ner_tasks.review.decisions.recording import RecordedDecisions, record_decisions
from ner_tasks.review.decisions.verdicts import ReviewerDecision
from ner_tasks.review.export import export_queue
from ner_tasks.review.queue import ReviewConfig
from ner_tasks.store import Store, keys
from tests.answers import answer, write

DAY = "2026-01-31"
TEXT = "She met Jackson in Tampa ."


def letters(*names: str, score: float = 0.6) -> list[dict[str, Any]]:
    """Answers of one sentence each, which differ in their last word; the model takes Jackson for a place."""
    return [
        answer(f"{name}.txt", f"{TEXT[:-1]}{name} .", {"Jackson": "geo", "Tampa": "geo"}, score=score) for name in names
    ]


def queue_in(
    store: Store,
    folder: Path,
    lines: list[dict[str, Any]],
    *,
    day: str = DAY,
    n_reviewers: int = 1,
    n_most: int = 200,
    **more: Any,
) -> list[dict[str, Any]]:
    """Publish the queue of these answers as `ner_review` does; its sentences in order."""
    folder.mkdir(parents=True)
    write(folder / "documents.jsonl", lines)
    config = ReviewConfig(n_most=n_most, n_same=10_000, random_share=0.0)
    said = export_queue([folder], None, folder / "queue", config, day=day, labels=("geo", "per"), **more)
    record = {"day": day, "model_version": "v1", "n_reviewers": n_reviewers, **said}
    (folder / "queue" / "review.json").write_text(json.dumps(record))
    store.publish(folder / "queue", f"reports/review/{day}", marker="review.json")
    return [json.loads(line) for line in (folder / "queue" / "queue.jsonl").read_text().splitlines()]


def verdicts(*given: str, **second: Any) -> list[dict[str, Any]]:
    """Verdicts on the entities of a sentence in order; `second` corrects the last one."""
    listed: list[dict[str, Any]] = [{"verdict": one, "entity": number} for number, one in enumerate(given)]
    listed[-1] |= second
    return listed


def decide(
    store: Store,
    sentence: str,
    given: list[dict[str, Any]],
    *,
    by: str = "ada",
    at: str = "2026-02-01T09:00:00+00:00",
    run: str = "",
    day: str = DAY,
    **more: Any,
) -> RecordedDecisions:
    """Record one decision in a run of its own."""
    decision = ReviewerDecision.parse({"sentence": sentence, "verdicts": given, **more})
    return record_decisions(store, day, [decision], by=by, at=at, run=run or keys.run_name(f"{by} {at} {sentence}"))
