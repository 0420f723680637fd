"""Print the results of a run."""

import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from textwrap import shorten
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from launcher.chain import Outcome
from ner_tasks import display
from ner_tasks.data import part_sizes
from ner_tasks.data import snapshot as snapshots
from ner_tasks.files import atomic
from ner_tasks.store import keys
from ner_tasks.store.folder import FolderStore
from ner_tasks.tagging.answer_ledger import DOCUMENTS
from ner_tasks.tagging.day_parts import find_parts
from ner_tasks.tagging.merge import MANIFEST

N_EXAMPLES = 3
# least entities of a good example; most documents to choose from
N_ENTITIES, MAX_CANDIDATES = 3, 1000


def show(console: Console, store: FolderStore, outcome: Outcome) -> None:
    """Print data, quality, speed, the day's documents and three tagged examples."""
    snapshot = store.read_json(keys.snapshot(outcome.snapshot, snapshots.MANIFEST))
    comparison = store.read_json(keys.comparison_scores(outcome.version))
    night = store.read_json(keys.tagged_day(outcome.day, MANIFEST))
    console.print()
    console.rule("[bold]Summary")
    _lines(console, _data(snapshot))
    for line in part_sizes.describe_small_parts(snapshot["parts"]):
        console.print(Text.assemble((f"{'Too small to decide by':<22}", "bold red"), f" {line}"), soft_wrap=True)
    console.print()
    console.print("[bold]Entity F1 on the test part[/] (exact spans and labels)")
    console.print(_quality(comparison))
    _lines(console, _speed(comparison))
    _lines(console, _night(night))
    console.print()
    for document in _examples(store, outcome.day):
        _example(console, document)
    _lines(console, _places(store, outcome))


def _lines(console: Console, rows: list[tuple[str, str]]) -> None:
    for name, value in rows:
        console.print(Text.assemble((f"{name:<22}", "bold"), value), soft_wrap=True)


def _data(snapshot: Mapping[str, Any]) -> list[tuple[str, str]]:
    quarantined = snapshot["quarantined"]
    reasons = ", ".join(f"{reason}: {n}" for reason, n in sorted(quarantined.items())) or "none"
    parts = ", ".join(f"{name} {part['n_sentences']:,}" for name, part in snapshot["parts"].items())
    return [
        ("Data validated", f"{snapshot['n_rows']:,} rows, {snapshot['n_sentences']:,} sentences ({parts})"),
        ("Quarantined", f"{sum(quarantined.values()):,} sentences ({reasons})"),
    ]


def _quality(comparison: Mapping[str, Any]) -> Table:
    table = Table()
    table.add_column("label")
    for name in ("entities", "FP32", "INT8", "change"):
        table.add_column(name, justify="right")
    fp32, int8 = comparison["fp32"], comparison["int8"]
    for label in sorted(fp32["labels"]):
        _score_row(table, label, fp32["labels"][label], int8["labels"].get(label, {}))
    table.add_section()
    _score_row(table, "all", fp32["overall"], int8["overall"])
    return table


def _score_row(table: Table, label: str, fp32: Mapping[str, Any], int8: Mapping[str, Any]) -> None:
    before, after = float(fp32["f1"]), float(int8.get("f1", 0.0))
    table.add_row(label, f"{fp32['n_gold']:,}", f"{before:.4f}", f"{after:.4f}", f"{after - before:+.4f}")


def _speed(comparison: Mapping[str, Any]) -> list[tuple[str, str]]:
    speed = comparison["speed"]
    engines = {"stock_fp32": "stock FP32", "onednn_fp32": "oneDNN FP32", "int8": "INT8"}
    rates = ", ".join(f"{label} {speed[name]:,.0f}" for name, label in engines.items())
    others = f"{speed['int8_over_onednn']:.2f}x over FP32 with oneDNN"
    return [
        (
            "INT8 speed-up",
            f"{speed['int8_over_stock']:.2f}x over stock FP32 (oneDNN off), {others}",
        ),
        ("Length buckets", f"{speed['bucketed_over_padded']:.2f}x over padding every sentence to 128 pieces"),
        ("Words per second", rates),
    ]


def _night(night: Mapping[str, Any]) -> list[tuple[str, str]]:
    reasons = ", ".join(f"{reason}: {n}" for reason, n in sorted(night["rejected"].items())) or "none"
    ignored = ", ".join(f"{rule}: {n}" for rule, n in sorted(night["ignored"].items()))
    labels = ", ".join(f"{label} {n:,}" for label, n in sorted(night["entities"].items(), key=lambda pair: -pair[1]))
    return [
        ("Documents of the day", f"{night['n_documents']:,} on {night['day']}, {night['n_words']:,} words"),
        ("Tagged", f"{night['n_tagged']:,}, with {night['n_entities']:,} entities ({labels or 'none'})"),
        ("Not given", f"{sum(night.get('dropped', {}).values()):,} entities that score below the minimum"),
        *_counted("Findings", night.get("assertions", {})),
        *_counted("Personal data", night.get("personal_data", {})),
        ("Partly read", f"{night['n_partly_read']:,}"),
        ("Rejected", f"{night['n_rejected']:,} ({reasons})"),
        *([("Ignored", ignored)] if ignored else []),
    ]


def _counted(name: str, counts: Mapping[str, int]) -> list[tuple[str, str]]:
    listed = ", ".join(f"{one} {n:,}" for one, n in sorted(counts.items(), key=lambda pair: -pair[1]))
    return [(name, listed)] if listed else []


def _examples(store: FolderStore, day: str) -> list[dict[str, Any]]:
    """Return three tagged documents, of three formats if possible; those with assessed findings and several entities first."""
    best: dict[tuple[bool, bool, bool, str], dict[str, Any]] = {}
    seen: set[str] = set()
    for part in find_parts(store.path_of(keys.tagged_day(day))):
        for document in map(json.loads, atomic.lines_in(part / DOCUMENTS)):
            suffix = PurePosixPath(document["document"].partition("#")[0]).suffix
            if document["entities"] and len(best) < MAX_CANDIDATES:
                is_plain = not any(entity.get("assertion") for entity in document["entities"])
                is_poor = len(document["entities"]) < N_ENTITIES
                best[(is_plain, is_poor, suffix in seen, document["document"])] = document
                seen.add(suffix)
    return [best[rank] for rank in sorted(best)[:N_EXAMPLES]]


def _example(console: Console, document: Mapping[str, Any]) -> None:
    console.print(Text(document["document"], style="bold"))
    console.print(display.make_excerpt(document["text"], document["entities"]))
    if "redacted" in document:
        start = shorten(" ".join(document["redacted"]["text"].split()), 160, placeholder=" …")
        console.print(Text.assemble(("redacted copy: ", "bold"), start), soft_wrap=True)
    console.print()


def _places(store: FolderStore, outcome: Outcome) -> list[tuple[str, str]]:
    return [
        ("Answers", str(store.path_of(keys.tagged_day(outcome.day)))),
        ("Rejected documents", str(store.path_of(keys.rejected_day(outcome.day)))),
        ("Model", str(store.path_of(keys.model(outcome.version, "int8")))),
        ("Data and quarantine", str(store.path_of(keys.snapshot(outcome.snapshot)))),
        ("Reports", str(store.path_of(keys.model_report(outcome.version)))),
        ("Next", "`make up` starts Airflow with these results; it prints URL, user and password"),
    ]
