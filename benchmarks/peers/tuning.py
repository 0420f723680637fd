"""Search for the best form of a peer: one choice after the other, each with the best so far.

    python -m benchmarks.peers.tuning JOB

The order is: variant (the model file, or the arithmetic of operations that are not quantized), batches, step of the
lengths, encoding. An INT8 variant that loses more than `MAX_F1_LOSS` against FP32 of the same library is excluded.
Uses the calibration part, never the test part, and a separate process.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from benchmarks.peers import runners
from benchmarks.peers.documents import find_entities, make_documents
from benchmarks.peers.engines import BATCHES, ENCODINGS, ENGINES, STEPS, Form, Level, list_variants
from benchmarks.peers.worker import N_AT_ONCE, parse_job, random_batch, score, time_calls
from ner_tasks import hardware, worker_process
from ner_tasks.data import corpus

MAX_F1_LOSS = 0.01
N_SENTENCES, N_PASSES = 800, 2
SHAPES_TRIED, TRIED_S = ((32, 128), (128, 32), (32, 32)), 0.3
# The pipeline batches by count and does its own encoding.
PIPELINE_BATCHES = tuple((count, Form.max_pieces) for count in (32, 64, 128))

Seconds = Callable[[runners.Runner], float]


def tune(job: runners.Job, level: Level, calibration: Path, *, vocabulary: int, trained: bool) -> dict[str, Any]:
    """Return the best form, and all forms that were tried.

    Args:
        job: the engine, with the form to start from.
        level: what to time.
        calibration: labelled sentences.
        vocabulary: number of pieces to draw random ids from.
        trained: whether the weights are trained, so that F1 means something.
    """
    labelled = corpus.read_labelled(calibration)
    seconds_of = time_graphs(vocabulary) if level == "graph" else time_texts([sentence.words for sentence in labelled])
    variants, f1 = list_variants(job.engine, bf16=hardware.has_bf16()), dict[str, float]()
    if trained and job.engine.precision == "INT8":
        variants, f1 = select_accurate_variants(job, variants, labelled)
    pipeline = job.engine.family == "pipeline"
    choices: list[list[dict[str, Any]]] = [[{"variant": variant} for variant in variants]]
    if level == "text":
        limits = PIPELINE_BATCHES if pipeline else BATCHES
        choices.append([{"max_windows": windows, "max_pieces": pieces} for windows, pieces in limits])
        choices.append([{"step": step} for step in STEPS[: 1 if pipeline else None]])
        choices.append([{"encoding": encoding} for encoding in ENCODINGS[: 1 if pipeline else None]])
    form, tried = job.form, dict[Form, float]()
    for choice in choices:
        forms = [replace(form, **change) for change in choice]
        for each in forms:
            if len(forms) > 1 and each not in tried:
                tried[each] = seconds_of(runners.load(replace(job, form=each)))
        form = min(forms, key=lambda each: tried.get(each, 0.0))
    return {
        "form": asdict(form),
        "tried": [{**asdict(each), "seconds": round(seconds, 4)} for each, seconds in tried.items()],
        "f1_on_calibration": {name: round(value, 4) for name, value in f1.items()},
    }


def select_accurate_variants(
    job: runners.Job, variants: Sequence[str], labelled: Sequence[corpus.LabelledSentence]
) -> tuple[tuple[str, ...], dict[str, float]]:
    """Return the variants that lose at most `MAX_F1_LOSS`, or else the best one; and the F1 of each."""
    fp32 = next(engine for engine in ENGINES if engine.family == job.engine.family and engine.precision == "FP32")
    form = replace(job.form, variant=list_variants(fp32, bf16=False)[0])
    f1 = {"fp32": score(runners.load(replace(job, engine=fp32, form=form)), labelled)["f1"]}
    for variant in variants:
        runner = runners.load(replace(job, form=replace(job.form, variant=variant)))
        f1[variant] = score(runner, labelled)["f1"]
    sound = tuple(variant for variant in variants if f1[variant] >= f1["fp32"] - MAX_F1_LOSS)
    return sound or (max(variants, key=lambda variant: f1[variant]),), f1


def time_texts(sentences: Sequence[Sequence[str]]) -> Seconds:
    """Return a function that times a runner from documents to entities, after a warm-up. Repeats short data."""
    texts = make_documents(islice(cycle(sentences), N_SENTENCES), N_SENTENCES)

    def seconds(runner: runners.Runner) -> float:
        passes = []
        for _ in range(N_PASSES + 1):
            began = time.perf_counter()
            find_entities(texts, runner.spans)
            passes.append(time.perf_counter() - began)
        return min(passes[1:])

    return seconds


def time_graphs(vocabulary: int) -> Seconds:
    """Return a function that times the graph alone, in seconds per thousand pieces, over all benchmark shapes."""

    def seconds(runner: runners.Runner) -> float:
        total = 0.0
        for n_windows, n_pieces in SHAPES_TRIED:
            batches = [random_batch(n_windows, n_pieces, vocabulary)] * N_AT_ONCE
            time_calls(runner, batches, 0.0)
            timing = time_calls(runner, batches, TRIED_S)
            total += 1000 * timing["seconds"] / timing["n_pieces"]
        return total

    return seconds


def main(arguments: Sequence[str]) -> int:
    """Tune one engine; the result is the first and only answer."""
    task = json.loads(arguments[0])

    def start() -> tuple[Mapping[str, Any], worker_process.Answerer]:
        report = tune(
            parse_job(task),
            task["level"],
            Path(task["calibration"]),
            vocabulary=task["vocabulary"],
            trained=task["trained"],
        )
        return report, dict

    return worker_process.serve(start, sys.stdin, worker_process.reserve_stdout())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
