"""What the verbs that make and judge models do: from their flags to the dict of their report."""

import argparse
from pathlib import Path
from typing import Any

from ner_tasks.data import corpus
from ner_tasks.errors import ConfigInvalid

Args = argparse.Namespace
Result = dict[str, Any]


def evaluate(args: Args) -> Result:
    from ner_tasks.evaluation import report

    refuse_unrunnable(args, args.model)
    return report.evaluate_model(
        args.model,
        args.data,
        n_threads=args.threads,
        bf16=bool(args.bf16),
        batch_size=args.batch_size,
        n_resamples=args.resamples,
        output=args.output,
    )


def challenge(args: Args) -> Result:
    from ner_tasks.evaluation import bootstrap
    from ner_tasks.evaluation.entity_counts import EntityCounts

    champion, challenger = EntityCounts.read(args.champion), EntityCounts.read(args.challenger)
    return bootstrap.bootstrap_losses(champion, challenger, n_resamples=args.resamples)


def freeze(args: Args) -> Result:
    from ner_tasks.model import freezing

    manifest = freezing.freeze_model(args.model_path, args.save_model_path)
    return {"model": str(args.save_model_path), "files": manifest.files}


def quantize(args: Args) -> Result:
    from ner_tasks.quantization.quantize import DEFAULT_CONFIG, QuantizeConfig, quantize_model

    config = QuantizeConfig.read(args.config_file or DEFAULT_CONFIG)
    # A snapshot has a part for this; a file is what its user chose to calibrate on, whole.
    is_snapshot = args.dataset_file.is_dir()
    data = args.dataset_file / "calibration.csv" if is_snapshot else args.dataset_file
    sentences = [sentence.words for sentence in corpus.read_labelled(data)]
    if args.accuracy:
        from ner_tasks.quantization import accuracy_search

        if not is_snapshot:
            raise ConfigInvalid(f"found a file, expected a snapshot, whose dev part judges, for --accuracy, at {data}")
        criteria = accuracy_search.AccuracyConfig.read(args.accuracy_file or accuracy_search.DEFAULT_CONFIG)
        if args.max_f1_loss is not None:
            criteria = criteria.with_max_loss(args.max_f1_loss)
        dev = corpus.read_labelled(args.dataset_file / "dev.csv")
        manifest = accuracy_search.search_accuracy(
            args.model_path, sentences, dev, args.save_model_path, config, criteria, n_threads=args.threads
        )
    else:
        manifest = quantize_model(args.model_path, sentences, args.save_model_path, config)
    return {"model": str(args.save_model_path), **manifest.metrics["quantize"], "files": manifest.files}


def compare(args: Args) -> Result:
    from ner_tasks.benchmarking import comparison

    return comparison.compare_quantized(
        args.fp32,
        args.int8,
        args.data,
        n_sentences=args.n_sentences,
        rounds=args.rounds,
        n_threads=args.threads,
        output=args.output,
    )


def canary(args: Args) -> Result:
    from ner_tasks.evaluation import canary as canaries

    return canaries.run_canary(args.model, args.canary, n_threads=args.threads)


def refuse_unrunnable(args: Args, model: Path) -> None:
    from ner_tasks.inference.engines import Engine, check_runnable

    check_runnable(Engine("this model", str(model), onednn=bool(args.intel), bf16=bool(args.bf16)))
