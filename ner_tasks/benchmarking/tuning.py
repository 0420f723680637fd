"""Tuning of the runtime configuration of a host: precision, then parallel batches, then pieces per batch.

The three are tuned one after the other, since they are nearly independent; the candidates for each are timed in
interleaved rounds. A precision that loses more entity F1 than the gate allows is timed but not chosen.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ner_tasks import hardware
from ner_tasks.benchmarking.comparison import evaluate_f1
from ner_tasks.benchmarking.timing import Load, Timing, time_engines
from ner_tasks.data import corpus
from ner_tasks.files import atomic
from ner_tasks.inference import runtime_config
from ner_tasks.inference.engines import INT8, Engine, list_engines
from ner_tasks.inference.runtime_config import RuntimeConfig

BUDGETS = (1024, 2048, 4096, 8192)
_LOAD = Load(batch_size=512, max_pieces=RuntimeConfig().max_pieces)


def tune_runtime(
    version_folder: Path,
    data: Path,
    *,
    n_threads: int,
    n_sentences: int,
    rounds: int,
    max_f1_loss: float,
    time_limit_s: float,
) -> dict[str, Any]:
    """Tune a model version on this host and write the runtime configuration beside the model.

    Args:
        version_folder: folder of the version, with `frozen/` and `int8/`.
        data: labelled file that the model was not trained on, for timing and F1.
        n_threads: number of threads of the tagger.
        n_sentences: number of sentences to time, from the start of the file.
        rounds: timed rounds of each candidate, at least 1.
        max_f1_loss: maximum loss of entity F1 against FP32, 0 to 1.
        time_limit_s: after this many seconds the remaining settings keep their defaults.

    Returns:
        `choice`, `file`, `f1` of each precision, and `elapsed_s`.

    Raises:
        InputMissing, ArtifactBroken: a model does not exist, or is damaged.
    """
    began = time.monotonic()
    if not hardware.has_vnni():
        print("found a CPU without VNNI: INT8 may not be the fastest", flush=True)
    options: dict[str, Any] = {"data": data, "n_sentences": n_sentences, "rounds": rounds, "n_threads": n_threads}
    engines = list_engines([version_folder / "frozen", version_folder / "int8"])
    f1 = {
        name: _evaluate_engine(engine, data, n_threads)
        for name, engine in {(e.model, e.bf16): e for e in reversed(engines)}.items()
    }
    allowed = _select_accurate(engines, f1, max_f1_loss)
    evidence: dict[str, list[dict[str, Any]]] = {}

    def rank(setting: str, plan: Mapping[Load, Sequence[Engine]]) -> list[Timing]:
        # the fastest candidate first
        timings = sorted(time_engines(plan, **options), key=lambda timing: timing.words_per_s, reverse=True)
        evidence[setting] = [{**timing.as_dict(), "max_pieces": timing.load.max_pieces} for timing in timings]
        for timing in timings:
            print(f"{setting}: {timing.engine}, {timing.load.max_pieces} pieces: {timing.words_per_s:,.0f} words/s")
        return timings

    name = next(t.engine for t in rank("precision", {_LOAD: engines}) if t.engine in allowed)
    engine = next(engine for engine in engines if engine.name == name)
    choice = RuntimeConfig("int8" if name == INT8 else "frozen", engine.onednn, engine.bf16)
    if n_threads > 1 and time.monotonic() - began < time_limit_s:
        streams = [replace(engine, name=f"{n} at a time", n_streams=n) for n in sorted({1, n_threads // 2, n_threads})]
        best = rank("streams", {_LOAD: streams})[0].engine
        choice = replace(choice, n_streams=next(one.n_streams for one in streams if one.name == best))
        engine = replace(engine, n_streams=choice.n_streams)
    if time.monotonic() - began < time_limit_s:
        loads = {replace(_LOAD, max_pieces=budget): [engine] for budget in BUDGETS}
        choice = replace(choice, max_pieces=rank("budget", loads)[0].load.max_pieces)
    path = runtime_config.runtime_config_path(version_folder, n_threads)
    measurements = {
        "host": hardware.describe_host(n_threads),
        "data": data.name,
        "data_sha256": atomic.sha256_of(data),
        "f1": {f"{Path(model).name}{' bf16' if bf16 else ''}": score for (model, bf16), score in f1.items()},
        "max_f1_loss": max_f1_loss,
        "elapsed_s": round(time.monotonic() - began, 1),
        "measured": evidence,
    }
    runtime_config.write_runtime_config(path, choice, measurements)
    return {"choice": asdict(choice), "file": str(path), **{key: measurements[key] for key in ("f1", "elapsed_s")}}


def _evaluate_engine(engine: Engine, data: Path, n_threads: int) -> float:
    """Return the entity F1 of an engine."""
    sentences = corpus.read_labelled(data)
    scores = evaluate_f1(Path(engine.model), sentences, n_threads=n_threads, bf16=engine.bf16)
    return float(scores["overall"]["f1"])


def _select_accurate(engines: Sequence[Engine], f1: Mapping[tuple[str, bool], float], max_f1_loss: float) -> set[str]:
    """Return the names of the engines whose F1 is within `max_f1_loss` of FP32."""
    fp32 = max(score for (model, bf16), score in f1.items() if Path(model).name == "frozen" and not bf16)
    kept = {engine.name for engine in engines if f1[engine.model, engine.bf16] >= fp32 - max_f1_loss}
    for engine in engines:
        if engine.name not in kept:
            lost = fp32 - f1[engine.model, engine.bf16]
            print(f"excluded {engine.name}: found a loss of {lost:.4f} of entity F1, expected at most {max_f1_loss}")
    return kept
