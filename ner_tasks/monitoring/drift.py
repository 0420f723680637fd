"""Is this night of the usual kind? Its rates beside those of the nights before it, by the same model.

Each measure is held against a random-effects prediction: documents of one night vary (and cluster), nights vary among
themselves (weekdays, senders), and the usual rate is itself known from some nights only. All three are in the variance;
Student's t has as many degrees of freedom as follow from their mixture (Satterthwaite 1946). The between-nights part is
estimated by moments, as in DerSimonian and Laird 1986. Many measures are looked at, so that their p-values are adjusted
together (Holm 1979), and what is sure but small is no alarm.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import Field, NonNegativeFloat, model_validator
from scipy.stats import t as student

from ner_tasks.files.yaml_files import StrictModel, read_yaml
from ner_tasks.tagging.statistics import RateSums, read_sums

DEFAULT_CONFIG = Path(__file__).parent.parent / "config" / "drift.yaml"
FAMILIES = ("entities", "confidence", "pieces", "documents", "rejected")
# Counts of things that occur by themselves: at least as variable as Poisson's.
_COUNTS = ("entities/", "rejected/", "pieces/unknown")
_SHARES = ("confidence/below", "documents/without")


class DriftConfig(StrictModel):
    """What a drift YAML may say; `config/drift.yaml` explains each key."""

    max_nights: int = Field(14, ge=2, le=366)
    min_nights: int = Field(5, ge=2)
    min_documents: int = Field(20, ge=2)
    min_count: int = Field(20, ge=1)
    false_alarms: float = Field(0.01, gt=0, lt=1)
    least_change: dict[str, NonNegativeFloat]

    @classmethod
    def read(cls, path: Path = DEFAULT_CONFIG) -> "DriftConfig":
        """Settings from a YAML file.

        Raises:
            InputMissing: no such file.
            ConfigInvalid: not YAML, an unknown key, a value out of bounds, a family of measures without a limit.
        """
        return read_yaml(cls, path, kind="a drift YAML", expected=f"what {DEFAULT_CONFIG.name} explains")

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if set(self.least_change) != set(FAMILIES):
            raise ValueError(f"least_change has {', '.join(self.least_change)} and not {', '.join(FAMILIES)}")
        if self.min_nights > self.max_nights:
            raise ValueError(f"min_nights {self.min_nights} lies above max_nights {self.max_nights}")
        return self


@dataclass(frozen=True)
class DriftFinding:
    """One measure of a night.

    Attributes:
        measure: its name, see `compute_statistics`.
        now, usual: its rate, and that of the nights before; entities in a thousand words.
        lowest, highest: where the rate of a usual night lies, 19 times of 20.
        change: as a share of the usual rate.
        p: chance of at least this distance on a usual night, adjusted for the number of measures; None: not judged.
        alert: whether it is to be looked at.
    """

    measure: str
    now: float
    usual: float
    lowest: float
    highest: float
    change: float
    p: float | None = None
    alert: bool = False

    def __str__(self) -> str:
        unit = " in 1,000 words" if self.measure.startswith("entities/") else ""
        return (
            f"found {self.measure} at {self.now:.4g}{unit}, expected {self.usual:.4g} "
            f"({self.lowest:.4g} to {self.highest:.4g}), {self.change:+.0%}"
        )


def compare_night(
    night: Mapping[str, Any], before: Sequence[Mapping[str, Any]], config: DriftConfig
) -> tuple[list[DriftFinding], str]:
    """Every measure of a night beside the nights before it.

    Args:
        night: its statistics.
        before: those of the nights it is held against, all by the same model.
        config: limits.

    Returns:
        The findings, alerts first; and why nothing was judged, empty if something was.
    """
    if len(before) < config.min_nights:
        return [], f"found {len(before)} nights by this model before it, expected at least {config.min_nights}"
    if night["n_tagged"] < config.min_documents:
        return [], f"found {night['n_tagged']} documents, expected at least {config.min_documents}"
    measures = sorted({name for one in (night, *before) for name in one["measures"]})
    found = []
    for name in measures:
        nights = [sums for one in before if (sums := read_sums(one, name)).w]
        now = read_sums(night, name)
        if now.w and len(nights) >= config.min_nights:
            found.append(_beside(name, now, nights, config))
    return _judged(found, config), ""


def _beside(name: str, now: RateSums, nights: Sequence[RateSums], config: DriftConfig) -> DriftFinding:
    base = sum(nights, RateSums())
    rate = _rate(name, base)
    spread = _spread(name, base, rate)  # variance for each unit of w
    # within the night: never taken for less than its own documents vary
    within = max(spread, _spread(name, now, _rate(name, now))) * now.w
    expected = rate * now.w
    between = _between_nights(nights, base, rate, spread) * now.w**2
    of_rate = spread / base.w * now.w**2
    of_nights = between * (1 + 1 / len(nights))
    variance = within + of_rate + of_nights
    df = variance**2 / ((within + of_rate) ** 2 / max(1, base.n - 1) + of_nights**2 / (len(nights) - 1) + 1e-300)
    width = math.sqrt(variance)
    p = 2 * float(student.sf(abs(now.x - expected) / width, df)) if width else float(now.x == expected)
    half = float(student.ppf(0.975, df)) * width / now.w
    enough = now.n >= config.min_documents and max(expected, now.x if _is_counted(name) else now.w) >= config.min_count
    value, usual = _shown(name, now.x / now.w), _shown(name, rate)
    lowest, highest = _shown(name, max(0.0, rate - half)), _shown(name, rate + half)
    return DriftFinding(name, value, usual, lowest, highest, value / usual - 1 if usual else 0.0, p if enough else None)


def _is_counted(name: str) -> bool:
    return name.startswith((*_COUNTS, *_SHARES))


def _rate(name: str, sums: RateSums) -> float:
    # half a case more, so that what never occurred is rare and not impossible
    return (sums.x + 0.5 * _is_counted(name)) / sums.w


def _spread(name: str, sums: RateSums, rate: float) -> float:
    spread = sums.residual(rate) / sums.w * sums.n / max(1, sums.n - 1)
    if name.startswith(_COUNTS):
        return max(spread, rate)
    if name.startswith(_SHARES):
        return max(spread, rate * max(0.0, 1 - rate))
    return spread


def _between_nights(nights: Sequence[RateSums], base: RateSums, rate: float, spread: float) -> float:
    """Variance of the nights' rates beyond what their documents explain; 0 if these explain it."""
    distances = sum((one.x - rate * one.w) ** 2 - spread * one.w * (1 - one.w / base.w) for one in nights)
    weights = sum(one.w**2 for one in nights) * (1 - 1 / len(nights))
    return max(0.0, distances / weights)


def _shown(name: str, value: float) -> float:
    if name.startswith("entities/"):
        return 1000 * value
    return math.expm1(value) if name == "documents/log_words" else value


def _judged(found: Sequence[DriftFinding], config: DriftConfig) -> list[DriftFinding]:
    """The findings with adjusted p-values (Holm's) and alerts, these first."""
    order = sorted((one for one in found if one.p is not None), key=lambda one: one.p or 0.0)
    judged, highest = [one for one in found if one.p is None], 0.0
    for rank, one in enumerate(order):
        highest = max(highest, min(1.0, (one.p or 0.0) * (len(order) - rank)))
        least = config.least_change[one.measure.partition("/")[0]]
        alert = highest <= config.false_alarms and abs(one.change) >= least
        judged.append(DriftFinding(**{**asdict(one), "p": highest, "alert": alert}))
    return sorted(judged, key=lambda one: (not one.alert, 2.0 if one.p is None else one.p, one.measure))


def make_drift_report(
    night: Mapping[str, Any], before: Sequence[Mapping[str, Any]], config: DriftConfig
) -> dict[str, Any]:
    """What `drift` reports: the findings, the alerts as lines for people, and why nothing was judged."""
    findings, why_not = compare_night(night, before, config)
    return {
        "n_nights_before": len(before),
        "judged": not why_not,
        "why_not": why_not,
        "alerts": [str(one) for one in findings if one.alert],
        "scores": night["scores"],
        "findings": [asdict(one) for one in findings],
        "config": config.model_dump(),
    }
