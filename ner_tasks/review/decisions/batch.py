"""Settled sentences as labelled data, and the codes that were chosen as rows of a vocabulary."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ner_tasks.enrichment.vocabulary.rows import COLUMNS
from ner_tasks.records import SentenceStanding, StandingDecision
from ner_tasks.review.decisions.standing import get_settled

BATCH_FILE = "decisions.jsonl"
# A spreadsheet takes a cell that begins with one of these for a formula.
_FORMULA = ("=", "+", "-", "@")


def make_batch(standings: Iterable[SentenceStanding], day: str) -> list[str]:
    """Return the settled sentences as lines of labelled data, in the order of their documents.

    Each line names who decided, and when; assertion and code are in `meanings`, in the order of `label`. Of sentences
    with the same text the one that was decided last is taken.

    Args:
        standings: where the sentences stand.
        day: YYYY-MM-DD.
    """
    newest: dict[str, tuple[SentenceStanding, StandingDecision]] = {}
    for standing in standings:
        settled, text = get_settled(standing), standing["sentence"]["text"]
        if settled and (text not in newest or settled["at"] >= newest[text][1]["at"]):
            newest[text] = (standing, settled)
    ordered = sorted(newest.values(), key=lambda one: (one[0]["sentence"]["document"], one[0]["sentence"]["start"]))
    return [json.dumps(_describe(standing, settled, day)) for standing, settled in ordered]


def list_codes(standings: Iterable[SentenceStanding]) -> list[tuple[str, str, str]]:
    """List the codes that reviewers chose in settled sentences: mention, code, system; each once, in order.

    Mentions that a spreadsheet would run as a formula are left out.
    """
    rows = set[tuple[str, str, str]]()
    for standing in standings:
        settled, sentence = get_settled(standing), standing["sentence"]
        for entity in settled["entities"] if settled else ():
            known = None if entity["entity"] is None else sentence["entities"][entity["entity"]].get("code")
            code, system = entity["code"], entity["code_system"]
            if code and system and code != known:
                mention = " ".join(sentence["text"][entity["start"] : entity["end"]].split())
                rows.add((mention, code, system))
    return sorted(row for row in rows if row[0] and not row[0].startswith(_FORMULA))


def format_codes(rows: Iterable[Sequence[str]]) -> str:
    """Return the rows as CSV with the columns of a vocabulary, to which they can be appended as aliases."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    return text.getvalue()


def _describe(standing: SentenceStanding, settled: StandingDecision, day: str) -> Mapping[str, Any]:
    sentence = standing["sentence"]
    origin = {name: sentence[name] for name in ("document", "sha256", "start", "model")}
    return {
        "text": sentence["text"],
        "label": [[one["start"], one["end"], one["label"]] for one in settled["entities"]],
        **origin,
        "day": day,
        "sentence": sentence["id"],
        "reviewers": sorted({one["by"] for one in standing["decisions"]}),
        "decided_by": settled["by"],
        "decided_at": settled["at"],
        "meanings": [{name: one[name] for name in ("assertion", "code", "code_system")} for one in settled["entities"]],
    }
