"""The registry: list, promote, roll back, describe and prune versions."""

import os
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ner_tasks.config.base import ConfigModel
from ner_tasks.config.flags import Flag
from ner_tasks.config.types import Day
from ner_tasks.steps.command import Command
from ner_tasks.steps.sinks import PostgresDatabase

RegisteredVersion = Annotated[str, Flag("V")]


class StoreFlag(ConfigModel):
    """A step that reads the store itself."""

    store: Annotated[str, Flag("STORE")] = Field(
        default_factory=lambda: os.environ.get("NER_STORE") or "var/store",
        description="a folder, or s3://bucket/prefix",
    )


class PromotionFlags(StoreFlag):
    """Who moves the promoted pointer, and why."""

    instead_of: RegisteredVersion | None = Field(None, description="only if this version is still the promoted one")
    by: Annotated[str | None, Flag("NAME")] = Field(
        None, description="who promotes it, for the history (default: the user of this machine)"
    )
    reason: Annotated[str, Flag("TEXT")] = Field("", description="the reason, for the history")


class ModelsCommand(StoreFlag, Command):
    """List the registered versions, their metrics, and which one is promoted."""

    name: ClassVar[str] = "models"


class CheckStoreCommand(PostgresDatabase, StoreFlag, Command):
    """Check that each document of the inbox is answered once and the promoted model is there, as after a restore."""

    name: ClassVar[str] = "check-store"
    reads_documents: ClassVar[bool] = True

    since: Annotated[Day | None, Flag("YYYY-MM-DD")] = Field(
        None, description="the first day to check (default: the first of the store)"
    )
    postgres: bool = Field(False, description="1: also check the copies of days in PostgreSQL")


class PromoteCommand(PromotionFlags, Command):
    """Promote a version: the nightly run uses it from now on."""

    name: ClassVar[str] = "promote"

    version: RegisteredVersion = Field(description="a registered version")
    kind: Literal["int8", "frozen"] = Field("int8", description="which of its models to use")


class RollbackCommand(PromotionFlags, Command):
    """Roll back to the version that was promoted before."""

    name: ClassVar[str] = "rollback"


class CardCommand(StoreFlag, Command):
    """Write the model card of a version as Markdown and HTML, beside its reports."""

    name: ClassVar[str] = "card"

    version: RegisteredVersion = Field(description="a registered version")


class PruneParams(ConfigModel):
    """What is kept."""

    days: float = Field(
        90,
        ge=1,
        le=36_500,
        title="Days to keep",
        description="Versions and snapshots that were made or used within so many days are kept",
    )
    n_versions: int = Field(
        5, ge=1, le=100_000, title="Versions to keep", description="So many of the newest are kept, whatever their age"
    )
    staging_days: float = Field(
        14, ge=8, le=36_500, title="Days to keep staging", description="Intermediate results of runs"
    )
    delete: bool = Field(False, title="Delete", description="Off: only list what would be deleted")


class MigrateCommand(StoreFlag, Command):
    """Bring the records of a store that an earlier release wrote to this release's schema version."""

    name: ClassVar[str] = "migrate"

    dry_run: bool = Field(False, description="1: only list what would be changed")


class PruneCommand(PruneParams, StoreFlag, Command):
    """Delete versions, snapshots and staging that are no longer needed."""

    name: ClassVar[str] = "prune"
