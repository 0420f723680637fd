"""Worker process of one engine: loads the model, then answers requests.

    python -m benchmarks.peers.worker JOB

`time_graph`     time the graph alone
`time_text`      time from documents to entities, with the tokenization and decoding that all engines share
`time_texts`     time from strings to entities, as an engine is documented
`time_singles`   latency of one sentence at a time, in either way
`score`          entity F1 on labelled sentences
`score_texts`    entity F1 on their text, over characters, as an engine is documented
`memory`         peak memory of the process
"""

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers import raw_text, runners
from benchmarks.peers.documents import find_entities, make_documents
from benchmarks.peers.engines import Form, PeerEngine
from benchmarks.peers.spans import encode_bio
from ner_tasks import worker_process
from ner_tasks.data import corpus
from ner_tasks.errors import ConfigInvalid
from ner_tasks.evaluation import metrics
from ner_tasks.model.tokenization import SHAPES

N_AT_ONCE = 8  # batches passed to a queue at once; the same number of calls for all engines


def answerer(runner: runners.Runner, test: Path) -> worker_process.Answerer:
    """Return the function that answers the requests to a runner in its best form."""
    labelled = corpus.read_labelled(test)
    texts: dict[int, list[str]] = {}

    def time_singles(n_sentences: int) -> dict[str, Any]:
        singles = [one.text for one in raw_text.write_texts(labelled[:n_sentences])]
        return time_each(singles, lambda text: find_entities([text], runner.spans))

    def time_text(n_sentences: int) -> dict[str, Any]:
        if n_sentences not in texts:
            texts[n_sentences] = make_documents((one.words for one in labelled), n_sentences)
        began = time.perf_counter()
        entities, n_words = find_entities(texts[n_sentences], runner.spans)
        seconds = time.perf_counter() - began
        read = {"n_words": n_words, "n_documents": len(texts[n_sentences])}
        return {"seconds": seconds, "n_entities": len(entities), **read}

    def time_graph(
        n_windows: int, n_pieces: int, vocabulary: int, at_least_s: float, one_by_one: bool
    ) -> dict[str, Any]:
        batch = random_batch(n_windows, n_pieces, vocabulary)
        batches = [batch] if one_by_one else [batch] * N_AT_ONCE
        return time_calls(runner, batches, at_least_s)

    def answer(request: Mapping[str, Any]) -> Mapping[str, Any]:
        given = {name: value for name, value in request.items() if name != "do"}
        if request["do"] == "time_text":
            return time_text(**given)
        if request["do"] == "time_graph":
            return time_graph(**given)
        if request["do"] == "time_singles":
            return time_singles(**given)
        if request["do"] == "score":
            return score(runner, labelled)
        if request["do"] == "memory":
            return {"peak_mib": peak_mib()}
        raise ConfigInvalid(
            f"found {request['do']!r}, expected time_text, time_graph, time_singles, score or memory, in a request"
        )

    return answer


def documented_answerer(runner: runners.TextRunner, test: Path) -> worker_process.Answerer:
    """Return the function that answers the requests to a runner as its engine is documented."""
    labelled = corpus.read_labelled(test)
    n_words: dict[int, int] = {}
    written: dict[int, list[raw_text.LabelledText]] = {}

    def texts(n_sentences: int) -> list[str]:
        if n_sentences not in written:
            written[n_sentences] = raw_text.write_texts(labelled[:n_sentences])
            runner.prepare([one.text for one in written[n_sentences]])
        return [one.text for one in written[n_sentences]]

    def time_texts(n_sentences: int) -> dict[str, Any]:
        given = texts(raw_text.count_documented(labelled, n_sentences))
        n_words.setdefault(n_sentences, raw_text.count_words(given))
        began = time.perf_counter()
        found = runner.entities(given)
        seconds = time.perf_counter() - began
        counts = {"n_texts": len(given), "n_words": n_words[n_sentences]}
        return {"seconds": seconds, "n_entities": sum(map(len, found)), **counts}

    def answer(request: Mapping[str, Any]) -> Mapping[str, Any]:
        if request["do"] == "time_texts":
            return time_texts(request["n_sentences"])
        if request["do"] == "time_singles":
            return time_each(texts(request["n_sentences"]), lambda text: runner.entities([text]))
        if request["do"] == "score_texts":
            found = runner.entities(texts(len(labelled)))
            return {
                "f1": raw_text.score_texts(written[len(labelled)], found).f1,
                "n_sentences": len(found),
            }
        if request["do"] == "memory":
            return {"peak_mib": peak_mib()}
        raise ConfigInvalid(
            f"found {request['do']!r}, expected time_texts, time_singles, score_texts or memory, in a request"
        )

    return answer


def time_each(texts: Sequence[str], find: Callable[[str], object]) -> dict[str, Any]:
    """Time one text after the other; the median is the latency."""
    seconds = []
    for text in texts:
        began = time.perf_counter()
        find(text)
        seconds.append(time.perf_counter() - began)
    return {"seconds": sum(seconds), "n_calls": len(seconds), "n_at_once": 1, "p50_s": statistics.median(seconds)}


def random_batch(n_windows: int, n_pieces: int, vocabulary: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return piece ids and shape ids [windows, pieces] of a batch without padding, equal in every process."""
    random = np.random.default_rng(0)
    shape = (n_windows, n_pieces)
    piece_ids = random.integers(vocabulary // 2, vocabulary, shape, np.int32)
    return piece_ids, random.integers(1, len(SHAPES), shape, np.int32)


def time_calls(runner: runners.Runner, batches: runners.Batches, at_least_s: float) -> dict[str, Any]:
    """Run all batches repeatedly until `at_least_s` seconds have passed."""
    n_calls, began = 0, time.perf_counter()
    while True:
        runner.logits(batches)
        n_calls += len(batches)
        seconds = time.perf_counter() - began
        if seconds >= at_least_s:
            return {"seconds": seconds, "n_calls": n_calls, "n_pieces": n_calls * batches[0][0].size}


def score(runner: runners.Runner, labelled: Iterable[corpus.LabelledSentence]) -> dict[str, Any]:
    """Return entity F1 on the labelled words."""
    gold = list(labelled)
    spans = runner.spans([sentence.words for sentence in gold])
    tags = encode_bio(spans, [len(sentence.words) for sentence in gold])
    return {"f1": metrics.score_tags([sentence.tags for sentence in gold], tags).overall.f1, "n_sentences": len(gold)}


def peak_mib() -> float:
    """Return the peak resident memory of this process.

    `getrusage` would include the parent's memory at the start.

    Raises:
        ConfigInvalid: the system is not Linux.
    """
    status = Path("/proc/self/status")
    if not status.is_file():
        raise ConfigInvalid(f"found no {status}, expected Linux, to measure memory")
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def parse_job(task: Mapping[str, Any]) -> runners.Job:
    """Return the job that a command line describes."""
    return runners.Job(PeerEngine(**task["engine"]), Path(task["model"]), Form(**task["form"]), task["n_threads"])


def main(arguments: Sequence[str]) -> int:
    """Serve one engine until its requests end."""
    task = json.loads(arguments[0])

    def start() -> tuple[Mapping[str, Any], worker_process.Answerer]:
        job, test = parse_job(task), Path(task["test"])
        if task["level"] == "documented":
            documented = runners.load_documented(job)
            return documented.facts, documented_answerer(documented, test)
        runner = runners.load(job)
        return runner.facts, answerer(runner, test)

    return worker_process.serve(start, sys.stdin, worker_process.reserve_stdout())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
