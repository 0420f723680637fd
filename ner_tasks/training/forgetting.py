"""What a model that went on learning has forgotten: entity F1 on sentences that it was judged by, before and after."""

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
    """Score both models on the old sentences, by the labels that the old one knew.

    Args:
        before: the model that was gone on from.
        after: what became of it.
        sentences: the old model's test part.
        learnt: what the new model has seen; what is in it is left out, since it can not have been forgotten.
        n_threads: of each model.
    """
    seen = {sentence.words for sentence in learnt}
    kept = [sentence for sentence in sentences if sentence.words not in seen]
    result: dict[str, Any] = {"n_sentences": len(kept), "n_left_out": len(sentences) - len(kept)}
    if not kept:
        print(f"forgetting is not measured: all {len(sentences)} old test sentences are learnt now", flush=True)
        return {**result, "before": None, "after": None, "labels": {}}
    old, new = (Tagger.load(folder, n_threads=n_threads) for folder in (before, after))
    known = set(old.manifest.labels)
    was, now = (_scores(tagger, kept, known) for tagger in (old, new))
    labels = {
        label: {"before": score.f1, "after": now.by_label[label].f1 if label in now.by_label else 0.0}
        for label, score in was.by_label.items()
    }
    result |= {"before": was.overall.f1, "after": now.overall.f1, "labels": labels}
    print(f"old test sentences: entity F1 {result['before']:.4f} before, {result['after']:.4f} after", flush=True)
    return result


def _scores(tagger: Tagger, sentences: Sequence[LabelledSentence], known: set[str]) -> Scores:
    tagged = tagger.tag([sentence.words for sentence in sentences])
    gold = [_only(sentence.tags, known) for sentence in sentences]
    return metrics.score_tags(gold, [_only(answer.tags, known) for answer in tagged])


def _only(tags: Sequence[str], labels: set[str]) -> list[str]:
    """The tags with those of other labels taken for none."""
    return [tag if tag_label(tag) in labels else OUTSIDE for tag in tags]
