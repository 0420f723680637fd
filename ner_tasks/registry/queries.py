"""The registered versions as people ask for them: their figures, which is promoted, which was."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ner_tasks.records import ComparisonRecord, read_record
from ner_tasks.registry.promotions import previous_promotion
from ner_tasks.registry.registry import Registry
from ner_tasks.store import keys

if TYPE_CHECKING:
    from rich.table import Table


def list_versions(registry: Registry) -> list[dict[str, Any]]:
    """Each registered version, newest first.

    Returns:
        Of each: `version`; `at`, when it was registered; its figures as `read_figures` has them; `last_promoted`, when, or
        None; `state`: `promoted`, `before`, which a roll-back goes to, or empty.
    """
    history, current = registry.history(), registry.promoted()
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
    """Entity F1 of a version, and what `compare-quantized` has measured of its INT8 model, as far as they are known.

    Raises:
        InputMissing: there is no such version.
    """
    details = registry.details(version)
    figures = {"fp32_f1": details["overall"]["f1"]} if "overall" in details else {}
    key = keys.comparison_scores(version)
    if registry.store.exists(key):
        said = read_record(registry.store, key, ComparisonRecord)
        f1, speed_up = said["int8"]["overall"]["f1"], said["speed"]["int8_over_stock"]
        figures |= {"f1": f1, "int8_over_stock": speed_up}
        figures |= {"f1_loss": said["f1_loss"]} if "f1_loss" in said else {}
    return figures


def render_table(versions: Sequence[Mapping[str, Any]]) -> "Table":
    """The same for a terminal."""
    from rich.table import Table

    shown = Table("version", "registered", "F1 FP32", "F1 INT8", "speed-up", "last promoted", "")
    for one in versions:
        f1 = [f"{one[name]:.4f}" if name in one else "" for name in ("fp32_f1", "f1")]
        speed_up = f"{one['int8_over_stock']:.2f}" if "int8_over_stock" in one else ""
        at, last = (str(one[name] or "")[:16] for name in ("at", "last_promoted"))
        shown.add_row(one["version"], at, *f1, speed_up, last, one["state"])
    return shown
