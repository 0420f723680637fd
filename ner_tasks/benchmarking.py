"""Engines side by side: each in a process of its own, taking turns, so that a noisy machine is noisy for all.

oneDNN is on or off for a whole process and is decided before TensorFlow is imported; hence the processes. One
of them is this module run as `python -m ner_tasks.benchmarking`: a line of JSON in, a line of JSON out.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from ner_tasks import artifacts, corpus, host
from ner_tasks.errors import ConfigInvalid, NerTasksError


@dataclass(frozen=True)
class Engine:
    """One way to run one model.

    Attributes:
        name: how the tables call it.
        model: the model folder.
        onednn: whether TensorFlow may use oneDNN.
        bf16: whether to compute in bfloat16.
    """

    name: str
    model: str
    onednn: bool = True
    bf16: bool = False


@dataclass(frozen=True)
class Load:
    """What each engine is given in one turn.

    Attributes:
        batch_size: sentences in a batch; 1 is real time, one sentence after the other as it comes.
        length: least padded length of a batch, in pieces: 0 is our buckets, 128 the kit's padding.
    """

    batch_size: int
    length: int = 0


@dataclass(frozen=True)
class Timing:
    """Seconds of each round of one engine under one load, over the same sentences.

    Attributes:
        n_calls: sentences if in real time, otherwise batches.
    """

    engine: str
    load: Load
    seconds: tuple[float, ...]
    n_words: int
    n_calls: int

    @property
    def words_per_s(self) -> float:
        return self.n_words / statistics.median(self.seconds)

    @property
    def call_ms(self) -> float:
        return 1000 * statistics.median(self.seconds) / self.n_calls

    def as_dict(self) -> dict[str, Any]:
        return {
            "engine": self.engine,
            "batch_size": self.load.batch_size,
            "padded_to": self.load.length or "bucket",
            "words_per_s": round(self.words_per_s, 1),
            "call_ms": round(self.call_ms, 3),
            "rounds_s": [round(value, 4) for value in self.seconds],
        }


def take_turns(
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
        workers = {engine: stack.enter_context(_worker(engine, data, n_sentences, n_threads)) for engine in every}
        for load, engines in plan.items():
            turns: dict[Engine, list[dict[str, Any]]] = {engine: [] for engine in engines}
            for turn in range(rounds + 1):
                for engine in engines:
                    answer = _ask(workers[engine], load, engine)
                    if turn:  # the first is the warm-up: shapes are prepared in it
                        turns[engine].append(answer)
            for engine, answers in turns.items():
                seconds = tuple(answer["seconds"] for answer in answers)
                timings.append(Timing(engine.name, load, seconds, answers[0]["n_words"], answers[0]["n_calls"]))
    return timings


def engines_of(model: Path) -> list[Engine]:
    """The ways in which this host can run a model: INT8 needs oneDNN, BF16 a CPU that has it."""
    kind = artifacts.open_model(model).kind
    if kind == "int8":
        return [Engine("INT8", str(model))]
    engines = [Engine("stock FP32", str(model), onednn=False), Engine("oneDNN FP32", str(model))]
    return engines + ([Engine("oneDNN BF16", str(model), bf16=True)] if host.has_bf16() else [])


@contextmanager
def _worker(engine: Engine, data: Path, n_sentences: int, n_threads: int) -> Iterator["subprocess.Popen[str]"]:
    check_runnable(engine)
    command = [sys.executable, "-m", "ner_tasks.benchmarking", json.dumps(asdict(engine)), str(data)]
    env = {**os.environ, **host.tensorflow_env(n_threads=n_threads, onednn=engine.onednn)}
    process = subprocess.Popen(
        [*command, str(n_sentences), str(n_threads)],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def check_runnable(engine: Engine) -> None:
    """Refuse what this host or TensorFlow cannot do.

    Raises:
        ConfigInvalid: an INT8 model without oneDNN, or BF16 on a CPU without it.
    """
    if artifacts.open_model(Path(engine.model)).kind == "int8" and not engine.onednn:
        raise ConfigInvalid(f"found oneDNN off, expected on for an INT8 model, for {engine.model}")
    if engine.bf16 and not host.has_bf16():
        raise ConfigInvalid(f"found a CPU without AVX512_BF16 or AMX_BF16, expected one, for BF16 of {engine.model}")


def _ask(worker: "subprocess.Popen[str]", load: Load, engine: Engine) -> dict[str, Any]:
    assert worker.stdin and worker.stdout
    worker.stdin.write(json.dumps(asdict(load)) + "\n")
    worker.stdin.flush()
    line = worker.stdout.readline()
    if not line:
        raise NerTasksError(f"found exit {worker.wait()} of the process of {engine.name}, expected a timing")
    answer: dict[str, Any] = json.loads(line)
    return answer


def _serve(engine: Engine, data: Path, n_sentences: int, n_threads: int, asked: IO[str], answers: IO[str]) -> None:
    from ner_tasks.inference import Tagger

    tagger = Tagger.load(Path(engine.model), n_threads=n_threads, bf16=engine.bf16)
    sentences = [sentence.words for sentence in corpus.read_labelled(data)[:n_sentences]]
    for line in asked:
        answers.write(json.dumps(timed(tagger, sentences, Load(**json.loads(line)))) + "\n")
        answers.flush()


def timed(tagger: Any, sentences: Sequence[Sequence[str]], load: Load) -> dict[str, Any]:
    """Seconds of one pass over the sentences, from words to tags."""
    from ner_tasks.inference import BatchLimits

    limits = BatchLimits(max_windows=load.batch_size, max_pieces=2**31, length=load.length)
    groups = [[sentence] for sentence in sentences] if load.batch_size == 1 else [sentences]
    began = time.perf_counter()
    for group in groups:
        tagger.tag(group, limits)
    seconds = time.perf_counter() - began
    return {
        "seconds": seconds,
        "n_words": sum(map(len, sentences)),
        "n_calls": len(groups) if load.batch_size == 1 else -(-len(sentences) // load.batch_size),
    }


if __name__ == "__main__":
    _engine, _data, _n_sentences, _n_threads = sys.argv[1:]
    # TensorFlow writes to stdout at times; the answers keep a descriptor of their own.
    _answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    _serve(Engine(**json.loads(_engine)), Path(_data), int(_n_sentences), int(_n_threads), sys.stdin, _answers)
