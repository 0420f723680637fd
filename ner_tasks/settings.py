"""The settings of one deployment: environment variables that begin with `NER_`."""

import difflib
import os
import sys
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ner_tasks.config.base import describe_error
from ner_tasks.enrichment.config import EnrichmentConfig
from ner_tasks.errors import ConfigInvalid
from ner_tasks.evaluation.policy import GateOverrides
from ner_tasks.steps.tagging import ReadingConfig, ThresholdConfig
from ner_tasks.store import S3, Store, open_store

_PREFIX, _MAX_HOURS = "NER_", 168
Rhythm = Literal["nightly", "hourly", "arrivals"]
# Read by other parts of the project: the launcher, the containers, the tests and the benchmarks.
_OTHERS = frozenset(
    [
        "NER_AIRFLOW_DATABASE",
        "NER_AIRFLOW_DATABASE_FILE",
        "NER_ENCODER_FOLDER",
        "NER_HOME",
        "NER_POOL_SLOTS",
        "NER_PORT",
        "NER_TAG_CONCURRENCY",
        "NER_TAG_MEMORY",
        "NER_TRAIN_MEMORY",
        "NER_UID",
        "NER_UMASK",
        "NER_VAR",
        "NER_VERBOSE",
    ]
)


class WatchSettings(BaseSettings):
    """What watches over the steps reads: a notice has to leave even if another setting is wrong."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, env_ignore_empty=True, frozen=True)

    runbook: str | None = Field(None, description="address of the runbook that notices link to (default: this one)")
    deadline: float = Field(
        4, ge=0, le=_MAX_HOURS, description="hours after its due time when a night is late; 0: no deadline"
    )
    schedule: Rhythm = Field(
        "nightly",
        description="when ner_tag_nightly runs: at 01:30 UTC; hourly too; or arrivals: when documents arrive, too",
    )

    @classmethod
    def from_env(cls, **given: Any) -> Self:
        """Read the environment.

        Args:
            given: settings that take precedence over the environment.

        Raises:
            ConfigInvalid: a value of another type or out of bounds.
        """
        try:
            return cls(**given)
        except ValidationError as error:
            raise ConfigInvalid(describe_error(error, cls, spell=_variable)) from None


_RULE_FILES = ("sections_file", "assertion_file", "vocabulary", "redaction_key_file", "personal_data_file")


class Settings(WatchSettings, ReadingConfig, ThresholdConfig, EnrichmentConfig, GateOverrides):
    """Everything that a deployment can set; the variable of `store` is `NER_STORE`, and so on.

    An empty variable counts as not set. The limits of the gates take precedence over the gates' YAML, and the parameters of
    a run over both.
    """

    model_config = SettingsConfigDict(validate_default=True)

    store: str = Field("var/store", description="where the store is: a folder, or s3://bucket/prefix")
    scratch: Path = Field(Path("var/scratch"), description="local folder for unfinished work; may be deleted at rest")
    encoder: Path = Field(Path("var/encoder"), description="folder of the checkpoint that training starts from")
    threads: int = Field(
        default_factory=lambda: os.cpu_count() or 1, ge=1, description="number of threads of one step (default: all)"
    )
    warm_minutes: float = Field(
        5,
        ge=0,
        le=24 * 60,
        description="minutes that a process of about 80 MiB (at most 512) with the tagger's libraries loaded waits for the "
        "next shard; 0: each shard loads them itself",
    )
    approval: bool = Field(False, description="1: ask a person before a model is promoted")
    original_pages: bool = Field(True, description="0: the API server draws no pages of documents as they looked")
    postgres: str | None = Field(
        None,
        max_length=250,
        description="Airflow Connection of a PostgreSQL database that gets a copy of each day (default: none)",
    )
    gates: Path | None = Field(None, description="YAML of the gates (default: ner_tasks/config/gates.yaml)")
    python: Path = Field(
        Path(sys.executable), description="Python interpreter of the steps; it need not be that of Airflow"
    )

    @field_validator("store")
    @classmethod
    def _locate_store(cls, store: str) -> str:
        if "://" in store and not store.startswith(S3):
            raise ValueError(f"found NER_STORE={store!r}, expected a folder or s3://bucket/prefix")
        return store if store.startswith(S3) else str(Path(store).absolute())

    @field_validator("scratch", "encoder", "gates", "policy", *_RULE_FILES)
    @classmethod
    def _locate(cls, path: Path | None) -> Path | None:
        return path.absolute() if path else None

    @property
    def limits(self) -> GateOverrides:
        """The limits of the gates that the deployment sets."""
        return self.part(GateOverrides)

    def open_store(self) -> Store:
        """Open the store; what is fetched from S3 is cached in the scratch folder."""
        return open_store(self.store, cache=self.scratch / "store")


def runbook_url() -> str | None:
    """Return the address of the deployment's runbook, `NER_RUNBOOK`; None for the project's own."""
    return WatchSettings.from_env(deadline=0, schedule="nightly").runbook


def night_deadline() -> timedelta | None:
    """Return how long after its due time a night has to be done, `NER_DEADLINE`; None if there is no deadline."""
    hours = WatchSettings.from_env(schedule="nightly").deadline
    return timedelta(hours=hours) if hours else None


def night_schedule() -> Rhythm:
    """Return when the nightly DAG runs, `NER_SCHEDULE`."""
    return WatchSettings.from_env(deadline=0).schedule


def unknown_variables(names: Iterable[str]) -> list[str]:
    """Return a notice for each `NER_*` name that is no setting, with the setting that was probably meant."""
    known = {_variable(name) for name in Settings.model_fields} | _OTHERS
    notices = []
    for name in sorted(set(names)):
        if name.startswith(_PREFIX) and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            notices.append(
                f"unknown setting {name}, which has no effect{f'; did you mean {close[0]}?' if close else ''}"
            )
    return notices


def _variable(name: str) -> str:
    return f"{_PREFIX}{name.upper()}"
