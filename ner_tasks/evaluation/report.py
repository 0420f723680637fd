"""Evaluation report: scores, confidence intervals, slices, confusion and worst sentences."""

from pathlib import Path
from typing import Any

from ner_tasks.data import corpus, part_sizes, snapshot
from ner_tasks.data.corpus import LabelledSentence
from ner_tasks.evaluation import bootstrap, error_analysis, report_page, slices
from ner_tasks.evaluation.entity_counts import EntityCounts
from ner_tasks.evaluation.predict import Predictions, predict
from ner_tasks.files import atomic, schema
from ner_tasks.records import SizedSnapshot, read_file

COUNTS, REPORT, PAGE = "counts.json", "evaluation.json", "page.html"
TEST = "test"


def evaluate_model(
    model: Path,
    data: Path,
    *,
    n_threads: int,
    bf16: bool = False,
    batch_size: int = 128,
    n_resamples: int = bootstrap.N_RESAMPLES,
    seed: int = 0,
    output: Path | None = None,
) -> dict[str, Any]:
    """Evaluate a model on labelled sentences.

    Args:
        model: model folder of any kind.
        data: labelled file, or a snapshot, whose test part is used; a snapshot adds the slices by seen mentions and by
            batch.
        n_threads: number of threads of the model.
        bf16: compute in bfloat16 where the CPU supports it.
        batch_size: maximum number of windows in a batch.
        n_resamples: number of bootstrap resamples.
        seed: seed of the resampling.
        output: folder to create for the report, its HTML page, and the counts that `compare-models` reads; None for none.

    Returns:
        The report.
    """
    is_snapshot = data.is_dir()
    file = data / f"{TEST}.csv" if is_snapshot else data
    sentences = corpus.read_labelled(file)
    predictions = predict(model, sentences, n_threads=n_threads, bf16=bf16, batch_size=batch_size)
    gold, predicted = [one.tags for one in sentences], predictions.tags
    counts = EntityCounts.from_tags(gold, predicted, data_sha256=atomic.sha256_of(file))
    report = {
        "model": str(model),
        "data": str(file),
        **predictions.figures,
        "small_parts": _find_small_parts(data, predictions.figures["overall"]["n_gold"]),
        "intervals": bootstrap.bootstrap_intervals(counts, n_resamples=n_resamples, seed=seed),
        "slices": _score_slices(counts, sentences, predictions, data if is_snapshot else None),
        "confusion": error_analysis.count_confusions(gold, predicted),
        "worst": error_analysis.find_worst_sentences(sentences, predictions.answers),
    }
    for line in report["small_parts"]:
        part_sizes.print_small_part(line)
    if output is not None:
        with atomic.staged_folder(output) as stage:
            counts.write(stage / COUNTS)
            report_page.write_report_page({**report, "version": predictions.version}, stage / PAGE)
            atomic.write_json(stage / REPORT, schema.stamp(report))
    return report


def _find_small_parts(data: Path, n_gold: int) -> list[str]:
    """Return a line for each part of the snapshot, or for the file, that is too small to decide by."""
    manifest = data / snapshot.MANIFEST
    if data.is_dir() and manifest.is_file():
        return part_sizes.describe_small_parts(read_file(manifest, SizedSnapshot)["parts"])
    line = part_sizes.describe_small_part(TEST, n_gold)
    return [line] if line else []


def _score_slices(
    counts: EntityCounts, sentences: list[LabelledSentence], predictions: Predictions, snapshot: Path | None
) -> dict[str, dict[str, Any]]:
    scores = {"length": slices.score_by_length(counts, [len(sentence.words) for sentence in sentences])}
    if snapshot is None:
        return scores
    train = corpus.read_labelled(snapshot / "train.csv")
    scores["seen"] = slices.recall_by_seen(sentences, predictions.tags, train)
    batches = slices.read_batches(snapshot, TEST, len(sentences))
    return scores if batches is None else {**scores, "batch": slices.score_by_batch(counts, batches)}
