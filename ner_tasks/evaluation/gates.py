"""Quality gates for a trained model, an INT8 model and a night's answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ner_tasks.data import part_sizes
from ner_tasks.errors import GateNotPassed
from ner_tasks.evaluation.policy import GatePolicy, LossLimits, ModelPolicy, NightPolicy


@dataclass(frozen=True)
class Verdict:
    """Result of a passed gate: one line for each check."""

    lines: tuple[str, ...]


def model_gate(evaluation: Mapping[str, Any], policy: ModelPolicy) -> Verdict:
    """Check whether a trained model may be registered.

    Args:
        evaluation: `overall` scores on the test part, and `losses` against the promoted model on the same sentences, as
            returned by `compare-models`; None without a promoted model. `full_losses`: of a right-sized model, the same
            against the full one.
        policy: limits.

    Raises:
        GateNotPassed: F1 is too low, or the loss is too large: against the promoted model, overall or for a label, or
            against the full one.
    """
    checks = [_check_min("entity F1", evaluation["overall"]["f1"], policy.min_f1), *_note_small_test(evaluation)]
    losses, max_p = evaluation.get("losses"), 1 - policy.champion.confidence
    if full_losses := evaluation.get("full_losses"):
        largest = policy.right_size.max_f1_loss
        limits = LossLimits(max_loss=largest, hard_loss=max(largest, policy.champion.hard_loss))
        checks.append(_check_loss("entity F1", full_losses, limits, max_p, reference="the full model"))
    if losses:
        checks.append(_check_loss("entity F1", losses["overall"], policy.champion, max_p))
        for label, loss in losses["labels"].items():
            label_limits = policy.labels.for_label(label)
            checks.append(_check_label_loss(label, loss, label_limits, max_p, policy.labels.min_support))
    return make_verdict("the trained model", checks)


def int8_gate(comparison: Mapping[str, Any], policy: GatePolicy) -> Verdict:
    """Check whether an INT8 model may be promoted.

    Args:
        comparison: what `compare-quantized`, `compare-models` and `canary` found: `f1_loss`, `losses` (against its own FP32 graph),
            `champion_losses` (against the promoted INT8 model, or None), `agreement`, `size_share`, `speed`, `canary`.
        policy: limits.

    Raises:
        GateNotPassed: the loss is too large, the speed-up too small, or a fresh process gives other answers.
    """
    int8, labels = policy.int8, policy.model.labels
    max_p = 1 - policy.model.champion.confidence
    share, canary = float(comparison["size_share"]), comparison["canary"]
    checks = [
        _check_max("loss of entity F1 by INT8", float(comparison["f1_loss"]), int8.max_f1_loss),
        _check_min("agreement of tags with FP32", float(comparison["agreement"]), int8.min_agreement),
        _check_min("speed of INT8 over stock FP32", float(comparison["speed"]["int8_over_stock"]), int8.min_speed_up),
        _check_min("size over FP32", share, int8.size_share.min),
        _check_max("size over FP32", share, int8.size_share.max),
        (
            canary["n_other_tags"] == 0,
            f"found {canary['n_other_tags']} canary tags that differ in a fresh process, expected 0",
        ),
        _check_max(
            "difference of canary scores in a fresh process", canary["largest_difference"], int8.canary_tolerance
        ),
    ]
    checks += _note_small_test(comparison.get("int8", {"overall": {}}))
    for label, loss in comparison["losses"]["labels"].items():
        limits = LossLimits(max_loss=int8.max_label_loss, hard_loss=1.0)
        checks.append(_check_label_loss(label, loss, limits, max_p, labels.min_support, reference="FP32"))
    if comparison.get("champion_losses"):
        below = int8.max_f1_below_champion
        limits = LossLimits(max_loss=below, hard_loss=max(below, policy.model.champion.hard_loss))
        overall = comparison["champion_losses"]["overall"]
        checks.append(_check_loss("entity F1 of INT8", overall, limits, max_p, reference="the promoted INT8 model"))
    return make_verdict("the INT8 model", checks)


def night_gate(n_documents: int, n_tagged: int, n_rejected: int, n_partly_read: int, policy: NightPolicy) -> Verdict:
    """Check whether a night's answers may be published.

    An empty inbox passes. An inbox with documents of which none was tagged fails.

    Args:
        n_documents: number of documents in the inbox of the day.
        n_tagged: number of tagged documents.
        n_rejected: number of rejected documents.
        n_partly_read: number of tagged documents with unread content.
        policy: limits.

    Raises:
        GateNotPassed: documents are missing, too many were rejected or partly read, or none was tagged.
    """
    if n_documents == 0:
        return Verdict(("the inbox is empty: nothing to tag",))
    if n_tagged + n_rejected != n_documents:
        counts = f"{n_tagged} tagged and {n_rejected} rejected"
        raise GateNotPassed(f"found {counts}, expected {n_documents} documents together, in the night's answers")
    if n_tagged == 0:
        raise GateNotPassed(f"found no tagged document, expected at least one of {n_documents}, in the night's answers")
    checks = [
        _check_max("share of rejected documents", n_rejected / n_documents, policy.max_rejected_share),
        _check_max("share of partly read documents", n_partly_read / n_tagged, policy.max_partly_read_share),
    ]
    return make_verdict("the night's answers", checks)


def _note_small_test(scores: Mapping[str, Any]) -> list[tuple[bool, str]]:
    """Return a line that passes if the test part has too few entities to judge a model by; reports of old releases lack it."""
    n_gold = scores["overall"].get("n_gold")
    line = None if n_gold is None else part_sizes.describe_small_part("test", n_gold)
    return [(True, f"not reliable: {line}")] if line else []


def _check_loss(
    what: str,
    comparison: Mapping[str, Any],
    limits: LossLimits,
    max_p: float,
    *,
    reference: str = "the promoted model",
) -> tuple[bool, str]:
    """Fail on a loss above `hard_loss`, and on a significant loss above `max_loss`."""
    loss, p, interval = float(comparison["loss"]), float(comparison["p"]), comparison["interval"]
    scores = f"{what} {comparison['challenger']:.4f} against {comparison['champion']:.4f} of {reference}"
    if loss <= limits.max_loss:
        return True, f"found {scores}, expected a loss of at most {limits.max_loss:.4f}"
    bounds = f" ({interval[0]:.4f} to {interval[1]:.4f})" if interval else ""
    line = f"found {scores}, a loss of {loss:.4f}{bounds}"
    if loss > limits.hard_loss:
        return False, f"{line}, expected at most {limits.hard_loss:.4f} even if not significant"
    if p <= max_p:
        return False, f"{line}, significant (p {p:.3f}), expected at most {limits.max_loss:.4f}"
    # written so that NaN fails
    return loss <= limits.hard_loss, f"{line}, not significant (p {p:.3f}): accepted"


def _check_label_loss(
    label: str,
    comparison: Mapping[str, Any],
    limits: LossLimits,
    max_p: float,
    min_support: int,
    *,
    reference: str = "the promoted model",
) -> tuple[bool, str]:
    """Check the loss of one label; a label with fewer than `min_support` entities always passes."""
    passed, line = _check_loss(f"F1 of {label}", comparison, limits, max_p, reference=reference)
    if comparison["n_gold"] < min_support:
        note = f"not enforced: {comparison['n_gold']} entities of {label}, expected at least {min_support}"
        return True, f"{line}; {note}" if not passed else f"{line} ({note})"
    return passed, line


def _check_min(what: str, value: float, least: float) -> tuple[bool, str]:
    # written so that NaN fails
    return value >= least, f"found {what} {value:.4f}, expected at least {least:.4f}"


def _check_max(what: str, value: float, most: float) -> tuple[bool, str]:
    return value <= most, f"found {what} {value:.4f}, expected at most {most:.4f}"


def make_verdict(where: str, checks: list[tuple[bool, str]]) -> Verdict:
    """Return the verdict of a gate whose checks all passed.

    Args:
        where: what was checked, for the error message.
        checks: whether each check passed, and its line.

    Raises:
        GateNotPassed: a check failed; the message has the line of each failed check.
    """
    failed = [line for passed, line in checks if not passed]
    if failed:
        raise GateNotPassed("; ".join(failed) + f", at {where}")
    return Verdict(tuple(line for _, line in checks))
