"""Resolve overlaps between candidates without giving up a character that one of them holds."""

from collections.abc import Iterable, Sequence

from ner_tasks.enrichment.personal_data.spans import PersonalSpan, SpanCandidate


def resolve_overlaps(text: str, candidates: Iterable[SpanCandidate], kinds: Sequence[str]) -> list[PersonalSpan]:
    """Choose spans that do not overlap.

    A candidate inside a longer one of its kind only adds to the evidence of that one. Of others that overlap, the one
    with more evidence wins, then the longer, then the kind that comes first, then the first. What the winner leaves of
    the other stays a span of its own if it holds a letter or digit: nothing that was found is given up.

    Args:
        text: text of the candidates.
        candidates: in any order.
        kinds: all kinds, in the order of priority.

    Returns:
        Spans in the order of the text.
    """
    rank = {kind: index for index, kind in enumerate(kinds)}

    def priority(each: SpanCandidate) -> tuple[int, int, int, int, str]:
        return -each.evidence, each.start - each.end, rank[each.kind], each.start, each.source

    taken = bytearray(len(text))
    chosen: list[PersonalSpan] = []
    for candidate in sorted(_absorb(candidates), key=priority):
        for free in _free_parts(taken, candidate.start, candidate.end):
            start, end = _trim(text, *free)
            if start < end:
                taken[start:end] = b"\1" * (end - start)
                chosen.append(PersonalSpan(start, end, candidate.kind, candidate.source))
    return sorted(chosen)


def _absorb(candidates: Iterable[SpanCandidate]) -> list[SpanCandidate]:
    """Leave out candidates inside longer ones of their kind, which keep the most evidence of all."""
    kept: list[SpanCandidate] = []
    for candidate in sorted(
        candidates, key=lambda each: (each.kind, each.start, -each.end, -each.evidence, each.source)
    ):
        last = kept[-1] if kept else None
        if last and last.kind == candidate.kind and candidate.end <= last.end:
            kept[-1] = last._replace(evidence=max(last.evidence, candidate.evidence))
        else:
            kept.append(candidate)
    return kept


def _free_parts(taken: bytearray, start: int, end: int) -> list[tuple[int, int]]:
    """Parts of `[start, end)` that no chosen span holds."""
    parts = []
    while (start := taken.find(0, start, end)) >= 0:
        stop = taken.find(1, start, end)
        stop = end if stop < 0 else stop
        parts.append((start, stop))
        start = stop
    return parts


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    """Leave out white space at both ends; nothing remains of a part without letter or digit."""
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return (start, end) if any(map(str.isalnum, text[start:end])) else (start, start)
