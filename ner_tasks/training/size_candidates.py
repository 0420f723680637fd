"""Candidates of right-sizing, and when the F1 loss of one is within the limit."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ner_tasks.errors import ConfigInvalid


@dataclass(frozen=True)
class SizeLimits:
    """Limits of right-sizing.

    Attributes:
        minutes: total time of all candidates, those before a kill included; above 0.
        max_f1_loss: maximum loss of dev F1 against the full model, 0 to 1.
        confidence: confidence with which the loss must be within `max_f1_loss`, one-sided, 0.5 to less than 1.
        depths: numbers of layers to try; empty for up to five, spread evenly.
    """

    minutes: float
    max_f1_loss: float
    confidence: float = 0.95
    depths: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.minutes <= 0 or not 0.5 <= self.confidence < 1:
            found = f"{self.minutes:g} minutes and a confidence of {self.confidence}"
            raise ConfigInvalid(f"found {found}, expected more than 0 and 0.5 to less than 1, for right-sizing")


@dataclass(frozen=True)
class Candidate:
    """A model with some of the layers. Figures are None if it was not trained, or is the full model.

    Attributes:
        layers: numbers of its layers in the encoder, from 0.
        dev_f1: entity F1 on the dev part.
        loss: F1 of the full model minus `dev_f1`.
        loss_bounds: lower and upper confidence bound of the loss, each one-sided.
        speed_up: words/s in INT8 over those of the full model, timed in turns.
        words_per_s: words/s in INT8 in that timing.
        full_words_per_s: words/s of the full model in INT8 in that timing.
        seconds: time to train, quantize and measure it.
        is_within: whether the upper bound is within the limit.
        is_lost: whether even the lower bound is above the limit.
        is_chosen: whether it is the result.
        verdict: why it was chosen or not, for people.
    """

    layers: tuple[int, ...]
    dev_f1: float | None = None
    loss: float | None = None
    loss_bounds: tuple[float, ...] | None = None
    speed_up: float | None = None
    words_per_s: float | None = None
    full_words_per_s: float | None = None
    seconds: float | None = None
    is_within: bool = False
    is_lost: bool = False
    is_chosen: bool = False
    verdict: str = ""

    def describe(self) -> str:
        """Return a line for the log."""
        name = f"{len(self.layers)} layers ({', '.join(map(str, self.layers))})"
        if self.dev_f1 is None or self.speed_up is None:
            return f"{name}: {self.verdict}"
        return f"{name}: dev entity F1 {self.dev_f1:.4f}, {self.speed_up:.2f}x words/s; {self.verdict}"


def judge_loss(candidate: Candidate, limits: SizeLimits) -> Candidate:
    """Return a measured candidate with the verdict on its loss."""
    if candidate.loss is None or candidate.loss_bounds is None:
        return replace(candidate, is_lost=True, verdict="found no entities, expected some in the dev part")
    lower, upper = candidate.loss_bounds
    is_within = upper <= limits.max_f1_loss
    bound = f"a loss of {candidate.loss:.4f}, at most {upper:.4f} with {limits.confidence:.0%} confidence"
    place = "within" if is_within else "above"
    return replace(
        candidate,
        is_within=is_within,
        is_lost=lower > limits.max_f1_loss,
        verdict=f"{bound}: {place} {limits.max_f1_loss:.4f}",
    )


def make_rows(candidates: Sequence[Candidate]) -> list[dict[str, Any]]:
    """Return the rows of a report, with words/s relative to one figure of the full model.

    Candidates are timed one by one, each in turns with the full model, so only their ratios to it compare.
    """
    timed = [one.full_words_per_s for one in candidates if one.full_words_per_s]
    full = statistics.median(timed) if timed else None
    rows = []
    for one in candidates:
        speed_up = 1.0 if one.verdict == "the full model" and full else one.speed_up
        rows.append(
            {
                "layers": list(one.layers),
                "n_layers": len(one.layers),
                "dev_f1": one.dev_f1,
                "loss": one.loss,
                "loss_bounds": list(one.loss_bounds) if one.loss_bounds else None,
                "speed_up": round(speed_up, 3) if speed_up else None,
                "words_per_s": round(full * speed_up, 1) if full and speed_up else None,
                "seconds": one.seconds,
                "chosen": one.is_chosen,
                "verdict": one.verdict,
            }
        )
    return rows
