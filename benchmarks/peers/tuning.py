"""The best form of a peer, found by trying in an untimed phase: one choice after the other, each with the best so far.

    python -m benchmarks.peers.tuning JOB

First the variant (the model file, or the arithmetic of what is not quantized), then the batches, the step of their lengths, the encoding.
A variant of an INT8 model that loses more than `MAX_F1_LOSS` against the same library's FP32 is no candidate.
Tried on the calibration part, never on the test part, and in a process that ends with it.
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
from benchmarks.peers.documents import documents_of, entities_of
from benchmarks.peers.engines import BATCHES, ENCODINGS, ENGINES, STEPS, Form, Level, variants_of
from benchmarks.peers.worker import N_AT_ONCE, job_of, random_batch, score, timed_calls
from ner_tasks import hardware, worker_process
from ner_tasks.data import corpus

MAX_F1_LOSS = 0.01
N_SENTENCES, N_PASSES = 800, 2
SHAPES_TRIED, TRIED_S = ((32, 128), (128, 32), (32, 32)), 0.3
# The pipeline batches by count, and has an encoding of its own.
PIPELINE_BATCHES = tuple((count, Form.max_pieces) for count in (32, 64, 128))

Seconds = Callable[[runners.Runner], float]


def tuned(job: runners.Job, level: Level, calibration: Path, *, vocabulary: int, trained: bool) -> dict[str, Any]:
    """The best form, and all that was tried on the way.

    Args:
        job: the engine; its form is where the search starts.
        level: what is timed.
        calibration: labelled sentences.
        vocabulary: pieces that ids are drawn from.
        trained: whether the weights are worth a score.
    """
    labelled = corpus.read_labelled(calibration)
    seconds_of = by_graph(vocabulary) if level == "graph" else by_text([sentence.words for sentence in labelled])
    variants, f1 = variants_of(job.engine, bf16=hardware.has_bf16()), dict[str, float]()
    if trained and job.engine.precision == "INT8":
        variants, f1 = sound_variants(job, variants, labelled)
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


def sound_variants(
    job: runners.Job, variants: Sequence[str], labelled: Sequence[corpus.LabelledSentence]
) -> tuple[tuple[str, ...], dict[str, float]]:
    """Variants that lose little against the library's FP32, or the best if none does; and the F1 of each."""
    fp32 = next(engine for engine in ENGINES if engine.family == job.engine.family and engine.precision == "FP32")
    form = replace(job.form, variant=variants_of(fp32, bf16=False)[0])
    f1 = {"fp32": score(runners.load(replace(job, engine=fp32, form=form)), labelled)["f1"]}
    for variant in variants:
        runner = runners.load(replace(job, form=replace(job.form, variant=variant)))
        f1[variant] = score(runner, labelled)["f1"]
    sound = tuple(variant for variant in variants if f1[variant] >= f1["fp32"] - MAX_F1_LOSS)
    return sound or (max(variants, key=lambda variant: f1[variant]),), f1


def by_text(sentences: Sequence[Sequence[str]]) -> Seconds:
    """Times a runner from documents to entities, after a warm-up; a short part is taken over and over."""
    texts = documents_of(islice(cycle(sentences), N_SENTENCES), N_SENTENCES)

    def seconds(runner: runners.Runner) -> float:
        passes = []
        for _ in range(N_PASSES + 1):
            began = time.perf_counter()
            entities_of(texts, runner.spans)
            passes.append(time.perf_counter() - began)
        return min(passes[1:])

    return seconds


def by_graph(vocabulary: int) -> Seconds:
    """Times a runner's graph alone, in seconds for a thousand pieces, over all shapes that are measured later."""

    def seconds(runner: runners.Runner) -> float:
        total = 0.0
        for n_windows, n_pieces in SHAPES_TRIED:
            batches = [random_batch(n_windows, n_pieces, vocabulary)] * N_AT_ONCE
            timed_calls(runner, batches, 0.0)
            timing = timed_calls(runner, batches, TRIED_S)
            total += 1000 * timing["seconds"] / timing["n_pieces"]
        return total

    return seconds


def main(arguments: Sequence[str]) -> int:
    """Tune one engine; the result is the first and only answer."""
    said = json.loads(arguments[0])

    def start() -> tuple[Mapping[str, Any], worker_process.Answerer]:
        found = tuned(
            job_of(said),
            said["level"],
            Path(said["calibration"]),
            vocabulary=said["vocabulary"],
            trained=said["trained"],
        )
        return found, dict

    return worker_process.serve(start, sys.stdin, worker_process.reserve_stdout())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
