"""Metrics of the operators, emitted through Airflow's StatsD or OpenTelemetry client: docs/monitoring.md.

All are gauges: each task is a separate process, in which a counter would start at 0, and each night's values replace
those of the night before. Names are unique without tags, because plain StatsD drops tags.
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
    """Description of a metric.

    Attributes:
        unit: unit of its value; `1` for counts and shares.
        task: the tasks that emit it.
        meaning: what it measures.
    """

    unit: str
    task: str
    meaning: str


METRICS = {
    "ner.queue.days": Metric("1", "plan_shards, publish_day", "closed days with an inbox but no published answers"),
    "ner.queue.age_s": Metric(
        "s", "plan_shards, publish_day", "time since the oldest of these days closed; 0 if there is none"
    ),
    "ner.queue.files": Metric("1", "plan_shards", "files in the day's inbox"),
    "ner.queue.bytes": Metric("By", "plan_shards", "total size of these files"),
    "ner.night.documents": Metric("1", "check_night", "documents of the night, tagged or rejected"),
    "ner.night.rejected": Metric("1", "check_night", "documents that could not be tagged"),
    "ner.night.rejected_share": Metric(
        "1", "check_night", "share of rejected documents; the gate's default limit is 0.2"
    ),
    "ner.night.partly_read": Metric("1", "check_night", "tagged documents with content that could not be read"),
    "ner.night.partly_read_share": Metric(
        "1", "check_night", "share of partly read among tagged documents; the gate's default limit is 0.5"
    ),
    "ner.night.ignored": Metric("1", "check_night", "files ignored by a rule, such as Thumbs.db"),
    "ner.night.lost": Metric("1", "check_night", "files without an answer; the gate fails unless it is 0"),
    "ner.night.words": Metric("1", "publish_day", "words in the published answers"),
    "ner.night.words_per_s": Metric("1/s", "publish_day", "words of all shards divided by their total tagging time"),
    "ner.night.entities": Metric("1", "publish_day", "entities in the published answers"),
    "ner.night.reused": Metric("1", "publish_day", "documents for which an earlier answer was reused"),
    "ner.night.repeated_share": Metric(
        "1", "publish_day", "share of words in repeated sentences, which a shard does not compute again"
    ),
    "ner.night.answered_after_s": Metric(
        "s", "publish_day", "time from the end of the day to the publication of its answers"
    ),
    "ner.drift.alerts": Metric("1", "drift", "measures of the night that differ from previous nights"),
    "ner.drift.nights": Metric("1", "drift", "previous nights compared with; below the minimum nothing is judged"),
    "ner.model.age_s": Metric("s", "resolve_model", "time since the model in use was promoted"),
    "ner.fp32.f1": Metric("1", "ner_retrain.model_gate", "entity F1 of the trained model on the test part"),
    "ner.int8.f1": Metric("1", "ner_quantize.int8_gate", "entity F1 of the INT8 graph on the same sentences"),
    "ner.int8.f1_loss": Metric("1", "ner_quantize.int8_gate", "entity F1 lost by quantization"),
    "ner.int8.speed_up": Metric("1", "ner_quantize.int8_gate", "INT8 throughput divided by stock FP32 throughput"),
}


def emit(context: "Context", **values: float | None) -> None:
    """Set metrics, tagged with the DAG: tagging a past day again sets the metrics of a night as well.

    Args:
        context: context of the task.
        **values: value by name, such as `night_rejected_share` for `ner.night.rejected_share`; None leaves it unchanged.

    Raises:
        KeyError: there is no metric of that name.
    """
    ti = dict(context).get("ti")
    tags = {"dag_id": str(ti.dag_id)} if ti is not None else {}
    for short, value in values.items():
        group, _, rest = short.partition("_")
        name = f"ner.{group}.{rest}"
        if name not in METRICS:
            raise KeyError(f"found metric {name}, expected one of METRICS")
        if value is not None:
            stats.gauge(name, value, tags=tags)


def emit_queue(context: "Context", store: "Store") -> None:
    """Emit how many days wait for answers now, and for how long."""
    backlog = find_backlog(store, datetime.now(UTC))
    emit(context, queue_days=backlog.n_days, queue_age_s=backlog.age_s)


def emit_published(context: "Context", manifest: Mapping[str, Any]) -> None:
    """Emit the figures of a published day.

    Args:
        context: context of the task.
        manifest: the day's manifest.
    """
    emit(
        context,
        night_words=manifest["n_words"],
        night_words_per_s=manifest["words_per_s"],
        night_entities=manifest["n_entities"],
        night_reused=manifest["n_reused"],
        night_repeated_share=manifest.get("repeated_share", 0.0),
        night_answered_after_s=seconds_since(manifest["day"], datetime.now(UTC)),
    )
