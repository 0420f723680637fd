"""What the verbs that time models do: from their flags to the dict of their report."""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ner_tasks.cli.models import refuse_unrunnable
from ner_tasks.cli.registry import registry_at
from ner_tasks.data import corpus
from ner_tasks.errors import ConfigInvalid
from ner_tasks.files import atomic

Args = argparse.Namespace
Result = dict[str, Any]


def infer(args: Args) -> Result:
    from ner_tasks.benchmarking import timing
    from ner_tasks.inference.tagger import Tagger

    refuse_unrunnable(args, args.model_path)
    tagger = Tagger.load(args.model_path, n_threads=args.threads, bf16=bool(args.bf16))
    sentences = [sentence.words for sentence in corpus.read_labelled(args.dataset_file)[: args.n_sentences]]
    times = {}
    for batch_size in (1, args.batch_size):
        load = timing.Load(batch_size)
        timing.time_pass(tagger, sentences, load)  # warm-up
        turn = timing.time_pass(tagger, sentences, load)
        times[batch_size] = turn["seconds"] / turn["n_calls"]
    print(f"Average real time inference time (batch size 1): {times[1]:.6f} s")
    print(f"Average batch inference time: {times[args.batch_size]:.6f} s, batch size: {args.batch_size}")
    return {"realtime_s": times[1], "batch_s": times[args.batch_size], "batch_size": args.batch_size}


def benchmark(args: Args) -> Result:
    from ner_tasks.benchmarking import comparison, history, slowdown_gate

    most = slowdown_gate.parse_max_slowdown(args.max_slowdown)
    result = comparison.run_benchmark(
        args.model_path,
        args.dataset_file,
        args.output,
        at=datetime.now(UTC),
        batch_sizes=_whole_numbers("--batch_sizes", args.batch_sizes.split(",")),
        n_sentences=_whole_numbers("--n_sentences", [args.n_sentences])[0],
        rounds=_whole_numbers("--rounds", [args.rounds])[0],
        n_threads=args.threads,
        precisions=[name.strip() for name in args.precisions.split(",") if name.strip()],
        earlier=[history.read_run(path) for path in args.previous],
    )
    print((args.output / "table.md").read_text(encoding="utf-8"), flush=True)
    changes = [history.Change(**change) for change in result["changes"]]
    verdict = slowdown_gate.benchmark_gate(changes, most, f"the benchmark in {args.output}")
    return {**result, "gate": list(verdict.lines)}


def tune(args: Args) -> Result:
    from ner_tasks.benchmarking import tuning

    result = tuning.tune_runtime(
        args.model_path,
        args.dataset_file,
        n_threads=args.threads,
        n_sentences=args.n_sentences,
        rounds=args.rounds,
        max_f1_loss=args.max_f1_loss,
        time_limit_s=args.time_limit,
    )
    if args.publish:
        file = Path(result["file"])
        registry_at(args.store).put_runtime_config(args.publish, file.stem, atomic.read_json(file))
    return result


def _whole_numbers(flag: str, texts: Sequence[Any]) -> list[int]:
    if not all(str(text).isdecimal() and int(text) > 0 for text in texts):
        found = ",".join(map(str, texts))
        raise ConfigInvalid(f"found {flag} {found!r}, expected whole numbers of at least 1, such as 32")
    return [int(text) for text in texts]
