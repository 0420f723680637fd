"""The verbs that train: their flags, and what they do, to the dict of their report."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ner_tasks.data import corpus
from ner_tasks.errors import ConfigInvalid
from ner_tasks.files import atomic
from ner_tasks.training.config import SCHEDULES, TrainConfig

if TYPE_CHECKING:
    from ner_tasks.data.corpus import LabelledSentence

Args = argparse.Namespace
Add = Callable[..., argparse.Action]
Result = dict[str, Any]


def train_flags(add: Add) -> None:
    _start_flags(add)
    add("--save_model_path", type=Path, required=True, metavar="DIR", help="the model folder to make")
    add("--checkpoint_path", type=Path, metavar="DIR", help="half-done work; a killed run goes on from it")
    add("--remember", type=Path, metavar="FILE", help="with --start_from: measure what is forgotten of these sentences")
    add("--curves", type=Path, metavar="DIR", help="draw the learning curves there")
    add("--version", help="the model's name in the registry")
    add("--parent", help="the name there of the model that it starts from")
    _recipe_flags(add)


def search_flags(add: Add) -> None:
    _start_flags(add)
    add("--output", type=Path, required=True, metavar="JSON", help="the settings found, for `train --config_file`")
    add("--study_path", type=Path, required=True, metavar="DIR", help="what was tried; a killed search goes on from it")
    add("--minutes", type=float, required=True, metavar="X", help="of all trials together")
    add("--trials", type=int, default=30, metavar="N", help="most trials (default: %(default)s)")
    add("--train_share", type=float, default=0.25, metavar="S", help="learnt in a trial (default: %(default)s)")
    _recipe_flags(add)


def _start_flags(add: Add) -> None:
    says = "a snapshot folder, a Kaggle CSV, its zip, or CoNLL"
    add("--dataset_file", type=Path, required=True, metavar="FILE", help=says)
    add("--encoder", type=Path, metavar="DIR", help="start from a Hugging Face BERT checkpoint")
    add("--start_from", type=Path, metavar="DIR", help="start from a trained model instead")


def _recipe_flags(add: Add) -> None:
    """A flag for each setting of a training; left out, it is None, and that of the file or the default counts."""
    add("--config_file", type=Path, metavar="JSON", help="settings by the names of the flags below, which go first")
    for name, default in asdict(TrainConfig()).items():
        kind = int if isinstance(default, bool) else type(default)
        among = (0, 1) if isinstance(default, bool) else SCHEDULES if kind is str else None
        says = f"{TrainConfig.description(name)} (default: {kind(default)})"
        add(f"--{name}", type=kind, choices=among, metavar=None if among else "X", help=says)
    add("--intel", type=int, choices=(0, 1), default=1, help="oneDNN off or on (default: %(default)s)")


def train(args: Args) -> Result:
    from ner_tasks.benchmarking import charts
    from ner_tasks.records import SnapshotManifest, read_file
    from ner_tasks.registry import provenance
    from ner_tasks.training import loop

    config, start = _recipe(args), _start(args)
    parts = _to_learn(args.dataset_file, seed=config.seed)
    checkpoints = args.checkpoint_path or args.save_model_path.with_name(f".{args.save_model_path.name}.checkpoints")
    source = args.dataset_file / "snapshot.json"
    data = read_file(source, SnapshotManifest).get("sources") if source.is_file() else None
    lineage = {"version": args.version, "parent": args.parent, "data": data}
    done = loop.train_model(
        parts,
        encoder=start,
        target=args.save_model_path,
        checkpoints=checkpoints,
        config=config,
        lineage={name: value for name, value in lineage.items() if value} | provenance.collect_provenance(args.threads),
    )
    if args.curves:
        args.curves.mkdir(parents=True, exist_ok=True)
        charts.plot_learning_curve(done.history, done.curve, args.curves)
    return {
        "model": str(args.save_model_path),
        "config": asdict(config),
        "best_epoch": done.best_epoch,
        "dev_f1": done.best_f1,
        "history": done.history,
        "curve": done.curve,
        "training_s": round(done.train_s, 1),
        "forgotten": _forgotten(args, parts),
    }


def search(args: Args) -> Result:
    from ner_tasks.training import search as searching

    config, start = _recipe(args), _start(args)
    budget = searching.SearchBudget(args.minutes, args.trials, args.train_share)
    parts = _to_learn(args.dataset_file, seed=config.seed)
    found = searching.search_config(parts, encoder=start, folder=args.study_path, base=config, budget=budget)
    atomic.write_json(args.output, found["config"])
    return {**found, "output": str(args.output)}


def _start(args: Args) -> Path:
    """What training starts from: the one of its two flags that is given."""
    if (args.encoder is None) == (args.start_from is None):
        found = "neither" if args.encoder is None else "both"
        raise ConfigInvalid(f"found {found}, expected one of --encoder and --start_from")
    start: Path = args.encoder or args.start_from
    return start


def _forgotten(args: Args, parts: "dict[str, Sequence[LabelledSentence]]") -> Result | None:
    """What was forgotten of `--remember`; None if nothing was to be remembered."""
    if args.remember is None:
        return None
    if args.start_from is None:
        raise ConfigInvalid("found --remember without --start_from, expected a model that can forget")
    from ner_tasks.training.forgetting import measure_forgetting

    learnt = [sentence for part in parts.values() for sentence in part]
    old = corpus.read_labelled(args.remember)
    return measure_forgetting(args.start_from, args.save_model_path, old, learnt, n_threads=args.threads)


def _recipe(args: Args) -> TrainConfig:
    """The settings of `--config_file`, over which go those that a flag was given for."""
    given = {name: value for name in TrainConfig.__dataclass_fields__ if (value := getattr(args, name)) is not None}
    config = TrainConfig.from_values(
        {**(TrainConfig.read(args.config_file) if args.config_file else {}), **given}, "the flags"
    )
    if config.bf16:
        refuse_bf16_without_cpu()
    return config


def refuse_bf16_without_cpu() -> None:
    """Refuse to train in bfloat16 where the CPU would only imitate it, more slowly than FP32."""
    from ner_tasks import hardware

    if not hardware.has_bf16():
        raise ConfigInvalid("found a CPU without AVX512_BF16 or AMX_BF16, expected one, for --bf16 1")


def _to_learn(path: Path, *, seed: int) -> "dict[str, Sequence[LabelledSentence]]":
    """Train and dev part of a snapshot folder; of a labelled file all is learnt but what the best epoch is told by."""
    if path.is_dir():
        return {name: corpus.read_labelled(path / f"{name}.csv") for name in ("train", "dev")}
    from ner_tasks.data.split import SplitConfig, split_corpus

    parts = split_corpus(corpus.read_labelled(path), SplitConfig(seed=seed))
    train = [sentence for name, part in parts.items() if name != "dev" for sentence in part]
    print(
        f"learning {len(train)} sentences of {path.name}, {len(parts['dev'])} for dev; none kept back for a test",
        flush=True,
    )
    return {"train": train, "dev": parts["dev"]}
