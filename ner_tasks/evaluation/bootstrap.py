"""How far a figure could have been another one: intervals, and tests of two models on the same sentences.

Sentences are drawn anew, as many as there are, with replacement; mentions in one sentence stay together, since they
are right and wrong together.

Source: B. Efron and R. Tibshirani, An Introduction to the Bootstrap, 1993 (percentile intervals); T. Berg-Kirkpatrick
et al., An Empirical Investigation of Statistical Significance in NLP, EMNLP 2012 (paired).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ner_tasks.evaluation.entity_counts import EntityCounts, pair_counts

N_RESAMPLES = 1000
LEVEL = 0.95
_AT_A_TIME = 100  # resamples: a few megabytes, however many sentences

Floats = NDArray[np.float64]


def bootstrap_intervals(
    counts: EntityCounts, *, n_resamples: int = N_RESAMPLES, level: float = LEVEL, seed: int = 0
) -> dict[str, Any]:
    """Where entity F1 lies with a probability of `level`, in all and by label.

    Returns:
        `{"level": ..., "n_resamples": ..., "overall": [low, high], "labels": {label: [low, high]}}`; null where no
        resample had an entity.
    """
    (f1,) = _resampled([counts], n_resamples, seed)  # [resamples, 1 + labels]
    found = [_interval(f1[:, column], level) for column in range(f1.shape[1])]
    by_label = dict(zip(counts.labels, found[1:], strict=True))
    return {"level": level, "n_resamples": n_resamples, "seed": seed, "overall": found[0], "labels": by_label}


def bootstrap_losses(
    champion: EntityCounts,
    challenger: EntityCounts,
    *,
    n_resamples: int = N_RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> dict[str, Any]:
    """What a challenger loses against the champion on the same sentences, in all and by label.

    Returns:
        `{"n_sentences": ..., "overall": {...}, "labels": {label: {...}}}`, each with `champion`, `challenger` (F1),
        `loss`, its `interval`, `n_gold`, and `p`: the share of the resamples in which nothing was lost. A small `p`
        says that the loss is none of chance.

    Raises:
        ConfigInvalid: the two are counts of different sentences.
    """
    champion, challenger = pair_counts(champion, challenger)
    before, after = _resampled([champion, challenger], n_resamples, seed)  # [resamples, 1 + labels] both
    was, now = (_f1(_with_overall(counts.of.sum(axis=0)[None])) for counts in (champion, challenger))  # [1, 1 + labels]
    n_gold = _with_overall(champion.of.sum(axis=0)[None])[0, :, 0]  # [1 + labels]

    def one(column: int) -> dict[str, Any]:
        lost = before[:, column] - after[:, column]
        lost = lost[np.isfinite(lost)]
        figures = [float(np.nan_to_num(f1[0, column])) for f1 in (was, now)]
        return {
            "champion": figures[0],
            "challenger": figures[1],
            "loss": figures[0] - figures[1],
            "interval": _interval(lost, level),
            # never 0: with so many resamples no chance below this can be told
            "p": float((1 + (lost <= 0).sum()) / (1 + len(lost))),
            "n_gold": int(n_gold[column]),
        }

    labels = {label: one(column) for column, label in enumerate(champion.labels, start=1)}
    settings = {"level": level, "n_resamples": n_resamples, "seed": seed}
    return {**settings, "n_sentences": len(champion.of), "overall": one(0), "labels": labels}


def _resampled(models: list[EntityCounts], n_resamples: int, seed: int) -> list[Floats]:
    """F1 of each model in each resample, the same sentences for all: [resamples, 1 + labels] each."""
    n_sentences = len(models[0].of)
    chance = np.random.default_rng(seed)
    flat = [counts.of.reshape(n_sentences, -1).astype(np.float64) for counts in models]  # [sentences, labels * 3]
    found: list[list[Floats]] = [[] for _ in models]
    for done in range(0, n_resamples, _AT_A_TIME):
        n = min(_AT_A_TIME, n_resamples - done)
        drawn = chance.integers(0, max(n_sentences, 1), size=(n, n_sentences))
        weights = np.stack([np.bincount(row, minlength=n_sentences) for row in drawn]).astype(np.float64)
        for into, counts, rows in zip(found, models, flat, strict=True):
            into.append(_f1(_with_overall((weights @ rows).reshape(n, len(counts.labels), -1))))
    return [np.concatenate(parts) for parts in found]


def _with_overall(sums: NDArray[Any]) -> Floats:
    """Sums [n, labels, 3] with those over all labels before them: [n, 1 + labels, 3]."""
    return np.concatenate([sums.sum(axis=1, keepdims=True), sums], axis=1).astype(np.float64)


def _f1(sums: Floats) -> Floats:
    """F1 [...] of sums [..., 3]; not a number where there was nothing to find and nothing was found."""
    whole = sums[..., 0] + sums[..., 1]
    f1: Floats = np.divide(2 * sums[..., 2], whole, out=np.full(whole.shape, np.nan), where=whole > 0)
    return f1


def _interval(values: Floats, level: float) -> list[float] | None:
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    return [float(value) for value in np.quantile(values, [(1 - level) / 2, (1 + level) / 2])]
