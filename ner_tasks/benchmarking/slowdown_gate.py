"""The gate of a benchmark: it fails when an engine has become slower than the last time."""

import math
from collections.abc import Sequence

from ner_tasks.benchmarking.history import Change
from ner_tasks.errors import ConfigInvalid
from ner_tasks.evaluation.gates import Verdict, make_verdict


def max_slowdown(text: str) -> float:
    """How much slower than the last time an engine may be, 0 to 1, from a flag or parameter; empty is 1: anything may.

    Raises:
        ConfigInvalid: no such number.
    """
    try:
        share = float(text) if text else 1.0
    except ValueError:
        share = math.nan
    if not 0 <= share <= 1:
        raise ConfigInvalid(f"found max_slowdown={text}, expected a number from 0 to 1")
    return share


def benchmark_gate(changes: Sequence[Change], most: float, where: str) -> Verdict:
    """Is anything slower than the last time?

    Args:
        changes: each engine and batch size beside the last run; those that are not `judged` are passed over.
        most: share of its speed that each may have lost, 0 to 1; 1 lets everything pass.
        where: which benchmark, for people.

    Raises:
        GateNotPassed: something has lost more.
    """
    if most == 1:
        return Verdict(("no limit was given: nothing is too slow",))
    checks = [(change.slower_share <= most, _slower(change, most)) for change in changes if change.judged]
    return make_verdict(where, checks or [(True, "nothing measured before on this host and data to compare with")])


def _slower(change: Change, most: float) -> str:
    figure = "{:,.2f}x stock FP32" if change.relative else "{:,.0f} words/s"
    now, least, before = (figure.format(value) for value in (change.now, change.before * (1 - most), change.before))
    of = f"version {change.version} at {change.at}" if change.version else f"the run at {change.at}"
    return (
        f"found {change.engine} at batch size {change.batch_size} at {now}, expected at least {least}, "
        f"which is {most:.0%} under the {before} of {of}"
    )
