"""What a new model changes in last night's corpus, in a few lines that a person reads before they approve it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ner_tasks import display
from ner_tasks.review.prediction_diffs import KINDS

# Of each kind, over all labels; the report has the others.
_EXAMPLES = 3
NO_NIGHT = "There is no published night yet: nothing to compare with."
GONE = "None of the files that were looked for are in inbox/{}/ any more: nothing to compare with."


def summarize_impact(impact: Mapping[str, Any], *, quoting: bool = True) -> str:
    """The report as short Markdown; what documents bring is shown as code, so that none of it acts.

    Args:
        impact: `day`, `n_documents`, `n_words` and `sampled` of the night, and what `diff-predictions` says.
        quoting: whether it may quote documents, which no log may.
    """
    sampled, documents, entities = impact["sampled"], impact["n_documents"], impact["difference"]["n_entities"]
    changed, compared = (impact["difference"]["n_documents"][name] for name in ("changed", "compared"))
    old = ", ".join(impact["difference"]["models"]["old"]) or "another model"
    first = (
        f"{compared:,} documents ({sampled['n_words']:,} words) of the {documents:,} of {impact['day']}, tagged by "
        f"`{_code(old)}`: {changed:,} change. Entities: {entities['old']:,} before, {entities['new']:,} after; "
        f"{entities['added']:,} added, {entities['removed']:,} removed, {entities['relabelled']:,} relabelled, "
        f"{entities['moved']:,} with other bounds."
    )
    lines = [first, "", *_table(impact["difference"]["labels"])]
    if quoting:
        lines += _examples(impact["difference"]["examples"])
    if lost := {why: said["n"] for why, said in impact["difference"]["apart"].items()}:
        said = ", ".join(f"{why.replace('_', ' ')} {n:,}" for why, n in lost.items())
        lines += ["", f"Not compared: {said} documents."]
    return "\n".join(lines)


def _table(labels: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    columns = ("old", "new", "added", "removed", "relabelled_to", "relabelled_from", "moved")
    yield "| label | before | after | added | removed | from other labels | to other labels | other bounds |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|"
    for label, counts in labels.items():
        yield f"| `{_code(label)}` | " + " | ".join(f"{counts[column]:,}" for column in columns) + " |"


def _examples(examples: Mapping[str, Mapping[str, list[dict[str, Any]]]]) -> Iterator[str]:
    for kind in KINDS:
        # one of each label before a second of any
        turns = [found[turn] for turn in range(_EXAMPLES) for found in examples[kind].values() if turn < len(found)]
        if turns:
            yield ""
            yield f"{kind.capitalize()}, for example:"
            yield ""
            yield from (f"- {_example(example)}" for example in turns[:_EXAMPLES])


def _example(example: Mapping[str, Any]) -> str:
    old, new = example["old"], example["new"]
    entity = new or old
    labels = " -> ".join(dict.fromkeys(side["label"] for side in (old, new) if side))
    said = f"`{_code(labels)}` {entity['score']:.2f}"
    if example["context"] is None:  # the text was not kept
        return f"{said}: characters {entity['start']} to {entity['end']} of `{_code(example['document'][:80])}`"
    start = example["context_start"]
    before, mention, after = (
        example["context"][: entity["start"] - start],
        example["context"][entity["start"] - start : entity["end"] - start],
        example["context"][entity["end"] - start :],
    )
    return f"{said}: `{_code(before[-40:])}[{_code(mention)}]{_code(after[:40])}`"


def _code(text: str) -> str:
    """Text that stays inside a pair of backticks, and inside a table's cell."""
    return re.sub(r"\s+", " ", display.neutralize(text).replace("`", "'").replace("|", "\u2223"))
