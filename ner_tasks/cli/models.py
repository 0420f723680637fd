"""Run the commands that make, evaluate and compare models."""

from pathlib import Path
from typing import Any

from ner_tasks.data import corpus
from ner_tasks.data.parts import read_calibration_text
from ner_tasks.errors import ConfigInvalid
from ner_tasks.steps.command import OneDnn
from ner_tasks.steps.models import (
    CanaryCommand,
    CompareModelsCommand,
    CompareQuantizedCommand,
    EvaluateCommand,
    FreezeCommand,
    QuantizeCommand,
)

Result = dict[str, Any]


def commands() -> list[tuple[Any, Any]]:
    return [
        (EvaluateCommand, evaluate),
        (CompareModelsCommand, compare_models),
        (FreezeCommand, freeze),
        (QuantizeCommand, quantize),
        (CompareQuantizedCommand, compare_quantized),
        (CanaryCommand, run_canary),
    ]


def evaluate(config: EvaluateCommand) -> Result:
    from ner_tasks.evaluation import report

    refuse_unrunnable(config, config.model)
    return report.evaluate_model(
        config.model,
        config.data,
        n_threads=config.threads,
        bf16=config.bf16,
        batch_size=config.batch_size,
        n_resamples=config.resamples,
        output=config.output,
    )


def compare_models(config: CompareModelsCommand) -> Result:
    from ner_tasks.evaluation import bootstrap
    from ner_tasks.evaluation.entity_counts import EntityCounts

    champion, challenger = EntityCounts.read(config.champion), EntityCounts.read(config.challenger)
    return bootstrap.bootstrap_losses(champion, challenger, n_resamples=config.resamples)


def freeze(config: FreezeCommand) -> Result:
    from ner_tasks.model import freezing

    manifest = freezing.freeze_model(config.model, config.output)
    return {"model": str(config.output), "files": manifest.files}


def quantize(config: QuantizeCommand) -> Result:
    from ner_tasks.quantization.quantize import DEFAULT_CONFIG, QuantizeConfig, quantize_model

    recipe = QuantizeConfig.read(config.config_file or DEFAULT_CONFIG)
    calibration = read_calibration_text(config.data)
    if config.accuracy:
        from ner_tasks.quantization import accuracy_search

        if not config.data.is_dir():
            raise ConfigInvalid(f"found a file, expected a snapshot with a dev part, for --accuracy, at {config.data}")
        criteria = accuracy_search.AccuracyConfig.read(config.accuracy_file or accuracy_search.DEFAULT_CONFIG)
        if config.max_f1_loss is not None:
            criteria = criteria.with_max_loss(config.max_f1_loss)
        dev = corpus.read_labelled(config.data / "dev.csv")
        manifest = accuracy_search.search_accuracy(
            config.model, calibration, dev, config.output, recipe, criteria, n_threads=config.threads
        )
    else:
        manifest = quantize_model(config.model, calibration, config.output, recipe)
    return {"model": str(config.output), **manifest.metrics["quantize"], "files": manifest.files}


def compare_quantized(config: CompareQuantizedCommand) -> Result:
    from ner_tasks.benchmarking import comparison

    return comparison.compare_quantized(
        config.fp32,
        config.int8,
        config.data,
        n_sentences=config.n_sentences,
        rounds=config.rounds,
        n_threads=config.threads,
        output=config.output,
    )


def run_canary(config: CanaryCommand) -> Result:
    from ner_tasks.evaluation import canary

    return canary.run_canary(config.model, config.canary, n_threads=config.threads)


def refuse_unrunnable(config: OneDnn, model: Path) -> None:
    from ner_tasks.inference.engines import Engine, check_runnable

    check_runnable(Engine("this model", str(model), onednn=config.intel, bf16=config.bf16))
