"""Finding out how this host runs a model best: precision, then batches at a time, then pieces in a batch.

One after the other, since they hardly depend on each other; the candidates of one question take turns. A precision that
loses more entity F1 than the gate allows is measured, and not chosen.
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
    """Measure, choose, and write the choice beside the model, see `tuned`.

    Args:
        version_folder: has `frozen/` and `int8/`.
        data: labelled data that the model was not trained on, to judge F1 by.
        n_threads: of the tagger.
        n_sentences: sentences that are timed, from the beginning of `data`.
        rounds: turns of each candidate.
        max_f1_loss: how much entity F1 a precision may lose against FP32, 0 to 1.
        time_limit_s: questions that come up later than this keep their defaults.

    Raises:
        InputMissing, ArtifactBroken: a model is absent or damaged.
    """
    began = time.monotonic()
    models = {"frozen": version_folder / "frozen", "int8": version_folder / "int8"}
    if not hardware.has_vnni():
        print("found a CPU without VNNI: INT8 may not be the fastest here", flush=True)
    asked: dict[str, Any] = {"data": data, "n_sentences": n_sentences, "rounds": rounds, "n_threads": n_threads}
    engines = list_engines(list(models.values()))
    f1 = {
        name: _f1(engine, data, n_threads) for name, engine in {(e.model, e.bf16): e for e in reversed(engines)}.items()
    }
    allowed = _allowed(engines, f1, max_f1_loss)
    evidence: dict[str, list[dict[str, Any]]] = {}

    def fastest(question: str, plan: Mapping[Load, Sequence[Engine]]) -> list[Timing]:
        timings = sorted(time_engines(plan, **asked), key=lambda timing: timing.words_per_s, reverse=True)
        evidence[question] = [{**timing.as_dict(), "max_pieces": timing.load.max_pieces} for timing in timings]
        for timing in timings:
            print(f"{question}: {timing.engine}, {timing.load.max_pieces} pieces: {timing.words_per_s:,.0f} words/s")
        return timings

    name = next(t.engine for t in fastest("precision", {_LOAD: engines}) if t.engine in allowed)
    engine = next(engine for engine in engines if engine.name == name)
    choice = RuntimeConfig("int8" if name == INT8 else "frozen", engine.onednn, engine.bf16)
    if n_threads > 1 and time.monotonic() - began < time_limit_s:
        streams = [replace(engine, name=f"{n} at a time", n_streams=n) for n in sorted({1, n_threads // 2, n_threads})]
        best = fastest("streams", {_LOAD: streams})[0].engine
        choice = replace(choice, n_streams=next(one.n_streams for one in streams if one.name == best))
        engine = replace(engine, n_streams=choice.n_streams)
    if time.monotonic() - began < time_limit_s:
        loads = {replace(_LOAD, max_pieces=budget): [engine] for budget in BUDGETS}
        choice = replace(choice, max_pieces=fastest("budget", loads)[0].load.max_pieces)
    path = runtime_config.runtime_config_path(version_folder, n_threads)
    said = {
        "host": hardware.describe_host(n_threads),
        "data": data.name,
        "data_sha256": atomic.sha256_of(data),
        "f1": {f"{Path(model).name}{' bf16' if bf16 else ''}": score for (model, bf16), score in f1.items()},
        "max_f1_loss": max_f1_loss,
        "elapsed_s": round(time.monotonic() - began, 1),
        "measured": evidence,
    }
    runtime_config.write_runtime_config(path, choice, said)
    return {"choice": asdict(choice), "file": str(path), "f1": said["f1"], "elapsed_s": said["elapsed_s"]}


def _f1(engine: Engine, data: Path, n_threads: int) -> float:
    sentences = corpus.read_labelled(data)
    found = evaluate_f1(Path(engine.model), sentences, n_threads=n_threads, bf16=engine.bf16)
    return float(found["overall"]["f1"])


def _allowed(engines: Sequence[Engine], f1: Mapping[tuple[str, bool], float], max_f1_loss: float) -> set[str]:
    """Names of the engines that keep their F1; FP32 is what it is compared with."""
    fp32 = max(score for (model, bf16), score in f1.items() if Path(model).name == "frozen" and not bf16)
    kept = {engine.name for engine in engines if f1[engine.model, engine.bf16] >= fp32 - max_f1_loss}
    for engine in engines:
        if engine.name not in kept:
            lost = fp32 - f1[engine.model, engine.bf16]
            print(f"{engine.name} is left out: it loses {lost:.4f} of entity F1, at most {max_f1_loss} is allowed")
    return kept
