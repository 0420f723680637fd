"""The statistics of a night are the sum of those of its parts, however its documents are divided."""

import json

import pytest

from ner_tasks.errors import ArtifactBroken
from ner_tasks.tagging.statistics import compute_statistics, sum_statistics

LABELS = {0: [], 1: ["per"], 2: ["geo", "geo", "per"], 3: ["tim"]}


def answer(number):
    entities = [
        {"start": start, "end": start + 1, "label": label, "score": (0.1 * number + 0.3 * start) % 1}
        for start, label in enumerate(LABELS[number % 4])
    ]
    counts = {"n_words": 10 + number, "n_sentences": 1 + number % 3, "n_pieces": 20, "items": {}, "unread": []}
    if number % 2:
        counts["n_unknown"] = 1
    names = {"document": f"{number}", "sha256": "s", "text": "x" * 40}
    return {**names, "entities": entities, "receipt": counts}


def compute(folder, numbers, rejected):
    path = folder / f"{min(numbers, default='none')}.jsonl"
    path.write_text("".join(json.dumps(answer(number)) + "\n" for number in numbers))
    n_rejected = sum(rejected.values())
    return compute_statistics(path, {"n_documents": len(numbers) + n_rejected, "rejected": rejected})


def rounded(statistics):
    """Sums of floats depend on their order in the last digits."""
    return json.loads(json.dumps(statistics), parse_float=lambda text: round(float(text), 9))


@pytest.mark.parametrize("cuts", [[], [1], [3, 4], [6, 6, 11]])
def test_statistics_of_the_parts_add_up_to_those_of_the_night(tmp_path, cuts):
    whole = compute(tmp_path, range(12), {"empty": 2, "encrypted": 1})
    parts, first = [], 0
    for number, last in enumerate([*cuts, 12]):
        rejected = {} if number else {"empty": 2}
        if last == 12:
            rejected = {**rejected, "encrypted": 1}
        parts.append(compute(tmp_path, range(first, last), rejected))
        first = last
    assert rounded(sum_statistics(parts)) == rounded({**whole})


def test_a_part_without_counts_of_scores_is_refused(tmp_path):
    part = compute(tmp_path, range(3), {})
    del part["score_counts"]
    with pytest.raises(ArtifactBroken, match="expected those of a part, in part 0"):
        sum_statistics([part])
