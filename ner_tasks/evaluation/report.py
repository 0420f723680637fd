"""A model's whole report on labelled sentences: figures, how sure they are, slices, confusion, the worst sentences."""

from pathlib import Path
from typing import Any

from ner_tasks.data import corpus
from ner_tasks.data.corpus import LabelledSentence
from ner_tasks.evaluation import bootstrap, error_analysis, report_page, slices
from ner_tasks.evaluation.entity_counts import EntityCounts
from ner_tasks.evaluation.predict import Predictions, predict
from ner_tasks.files import atomic

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
    """Score a model in depth.

    Args:
        model: a model folder of any kind.
        data: a labelled file, or a snapshot, whose test part is taken; that also tells what training has shown and
            which batch a sentence is from.
        n_threads: threads of the model.
        bf16: compute in bfloat16.
        batch_size: most sentences in a batch.
        n_resamples: draws of the bootstrap.
        seed: of the draws.
        output: a folder to make, of the report, its page, and the counts by sentence that `compare-models` reads.
    """
    is_snapshot = data.is_dir()
    file = data / f"{TEST}.csv" if is_snapshot else data
    sentences = corpus.read_labelled(file)
    found = predict(model, sentences, n_threads=n_threads, bf16=bf16, batch_size=batch_size)
    gold, predicted = [one.tags for one in sentences], found.tags
    counts = EntityCounts.between(gold, predicted, data_sha256=atomic.sha256_of(file))
    report = {
        "model": str(model),
        "data": str(file),
        **found.figures,
        "intervals": bootstrap.bootstrap_intervals(counts, n_resamples=n_resamples, seed=seed),
        "slices": _slices(counts, sentences, found, data if is_snapshot else None),
        "confusion": error_analysis.count_confusions(gold, predicted),
        "worst": error_analysis.find_worst_sentences(sentences, found.answers),
    }
    if output is not None:
        with atomic.staged_folder(output) as stage:
            counts.write(stage / COUNTS)
            report_page.write_report_page({**report, "version": found.version}, stage / PAGE)
            atomic.write_json(stage / REPORT, report)
    return report


def _slices(
    counts: EntityCounts, sentences: list[LabelledSentence], found: Predictions, snapshot: Path | None
) -> dict[str, dict[str, Any]]:
    made = {"length": slices.score_by_length(counts, [len(sentence.words) for sentence in sentences])}
    if snapshot is None:
        return made
    train = corpus.read_labelled(snapshot / "train.csv")
    made["seen"] = slices.recall_by_seen(sentences, found.tags, train)
    batches = slices.read_batches(snapshot, TEST, len(sentences))
    return made if batches is None else {**made, "batch": slices.score_by_batch(counts, batches)}
