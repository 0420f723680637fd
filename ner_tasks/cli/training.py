"""Run the commands that train."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ner_tasks import hardware
from ner_tasks.data import corpus
from ner_tasks.data.parts import read_training_parts
from ner_tasks.errors import ConfigInvalid
from ner_tasks.files import atomic
from ner_tasks.steps.training import (
    RightSizeCommand,
    SearchCommand,
    SoftLabelsCommand,
    TrainCommand,
    TrainingInputs,
)
from ner_tasks.training.config import TrainConfig

if TYPE_CHECKING:
    from ner_tasks.data.corpus import LabelledSentence

Result = dict[str, Any]


def commands() -> list[tuple[Any, Any]]:
    return [
        (TrainCommand, train),
        (SoftLabelsCommand, compute_soft_labels),
        (SearchCommand, search),
        (RightSizeCommand, right_size),
    ]


def train(config: TrainCommand) -> Result:
    from ner_tasks.benchmarking import charts
    from ner_tasks.training import loop

    settings, start = _settings(config), _start(config)
    parts = read_training_parts(config.data, seed=settings.seed)
    checkpoints = config.checkpoint_path or config.output.with_name(f".{config.output.name}.checkpoints")
    done = loop.train_model(
        parts,
        encoder=start,
        target=config.output,
        checkpoints=checkpoints,
        config=settings,
        soft_labels=config.soft_labels,
        lineage=_lineage(config),
    )
    if config.curves:
        config.curves.mkdir(parents=True, exist_ok=True)
        charts.plot_learning_curve(done.history, done.curve, config.curves)
    return {
        "model": str(config.output),
        "config": settings.model_dump(),
        "best_epoch": done.best_epoch,
        "dev_f1": done.best_f1,
        "history": done.history,
        "curve": done.curve,
        "training_s": round(done.train_s, 1),
        "forgotten": _forgotten(config, parts),
    }


def compute_soft_labels(config: SoftLabelsCommand) -> Result:
    from ner_tasks.data.parts import read_held_out
    from ner_tasks.inference.tagger import Tagger
    from ner_tasks.training import loop, soft_labels, teacher

    if config.bf16:
        hardware.require_bf16()
    parts = read_training_parts(config.data, seed=config.seed)
    tagger = Tagger.load(config.model, n_threads=config.threads, bf16=config.bf16)
    held_out = {**parts, **read_held_out(config.data)}
    train_part = held_out.pop("train")
    teacher.check_teacher(tagger.manifest.lineage, train_part, held_out, teacher_snapshot=config.teacher_snapshot)
    manifest = soft_labels.compute_soft_labels(tagger, train_part, loop.read_labels(parts), output=config.output)
    return {**manifest, "output": str(config.output)}


def search(config: SearchCommand) -> Result:
    from ner_tasks.training import search as searching

    settings, start = _settings(config), _start(config)
    budget = searching.SearchBudget(config.minutes, config.trials, config.train_share)
    parts = read_training_parts(config.data, seed=settings.seed)
    result = searching.search_config(
        parts,
        encoder=start,
        folder=config.study_path,
        base=settings,
        budget=budget,
        soft_labels=config.soft_labels,
    )
    atomic.write_json(config.output, result["config"])
    return {**result, "output": str(config.output)}


def right_size(config: RightSizeCommand) -> Result:
    from ner_tasks.cli.right_sizing import run_search

    return run_search(config, _settings(config), _start(config), _lineage(config))


def _lineage(config: TrainCommand | RightSizeCommand) -> Result:
    """Return the origin of a model, for its manifest."""
    from ner_tasks.records import SnapshotManifest, read_file
    from ner_tasks.registry import provenance

    source = config.data / "snapshot.json"
    data = read_file(source, SnapshotManifest).get("sources") if source.is_file() else None
    lineage = {"version": config.version, "parent": config.parent, "data": data}
    return {name: value for name, value in lineage.items() if value} | provenance.collect_provenance(config.threads)


def _start(config: TrainingInputs) -> Path:
    """Return what training starts from: the one of the two flags that is given."""
    if (config.encoder is None) == (config.start_from is None):
        found = "neither" if config.encoder is None else "both"
        raise ConfigInvalid(f"found {found}, expected one of --encoder and --start_from")
    return config.encoder or config.start_from  # type: ignore[return-value]


def _forgotten(config: TrainCommand, parts: "dict[str, Sequence[LabelledSentence]]") -> Result | None:
    """Measure what was forgotten of `--remember`; None without it."""
    if config.remember is None:
        return None
    if config.start_from is None:
        raise ConfigInvalid("found --remember without --start_from, expected a model that can forget")
    from ner_tasks.training.forgetting import measure_forgetting

    learnt = [sentence for part in parts.values() for sentence in part]
    old = corpus.read_labelled(config.remember)
    return measure_forgetting(config.start_from, config.output, old, learnt, n_threads=config.threads)


def _settings(config: TrainConfig) -> TrainConfig:
    """Return the training settings of a command."""
    if config.bf16:
        hardware.require_bf16()
    return config.part(TrainConfig)
