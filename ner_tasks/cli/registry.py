"""What the verbs about registered versions do: from their flags to the dict of their report."""

import argparse
import getpass
import os
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ner_tasks.settings import Settings

if TYPE_CHECKING:
    from ner_tasks.registry.promotions import Promotion
    from ner_tasks.registry.registry import Registry

Args = argparse.Namespace
Result = dict[str, Any]


def models(args: Args) -> Result:
    from rich.console import Console

    from ner_tasks.registry import queries

    versions = queries.list_versions(registry_at(args.store))
    Console().print(queries.render_table(versions))
    return {"versions": versions}


def promote(args: Args) -> Result:
    from ner_tasks.registry import queries

    registry = registry_at(args.store)
    metrics = queries.read_figures(registry, args.version)
    return _told(registry.promote(args.version, args.kind, metrics=metrics, **_moved_by(args)))


def rollback(args: Args) -> Result:
    return _told(registry_at(args.store).roll_back(**_moved_by(args)))


def card(args: Args) -> Result:
    from ner_tasks.registry import model_card as cards

    registry = registry_at(args.store)
    key = cards.publish_card(registry, args.version)
    print(registry.store.fetch(f"{key}.md").read_text(encoding="utf-8"), flush=True)
    return {"markdown": registry.store.where(f"{key}.md"), "html": registry.store.where(f"{key}.html")}


def retain(args: Args) -> Result:
    from ner_tasks.registry.retention import RetentionPolicy, prune

    registry = registry_at(args.store)
    keep = RetentionPolicy(days=args.days, n_versions=args.n_versions, staging_days=args.staging_days)
    kept, gone = prune(registry, keep, time.time(), delete=bool(args.delete))
    for item in kept:
        print(f"kept: {item.key}: {item.reason}")
    for item in gone:
        print(f"{'removed' if args.delete else 'would remove'}: {item.key}, {item.n_bytes / 2**20:.1f} MiB", flush=True)
    return {
        "deleted": bool(args.delete),
        "kept": [asdict(item) for item in kept],
        "gone": [asdict(item) for item in gone],
    }


def _told(promotion: "Promotion") -> Result:
    print(f"promoted: {promotion.version} since {promotion.at}, after {promotion.previous}", flush=True)
    return asdict(promotion)


def _moved_by(args: Args) -> dict[str, Any]:
    return {"by": args.by or getpass.getuser(), "reason": args.reason, "instead_of": args.instead_of}


def registry_at(where: str) -> "Registry":
    """The registry of a store that was named by a flag."""
    from ner_tasks.registry.registry import Registry

    return Registry(Settings.from_env({**os.environ, "NER_STORE": where}).open_store())
