"""Lists the registered versions with their metrics and state."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ner_tasks.records import ComparisonRecord, read_record
from ner_tasks.registry.promotions import previous_promotion
from ner_tasks.registry.registry import Registry
from ner_tasks.store import keys

if TYPE_CHECKING:
    from rich.table import Table


def list_versions(registry: Registry) -> list[dict[str, Any]]:
    """List the registered versions, newest first.

    Returns:
        For each version: `version`; `at`, time of registration; its metrics, see `read_figures`; `last_promoted`, time or
        None; `state`: `promoted`, `before` for the target of a rollback, or empty.
    """
    history = registry.history()
    current = history[-1] if history else None
    promoted_at = {promotion.version: promotion.at for promotion in history}
    target = previous_promotion(history)
    state = {target.version: "before"} if target else {}
    state |= {current.version: "promoted"} if current else {}
    return [
        {
            "version": version,
            "at": registry.details(version)["at"],
            **read_figures(registry, version),
            "last_promoted": promoted_at.get(version),
            "state": state.get(version, ""),
        }
        for version in reversed(registry.versions())
    ]


def read_figures(registry: Registry, version: str) -> dict[str, float]:
    """Read the known metrics of a version: entity F1, and the results of `compare-quantized` for its INT8 model.

    Returns:
        Any of `fp32_f1`, `f1` and `f1_loss` (INT8), and `int8_over_stock`, the speed-up over stock FP32.

    Raises:
        InputMissing: there is no such version.
    """
    details = registry.details(version)
    figures = {"fp32_f1": details["overall"]["f1"]} if "overall" in details else {}
    key = keys.comparison_scores(version)
    if registry.store.exists(key):
        comparison = read_record(registry.store, key, ComparisonRecord)
        f1, speed_up = comparison["int8"]["overall"]["f1"], comparison["speed"]["int8_over_stock"]
        figures |= {"f1": f1, "int8_over_stock": speed_up}
        figures |= {"f1_loss": comparison["f1_loss"]} if "f1_loss" in comparison else {}
    return figures


def render_table(versions: Sequence[Mapping[str, Any]]) -> "Table":
    """Render the output of `list_versions` for a terminal."""
    from rich.table import Table

    shown = Table("version", "registered", "F1 FP32", "F1 INT8", "speed-up", "last promoted", "")
    for one in versions:
        f1 = [f"{one[name]:.4f}" if name in one else "" for name in ("fp32_f1", "f1")]
        speed_up = f"{one['int8_over_stock']:.2f}" if "int8_over_stock" in one else ""
        at, last = (str(one[name] or "")[:16] for name in ("at", "last_promoted"))
        shown.add_row(one["version"], at, *f1, speed_up, last, one["state"])
    return shown
