"""May this model, this INT8 graph, this night's output go on? Each gate says what it found and what it expected."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ner_tasks.errors import GateNotPassed
from ner_tasks.evaluation.policy import GateOverrides, GatePolicy, LossLimits, ModelPolicy


@dataclass(frozen=True)
class Verdict:
    """A gate that was passed: a line for each thing that was looked at."""

    lines: tuple[str, ...]


def model_gate(evaluation: Mapping[str, Any], policy: ModelPolicy) -> Verdict:
    """May a trained model be registered?

    Args:
        evaluation: its `overall` figures on the test part, and its `losses` against the promoted model on the same
            sentences, as `compare-models` gives them; None if there is none to compare with.
        policy: what is allowed.

    Raises:
        GateNotPassed: it is too weak, or weaker than what is in use: in all, or at one label with enough entities.
    """
    checks = [_at_least("entity F1", evaluation["overall"]["f1"], policy.min_f1)]
    losses = evaluation.get("losses")
    if losses:
        chance = 1 - policy.champion.confidence
        checks.append(_lost("entity F1", losses["overall"], policy.champion, chance))
        for label, found in losses["labels"].items():
            checks.append(_label_lost(label, found, policy.labels.for_label(label), chance, policy.labels.min_support))
    return make_verdict("the trained model", checks)


def int8_gate(comparison: Mapping[str, Any], policy: GatePolicy) -> Verdict:
    """May an INT8 graph be promoted?

    Args:
        comparison: what `compare-quantized`, `compare-models` and `canary` found: `f1_loss`, `losses` (against its own FP32 graph),
            `champion_losses` (against the promoted INT8 model, or None), `agreement`, `size_share`, `speed`, `canary`.
        policy: what is allowed.

    Raises:
        GateNotPassed: it loses too much, gains no speed, or is not the artifact that was measured.
    """
    int8, labels = policy.int8, policy.model.labels
    chance = 1 - policy.model.champion.confidence
    share, canary = float(comparison["size_share"]), comparison["canary"]
    checks = [
        _at_most("entity F1 lost by INT8", float(comparison["f1_loss"]), int8.max_f1_loss),
        _at_least("agreement of tags with FP32", float(comparison["agreement"]), int8.min_agreement),
        _at_least("speed of INT8 over stock FP32", float(comparison["speed"]["int8_over_stock"]), int8.min_speed_up),
        _at_least("size over FP32", share, int8.size_share.min),
        _at_most("size over FP32", share, int8.size_share.max),
        (
            canary["n_other_tags"] == 0,
            f"found {canary['n_other_tags']} tags of a fresh process to be others, expected 0",
        ),
        _at_most("difference of a fresh process's scores", canary["largest_difference"], int8.canary_tolerance),
    ]
    for label, found in comparison["losses"]["labels"].items():
        limits = LossLimits(max_loss=int8.max_label_loss, hard_loss=1.0)
        checks.append(_label_lost(label, found, limits, chance, labels.min_support, beside="FP32's"))
    if comparison.get("champion_losses"):
        below = int8.max_f1_below_champion
        limits = LossLimits(max_loss=below, hard_loss=max(below, policy.model.champion.hard_loss))
        overall = comparison["champion_losses"]["overall"]
        checks.append(_lost("entity F1 of INT8", overall, limits, chance, beside="the promoted INT8 model's"))
    return make_verdict("the INT8 model", checks)


def night_gate(n_documents: int, n_tagged: int, n_rejected: int, n_partly_read: int, limits: GateOverrides) -> Verdict:
    """May a night's answers be published?

    An inbox without documents is in order and is said to be empty; one with documents of which none was
    tagged never is.

    Args:
        n_documents: documents that were found in the day's inbox.
        n_tagged: documents that were tagged.
        n_rejected: documents that could not be.
        n_partly_read: tagged documents that hold something which was not read.
        limits: what is allowed.

    Raises:
        GateNotPassed: documents got lost, too many were rejected or partly read, or nothing came out.
    """
    if n_documents == 0:
        return Verdict(("the inbox is empty: there was nothing to tag",))
    if n_tagged + n_rejected != n_documents:
        found = f"{n_tagged} tagged and {n_rejected} rejected"
        raise GateNotPassed(f"found {found}, expected {n_documents} documents together, in the night's answers")
    if n_tagged == 0:
        raise GateNotPassed(f"found no tagged document, expected at least one of {n_documents}, in the night's answers")
    checks = [
        _at_most("share of rejected documents", n_rejected / n_documents, limits.max_rejected_share),
        _at_most("share of partly read documents", n_partly_read / n_tagged, limits.max_partly_read_share),
    ]
    return make_verdict("the night's answers", checks)


def _lost(
    what: str,
    found: Mapping[str, Any],
    limits: LossLimits,
    chance: float,
    *,
    beside: str = "the promoted model's",
) -> tuple[bool, str]:
    """A loss that is too large, and so certain or so large that chance is no excuse."""
    loss, p, interval = float(found["loss"]), float(found["p"]), found["interval"]
    figures = f"{what} {found['challenger']:.4f} beside {beside} {found['champion']:.4f}"
    if loss <= limits.max_loss:
        return True, f"found {figures}, expected at most {limits.max_loss:.4f} less"
    between = f" ({interval[0]:.4f} to {interval[1]:.4f})" if interval else ""
    told = f"found {figures}, a loss of {loss:.4f}{between}"
    if loss > limits.hard_loss:
        return False, f"{told}, expected at most {limits.hard_loss:.4f} whatever chance may have done"
    if p <= chance:
        return False, f"{told}, too certain for chance (p {p:.3f}), expected at most {limits.max_loss:.4f}"
    # written so that NaN fails
    return loss <= limits.hard_loss, f"{told}, which may be chance (p {p:.3f}): not refused"


def _label_lost(
    label: str,
    found: Mapping[str, Any],
    limits: LossLimits,
    chance: float,
    min_support: int,
    *,
    beside: str = "the promoted model's",
) -> tuple[bool, str]:
    passed, line = _lost(f"F1 of {label}", found, limits, chance, beside=beside)
    if found["n_gold"] < min_support:
        few = f"{found['n_gold']} entities are too few to judge {label} by, {min_support} would do: told only"
        return True, f"{line}; {few}" if not passed else f"{line} ({few})"
    return passed, line


def _at_least(what: str, found: float, least: float) -> tuple[bool, str]:
    # written so that NaN fails
    return found >= least, f"found {what} {found:.4f}, expected at least {least:.4f}"


def _at_most(what: str, found: float, most: float) -> tuple[bool, str]:
    return found <= most, f"found {what} {found:.4f}, expected at most {most:.4f}"


def make_verdict(where: str, checks: list[tuple[bool, str]]) -> Verdict:
    failed = [line for passed, line in checks if not passed]
    if failed:
        raise GateNotPassed("; ".join(failed) + f", at {where}")
    return Verdict(tuple(line for _, line in checks))
