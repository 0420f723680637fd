"""Bootstrap confidence intervals of F1, and paired bootstrap tests of two models.

Resamples whole sentences with replacement, since the mentions in one sentence are not independent.

Source: B. Efron and R. Tibshirani, An Introduction to the Bootstrap, 1993 (percentile intervals); T. Berg-Kirkpatrick
et al., An Empirical Investigation of Statistical Significance in NLP, EMNLP 2012 (paired).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ner_tasks.evaluation.entity_counts import EntityCounts, pair_counts

N_RESAMPLES = 1000
LEVEL = 0.95
_CHUNK = 100  # resamples computed at once, which bounds the memory

Floats = NDArray[np.float64]


def bootstrap_intervals(
    counts: EntityCounts, *, n_resamples: int = N_RESAMPLES, level: float = LEVEL, seed: int = 0
) -> dict[str, Any]:
    """Compute percentile intervals of entity F1, overall and by label.

    Args:
        counts: counts of one model.
        n_resamples: number of bootstrap resamples, at least 1.
        level: confidence level, 0 to 1.
        seed: seed of the resampling.

    Returns:
        `{"level": ..., "n_resamples": ..., "seed": ..., "overall": [low, high], "labels": {label: [low, high]}}`; None
        instead of an interval if no resample has an entity.
    """
    (f1,) = _resample_f1([counts], n_resamples, seed)  # [resamples, 1 + labels]
    intervals = [_interval(f1[:, column], level) for column in range(f1.shape[1])]
    by_label = dict(zip(counts.labels, intervals[1:], strict=True))
    return {"level": level, "n_resamples": n_resamples, "seed": seed, "overall": intervals[0], "labels": by_label}


def bootstrap_losses(
    champion: EntityCounts,
    challenger: EntityCounts,
    *,
    n_resamples: int = N_RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> dict[str, Any]:
    """Compute the F1 loss of a challenger against the champion on the same sentences, overall and by label.

    Args:
        champion: counts of the champion.
        challenger: counts of the challenger.
        n_resamples: number of bootstrap resamples, at least 1.
        level: confidence level of the intervals, 0 to 1.
        seed: seed of the resampling.

    Returns:
        `{"n_sentences": ..., "overall": {...}, "labels": {label: {...}}}`, each with F1 of `champion` and `challenger`,
        their difference `loss`, its `interval`, `n_gold`, and the one-sided `p`: the share of the resamples without a
        loss.

    Raises:
        ConfigInvalid: the counts are of different sentences.
    """
    champion, challenger = pair_counts(champion, challenger)
    before, after = _resample_f1([champion, challenger], n_resamples, seed)  # [resamples, 1 + labels] both
    totals = [
        _prepend_overall(counts.values.sum(axis=0)[None]) for counts in (champion, challenger)
    ]  # [1, 1 + labels, 3]
    was, now = (_f1(sums) for sums in totals)  # [1, 1 + labels]
    n_gold = totals[0][0, :, 0]  # [1 + labels]

    def compare_column(column: int) -> dict[str, Any]:
        losses = before[:, column] - after[:, column]
        losses = losses[np.isfinite(losses)]
        figures = [float(np.nan_to_num(f1[0, column])) for f1 in (was, now)]
        return {
            "champion": figures[0],
            "challenger": figures[1],
            "loss": figures[0] - figures[1],
            "interval": _interval(losses, level),
            # plus 1, so that p is never below the resolution of the resamples
            "p": float((1 + (losses <= 0).sum()) / (1 + len(losses))),
            "n_gold": int(n_gold[column]),
        }

    labels = {label: compare_column(column) for column, label in enumerate(champion.labels, start=1)}
    settings = {"level": level, "n_resamples": n_resamples, "seed": seed}
    return {**settings, "n_sentences": len(champion.values), "overall": compare_column(0), "labels": labels}


def _resample_f1(models: list[EntityCounts], n_resamples: int, seed: int) -> list[Floats]:
    """Return the F1 of each model in each resample, [resamples, 1 + labels]; all models see the same sentences."""
    n_sentences = len(models[0].values)
    random = np.random.default_rng(seed)
    flat = [counts.values.reshape(n_sentences, -1).astype(np.float64) for counts in models]  # [sentences, labels * 3]
    f1s: list[list[Floats]] = [[] for _ in models]
    for done in range(0, n_resamples, _CHUNK):
        n = min(_CHUNK, n_resamples - done)
        drawn = random.integers(0, max(n_sentences, 1), size=(n, n_sentences))
        weights = np.stack([np.bincount(row, minlength=n_sentences) for row in drawn]).astype(np.float64)
        for parts, counts, rows in zip(f1s, models, flat, strict=True):
            parts.append(_f1(_prepend_overall((weights @ rows).reshape(n, len(counts.labels), -1))))
    return [np.concatenate(parts) for parts in f1s]


def _prepend_overall(sums: NDArray[Any]) -> Floats:
    """Prepend the sum over all labels to [n, labels, 3]: [n, 1 + labels, 3]."""
    return np.concatenate([sums.sum(axis=1, keepdims=True), sums], axis=1).astype(np.float64)


def _f1(sums: Floats) -> Floats:
    """Return the F1 [...] of sums [..., 3]; NaN where there are neither gold nor predicted entities."""
    whole = sums[..., 0] + sums[..., 1]
    f1: Floats = np.divide(2 * sums[..., 2], whole, out=np.full(whole.shape, np.nan), where=whole > 0)
    return f1


def _interval(values: Floats, level: float) -> list[float] | None:
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    return [float(value) for value in np.quantile(values, [(1 - level) / 2, (1 + level) / 2])]
