"""Every metric that the operators emit, through Airflow's own StatsD or OpenTelemetry: docs/signals.md.

All are gauges. A task is a process of its own, so a counter would begin at nothing in each of them; what a night has
done is a number that the next night replaces. No tag is needed to tell two metrics apart: plain StatsD drops them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk.observability import stats

from ner_tasks.monitoring.backlog import find_backlog, seconds_since

if TYPE_CHECKING:
    from airflow.sdk import Context

    from ner_tasks.store import Store


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        unit: of its value; `1` for counts and shares.
        task: the tasks that emit it.
        meaning: what it is.
    """

    unit: str
    task: str
    meaning: str


METRICS = {
    "ner.queue.days": Metric("1", "plan_shards, publish_day", "closed days with an inbox and without answers"),
    "ner.queue.age_s": Metric(
        "s", "plan_shards, publish_day", "since the oldest of these days closed; 0 if none waits"
    ),
    "ner.queue.files": Metric("1", "plan_shards", "files in the day's inbox"),
    "ner.queue.bytes": Metric("By", "plan_shards", "their size"),
    "ner.night.documents": Metric("1", "check_night", "documents of the night, tagged or not"),
    "ner.night.rejected": Metric("1", "check_night", "those that could not be tagged"),
    "ner.night.rejected_share": Metric("1", "check_night", "their share; the gate's limit is 0.2 unless set otherwise"),
    "ner.night.partly_read": Metric("1", "check_night", "tagged documents that hold something unread"),
    "ner.night.partly_read_share": Metric(
        "1", "check_night", "their share of the tagged; the gate's limit is 0.5 unless set otherwise"
    ),
    "ner.night.ignored": Metric("1", "check_night", "files that a rule ignores, such as Thumbs.db"),
    "ner.night.lost": Metric("1", "check_night", "files without an answer; anything but 0 fails the gate"),
    "ner.night.words": Metric("1", "publish_day", "words of the published answers"),
    "ner.night.words_per_s": Metric("1/s", "publish_day", "words over the time that tagging took, all shards together"),
    "ner.night.entities": Metric("1", "publish_day", "entities in the published answers"),
    "ner.night.reused": Metric("1", "publish_day", "documents answered from answers there were"),
    "ner.night.answered_after_s": Metric("s", "publish_day", "from the close of the day to its published answers"),
    "ner.drift.alerts": Metric("1", "drift", "measures of the night that are unlike those of the nights before"),
    "ner.drift.nights": Metric("1", "drift", "nights that it was held against; too few and nothing is judged"),
    "ner.model.age_s": Metric("s", "resolve_model", "since the promoted model was promoted"),
    "ner.fp32.f1": Metric("1", "ner_retrain.model_gate", "entity F1 of the trained model, test part"),
    "ner.int8.f1": Metric("1", "ner_quantize.int8_gate", "entity F1 of its INT8 graph, same sentences"),
    "ner.int8.f1_loss": Metric("1", "ner_quantize.int8_gate", "what INT8 loses of it"),
    "ner.int8.speed_up": Metric("1", "ner_quantize.int8_gate", "INT8 over stock FP32, in words/s"),
}


def emit(context: "Context", **values: float | None) -> None:
    """Set metrics, `night_rejected_share` for `ner.night.rejected_share`; what is None is left as it was.

    Tagged with the DAG, since a past day that is tagged again sets those of a night as well.
    """
    ti = dict(context).get("ti")
    tags = {"dag_id": str(ti.dag_id)} if ti is not None else {}
    for short, value in values.items():
        room, _, rest = short.partition("_")
        name = f"ner.{room}.{rest}"
        if name not in METRICS:
            raise KeyError(f"found metric {name}, expected one of METRICS")
        if value is not None:
            stats.gauge(name, value, tags=tags)


def emit_queue(context: "Context", store: "Store") -> None:
    """What waits for an answer now."""
    waiting = find_backlog(store, datetime.now(UTC))
    emit(context, queue_days=waiting.n_days, queue_age_s=waiting.age_s)


def emit_published(context: "Context", manifest: Mapping[str, Any]) -> None:
    """What a published day has."""
    emit(
        context,
        night_words=manifest["n_words"],
        night_words_per_s=manifest["words_per_s"],
        night_entities=manifest["n_entities"],
        night_reused=manifest["n_reused"],
        night_answered_after_s=seconds_since(manifest["day"], datetime.now(UTC)),
    )
