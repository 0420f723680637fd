"""Predictions of a model on labelled sentences, and their scores."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ner_tasks.data.corpus import LabelledSentence
from ner_tasks.evaluation import calibration, metrics
from ner_tasks.evaluation.score_tables import tabulate_scores
from ner_tasks.inference.runners import BatchingConfig
from ner_tasks.inference.tagger import TaggedSentence, Tagger
from ner_tasks.labels import OUTSIDE


@dataclass(frozen=True)
class Predictions:
    """Predictions of a model on labelled sentences.

    Attributes:
        version: version of the model.
        answers: prediction for each sentence.
        figures: scores, speed and calibration, for a report.
    """

    version: str
    answers: list[TaggedSentence]
    figures: dict[str, Any]

    @property
    def tags(self) -> list[tuple[str, ...]]:
        return [answer.tags for answer in self.answers]


def predict(
    model: Path,
    sentences: Sequence[LabelledSentence],
    *,
    n_threads: int,
    bf16: bool = False,
    batch_size: int = 128,
) -> Predictions:
    """Tag labelled sentences and score the predictions: entity F1 overall and by label, calibration error, speed.

    Args:
        model: model folder of any kind.
        sentences: labelled sentences, at least one.
        n_threads: number of threads of the model.
        bf16: compute in bfloat16 where the CPU supports it.
        batch_size: maximum number of windows in a batch.
    """
    tagger = Tagger.load(model, n_threads=n_threads, bf16=bf16)
    began = time.perf_counter()
    logits = tagger.compute_logits([sentence.words for sentence in sentences], BatchingConfig(max_windows=batch_size))
    tagged = tagger.decode(logits)
    seconds = time.perf_counter() - began
    n_words = sum(len(sentence.words) for sentence in sentences)
    gold = [sentence.tags for sentence in sentences]
    scores = metrics.score_tags(gold, [answer.tags for answer in tagged])
    calibrated = {
        "temperature": round(tagger.manifest.temperature, 4),
        "entity_temperature": tagger.manifest.entity_temperature and round(tagger.manifest.entity_temperature, 4),
        "error": calibration.calibration_errors(gold, tagged),
        "by_score": tabulate_scores(gold, tagged),
        "error_at_temperature_1": calibration.calibration_errors(
            gold, tagger.decode(logits, temperature=1.0, entity_temperature=1.0)
        ),
    }
    speed = {"n_sentences": len(sentences), "n_words": n_words, "words_per_s": round(n_words / seconds, 1)}
    return Predictions(tagger.version, tagged, {**speed, **scores.as_dict(), "calibration": calibrated})


def tag_agreement(one: Sequence[Sequence[str]], other: Sequence[Sequence[str]]) -> float:
    """Return the share of equal tags among the words that are inside an entity in either, 0 to 1; 1 without such words.

    Words outside entities are left out, since nine in ten words are, and any two models agree on them.

    Args:
        one: BIO tags of each sentence.
        other: BIO tags of the same sentences.
    """
    pairs = [pair for tags, others in zip(one, other, strict=True) for pair in zip(tags, others, strict=True)]
    inside = [pair for pair in pairs if pair != (OUTSIDE, OUTSIDE)]
    return sum(left == right for left, right in inside) / len(inside) if inside else 1.0
