"""`make bench`: compare the speed of engines on one machine, with the same weights, documents and threads."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.peers import tables
from benchmarks.peers.bench import Bench, Setting, default_threads
from benchmarks.peers.engines import RIGHT_SIZED, PeerEngine, select_engines
from benchmarks.peers.goals import compare_with_goals
from benchmarks.peers.models import Sources
from benchmarks.peers.preparation import base_sources, prepare
from benchmarks.peers.right_sized import describe
from benchmarks.peers.stored import find_right_sized, find_snapshot, promoted_model
from ner_tasks import hardware
from ner_tasks.errors import ConfigInvalid, NerTasksError
from ner_tasks.files import atomic
from ner_tasks.model import model_folder
from ner_tasks.progress import View

LEVELS = ("graph", "text", "documented")
NOT_ALL_RAN = 1
INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; return 0 if every requested engine has run."""
    try:
        return bench(parser().parse_args(arguments), View(Console(highlight=False)))
    except NerTasksError as error:
        print(f"error: {type(error).__name__}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def bench(options: argparse.Namespace, view: View) -> int:
    """Prepare, measure and write the results; return the exit code."""
    model = options.model or promoted_model()
    snapshot = options.snapshot or find_snapshot(model)
    trained = options.shape == "minilm"
    sources = Sources.of(model, snapshot, options.right_sized)
    if trained and sources.right_sized is None and (found := find_right_sized(model)):
        sources = replace(sources, right_sized=found / "int8")
    engines = select_engines(options.engines)
    left_out = find_unsupported(engines, sources.right_sized)
    engines = [engine for engine in engines if engine.name not in left_out]
    levels = select_levels(options.level, options.shape)
    if not trained:
        sources = base_sources(sources, options.output / "models", say=view.print)
    peers, failed = prepare(sources, engines, options.output, peers_python=options.peers_python, say=view.print)
    began = datetime.now(UTC)
    target = options.output / began.strftime("%Y-%m-%dT%H%M%S")
    setting = Setting(
        sources=sources,
        peers=peers,
        peers_python=options.peers_python,
        logs=target.with_name(f"{target.name}-logs"),
        rounds=options.rounds,
        n_threads=options.threads,
        n_sentences=options.sentences,
        turn_s=options.turn_s,
        trained=trained,
        vocabulary=int(model_folder.read_manifest(sources.trained).encoder["vocab_size"]),
    )
    run = Bench(setting, view)
    for engine in engines:
        if engine.family in failed:
            run.failed[engine.name] = failed[engine.family]
            view.print(f"{engine.name} did not run: {failed[engine.family]}")
    results: dict[str, Any] = {
        "at": began.isoformat(timespec="seconds"),
        "host": hardware.describe_host(options.threads),
        "shape": options.shape,
        "model": model.name,
        "snapshot": snapshot.name,
        "rounds": options.rounds,
        "n_sentences": options.sentences,
        "left_out": left_out,
        "right_sized": describe(sources.right_sized, sources.int8) if sources.right_sized else None,
    }
    measure: dict[str, Callable[[list[PeerEngine]], Any]] = {
        "graph": run.graph,
        "text": run.text,
        "documented": run.documented,
    }
    for level in levels:
        results[level] = measure[level]([engine for engine in engines if engine.name not in run.failed])
    results["goals"] = compare_with_goals(results["text"]["rows"]) if "text" in levels else []
    results |= {"engines": run.engines, "failed": run.failed, "conversion": read_reports(peers)}
    results |= {"baseline": find_baseline(engines, run.failed), "versions": collect_versions(run.engines)}
    write(results, target, levels, view)
    return NOT_ALL_RAN if run.failed else 0


def find_unsupported(engines: list[PeerEngine], right_sized: Path | None) -> dict[str, str]:
    """Return the engines that this CPU or these models cannot run, with the reason."""
    reasons = dict[str, str]()
    for engine in engines:
        if engine.precision == "BF16" and not hardware.has_bf16():
            reasons[engine.name] = "the CPU has neither AVX512_BF16 nor AMX_BF16"
        if not engine.has_full_model and right_sized is None:
            reasons[engine.name] = (
                "found no smaller version of the same data, expected one in the store or RIGHT_SIZED=folder"
            )
    return reasons


def select_levels(level: str, shape: str) -> tuple[str, ...]:
    """Return the levels to measure.

    Raises:
        ConfigInvalid: text is requested, and the weights are random.
    """
    if shape == "base":
        if level not in ("all", "graph"):
            raise ConfigInvalid(f"found LEVEL={level}, expected graph, with SHAPE=base, whose weights are random")
        return ("graph",)
    return LEVELS if level == "all" else (level,)


def find_baseline(engines: list[PeerEngine], failed: dict[str, str]) -> str:
    """Return the engine that the tables compare with: the first of ours with the full model that ran."""
    ran = (engine.name for engine in engines if engine.family == "ours" and engine.name not in failed)
    return next((name for name in ran if name != RIGHT_SIZED), "ours")


def collect_versions(engines: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Return the versions of all libraries that ran."""
    versions: dict[str, str] = {}
    for levels in engines.values():
        for report in levels.values():
            versions |= report.get("facts", {}).get("versions", {})
    return versions


def read_reports(peers: Path) -> dict[str, Any]:
    """Return the report of each conversion: versions, and the largest difference to our logits."""
    return {path.parent.name: atomic.read_json(path) for path in sorted(peers.glob("*/report.json"))}


def write(results: dict[str, Any], target: Path, levels: tuple[str, ...], view: View) -> None:
    """Write tables and JSON as one folder, and print the tables."""
    pages = {
        "graph": ("graph.md", tables.graph_page),
        "text": ("same_weights.md", tables.text_page),
        "documented": ("documented.md", tables.documented_page),
    }
    with atomic.staged_folder(target) as stage:
        atomic.write_json(stage / "bench.json", results)
        for level in levels:
            name, page = pages[level]
            atomic.write_text(stage / name, page(results))
            view.print_markdown(page(results))
    view.print(f"results: {target}")


def parser() -> argparse.ArgumentParser:
    """Return the parser of all options."""
    made = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    made.add_argument(
        "--model", type=Path, help="folder of a version, with trained/, frozen/ and int8/ (default: the promoted one)"
    )
    made.add_argument(
        "--right_sized",
        type=Path,
        help="folder of a smaller version, with int8/, timed in the same rounds (default: the newest smaller version in the "
        "store that was trained on the same data, if there is one)",
    )
    made.add_argument(
        "--snapshot", type=Path, help="folder with test.csv and calibration.csv (default: the snapshot of the model)"
    )
    made.add_argument(
        "--engines",
        type=_names,
        default=[],
        help="names or patterns, separated by commas: ours-*,openvino-int8-* (default: all)",
    )
    made.add_argument(
        "--level",
        choices=("all", *LEVELS),
        default="all",
        help="what to time: the graph alone; text to entities with the same weights in each engine's best form; text to "
        "entities with each tool as it is documented (default: all)",
    )
    made.add_argument(
        "--shape", choices=("minilm", "base"), default="minilm", help="base: BERT-base with random weights, graph only"
    )
    made.add_argument("--rounds", type=_count, default=5, help="timed rounds (default: %(default)s)")
    made.add_argument(
        "--threads", type=_count, default=default_threads(), help="threads of each engine (default: %(default)s)"
    )
    made.add_argument(
        "--sentences", type=_count, default=1024, help="sentences to time as documents (default: %(default)s)"
    )
    made.add_argument(
        "--turn_s", type=float, default=1.0, help="minimum seconds of a turn at the graph level (default: %(default)s)"
    )
    made.add_argument(
        "--output", type=Path, default=Path("var/bench"), help="folder of the results (default: %(default)s)"
    )
    made.add_argument(
        "--peers_python",
        type=Path,
        default=Path(".venv-bench/bin/python"),
        help="interpreter of the peers' environment (default: %(default)s)",
    )
    return made


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number of at least 1")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
