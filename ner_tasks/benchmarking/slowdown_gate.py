"""Benchmark gate: fails if an engine became slower than in the last run."""

from collections.abc import Sequence

from ner_tasks.benchmarking.history import Change
from ner_tasks.evaluation.gates import Verdict, make_verdict


def benchmark_gate(changes: Sequence[Change], most: float | None, where: str) -> Verdict:
    """Check that no engine became slower than allowed.

    Args:
        changes: changes since the last run; those that are not `judged` are ignored.
        most: maximum share of the speed that an engine may lose, 0 to 1; None or 1 disables the gate.
        where: name of the benchmark, for the error message.

    Raises:
        GateNotPassed: an engine lost more.
    """
    if most is None or most == 1:
        return Verdict(("no limit set: every speed passes",))
    checks = [(change.slower_share <= most, _describe_check(change, most)) for change in changes if change.judged]
    return make_verdict(where, checks or [(True, "no earlier run on this host and data to compare with")])


def _describe_check(change: Change, most: float) -> str:
    figure = "{:,.2f}x stock FP32" if change.relative else "{:,.0f} words/s"
    now, least, before = (figure.format(value) for value in (change.now, change.before * (1 - most), change.before))
    earlier = f"version {change.version} at {change.at}" if change.version else f"the run at {change.at}"
    return (
        f"found {change.engine} at batch size {change.batch_size} at {now}, expected at least {least}, "
        f"which is {most:.0%} below the {before} of {earlier}"
    )
