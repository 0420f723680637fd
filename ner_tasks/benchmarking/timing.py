"""Time engines in interleaved rounds, each in its own worker process, so that noise of the machine affects all alike.

oneDNN is on or off for a whole process, and must be set before TensorFlow is imported. A worker is this module, run as
`python -m ner_tasks.benchmarking.timing`.
"""

import json
import math
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ner_tasks import child_environment, hardware
from ner_tasks.data import corpus
from ner_tasks.inference.engines import Engine, check_runnable
from ner_tasks.model import model_folder
from ner_tasks.worker_process import Answerer, WorkerProcess, reserve_stdout, serve

PERCENTILES = (50, 95, 99)


@dataclass(frozen=True)
class Load:
    """What each engine is given in one turn.

    Attributes:
        batch_size: sentences in a batch; 1 is real time, one sentence after the other as it comes.
        length: least padded length of a batch, in pieces: 0 is our buckets, 128 the kit's padding.
        each_call: whether, after the pass that counts for words per second, batches are also given one by one and
            each call is timed. In real time one pass gives both.
        max_pieces: most pieces in a batch, padding included.
    """

    batch_size: int
    length: int = 0
    each_call: bool = False
    max_pieces: int = 2**31


@dataclass(frozen=True)
class Timing:
    """What one engine took under one load, over the same sentences in each round.

    Attributes:
        seconds: of each round's pass over all sentences.
        n_calls: calls of a pass: sentences if in real time, otherwise batches.
        calls_s: of each call in all rounds, if each was timed.
    """

    engine: str
    load: Load
    seconds: tuple[float, ...]
    n_words: int
    n_calls: int
    calls_s: tuple[float, ...] = ()

    @property
    def words_per_s(self) -> float:
        return self.n_words / statistics.median(self.seconds)

    def as_dict(self) -> dict[str, Any]:
        latency = {f"p{p}_ms": round(1000 * percentile(self.calls_s, p), 3) for p in PERCENTILES if self.calls_s}
        return {
            "engine": self.engine,
            "batch_size": self.load.batch_size,
            "padded_to": self.load.length or "bucket",
            "words_per_s": round(self.words_per_s, 1),
            "words_per_s_min": round(self.n_words / max(self.seconds), 1),
            "words_per_s_max": round(self.n_words / min(self.seconds), 1),
            "rounds_s": [round(value, 4) for value in self.seconds],
            **({**latency, "n_calls_timed": len(self.calls_s)} if self.calls_s else {}),
        }


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest of the values that at least `percent` % of them do not exceed (nearest rank, nothing between)."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def time_engines(
    plan: Mapping[Load, Sequence[Engine]], data: Path, *, n_sentences: int, rounds: int, n_threads: int
) -> list[Timing]:
    """Time engines under loads, in interleaved rounds after a warm-up.

    Args:
        plan: the engines to compare under each load.
        data: a labelled file, from whose beginning the sentences are taken.
        n_sentences: how many of them.
        rounds: turns of each engine.
        n_threads: threads of each engine.

    Raises:
        ConfigInvalid: an engine that cannot run (an INT8 model without oneDNN, BF16 on a CPU without it).
    """
    timings = []
    with ExitStack() as stack:
        every = dict.fromkeys(engine for engines in plan.values() for engine in engines)
        workers = {engine: stack.enter_context(_start_worker(engine, data, n_sentences, n_threads)) for engine in every}
        for worker in workers.values():  # they load at the same time
            worker.hello()
        for load, engines in plan.items():
            turns: dict[Engine, list[dict[str, Any]]] = {engine: [] for engine in engines}
            for turn in range(rounds + 1):
                for engine in engines:
                    answer = workers[engine].ask(**asdict(load))
                    if turn:  # the first is the warm-up: shapes are prepared in it
                        turns[engine].append(answer)
            for engine, answers in turns.items():
                seconds = tuple(answer["seconds"] for answer in answers)
                calls_s = tuple(value for answer in answers for value in answer["calls_s"])
                first = answers[0]
                timings.append(Timing(engine.name, load, seconds, first["n_words"], first["n_calls"], calls_s))
    return timings


def _start_worker(engine: Engine, data: Path, n_sentences: int, n_threads: int) -> WorkerProcess:
    check_runnable(engine)
    command = [sys.executable, "-m", "ner_tasks.benchmarking.timing", json.dumps(asdict(engine)), str(data)]
    env = {**child_environment.step_environment(), **hardware.tensorflow_env(n_threads=n_threads, onednn=engine.onednn)}
    return WorkerProcess(engine.name, [*command, str(n_sentences), str(n_threads)], env=env)


def _load(engine: Engine, data: Path, n_sentences: int, n_threads: int) -> tuple[dict[str, Any], Answerer]:
    """Load the engine in a worker; returns an empty first answer and a function that times one pass."""
    if model_folder.read_kind(Path(engine.model)) != "trained":
        hardware.block_keras_import()
    from ner_tasks.inference.tagger import Tagger

    tagger = Tagger.load(Path(engine.model), n_threads=engine.n_streams or n_threads, bf16=engine.bf16)
    sentences = [sentence.words for sentence in corpus.read_labelled(data)[:n_sentences]]
    return {}, lambda load: time_pass(tagger, sentences, Load(**load))


def time_pass(tagger: Any, sentences: Sequence[Sequence[str]], load: Load) -> dict[str, Any]:
    """Seconds of one pass over the sentences, from words to tags, and of each call if the load asks for it.

    The pass: in real time a call for each sentence, which takes the model's route for single sentences and one
    thread; otherwise one call with all sentences, whose batches the tagger computes at the same time, on all its
    threads. A call of the second kind, with a single batch, takes one thread.
    """
    from ner_tasks.inference.tagger import BatchingConfig

    limits = BatchingConfig(max_windows=load.batch_size, max_pieces=load.max_pieces, length=load.length)
    n_words, alone = sum(map(len, sentences)), load.batch_size == 1
    took = _took(tagger, [[sentence] for sentence in sentences] if alone else [sentences], limits)
    pass_ = {"seconds": sum(took), "n_words": n_words, "n_calls": -(-len(sentences) // load.batch_size)}
    if not load.each_call:
        return {**pass_, "calls_s": []}
    # a sentence of several windows must not make a second batch of a call
    one_batch = BatchingConfig(max_windows=2**31, max_pieces=2**31, length=load.length)
    return {**pass_, "calls_s": took if alone else _took(tagger, fill_batches(sentences, load.batch_size), one_batch)}


def fill_batches(sentences: Sequence[Sequence[str]], size: int) -> list[list[Sequence[str]]]:
    """Neighbouring sentences, `size` in each batch; the last is filled up from the beginning, so that none is short."""
    starts = range(0, len(sentences), size)
    return [[sentences[(start + at) % len(sentences)] for at in range(size)] for start in starts]


def _took(tagger: Any, groups: Sequence[Sequence[Sequence[str]]], limits: Any) -> list[float]:
    """Seconds of each call."""
    seconds = []
    for group in groups:
        began = time.perf_counter()
        tagger.tag(group, limits)
        seconds.append(time.perf_counter() - began)
    return seconds


if __name__ == "__main__":
    _engine, _data, _n_sentences, _n_threads = sys.argv[1:]
    _arguments = (Engine(**json.loads(_engine)), Path(_data), int(_n_sentences), int(_n_threads))
    sys.exit(serve(lambda: _load(*_arguments), sys.stdin, reserve_stdout()))
