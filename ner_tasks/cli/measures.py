"""Run the commands that time models."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ner_tasks.cli.models import refuse_unrunnable
from ner_tasks.cli.registry import registry_at
from ner_tasks.data import corpus
from ner_tasks.files import atomic
from ner_tasks.steps.measures import BenchmarkCommand, TimeInferenceCommand, TuneCommand

Result = dict[str, Any]


def commands() -> list[tuple[Any, Any]]:
    return [(TimeInferenceCommand, time_inference), (TuneCommand, tune), (BenchmarkCommand, benchmark)]


def time_inference(config: TimeInferenceCommand) -> Result:
    from ner_tasks.benchmarking import timing
    from ner_tasks.inference.tagger import Tagger

    refuse_unrunnable(config, config.model)
    tagger = Tagger.load(config.model, n_threads=config.threads, bf16=config.bf16)
    sentences = [sentence.words for sentence in corpus.read_labelled(config.data)[: config.n_sentences]]
    times = {size: timing.time_batches(tagger, sentences, size) for size in (1, config.batch_size)}
    print(f"Average real time inference time (batch size 1): {times[1]:.6f} s")
    print(f"Average batch inference time: {times[config.batch_size]:.6f} s, batch size: {config.batch_size}")
    return {"realtime_s": times[1], "batch_s": times[config.batch_size], "batch_size": config.batch_size}


def benchmark(config: BenchmarkCommand) -> Result:
    from ner_tasks.benchmarking import comparison, history, slowdown_gate

    result = comparison.run_benchmark(
        config.model,
        config.data,
        config.output,
        at=datetime.now(UTC),
        batch_sizes=[int(size) for size in config.batch_sizes.split(",")],
        n_sentences=config.n_sentences,
        rounds=config.rounds,
        n_threads=config.threads,
        precisions=list(config.precisions),
        earlier=[history.read_run(path) for path in config.previous],
    )
    print((config.output / "table.md").read_text(encoding="utf-8"), flush=True)
    changes = [history.Change(**change) for change in result["changes"]]
    verdict = slowdown_gate.benchmark_gate(changes, config.max_slowdown, f"the benchmark in {config.output}")
    return {**result, "gate": list(verdict.lines)}


def tune(config: TuneCommand) -> Result:
    from ner_tasks.benchmarking import tuning

    result = tuning.tune_runtime(
        config.model,
        config.data,
        n_threads=config.threads,
        n_sentences=config.n_sentences,
        rounds=config.rounds,
        max_f1_loss=config.max_f1_loss,
        time_limit_s=config.time_limit_s,
    )
    if config.publish:
        file = Path(result["file"])
        registry_at(config.store).put_runtime_config(config.publish, file.stem, atomic.read_json(file))
    return result
