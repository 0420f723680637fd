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
from ner_tasks.worker_process import Answerer, WorkerProcess, reserve_stdout, serve

PERCENTILES = (50, 95, 99)


@dataclass(frozen=True)
class Load:
    """Load on each engine in one round.

    Attributes:
        batch_size: sentences per batch; 1 tags one sentence after the other.
        length: minimum padded length of a batch in pieces; 0 for batching by length, 128 for the kit's padding.
        each_call: also time single calls with one batch each; with batch size 1 the same pass gives both.
        max_pieces: maximum number of pieces in a batch, padding included.
    """

    batch_size: int
    length: int = 0
    each_call: bool = False
    max_pieces: int = 2**31


@dataclass(frozen=True)
class Timing:
    """Timing of one engine under one load, with the same sentences in each round.

    Attributes:
        engine: name of the engine.
        load: load of each round.
        seconds: duration of the pass over all sentences in each round.
        n_words: number of words in a pass.
        n_calls: number of batches in a pass.
        calls_s: duration of each call in all rounds, in seconds; empty if calls were not timed.
    """

    engine: str
    load: Load
    seconds: tuple[float, ...]
    n_words: int
    n_calls: int
    calls_s: tuple[float, ...] = ()

    @property
    def words_per_s(self) -> float:
        """Words per second in the median round."""
        return self.n_words / statistics.median(self.seconds)

    def as_dict(self) -> dict[str, Any]:
        """Return the row of a report; times in seconds or milliseconds as named."""
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
    """Return a percentile by the nearest-rank method, without interpolation.

    Args:
        values: at least one value.
        percent: 0 to 100.
    """
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def time_engines(
    plan: Mapping[Load, Sequence[Engine]], data: Path, *, n_sentences: int, rounds: int, n_threads: int
) -> list[Timing]:
    """Time engines in interleaved rounds after a warm-up round.

    Args:
        plan: engines to time under each load.
        data: labelled file.
        n_sentences: number of sentences to tag, from the start of the file.
        rounds: timed rounds of each engine, at least 1.
        n_threads: number of threads of each engine.

    Raises:
        ConfigInvalid: this host cannot run an engine, see `check_runnable`.
    """
    timings = []
    with ExitStack() as stack:
        every = dict.fromkeys(engine for engines in plan.values() for engine in engines)
        workers = {engine: stack.enter_context(_start_worker(engine, data, n_sentences, n_threads)) for engine in every}
        for worker in workers.values():  # they load at the same time
            worker.hello()
        for load, engines in plan.items():
            passes: dict[Engine, list[dict[str, Any]]] = {engine: [] for engine in engines}
            for round_ in range(rounds + 1):
                for engine in engines:
                    result = workers[engine].ask(**asdict(load))
                    if round_:  # round 0 is the warm-up, in which oneDNN compiles code for each shape
                        passes[engine].append(result)
            for engine, results in passes.items():
                seconds = tuple(result["seconds"] for result in results)
                calls_s = tuple(value for result in results for value in result["calls_s"])
                first = results[0]
                timings.append(Timing(engine.name, load, seconds, first["n_words"], first["n_calls"], calls_s))
    return timings


def _start_worker(engine: Engine, data: Path, n_sentences: int, n_threads: int) -> WorkerProcess:
    check_runnable(engine)
    command = [sys.executable, "-m", "ner_tasks.benchmarking.timing", json.dumps(asdict(engine)), str(data)]
    env = {**child_environment.step_environment(), **hardware.tensorflow_env(n_threads=n_threads, onednn=engine.onednn)}
    return WorkerProcess(engine.name, [*command, str(n_sentences), str(n_threads)], env=env)


def _load(engine: Engine, data: Path, n_sentences: int, n_threads: int) -> tuple[dict[str, Any], Answerer]:
    """Load the engine in a worker; returns an empty first answer and a function that times one pass."""
    from ner_tasks.inference.tagger import Tagger

    tagger = Tagger.load(Path(engine.model), n_threads=engine.n_streams or n_threads, bf16=engine.bf16)
    sentences = [sentence.words for sentence in corpus.read_labelled(data)[:n_sentences]]
    return {}, lambda load: time_pass(tagger, sentences, Load(**load))


def time_pass(tagger: Any, sentences: Sequence[Sequence[str]], load: Load) -> dict[str, Any]:
    """Time one pass over the sentences, from words to tags, and single calls if the load includes them.

    With batch size 1 a pass is one call per sentence on one thread. Otherwise it is one call with all sentences, whose
    batches run in parallel on all threads; single calls with one batch run on one thread.

    Args:
        tagger: loaded tagger.
        sentences: words of each sentence.
        load: load of the pass.

    Returns:
        `seconds`, `n_words`, `n_calls` and `calls_s`, see `Timing`.
    """
    from ner_tasks.inference.runners import BatchingConfig

    limits = BatchingConfig(max_windows=load.batch_size, max_pieces=load.max_pieces, length=load.length)
    n_words, is_single = sum(map(len, sentences)), load.batch_size == 1
    seconds = _time_calls(tagger, [[sentence] for sentence in sentences] if is_single else [sentences], limits)
    pass_ = {"seconds": sum(seconds), "n_words": n_words, "n_calls": -(-len(sentences) // load.batch_size)}
    if not load.each_call:
        return {**pass_, "calls_s": []}
    if is_single:
        return {**pass_, "calls_s": seconds}
    # without limits, so that a sentence with several windows does not split the call into two batches
    one_batch = BatchingConfig(max_windows=2**31, max_pieces=2**31, length=load.length)
    return {**pass_, "calls_s": _time_calls(tagger, fill_batches(sentences, load.batch_size), one_batch)}


def time_batches(tagger: Any, sentences: Sequence[Sequence[str]], batch_size: int) -> float:
    """Return the mean seconds of a batch, after one pass as warm-up."""
    load = Load(batch_size)
    time_pass(tagger, sentences, load)
    timed = time_pass(tagger, sentences, load)
    return float(timed["seconds"] / timed["n_calls"])


def fill_batches(sentences: Sequence[Sequence[str]], size: int) -> list[list[Sequence[str]]]:
    """Split sentences into batches of `size`; the last batch is filled up with sentences from the start."""
    starts = range(0, len(sentences), size)
    return [[sentences[(start + at) % len(sentences)] for at in range(size)] for start in starts]


def _time_calls(tagger: Any, groups: Sequence[Sequence[Sequence[str]]], limits: Any) -> list[float]:
    """Tag each group in one call and return the seconds of each call."""
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
