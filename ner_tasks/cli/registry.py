"""Run the commands on registered versions."""

import getpass
import shlex
import time
from dataclasses import asdict
from datetime import UTC, date, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

from ner_tasks.errors import ConfigInvalid, GateNotPassed
from ner_tasks.settings import Settings
from ner_tasks.steps.registry import (
    CardCommand,
    CheckStoreCommand,
    MigrateCommand,
    ModelsCommand,
    PromoteCommand,
    PromotionFlags,
    PruneCommand,
    RollbackCommand,
)

if TYPE_CHECKING:
    from ner_tasks.registry.promotions import Promotion
    from ner_tasks.registry.registry import Registry

Result = dict[str, Any]


def commands() -> list[tuple[Any, Any]]:
    return [
        (ModelsCommand, list_models),
        (PromoteCommand, promote),
        (RollbackCommand, roll_back),
        (CheckStoreCommand, check_store),
        (CardCommand, write_card),
        (PruneCommand, prune_store),
        (MigrateCommand, migrate),
    ]


def list_models(config: ModelsCommand) -> Result:
    from rich.console import Console

    from ner_tasks.registry import queries

    versions = queries.list_versions(registry_at(config.store))
    Console().print(queries.render_table(versions))
    return {"versions": versions}


def promote(config: PromoteCommand) -> Result:
    from ner_tasks.registry import queries

    registry = registry_at(config.store)
    metrics = queries.read_figures(registry, config.version)
    return _show(registry.promote(config.version, config.kind, metrics=metrics, **_history_entry(config)))


def roll_back(config: RollbackCommand) -> Result:
    return _show(registry_at(config.store).roll_back(**_history_entry(config)))


def write_card(config: CardCommand) -> Result:
    from ner_tasks.registry import model_card

    registry = registry_at(config.store)
    key = model_card.publish_card(registry, config.version)
    print(registry.store.fetch(f"{key}.md").read_text(encoding="utf-8"), flush=True)
    return {"markdown": registry.store.where(f"{key}.md"), "html": registry.store.where(f"{key}.html")}


def check_store(config: CheckStoreCommand) -> Result:
    from ner_tasks.registry import store_check

    try:
        since = date.fromisoformat(config.since) if config.since else None
    except ValueError:
        raise ConfigInvalid(f"found day {config.since!r}, expected one of the calendar, in --since") from None
    registry = registry_at(config.store)
    days = store_check.list_days(registry.store, datetime.now(UTC), since=since)
    findings = store_check.check_store(registry, days)
    if config.postgres:
        from ner_tasks.sinks.postgres import list_days

        copies = list_days(database=config.database, schema=config.db_schema)
        flags = f" --database {shlex.quote(config.database)}" if config.database else ""
        flags += f" --db_schema {config.db_schema}"
        findings = chain(findings, store_check.check_copies(registry.store, days, copies, flags=flags))
    n_found = 0
    for finding in findings:
        n_found += finding.fix != ""
        print(finding, flush=True)
    if n_found:
        where = registry.store.where()
        raise GateNotPassed(f"found {n_found} things to mend in {len(days)} days, expected none, in {where}")
    return {"n_days": len(days)}


def prune_store(config: PruneCommand) -> Result:
    from ner_tasks.registry.retention import RetentionPolicy, prune

    registry = registry_at(config.store)
    keep = RetentionPolicy(days=config.days, n_versions=config.n_versions, staging_days=config.staging_days)
    kept, gone = prune(registry, keep, time.time(), delete=config.delete)
    for item in kept:
        print(f"kept: {item.key}: {item.reason}")
    for item in gone:
        print(
            f"{'removed' if config.delete else 'would remove'}: {item.key}, {item.n_bytes / 2**20:.1f} MiB", flush=True
        )
    return {
        "deleted": config.delete,
        "kept": [asdict(item) for item in kept],
        "gone": [asdict(item) for item in gone],
    }


def migrate(config: MigrateCommand) -> Result:
    from ner_tasks.registry import migration

    store = registry_at(config.store).store
    plan = migration.plan_migration(store)
    for line in plan.unreadable:
        print(f"left as it is: {line}", flush=True)
    done = "would change" if config.dry_run else "changed"
    for change in plan.changes:
        if not config.dry_run:
            change.apply(store)
        print(f"{done}: {change.key}: {change.description}", flush=True)
    print(f"{done}: {len(plan.changes)}; records read: {plan.n_records}; in {store.where()}", flush=True)
    return {
        "dry_run": config.dry_run,
        "n_records": plan.n_records,
        "changes": [{"key": change.key, "description": change.description} for change in plan.changes],
        "unreadable": plan.unreadable,
    }


def _show(promotion: "Promotion") -> Result:
    print(f"promoted: {promotion.version} since {promotion.at}, after {promotion.previous}", flush=True)
    return asdict(promotion)


def _history_entry(config: PromotionFlags) -> dict[str, Any]:
    return {"by": config.by or getpass.getuser(), "reason": config.reason, "instead_of": config.instead_of}


def registry_at(where: str) -> "Registry":
    """The registry of a store that was named by a flag."""
    from ner_tasks.registry.registry import Registry

    return Registry(Settings.from_env(store=where).open_store())
