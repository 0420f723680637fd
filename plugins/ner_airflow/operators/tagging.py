"""The first steps of `ner_tag_nightly`: model and plan; `shards` and `publication` have the later ones."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException
from pydantic import Field

from ner_airflow.observability import metrics
from ner_airflow.operators.base import NerOperator
from ner_airflow.operators.night import NightOperator, parse_day
from ner_airflow.schedule import is_by_hand, is_drop_complete, is_under_way
from ner_tasks import fingerprint
from ner_tasks.config.base import ConfigModel
from ner_tasks.config.types import Version
from ner_tasks.enrichment.config import EnrichmentConfig
from ner_tasks.enrichment.policy import EntityPolicy
from ner_tasks.errors import ArtifactBroken, Busy, InputMissing, SchemaTooNew
from ner_tasks.records import MeasuredDay, NightDivision, read_record
from ner_tasks.registry import leases
from ner_tasks.steps.tagging import ColumnParams, EntityParams
from ner_tasks.store import StoredFile, keys
from ner_tasks.tagging import planning, time_estimates
from ner_tasks.tagging.arrivals import QUIET_S, SettledFiles
from ner_tasks.tagging.kept_parts import PartRanges, Segment, choose_segments
from ner_tasks.tagging.night_inputs import NightInputs
from ner_tasks.tagging.planning import InboxSummary

if TYPE_CHECKING:
    from airflow.sdk import Context


class ModelParams(ConfigModel):
    """Which model tags."""

    model: Version | None = Field(None, title="Model version", description="Empty: the promoted version")


class ShardParams(ConfigModel):
    """How a day's files are divided."""

    shard_minutes: float = Field(
        3,
        ge=0.01,
        le=360,
        title="Minutes per shard",
        description="How long each shard is to take, by the times of earlier days; longer if there would be more than 56",
    )


class PlanParams(ColumnParams, ShardParams, EntityParams):
    """How a night is planned."""

    lookback_days: int = Field(
        0,
        ge=0,
        le=366,
        title="Days of reuse",
        description="The answers of so many earlier days are reused for identical texts",
    )
    retry_rejected: bool = Field(
        False, title="Retry rejected documents", description="Read rejected documents again; the other answers are kept"
    )
    force: bool = Field(False, title="Force", description="Tag everything again even if this model has already done so")


class ResolveModelOperator(NerOperator):
    """Pin the model for the whole night, so that a promotion during the night changes nothing."""

    def step(self, context: "Context") -> dict[str, Any]:
        asked_for = self.read_config(ModelParams).model
        if asked_for:  # the promoted version is never deleted
            leases.record_use(self.registry, models=asked_for)
        version, path = self.registry.resolve(asked_for)
        self.log.info("model of this night: %s, at %s", version, path)
        promotion = self.registry.promoted()
        if promotion:
            metrics.emit(context, model_age_s=time.time() - datetime.fromisoformat(promotion.at).timestamp())
        model: dict[str, Any] = {"version": version, "kind": path.name}
        # pinned as well; each worker uses the choice for its kind of machine
        choices = self.registry.runtime_configs(version) if path.name == "int8" else {}
        return model | ({"tuned": {name: asdict(choice) for name, choice in choices.items()}} if choices else {})


class PlanShardsOperator(NightOperator):
    """Divide the day's files into shards; skip a day that this model has already tagged.

    Args:
        day: YYYY-MM-DD.
        model: result of `ResolveModelOperator`.
    """

    template_fields: Sequence[str] = (*NightOperator.template_fields, "day", "model")

    def __init__(self, *, day: str, model: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.day, self.model = day, model
        self._measured: list[MeasuredDay] | None = None

    def execute(self, context: "Context") -> list[dict[str, Any]]:  # type: ignore[override]
        return list(super().execute(context)["shards"])

    def step(self, context: "Context") -> dict[str, Any]:
        metrics.emit_queue(context, self.store)
        return {"shards": self.plan(context, self.day, self.read_config(PlanParams))}

    def plan(self, context: "Context", day: str, params: PlanParams) -> list[dict[str, Any]]:
        """Return the day's shards; what they share goes into the plan, because XComs have to be small."""
        date_of_day, listed_at = parse_day(day), datetime.now(UTC)
        published = self.published(day)
        again = params.force or params.retry_rejected
        settings, salt = self._settings_version(params), context["run_id"] if again else ""
        with (
            self.workspace(f"plan-{day}-{keys.run_name(str(context['run_id']))}") as folder,
            planning.frozen_heap(),
        ):
            ranges, listing = None, folder / "listing.jsonl"
            if published and not again and published.get("settings_version") == settings:
                ranges = PartRanges(published.get("parts", ()))
            inbox = planning.write_listing(self._settled(context, day, listed_at), listing, ranges)
            metrics.emit(context, queue_files=inbox.n_files, queue_bytes=inbox.n_bytes)
            night = fingerprint.make_version({"settings": settings, "inbox": inbox.state, "salt": salt})
            self._skip_unchanged(context, inbox, day, night, published)
            division = self._division(day, night, params.shard_minutes)
            inputs = NightInputs(self.store, day, night)
            segments = choose_segments(
                inputs.check_parts(ranges.segments(), self.log.warning) if ranges else [Segment(inbox.sizes, None)],
                division["times"],
                shard_s=60 * division["shard_minutes"],
                max_parts=planning.MAX_SHARDS,
            )
            shards = inputs.write(listing, segments, division)
        self.remember(
            context,
            {
                "day": day,
                "night": night,
                "inbox_sha256": inbox.state,
                "settings_version": settings,
                "listed_at": listed_at.isoformat(),
                "model": self.model,
                "n_shards": len(shards),
                "shards": shards,
                "n_files": inbox.n_files,
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "columns": params.part(ColumnParams).model_dump(),
                "entities": params.part(EntityParams).given(),
                "answered": [] if params.force else self._answered(date_of_day, params.lookback_days),
            },
        )
        self._tell(segments, division, night)
        return [{"day": day, "index": index} for index, shard in enumerate(shards) if "kept" not in shard]

    def _settled(self, context: "Context", day: str, listed_at: datetime) -> Iterator[StoredFile]:
        """List the day's inbox without files that may still be written."""
        quiet_s = 0 if is_drop_complete(context.get("dag_run"), day) else QUIET_S
        files = SettledFiles(self.store.files(keys.inbox_day(parse_day(day))), listed_at.timestamp(), quiet_s)
        yield from files
        if files.n_left_out:
            self.log.info("%d files that changed in the last %g s are left to the next run", files.n_left_out, quiet_s)

    def _skip_unchanged(
        self, context: "Context", inbox: InboxSummary, day: str, night: str, published: Mapping[str, Any] | None
    ) -> None:
        """Skip a run that would change nothing, or publish an empty day over answers."""
        run = context.get("dag_run")
        if not inbox.n_files and not is_by_hand(run):
            self._check_emptied(run, day, published)
        if published and published.get("night") == night:
            raise AirflowSkipException(f"{inbox.n_files} files of {day} are answered by this model already")

    def _tell(self, segments: Sequence[Segment], division: NightDivision, night: str) -> None:
        to_tag, kept = [one for one in segments if not one.part], [one for one in segments if one.part]
        takes_s = sum(time_estimates.estimate_s(segment.sizes, division["times"]) for segment in to_tag)
        n_files = sum(segment.n_files for segment in to_tag)
        self.log.info("%d files to tag, about %.0f s of one worker, night %s", n_files, takes_s, night)
        if kept:
            n_kept = sum(segment.n_files for segment in kept)
            self.log.info("%d files have not changed: their %d parts are kept", n_kept, len(kept))

    def _check_emptied(self, run: Any, day: str, published: Mapping[str, Any] | None) -> None:
        """Skip a scheduled or event-driven run that would publish an empty day over answers, or before the day is over."""
        if published and published.get("n_documents"):
            found = f"found no files in {keys.inbox_day(day)}, but answers to {published['n_documents']:,} documents"
            self.log.warning("%s; trigger the DAG with `day` to publish an empty day", found)
            raise AirflowSkipException(f"{found}: they stay")
        if published is None and is_under_way(run, day):
            raise AirflowSkipException(f"found no files in {keys.inbox_day(day)}: nothing to do")

    def _settings_version(self, params: PlanParams) -> str:
        """Return a hash of everything that determines the answers besides the inbox."""
        from ner_tasks.enrichment.rules import hash_files  # the rules' patterns, which only this step needs, are many

        tagging, policy = self.tag_config(params.part(EntityParams).given()), EntityPolicy.load(self.settings.policy)
        return fingerprint.make_version(
            {
                # without the runtime configuration: how a host runs the model does not change which day is done
                "model": {name: self.model[name] for name in ("version", "kind")},
                "code": [fingerprint.code_version(name) for name in (*planning.CODE, planning.PART_CODE)],
                "keep_text": self.settings.keep_text,
                "language": self.settings.language,
                "ocr": self.settings.ocr and [self.settings.ocr_languages, self.settings.min_ocr_confidence],
                "policy": policy.with_scores(tagging["min_score"], tagging["min_label_scores"]).version,
                "rules": hash_files(
                    EnrichmentConfig(**{name: tagging[name] for name in EnrichmentConfig.model_fields})
                ),
                "columns": [params.text_column, params.id_column],
            }
        )

    def _division(self, day: str, night: str, shard_minutes: float) -> NightDivision:
        """Return by what the night is divided: the first run decides, so that finished shards keep their files."""
        key = keys.night_division(day, night)
        try:
            division = read_record(self.store, key, NightDivision)
        except SchemaTooNew:
            raise
        except (InputMissing, ArtifactBroken) as error:
            if isinstance(error, ArtifactBroken):
                self.log.warning("the night is divided and tagged anew: %s", error)
                self.store.remove(keys.night(day, night))
            if self._measured is None:  # once for all days that are tagged again
                self._measured = list(time_estimates.read_measured_days(self.store))
            times = time_estimates.estimate_times(self._measured, self.model["version"], ocr=self.settings.ocr)
            with suppress(Busy):  # another run has just decided
                self.store.swap_json(key, {"shard_minutes": shard_minutes, "times": times}, etag=None)
            division = read_record(self.store, key, NightDivision)
        if division["shard_minutes"] != shard_minutes:
            kept = "shards of about %g min instead of %g, as an earlier run of this night has divided it"
            self.log.info(kept, division["shard_minutes"], shard_minutes)
        return division

    def _answered(self, day: date, lookback_days: int) -> list[str]:
        """Return the days whose answers by this model may be reused."""
        days = [str(day - timedelta(days=back)) for back in range(lookback_days + 1)]
        published = {day: self.published(day) for day in days}
        return [
            day
            for day, manifest in published.items()
            if manifest and manifest["model_version"] == self.model["version"]
        ]
