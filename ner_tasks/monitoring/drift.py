"""Drift detection: compares the rates of a night with those of previous nights of the same model.

Each measure is compared with a random-effects prediction interval, whose variance has three parts: documents within a
night vary (and cluster), nights vary among each other (weekdays, senders), and the usual rate is estimated from few
nights. The test is Student's t with Satterthwaite's degrees of freedom (1946); the between-night variance is the moment
estimate of DerSimonian and Laird (1986). P-values are adjusted for multiple testing (Holm 1979), and changes that are
significant but small raise no alert.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Self

from pydantic import Field, NonNegativeFloat, model_validator

from ner_tasks.errors import ArtifactBroken, InputMissing
from ner_tasks.files.yaml_files import StrictModel, read_yaml
from ner_tasks.tagging.statistics import RateSums, read_statistics, read_sums

DEFAULT_CONFIG = Path(__file__).parent.parent / "config" / "drift.yaml"
FAMILIES = ("entities", "confidence", "pieces", "documents", "rejected")
# Counts of events: their variance is at least that of a Poisson distribution.
_COUNTS = ("entities/", "rejected/", "pieces/unknown")
_SHARES = ("confidence/below", "documents/without")


class DriftConfig(StrictModel):
    """Settings of drift detection; `config/drift.yaml` documents each key."""

    max_nights: int = Field(14, ge=2, le=366)
    min_nights: int = Field(5, ge=2)
    min_documents: int = Field(20, ge=2)
    min_count: int = Field(20, ge=1)
    false_alarms: float = Field(0.01, gt=0, lt=1)
    least_change: dict[str, NonNegativeFloat]

    @classmethod
    def read(cls, path: Path = DEFAULT_CONFIG) -> "DriftConfig":
        """Read the settings from a YAML file.

        Raises:
            InputMissing: there is no such file.
            ConfigInvalid: not YAML, an unknown key, a value out of bounds, or a family of measures without a limit.
        """
        return read_yaml(cls, path, kind="a drift YAML", expected=f"the keys documented in {DEFAULT_CONFIG.name}")

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if set(self.least_change) != set(FAMILIES):
            raise ValueError(f"least_change has {', '.join(self.least_change)} and not {', '.join(FAMILIES)}")
        if self.min_nights > self.max_nights:
            raise ValueError(f"min_nights {self.min_nights} is greater than max_nights {self.max_nights}")
        return self


@dataclass(frozen=True)
class DriftFinding:
    """Comparison of one measure of a night with previous nights.

    Attributes:
        measure: name of the measure, see `compute_statistics`.
        now: its rate in this night; entities per 1,000 words.
        usual: its rate in previous nights, in the same unit.
        lowest, highest: bounds of the 95 % prediction interval.
        change: relative change, `now / usual - 1`.
        p: p-value, adjusted for the number of measures; None if the measure is not judged.
        alert: whether the change is significant and large enough.
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
        unit = " per 1,000 words" if self.measure.startswith("entities/") else ""
        return (
            f"found {self.measure} at {self.now:.4g}{unit}, expected {self.usual:.4g} "
            f"({self.lowest:.4g} to {self.highest:.4g}), {self.change:+.0%}"
        )


def compare_night(
    night: Mapping[str, Any], before: Sequence[Mapping[str, Any]], config: DriftConfig
) -> tuple[list[DriftFinding], str]:
    """Compare every measure of a night with previous nights.

    Args:
        night: statistics of the night.
        before: statistics of previous nights by the same model.
        config: limits.

    Returns:
        The findings, alerts first; and the reason why nothing was judged, empty if something was.
    """
    if len(before) < config.min_nights:
        return [], f"found {len(before)} previous nights by this model, expected at least {config.min_nights}"
    if night["n_tagged"] < config.min_documents:
        return [], f"found {night['n_tagged']} documents, expected at least {config.min_documents}"
    measures = sorted({name for one in (night, *before) for name in one["measures"]})
    findings = []
    for name in measures:
        nights = [sums for one in before if (sums := read_sums(one, name)).w]
        now = read_sums(night, name)
        if now.w and len(nights) >= config.min_nights:
            findings.append(_compare_measure(name, now, nights, config))
    return _adjust_findings(findings, config), ""


def _compare_measure(name: str, now: RateSums, nights: Sequence[RateSums], config: DriftConfig) -> DriftFinding:
    # Student's t; scipy.stats.t gives the same but takes a second longer to import, and most new days compare nothing
    from scipy.special import stdtr, stdtrit

    base = sum(nights, RateSums())
    rate = _rate(name, base)
    spread = _spread(name, base, rate)  # variance per unit of w
    # within-night variance: at least that of the night's own documents
    within = max(spread, _spread(name, now, _rate(name, now))) * now.w
    expected = rate * now.w
    between = _between_nights(nights, base, rate, spread) * now.w**2
    of_rate = spread / base.w * now.w**2
    of_nights = between * (1 + 1 / len(nights))
    variance = within + of_rate + of_nights
    df = variance**2 / ((within + of_rate) ** 2 / max(1, base.n - 1) + of_nights**2 / (len(nights) - 1) + 1e-300)
    width = math.sqrt(variance)
    p = 2 * float(stdtr(df, -abs(now.x - expected) / width)) if width else float(now.x == expected)
    half = float(stdtrit(df, 0.975)) * width / now.w
    enough = now.n >= config.min_documents and max(expected, now.x if _is_counted(name) else now.w) >= config.min_count
    value, usual = _to_display_unit(name, now.x / now.w), _to_display_unit(name, rate)
    lowest, highest = _to_display_unit(name, max(0.0, rate - half)), _to_display_unit(name, rate + half)
    return DriftFinding(name, value, usual, lowest, highest, value / usual - 1 if usual else 0.0, p if enough else None)


def _is_counted(name: str) -> bool:
    return name.startswith((*_COUNTS, *_SHARES))


def _rate(name: str, sums: RateSums) -> float:
    # continuity correction: an event that never occurred is rare, not impossible
    return (sums.x + 0.5 * _is_counted(name)) / sums.w


def _spread(name: str, sums: RateSums, rate: float) -> float:
    spread = sums.residual(rate) / sums.w * sums.n / max(1, sums.n - 1)
    if name.startswith(_COUNTS):
        return max(spread, rate)
    if name.startswith(_SHARES):
        return max(spread, rate * max(0.0, 1 - rate))
    return spread


def _between_nights(nights: Sequence[RateSums], base: RateSums, rate: float, spread: float) -> float:
    """Return the variance between nights beyond the variance of their documents; 0 if there is none."""
    distances = sum((one.x - rate * one.w) ** 2 - spread * one.w * (1 - one.w / base.w) for one in nights)
    weights = sum(one.w**2 for one in nights) * (1 - 1 / len(nights))
    return max(0.0, distances / weights)


def _to_display_unit(name: str, value: float) -> float:
    if name.startswith("entities/"):
        return 1000 * value
    return math.expm1(value) if name == "documents/log_words" else value


def _adjust_findings(findings: Sequence[DriftFinding], config: DriftConfig) -> list[DriftFinding]:
    """Adjust p-values by Holm's method and set alerts; alerts come first."""
    order = sorted((one for one in findings if one.p is not None), key=lambda one: one.p or 0.0)
    judged, highest = [one for one in findings if one.p is None], 0.0
    for rank, one in enumerate(order):
        highest = max(highest, min(1.0, (one.p or 0.0) * (len(order) - rank)))
        least = config.least_change[one.measure.partition("/")[0]]
        alert = highest <= config.false_alarms and abs(one.change) >= least
        judged.append(DriftFinding(**{**asdict(one), "p": highest, "alert": alert}))
    return sorted(judged, key=lambda one: (not one.alert, 2.0 if one.p is None else one.p, one.measure))


def make_drift_report(
    night: Mapping[str, Any], before: Sequence[Mapping[str, Any]], config: DriftConfig
) -> dict[str, Any]:
    """Make the report of the command `drift`.

    Args:
        night: statistics of the night.
        before: statistics of previous nights by the same model.
        config: limits.

    Returns:
        The findings, the alerts as sentences, and the reason if nothing was judged; JSON.
    """
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


def detect_drift(
    night: Path, before: Iterable[Path], config: DriftConfig, notice: Callable[[str], None]
) -> dict[str, Any]:
    """Compare the statistics of a night with those of previous nights, from their files.

    Args:
        night: statistics of the night.
        before: those of previous nights, the newest first; the first `max_nights` that can be read count.
        config: limits.
        notice: called with a line for each previous night that cannot be read.

    Returns:
        The report, as `make_drift_report` makes it.

    Raises:
        InputMissing, ArtifactBroken: the night's own statistics are missing or damaged.
    """
    return make_drift_report(read_statistics(night), list(islice(_readable(before, notice), config.max_nights)), config)


def _readable(paths: Iterable[Path], notice: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    for path in paths:
        try:
            yield read_statistics(path)
        except (InputMissing, ArtifactBroken) as error:
            notice(f"notice: an earlier night is not compared with: {error}")
