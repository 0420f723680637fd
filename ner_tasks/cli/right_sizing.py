"""The command `right-size`: joins training, quantization, timing and the final comparison on test."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ner_tasks import hardware
from ner_tasks.benchmarking import charts
from ner_tasks.benchmarking.timing import Load, time_engines
from ner_tasks.data import corpus
from ner_tasks.data.corpus import LabelledSentence
from ner_tasks.data.parts import read_calibration_text, read_training_parts
from ner_tasks.evaluation import bootstrap
from ner_tasks.evaluation.entity_counts import EntityCounts
from ner_tasks.evaluation.policy import DEFAULT_POLICY, GatePolicy
from ner_tasks.evaluation.predict import predict
from ner_tasks.files import atomic
from ner_tasks.inference.engines import Engine
from ner_tasks.model import freezing, model_folder
from ner_tasks.quantization import quantize
from ner_tasks.steps.training import RightSizeCommand
from ner_tasks.training import loop, right_sizing
from ner_tasks.training.config import TrainConfig
from ner_tasks.training.right_sizing import Tools
from ner_tasks.training.size_candidates import SizeLimits, make_rows
from ner_tasks.training.size_inputs import SizeInputs, hash_inputs

_N_TIMED, _ROUNDS = 512, 5


def run_search(
    config: RightSizeCommand, settings: TrainConfig, start: Path, lineage: Mapping[str, Any]
) -> dict[str, Any]:
    """Search for the depth, write the chosen model, and compare it with the full one on test."""
    parts, limits = read_training_parts(config.data, seed=settings.seed), _limits(config)
    full = config.full or _train_full(config, settings, start, lineage, parts)
    inputs = SizeInputs(parts, start, full, settings, lineage, config.soft_labels)
    tools = _tools(config, parts["dev"])
    result = right_sizing.search_depth(inputs, folder=config.work_path / "candidates", limits=limits, tools=tools)
    with atomic.staged_folder(config.output) as stage:
        shutil.copytree(result.model, stage, dirs_exist_ok=True)
    rows = make_rows(result.candidates)
    report = {
        "model": str(config.output),
        "layers": list(result.chosen.layers),
        "n_layers": len(result.candidates[0].layers),
        "dev_f1": result.chosen.dev_f1,
        "max_f1_loss": limits.max_f1_loss,
        "confidence": limits.confidence,
        "minutes": config.minutes,
        "spent_s": round(result.spent_s, 1),
        "candidates": rows,
        "test": _compare_on_test(config, full, result.model),
        "host": hardware.describe_host(config.threads),
    }
    if config.curves:
        config.curves.mkdir(parents=True, exist_ok=True)
        charts.plot_size_curve(rows, config.curves, max_f1_loss=limits.max_f1_loss)
    print(f"chosen: {result.chosen.describe()}", flush=True)
    return report


def _limits(config: RightSizeCommand) -> SizeLimits:
    policy = GatePolicy.read(DEFAULT_POLICY).model.right_size
    return SizeLimits(
        config.minutes,
        policy.max_f1_loss if config.max_f1_loss is None else config.max_f1_loss,
        policy.confidence if config.confidence is None else config.confidence,
        tuple(int(depth) for depth in (config.depths or "").split(",") if depth),
    )


def _train_full(
    config: RightSizeCommand, settings: TrainConfig, start: Path, lineage: Mapping[str, Any], parts: loop.Parts
) -> Path:
    """Train the full model, unless an earlier attempt with the same data and settings has."""
    name = hash_inputs(parts, start, settings, config.soft_labels)
    target = config.work_path / f"full-{name}"
    if not (target / model_folder.MANIFEST).is_file():
        loop.train_model(
            parts,
            encoder=start,
            target=target,
            checkpoints=config.work_path / f"full-{name}-checkpoints",
            config=settings,
            soft_labels=config.soft_labels,
            lineage=lineage,
        )
    return target


def _tools(config: RightSizeCommand, dev: Sequence[LabelledSentence]) -> Tools:
    text, timed = read_calibration_text(config.data), config.work_path / "timed.csv"
    config.work_path.mkdir(parents=True, exist_ok=True)
    corpus.write_kaggle_csv(timed, dev)

    def make_int8(trained: Path, int8: Path) -> None:
        frozen = int8.with_name(f"{int8.name}-frozen")
        freezing.freeze_model(trained, frozen)
        quantize.quantize_model(frozen, text, int8, quantize.QuantizeConfig.read(quantize.DEFAULT_CONFIG))
        shutil.rmtree(frozen)

    def time_models(*models: Path) -> tuple[float, float]:
        engines = [Engine(str(model), str(model)) for model in models]
        one, other = time_engines(
            {Load(32): engines}, timed, n_sentences=_N_TIMED, rounds=_ROUNDS, n_threads=config.threads
        )
        return one.words_per_s, other.words_per_s

    return Tools(make_int8, time_models, config.threads)


def _compare_on_test(config: RightSizeCommand, full: Path, chosen: Path) -> dict[str, Any] | None:
    """Compare the chosen model with the full one on the test part; None if it is the full one, or without a test part.

    This is the only use of the test part, after the choice.
    """
    file = config.data / "test.csv"
    if chosen == full or not file.is_file():
        return None
    sentences, sha256 = corpus.read_labelled(file), atomic.sha256_of(file)
    gold = [one.tags for one in sentences]
    counts = [
        EntityCounts.from_tags(gold, predict(model, sentences, n_threads=config.threads).tags, data_sha256=sha256)
        for model in (full, chosen)
    ]
    losses = bootstrap.bootstrap_losses(*counts)
    return {"n_sentences": losses["n_sentences"], **losses["overall"]}
