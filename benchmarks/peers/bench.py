"""The measurement itself: forms, then interleaved rounds at each level, then rows."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.peers.engines import Form, Level, PeerEngine
from benchmarks.peers.models import Sources
from benchmarks.peers.preparation import environment
from benchmarks.peers.ratios import Spread, ratio
from benchmarks.peers.rounds import Turns, take_turns
from benchmarks.prose import PER_PARAGRAPH
from ner_tasks.errors import NerTasksError
from ner_tasks.progress import View
from ner_tasks.worker_process import WorkerFailed, WorkerProcess

# windows x pieces: the kit's shape, the product's largest, a medium one; for latency, one sentence
GRAPH_SHAPES = ((32, 128), (128, 32), (32, 32))
LATENCY_SHAPE = (1, 32)
N_SINGLES = 200  # sentences whose latency is measured, one at a time


@dataclass(frozen=True)
class Setting:
    """Settings that all engines share.

    Attributes:
        sources: our models and the data.
        peers: folder of the peers' models.
        peers_python: the interpreter of their environment.
        logs: folder for the standard error of the processes.
        rounds: timed rounds, after a warm-up.
        n_threads: threads of each engine.
        n_sentences: sentences of the test part to time as documents.
        turn_s: minimum seconds of a turn at the graph level.
        trained: whether the weights are trained, so that F1 means something.
        vocabulary: number of pieces to draw random ids from.
    """

    sources: Sources
    peers: Path
    peers_python: Path
    logs: Path
    rounds: int
    n_threads: int
    n_sentences: int
    turn_s: float
    trained: bool
    vocabulary: int


class Bench:
    """One run. Collects a report of each engine, and why engines failed, by name."""

    def __init__(self, setting: Setting, view: View):
        self._setting, self._view = setting, view
        self.engines: dict[str, dict[str, Any]] = {}
        self.failed: dict[str, str] = {}

    def forms(self, engines: Sequence[PeerEngine], level: Level) -> dict[str, Form]:
        """Return the best form of each tuned peer. The product, the kit and what is documented have a fixed form."""
        forms = {engine.name: Form() for engine in engines if not engine.is_tuned}
        peers = [engine for engine in engines if engine.is_tuned]
        with self._view.phase(f"{level}: tuning", len(peers)) as step:
            for engine in peers:
                step(engine.name)
                try:
                    report = self._tune(engine, level)
                except WorkerFailed as error:
                    self._fail(engine.name, str(error))
                    continue
                forms[engine.name] = Form(**report["form"])
                self.engines.setdefault(engine.name, {})[level] = report
        return forms

    def graph(self, engines: Sequence[PeerEngine]) -> dict[str, list[dict[str, Any]]]:
        """Time the graph alone; return the rows of each load."""
        loads = {f"{windows}x{pieces}": self._load(windows, pieces) for windows, pieces in GRAPH_SHAPES}
        windows, pieces = LATENCY_SHAPE
        loads[f"{windows}x{pieces}, latency"] = self._load(windows, pieces, one_by_one=True)
        turns, _ = self._measure(engines, "graph", loads, score="")
        return {
            load: make_rows(answers, "n_calls" if "latency" in load else "n_pieces", per_call="latency" in load)
            for load, answers in turns.answers.items()
        }

    def text(self, engines: Sequence[PeerEngine]) -> dict[str, Any]:
        """Time from documents to entities, each engine in its best form; return the rows, and how much was read."""
        result = self._time_reading(engines, "text", do="time_text", counted="n_documents", score="score")
        return {**result, "per_document": PER_PARAGRAPH}

    def documented(self, engines: Sequence[PeerEngine]) -> dict[str, Any]:
        """Time from strings to entities, each engine as it is documented; return the rows, and how much was read."""
        return self._time_reading(engines, "documented", do="time_texts", counted="n_texts", score="score_texts")

    def _time_reading(
        self, engines: Sequence[PeerEngine], level: Level, *, do: str, counted: str, score: str
    ) -> dict[str, Any]:
        """Time all words, and one sentence at a time; return rows with F1 and memory, and how much was read."""
        loads = {
            level: {"do": do, "n_sentences": self._setting.n_sentences},
            "one sentence": {"do": "time_singles", "n_sentences": min(N_SINGLES, self._setting.n_sentences)},
        }
        turns, scores = self._measure(engines, level, loads, score=score)
        answers, singles = turns.answers[level], turns.answers["one sentence"]
        latency = {row["engine"]: row for row in make_rows(singles, "n_at_once", per_call=True, seconds="p50_s")}
        rows = make_rows(answers, "n_words")
        for row in rows:
            name = row["engine"]
            row["latency_ms"], row["latency_ratios"] = latency[name]["rate"], latency[name]["ratios"]
            row["n_entities"] = answers[name][0]["n_entities"]
            row["f1"] = scores[name]["f1"]
            row["peak_mib"] = self.engines[name][level]["peak_mib"]
        words = {answer[0]["n_words"] for answer in answers.values()}
        if len(words) > 1:
            raise NerTasksError(f"found {sorted(words)} words read, expected the same by all engines, in the documents")
        read = {name: max((answer[0][name] for answer in answers.values()), default=0) for name in ("n_words", counted)}
        n_singles = max((answer[0]["n_calls"] for answer in singles.values()), default=0)
        n_scored = max((one["n_sentences"] for one in scores.values()), default=0)
        return {"rows": rows, "n_scored": n_scored, "n_singles": n_singles, **read}

    def _measure(
        self, engines: Sequence[PeerEngine], level: Level, loads: Mapping[str, Mapping[str, Any]], *, score: str
    ) -> tuple[Turns, dict[str, dict[str, Any]]]:
        """Take turns; `score` is the request for a score, empty for none."""
        engines = [engine for engine in engines if engine.runs_at(level)]
        forms = self.forms(engines, level)
        with ExitStack() as stack:
            workers = self._start_workers(engines, forms, level, stack)
            n_steps = len(loads) * len(workers) * (self._setting.rounds + 1)
            with self._view.phase(level, n_steps) as step:
                turns = take_turns(workers, loads, rounds=self._setting.rounds, step=step)
            for name, reason in turns.failed.items():
                self._fail(name, reason)
            scores = self._collect_scores(workers, level, turns, score=score)
        return turns, scores

    def _start_workers(
        self, engines: Sequence[PeerEngine], forms: Mapping[str, Form], level: Level, stack: ExitStack
    ) -> dict[str, WorkerProcess]:
        """Start the workers and load their models, one after the other."""
        workers = {}
        with self._view.phase(f"{level}: loading", len(forms)) as step:
            for engine in engines:
                if engine.name not in forms:
                    continue
                step(engine.name)
                try:
                    test = str(self._setting.sources.test)
                    worker = self._start_worker("worker", engine, forms[engine.name], stack, test=test, level=level)
                    facts = worker.hello()
                except NerTasksError as error:
                    self._fail(engine.name, str(error))
                    continue
                self.engines.setdefault(engine.name, {}).setdefault(level, {})["facts"] = facts
                workers[engine.name] = worker
        return workers

    def _collect_scores(
        self, workers: Mapping[str, WorkerProcess], level: Level, turns: Turns, *, score: str
    ) -> dict[str, dict[str, Any]]:
        """Ask for the memory of each worker, then for its score: scoring needs more memory."""
        scores = {}
        names = [name for name in workers if name not in turns.failed]
        with self._view.phase(f"{level}: memory and scores", len(names)) as step:
            for name in names:
                step(name)
                try:
                    self.engines[name][level] |= workers[name].ask(do="memory")
                    if score:
                        scores[name] = workers[name].ask(do=score)
                except WorkerFailed as error:
                    self._fail(name, str(error))
                    for answers in turns.answers.values():
                        del answers[name]
        return scores

    def _tune(self, engine: PeerEngine, level: Level) -> dict[str, Any]:
        setting = self._setting
        given = {"level": level, "vocabulary": setting.vocabulary, "trained": setting.trained}
        with ExitStack() as stack:
            calibration = str(setting.sources.calibration)
            return self._start_worker("tuning", engine, Form(), stack, calibration=calibration, **given).hello()

    def _start_worker(
        self, module: str, engine: PeerEngine, form: Form, stack: ExitStack, **given: Any
    ) -> WorkerProcess:
        setting = self._setting
        python = str(setting.peers_python) if engine.is_peer else sys.executable
        model = setting.sources.model_of(engine, setting.peers)
        job = {"engine": asdict(engine), "model": str(model), "form": asdict(form), "n_threads": setting.n_threads}
        command = [python, "-m", f"benchmarks.peers.{module}", json.dumps({**job, **given})]
        env = environment(engine, setting.n_threads)
        worker = WorkerProcess(engine.name, command, env=env, log=setting.logs / f"{engine.name}.log")
        stack.callback(worker.close)
        return worker

    def _load(self, n_windows: int, n_pieces: int, *, one_by_one: bool = False) -> dict[str, Any]:
        return {
            "do": "time_graph",
            "n_windows": n_windows,
            "n_pieces": n_pieces,
            "vocabulary": self._setting.vocabulary,
            "at_least_s": self._setting.turn_s,
            "one_by_one": one_by_one,
        }

    def _fail(self, name: str, reason: str) -> None:
        if name not in self.failed:
            self.failed[name] = reason
            self._view.print(f"{name} did not run: {reason}")


def make_rows(
    answers: Mapping[str, Sequence[Mapping[str, Any]]],
    counted: str,
    *,
    per_call: bool = False,
    seconds: str = "seconds",
) -> list[dict[str, Any]]:
    """Return a row for each engine: its rate, and its ratio to each of ours.

    Args:
        answers: the answers of each engine, one per round.
        counted: what to count per second, such as `n_words`.
        per_call: return milliseconds per call instead of calls per second.
        seconds: how long it took, such as `seconds` or `p50_s`.
    """
    rates = {name: [one[counted] / one[seconds] for one in rounds] for name, rounds in answers.items()}
    ours = [name for name in rates if name.startswith("ours-")]
    return [
        {
            "engine": name,
            "rate": Spread.of([1000 / rate for rate in rounds] if per_call else rounds).as_dict(),
            "ratios": {mine: ratio(rates[mine], rounds).as_dict() for mine in ours},
            "rounds_s": [round(one[seconds], 5) for one in answers[name]],
        }
        for name, rounds in rates.items()
    ]


def default_threads() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0))
