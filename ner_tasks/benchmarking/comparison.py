"""Comparison of engines: FP32 against INT8 for the gate, and all engines of this host for a benchmark."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from ner_tasks import hardware
from ner_tasks.benchmarking import charts, history
from ner_tasks.benchmarking.timing import Load, time_engines
from ner_tasks.data import corpus
from ner_tasks.files import atomic, schema
from ner_tasks.inference.engines import Engine, check_runnable, list_engines
from ner_tasks.model import model_folder

COUNTS, CANARY = "int8-counts.json", "canary.json"


def evaluate_f1(
    model: Path, sentences: Sequence[corpus.LabelledSentence], *, n_threads: int, bf16: bool = False
) -> dict[str, Any]:
    """Compute the scores of a model on labelled sentences; see `evaluation.predict`."""
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
    """Compare F1 and speed of an INT8 model with its FP32 graph, with and without oneDNN.

    Also times INT8 with the reference kit's padding to 128 pieces, to separate the gain of batching by length from that
    of INT8.

    Args:
        fp32: frozen model folder.
        int8: INT8 model folder, quantized from `fp32`.
        data: labelled file that neither model was trained on.
        n_sentences: number of sentences to time, from the start of the file.
        rounds: timed rounds of each engine, at least 1.
        n_threads: number of threads of each engine.
        output: folder to create for the entity counts of the INT8 model and a canary; None for none.

    Returns:
        Scores of both models, F1 loss, bootstrap of the losses, agreement, speed and timings.

    Raises:
        ConfigInvalid: this host cannot run one of the engines.
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
    predictions = [predict(model, sentences, n_threads=n_threads) for model in (fp32, int8)]
    scores = {name: one.figures for name, one in zip(("fp32", "int8"), predictions, strict=True)}
    gold, (fp32_tags, int8_tags) = [one.tags for one in sentences], (one.tags for one in predictions)
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
    """Benchmark engines by batch size and write report, page and charts to `output`.

    Args:
        models: a frozen or trained model, an INT8 model, or both.
        data: labelled file.
        output: folder to create.
        at: time of the run, with its time zone.
        batch_sizes: numbers of sentences per batch, each at least 1.
        n_sentences: number of sentences to time, from the start of the file; entity F1 is computed on all.
        rounds: timed rounds of each engine, at least 1.
        n_threads: number of threads of each engine.
        precisions: some of `engines.PRECISIONS`; empty for all that this host supports.
        earlier: earlier runs to compare with; those on other hosts or data are ignored.

    Returns:
        The report, with the path of `output`.

    Raises:
        ConfigInvalid: a precision is unknown or not supported by this host.
    """
    engines = list_engines(models, precisions)
    sentences = corpus.read_labelled(data)
    plan = {Load(size, each_call=True): engines for size in dict.fromkeys(batch_sizes)}
    timings = time_engines(plan, data, n_sentences=n_sentences, rounds=rounds, n_threads=n_threads)
    graphs = {engine.name: (engine.model, engine.bf16) for engine in engines}
    f1 = {
        (model, bf16): evaluate_f1(Path(model), sentences, n_threads=n_threads, bf16=bf16)["overall"]["f1"]
        for model, bf16 in dict.fromkeys(graphs.values())
    }
    report: dict[str, Any] = {
        "at": at.isoformat(timespec="microseconds"),
        "host": hardware.describe_host(n_threads),
        "data": data.name,
        "data_sha256": atomic.sha256_of(data),
        "n_sentences": min(n_sentences, len(sentences)),
        "rounds": rounds,
        "rows": [{**timing.as_dict(), "f1": round(f1[graphs[timing.engine]], 4)} for timing in timings],
    }
    changes = history.compare_with_history(report, earlier)
    report["changes"] = [asdict(change) for change in changes]
    with atomic.staged_folder(output) as stage:
        atomic.write_json(stage / "benchmark.json", schema.stamp(report))
        atomic.write_text(stage / "table.md", charts.render_page(report, changes))
        charts.plot_benchmark(report["rows"], stage)
    return {**report, "output": str(output)}
