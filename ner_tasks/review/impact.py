"""Summary of what a new model changes on last night's documents, for the person who approves it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ner_tasks import display
from ner_tasks.review.prediction_diffs import KINDS

_EXAMPLES = 3  # per kind, over all labels; the report holds more
NO_NIGHT = "There is no published night yet: nothing to compare with."
GONE = "None of the sampled files are still in inbox/{}/: nothing to compare with."


def summarize_impact(impact: Mapping[str, Any], *, quoting: bool = True) -> str:
    """Summarize an impact report as Markdown; text of documents is formatted as code, so that markup in it is inert.

    Args:
        impact: `day`, `n_documents`, `n_words` and `sampled` of the night, and the output of `diff-predictions` says.
        quoting: whether to quote documents; False for logs.
    """
    sampled, documents, entities = impact["sampled"], impact["n_documents"], impact["difference"]["n_entities"]
    changed, compared = (impact["difference"]["n_documents"][name] for name in ("changed", "compared"))
    old = ", ".join(impact["difference"]["models"]["old"]) or "another model"
    overview = (
        f"Compared {compared:,} of {documents:,} documents of {impact['day']} ({sampled['n_words']:,} words) with the "
        f"answers of `{_code(old)}`: {changed:,} changed. Entities: {entities['old']:,} before, {entities['new']:,} "
        f"after; {entities['added']:,} added, {entities['removed']:,} removed, {entities['relabelled']:,} relabelled, "
        f"{entities['moved']:,} with different bounds."
    )
    lines = [overview, "", *_format_table(impact["difference"]["labels"])]
    if quoting:
        lines += _format_examples(impact["difference"]["examples"])
    if counts := {reason: entry["n"] for reason, entry in impact["difference"]["apart"].items()}:
        reasons = ", ".join(f"{n:,} ({reason.replace('_', ' ')})" for reason, n in counts.items())
        lines += ["", f"Documents not compared: {reasons}."]
    return "\n".join(lines)


def _format_table(labels: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    columns = ("old", "new", "added", "removed", "relabelled_to", "relabelled_from", "moved")
    yield "| label | before | after | added | removed | from other labels | to other labels | different bounds |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|"
    for label, counts in labels.items():
        yield f"| `{_code(label)}` | " + " | ".join(f"{counts[column]:,}" for column in columns) + " |"


def _format_examples(examples: Mapping[str, Mapping[str, list[dict[str, Any]]]]) -> Iterator[str]:
    for kind in KINDS:
        # round-robin over the labels
        by_label = examples[kind].values()
        chosen = [kept[turn] for turn in range(_EXAMPLES) for kept in by_label if turn < len(kept)]
        if chosen:
            yield ""
            yield f"{kind.capitalize()}, for example:"
            yield ""
            yield from (f"- {_format_example(example)}" for example in chosen[:_EXAMPLES])


def _format_example(example: Mapping[str, Any]) -> str:
    old, new = example["old"], example["new"]
    entity = new or old
    labels = " -> ".join(dict.fromkeys(side["label"] for side in (old, new) if side))
    prefix = f"`{_code(labels)}` {entity['score']:.2f}"
    if example["context"] is None:  # the text was not kept
        return f"{prefix}: characters {entity['start']} to {entity['end']} of `{_code(example['document'][:80])}`"
    start = example["context_start"]
    before, mention, after = (
        example["context"][: entity["start"] - start],
        example["context"][entity["start"] - start : entity["end"] - start],
        example["context"][entity["end"] - start :],
    )
    return f"{prefix}: `{_code(before[-40:])}[{_code(mention)}]{_code(after[:40])}`"


def _code(text: str) -> str:
    """Escape text for a code span inside a table cell."""
    return re.sub(r"\s+", " ", display.neutralize(text).replace("`", "'").replace("|", "\u2223"))
