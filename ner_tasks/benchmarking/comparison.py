"""What a model is worth: entity F1, FP32 against INT8, and every way to run it on this host."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from ner_tasks import hardware
from ner_tasks.benchmarking import charts, history
from ner_tasks.benchmarking.timing import Load, time_engines
from ner_tasks.data import corpus
from ner_tasks.files import atomic
from ner_tasks.inference.engines import Engine, check_runnable, list_engines
from ner_tasks.model import model_folder

COUNTS, CANARY = "int8-counts.json", "canary.json"


def evaluate_f1(
    model: Path, sentences: Sequence[corpus.LabelledSentence], *, n_threads: int, bf16: bool = False
) -> dict[str, Any]:
    """Entity F1 of one model on labelled sentences, in all and per label; see `evaluation.predict`."""
    from ner_tasks.evaluation.predict import predict

    return predict(model, sentences, n_threads=n_threads, bf16=bf16).figures


def compare_quantized(
    fp32: Path,
    int8: Path,
    data: Path,
    *,
    n_sentences: int,
    rounds: int,
    n_threads: int,
    output: Path | None = None,
) -> dict[str, Any]:
    """What INT8 costs in F1 and gives in speed, against its own FP32 graph, with and without oneDNN.

    The kit's padding to 128 pieces is shown apart: it is what buckets save, not what INT8 does.

    Args:
        fp32: a frozen model.
        int8: the INT8 model made of it.
        data: labelled data that neither has seen.
        n_sentences: how many of them are timed, from the beginning.
        rounds: timed turns of each engine.
        n_threads: threads of each engine.
        output: a folder to make, of the INT8 model's counts by sentence and of answers for a canary.
    """
    from ner_tasks.evaluation import bootstrap, canary
    from ner_tasks.evaluation.entity_counts import EntityCounts
    from ner_tasks.evaluation.predict import predict, tag_agreement

    engines = [
        Engine("stock_fp32", str(fp32), onednn=False),
        Engine("onednn_fp32", str(fp32)),
        Engine("int8", str(int8)),
    ]
    for engine in engines:
        check_runnable(engine)
    sentences, data_sha256 = corpus.read_labelled(data), atomic.sha256_of(data)
    found = [predict(model, sentences, n_threads=n_threads) for model in (fp32, int8)]
    scores = {name: one.figures for name, one in zip(("fp32", "int8"), found, strict=True)}
    gold, (fp32_tags, int8_tags) = [one.tags for one in sentences], (one.tags for one in found)
    counts = [EntityCounts.from_tags(gold, tags, data_sha256=data_sha256) for tags in (fp32_tags, int8_tags)]
    if output is not None:
        with atomic.staged_folder(output) as stage:
            counts[1].write(stage / COUNTS)
            canary.write_canary(int8, sentences, stage / CANARY, n_threads=n_threads)
    plan = {Load(batch_size=32): engines, Load(batch_size=32, length=128): engines[-1:]}
    timings = time_engines(plan, data, n_sentences=n_sentences, rounds=rounds, n_threads=n_threads)
    speed = {timing.engine: timing.words_per_s for timing in timings if timing.load.length == 0}
    padded = next(timing.words_per_s for timing in timings if timing.load.length)
    return {
        **scores,
        "f1_loss": scores["fp32"]["overall"]["f1"] - scores["int8"]["overall"]["f1"],
        "losses": bootstrap.bootstrap_losses(*counts),
        "agreement": tag_agreement(fp32_tags, int8_tags),
        "size_share": (int8 / model_folder.GRAPH).stat().st_size / (fp32 / model_folder.GRAPH).stat().st_size,
        "speed": {
            **{name: round(value, 1) for name, value in speed.items()},
            "int8_over_stock": speed["int8"] / speed["stock_fp32"],
            "int8_over_onednn": speed["int8"] / speed["onednn_fp32"],
            "bucketed_over_padded": speed["int8"] / padded,
        },
        "timings": [timing.as_dict() for timing in timings],
        "host": hardware.describe_host(n_threads),
    }


def run_benchmark(
    models: Sequence[Path],
    data: Path,
    output: Path,
    *,
    at: datetime,
    batch_sizes: Sequence[int],
    n_sentences: int,
    rounds: int,
    n_threads: int,
    precisions: Sequence[str] = (),
    earlier: Sequence[history.Run] = (),
) -> dict[str, Any]:
    """Ways to run the models, by batch size: rows, a page, charts, and what has changed, in `output`.

    Args:
        models: a frozen or trained model, an INT8 model, or both.
        data: a labelled file.
        output: the folder to make.
        at: when this is, with its zone.
        batch_sizes: sentences per batch, each at least 1.
        n_sentences: how many are timed, from the beginning; entity F1 is of all.
        rounds: timed turns of each engine, at least 1.
        n_threads: threads of each engine.
        precisions: which ways, by name; none for all that this host can run.
        earlier: other runs, to compare with those on the same host and data.

    Raises:
        ConfigInvalid: a way that is unknown, or that this host cannot run.
    """
    engines = list_engines(models, precisions)
    sentences = corpus.read_labelled(data)
    plan = {Load(size, each_call=True): engines for size in dict.fromkeys(batch_sizes)}
    timings = time_engines(plan, data, n_sentences=n_sentences, rounds=rounds, n_threads=n_threads)
    ways = {engine.name: (engine.model, engine.bf16) for engine in engines}
    f1 = {
        (model, bf16): evaluate_f1(Path(model), sentences, n_threads=n_threads, bf16=bf16)["overall"]["f1"]
        for model, bf16 in dict.fromkeys(ways.values())
    }
    report: dict[str, Any] = {
        "at": at.isoformat(timespec="microseconds"),
        "host": hardware.describe_host(n_threads),
        "data": data.name,
        "data_sha256": atomic.sha256_of(data),
        "n_sentences": min(n_sentences, len(sentences)),
        "rounds": rounds,
        "rows": [{**timing.as_dict(), "f1": round(f1[ways[timing.engine]], 4)} for timing in timings],
    }
    changes = history.compare_with_history(report, earlier)
    report["changes"] = [asdict(change) for change in changes]
    with atomic.staged_folder(output) as stage:
        atomic.write_json(stage / "benchmark.json", report)
        atomic.write_text(stage / "table.md", charts.render_page(report, changes))
        charts.plot_benchmark(report["rows"], stage)
    return {**report, "output": str(output)}
