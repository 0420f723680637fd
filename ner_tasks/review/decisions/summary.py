"""Figures of the sentences of a day that reviewers decided."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from ner_tasks.records import PairRecord, PrecisionRecord, ReviewSummary, SentenceStanding
from ner_tasks.review.decisions.agreement import PairCounts, count_pairs
from ner_tasks.review.decisions.standing import MadeDecision, get_first_decisions, get_settled


def summarize(
    day: str, grouped: Mapping[str, Sequence[MadeDecision]], standings: Sequence[SentenceStanding], *, n_codes: int
) -> ReviewSummary:
    """Summarize a day.

    Args:
        day: YYYY-MM-DD.
        grouped: decisions on each sentence, oldest first.
        standings: where the sentences stand.
        n_codes: number of chosen codes in settled sentences.
    """
    states = Counter(standing["state"] for standing in standings)
    firsts = [get_first_decisions(made) for made in grouped.values()]
    pairs = count_pairs((sentence, first) for sentence, first in firsts if sentence is not None)
    return {
        "day": day,
        "n_settled": states["settled"],
        "n_disputed": states["disputed"],
        "n_open": states["open"],
        "n_codes": n_codes,
        "reviewers": dict(sorted(Counter(by for made in grouped.values() for by in {one.by for one in made}).items())),
        "pairs": [_describe_pair(names, counts) for names, counts in sorted(pairs.items())],
        "precision": count_right(standings),
    }


def count_right(standings: Iterable[SentenceStanding]) -> list[PrecisionRecord]:
    """Count by model, label and reason of the choice how many of the model's entities settled sentences confirm.

    An entity is right if bounds and label are; assertion and code do not count.
    """
    found, right, true = (Counter[tuple[str, str, str]]() for _ in range(3))
    for standing in standings:
        settled, sentence = get_settled(standing), standing["sentence"]
        if settled is None:
            continue
        given = {(one["start"], one["end"], one["label"]) for one in sentence["entities"]}
        wanted = {(one["start"], one["end"], one["label"]) for one in settled["entities"]}
        for counts, spans in ((found, given), (right, given & wanted), (true, wanted)):
            counts.update((sentence["model"], label, sentence["why"]) for *_, label in spans)
    return [
        {
            "model": key[0],
            "label": key[1],
            "why": key[2],
            "n_found": found[key],
            "n_right": right[key],
            "n_true": true[key],
        }
        for key in sorted(found.keys() | true.keys())
    ]


def _describe_pair(names: tuple[str, str], counts: PairCounts) -> PairRecord:
    return {
        "reviewers": names,
        "n_sentences": counts.n_sentences,
        "words": [(one, other, n) for (one, other), n in sorted(counts.words.items())],
        "spans": dict(sorted(counts.spans.items())),
    }
