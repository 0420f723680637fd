"""Forgetting: entity F1 on the old test part before and after a model was trained further."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ner_tasks.data.corpus import LabelledSentence
from ner_tasks.evaluation import metrics
from ner_tasks.evaluation.metrics import Scores
from ner_tasks.inference.tagger import Tagger
from ner_tasks.labels import OUTSIDE, tag_label


def measure_forgetting(
    before: Path,
    after: Path,
    sentences: Sequence[LabelledSentence],
    learnt: Sequence[LabelledSentence],
    *,
    n_threads: int,
) -> dict[str, Any]:
    """Score both models on the old test part, over the labels of the old model.

    Args:
        before: folder of the model that training started from.
        after: folder of the model that was trained from it.
        sentences: test part of the old model.
        learnt: sentences that the new model was trained on; they are left out of the test.
        n_threads: number of threads of each model.

    Returns:
        `n_sentences`, `n_left_out`, entity F1 `before` and `after` (None if no sentence is left), and both for each of
        the `labels`.
    """
    seen = {sentence.words for sentence in learnt}
    kept = [sentence for sentence in sentences if sentence.words not in seen]
    result: dict[str, Any] = {"n_sentences": len(kept), "n_left_out": len(sentences) - len(kept)}
    if not kept:
        print(f"forgetting not measured: all {len(sentences)} old test sentences are in the new train part", flush=True)
        return {**result, "before": None, "after": None, "labels": {}}
    old, new = (Tagger.load(folder, n_threads=n_threads) for folder in (before, after))
    known = set(old.manifest.labels)
    was, now = (_score(tagger, kept, known) for tagger in (old, new))
    labels = {
        label: {"before": score.f1, "after": now.by_label[label].f1 if label in now.by_label else 0.0}
        for label, score in was.by_label.items()
    }
    result |= {"before": was.overall.f1, "after": now.overall.f1, "labels": labels}
    print(f"old test sentences: entity F1 {result['before']:.4f} before, {result['after']:.4f} after", flush=True)
    return result


def _score(tagger: Tagger, sentences: Sequence[LabelledSentence], known: set[str]) -> Scores:
    tagged = tagger.tag([sentence.words for sentence in sentences])
    gold = [_drop_other_labels(sentence.tags, known) for sentence in sentences]
    return metrics.score_tags(gold, [_drop_other_labels(answer.tags, known) for answer in tagged])


def _drop_other_labels(tags: Sequence[str], labels: set[str]) -> list[str]:
    """Replace tags of labels that are not in `labels` with `O`."""
    return [tag if tag_label(tag) in labels else OUTSIDE for tag in tags]
