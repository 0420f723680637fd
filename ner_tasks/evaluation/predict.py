"""What a model says about labelled sentences, and the figures that follow."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ner_tasks.data.corpus import LabelledSentence
from ner_tasks.evaluation import calibration, metrics
from ner_tasks.inference.tagger import BatchingConfig, TaggedSentence, Tagger
from ner_tasks.labels import OUTSIDE


@dataclass(frozen=True)
class Predictions:
    """What a model said about labelled sentences, and its figures."""

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
    """Entity F1 of one model on labelled sentences, in all and per label, and how far its scores can be believed."""
    tagger = Tagger.load(model, n_threads=n_threads, bf16=bf16)
    began = time.perf_counter()
    logits = tagger.logits([sentence.words for sentence in sentences], BatchingConfig(max_windows=batch_size))
    tagged = tagger.answers(logits)
    seconds = time.perf_counter() - began
    n_words = sum(len(sentence.words) for sentence in sentences)
    gold = [sentence.tags for sentence in sentences]
    scores = metrics.score_tags(gold, [answer.tags for answer in tagged])
    calibrated = {
        "temperature": round(tagger.manifest.temperature, 4),
        "error": calibration.calibration_errors(gold, tagged),
        "error_at_temperature_1": calibration.calibration_errors(gold, tagger.answers(logits, temperature=1.0)),
    }
    speed = {"n_sentences": len(sentences), "n_words": n_words, "words_per_s": round(n_words / seconds, 1)}
    return Predictions(tagger.version, tagged, {**speed, **scores.as_dict(), "calibration": calibrated})


def tag_agreement(one: Sequence[Sequence[str]], other: Sequence[Sequence[str]]) -> float:
    """Share of the words in an entity, of either, whose tag is the same in both, 0 to 1; 1 where there are none.

    Over all words it would say little: nine in ten lie outside entities, and there any two models agree.
    """
    pairs = [pair for tags, others in zip(one, other, strict=True) for pair in zip(tags, others, strict=True)]
    inside = [pair for pair in pairs if pair != (OUTSIDE, OUTSIDE)]
    return sum(tag == said for tag, said in inside) / len(inside) if inside else 1.0
