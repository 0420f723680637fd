"""Record the decisions of one run in the store, and derive anew what follows from all decisions of the day."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ner_tasks.errors import DataRejected, InputMissing
from ner_tasks.fingerprint import make_version
from ner_tasks.records import (
    DecisionRecord,
    QueuedSentence,
    ReviewReport,
    ReviewSummary,
    SentenceDecision,
    parse_records,
    read_record,
)
from ner_tasks.review.decisions.batch import BATCH_FILE, format_codes, list_codes, make_batch
from ner_tasks.review.decisions.standing import find_standing, group_decisions
from ner_tasks.review.decisions.summary import summarize
from ner_tasks.review.decisions.verdicts import ReviewerDecision, apply_verdicts
from ner_tasks.store import Store, keys

PATIENCE_S = 120.0  # for another run that derives the same day


@dataclass(frozen=True)
class RecordedDecisions:
    """Result of `record_decisions`.

    Attributes:
        n_recorded: number of sentences that the run decided.
        refused: why others were not recorded.
        summary: figures of the day.
        batch: key of the labelled batch; None if no sentence is settled.
    """

    n_recorded: int
    refused: Sequence[str]
    summary: ReviewSummary
    batch: str | None

    def counts(self) -> dict[str, int]:
        """Return how many sentences of the day are settled, disputed and open."""
        return {name: self.summary[name] for name in ("n_settled", "n_disputed", "n_open")}

    def describe(self) -> str:
        """Describe what was recorded in one line."""
        n_settled, n_disputed, n_open = self.counts().values()
        settled = f"{n_settled} settled, in {self.batch}" if self.batch else "none settled"
        return f"{self.n_recorded} sentences decided; of the day {settled}, {n_disputed} disputed, {n_open} open"

    def describe_refused(self) -> str:
        """Describe in one line why decisions were refused."""
        n = len(self.refused)
        more = f" (and {n - 1} more)" if n > 1 else ""
        return f"{self.refused[0]}{more}; the other {self.n_recorded} decisions of the run are recorded"


def record_decisions(
    store: Store, day: str, decisions: Sequence[ReviewerDecision], *, by: str, at: str, run: str
) -> RecordedDecisions:
    """Record what a reviewer decided about sentences of a day's queue.

    The decisions of a run are written once: a second try finds them. Those of others are kept beside them. Decisions
    that the queue does not allow are refused one by one, and kept in the record.

    Args:
        store: the store.
        day: YYYY-MM-DD, that of the queue.
        decisions: one for each sentence.
        by: the reviewer.
        at: time of the decisions, ISO 8601 with a time zone.
        run: name of the run in keys.

    Raises:
        InputMissing: the day has no queue.
        ArtifactBroken: the queue or an earlier decision is damaged.
        Busy: another try of the run is at work, or another run derives the same day for too long.
    """
    key = keys.reviewed(day, keys.DECISIONS, f"{run}.json")
    if not store.exists(key):
        # only once: a second try at the same time finds the first one's
        store.swap_json(key, _make_record(store, day, decisions, by=by, at=at, run=run), etag=None)
    record = read_record(store, key, DecisionRecord)
    summary, batch = derive_day(store, day)
    refused = [str(one.get("reason", "")) for one in record["refused"]]
    return RecordedDecisions(len(record["decisions"]), refused, summary, batch)


def derive_day(store: Store, day: str) -> tuple[ReviewSummary, str | None]:
    """Derive standing, summary, chosen codes and labelled batch of a day from all its decisions.

    Returns:
        The summary, and the key of the batch; None if no sentence is settled.
    """
    with store.exclusive(keys.reviewed(day, keys.REVIEW_STANDING), patience_s=PATIENCE_S):
        records = _read_records(store, day)
        grouped = group_decisions(records)
        standings = [find_standing(made) for made in grouped.values()]
        lines, codes = make_batch(standings, day), list_codes(standings)
        summary = summarize(day, grouped, standings, n_codes=len(codes))
        batch = keys.reviewed_batch(day)
        if lines:
            _put_text(store, keys.reviewed_batch(day, BATCH_FILE), "".join(f"{line}\n" for line in lines))
        else:
            store.remove(batch)
        _put_text(store, keys.reviewed(day, keys.CHOSEN_CODES), format_codes(codes))
        store.write_json(keys.reviewed(day, keys.REVIEW_STANDING), {"day": day, "sentences": standings})
        store.write_json(keys.reviewed(day, keys.REVIEW_SUMMARY), summary)
    return summary, batch if lines else None


def read_queue(store: Store, day: str) -> dict[str, QueuedSentence]:
    """Read the sentences of a day's queue by id.

    Raises:
        InputMissing: the day has no queue.
        ArtifactBroken: a line is damaged.
    """
    key = keys.review(day, keys.REVIEW_QUEUE)
    if not store.exists(key):
        raise InputMissing(f"found no queue of {day}, expected that of ner_review, at {store.where(key)}")
    sentences = dict[str, QueuedSentence]()
    for one in parse_records(store.read_lines(key), QueuedSentence, store.where(key)):
        if isinstance(one, Exception):
            raise one
        sentences[one["id"]] = one
    return sentences


def _make_record(
    store: Store, day: str, decisions: Sequence[ReviewerDecision], *, by: str, at: str, run: str
) -> dict[str, Any]:
    queue, report = read_queue(store, day), read_record(store, keys.review(day, keys.REVIEW_REPORT), ReviewReport)
    records = _read_records(store, day)
    earlier = {one["id"]: one for record in records for one in record["decisions"]}
    # a sentence that somebody has decided stays open to others after its queue was exported again
    queue = {one["sentence"]["id"]: one["sentence"] for one in earlier.values()} | queue
    labels = {str(label) for label in report.get("labels", ())}
    labels |= {entity["label"] for sentence in queue.values() for entity in sentence["entities"]}
    asked = report.get("n_reviewers")
    n_reviewers = asked if isinstance(asked, int) else 1
    recorded, refused = dict[str, SentenceDecision](), list[Mapping[str, Any]]()
    for decision in decisions:
        try:
            if decision.sentence in recorded:
                raise DataRejected(f"found two decisions on sentence {decision.sentence}, expected one")
            recorded[decision.sentence] = _decide(
                decision, queue, labels, earlier, by=by, n_reviewers=n_reviewers, day=day
            )
        except DataRejected as error:
            refused.append({"decision": decision.model_dump(mode="json", exclude_none=True), "reason": str(error)})
    made = {"day": day, "run": run, "by": by, "at": at}
    return {**made, "decisions": list(recorded.values()), "refused": refused}


def _decide(
    decision: ReviewerDecision,
    queue: Mapping[str, QueuedSentence],
    labels: set[str],
    earlier: Mapping[str, SentenceDecision],
    *,
    by: str,
    n_reviewers: int,
    day: str,
) -> SentenceDecision:
    sentence = queue.get(decision.sentence)
    if sentence is None:
        raise DataRejected(
            f"found sentence {decision.sentence}, expected one of the queue of {day}; it may have been exported again"
        )
    for other in (*decision.settles, *([decision.take] if decision.take else [])):
        if other not in earlier or earlier[other]["sentence"]["id"] != decision.sentence:
            raise DataRejected(f"found decision {other}, expected one on sentence {decision.sentence}")
    if decision.take:
        entities, rejected = earlier[decision.take]["entities"], earlier[decision.take]["rejected"]
    else:
        entities, rejected = apply_verdicts(decision, sentence, labels)
    settles = sorted(set(decision.settles))
    spoken = {"sentence": sentence["id"], "by": by, "entities": entities, "rejected": rejected, "settles": settles}
    return {
        "id": make_version(spoken),
        "sentence": sentence,
        "n_reviewers": n_reviewers,
        "entities": entities,
        "rejected": rejected,
        "settles": settles,
    }


def _read_records(store: Store, day: str) -> list[DecisionRecord]:
    files = store.files(keys.reviewed(day, keys.DECISIONS))
    return [read_record(store, file.key, DecisionRecord) for file in files if file.name.endswith(".json")]


def _put_text(store: Store, key: str, text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "file"
        file.write_text(text, encoding="utf-8")
        store.put_file(file, key)
