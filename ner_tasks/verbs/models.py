"""What the verbs that make and judge models do: from their flags to the dict of their report."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ner_tasks import atomic, corpus
from ner_tasks.errors import ConfigInvalid

if TYPE_CHECKING:
    from ner_tasks.corpus import LabelledSentence

Args = argparse.Namespace
Result = dict[str, Any]


def dataset(args: Args) -> Result:
    from ner_tasks.dataset import DatasetConfig, build_snapshot

    labels = tuple(args.labels.split(",")) if args.labels else None
    config = DatasetConfig(
        labels=labels,
        max_quarantined_share=args.max_quarantined_share,
        block_sentences=args.block_sentences,
        seed=args.seed,
    )
    return {**build_snapshot(args.dataset_file, args.output, config), "snapshot": str(args.output)}


def train(args: Args) -> Result:
    from ner_tasks import training
    from ner_tasks.versions import provenance

    refuse_bf16_without_cpu(args)
    config = training.TrainConfig(
        epochs=args.epochs,
        batch_size=args.batch_size,
        learning_rate=args.learning_rate,
        seed=args.seed,
        bf16=bool(args.bf16),
    )
    parts = _to_learn(args.dataset_file, seed=args.seed)
    checkpoints = args.checkpoint_path or args.save_model_path.with_name(f".{args.save_model_path.name}.checkpoints")
    source = args.dataset_file / "snapshot.json"
    lineage = {"version": args.version, "data": atomic.read_json(source)["source"] if source.is_file() else None}
    done = training.train(
        parts,
        encoder=args.encoder,
        target=args.save_model_path,
        checkpoints=checkpoints,
        config=config,
        lineage={name: value for name, value in lineage.items() if value} | provenance.made_by(args.threads),
    )
    return {
        "model": str(args.save_model_path),
        "batch_size": args.batch_size,
        "best_epoch": done.best_epoch,
        "dev_f1": done.best_f1,
        "history": done.history,
        "training_s": round(done.train_s, 1),
    }


def evaluate(args: Args) -> Result:
    from ner_tasks.quality import report

    refuse_unrunnable(args, args.model)
    return report.evaluate(
        args.model,
        args.data,
        n_threads=args.threads,
        bf16=bool(args.bf16),
        batch_size=args.batch_size,
        n_resamples=args.resamples,
        output=args.output,
    )


def challenge(args: Args) -> Result:
    from ner_tasks.quality import bootstrap
    from ner_tasks.quality.counts import Counts

    champion, challenger = Counts.read(args.champion), Counts.read(args.challenger)
    return bootstrap.losses(champion, challenger, n_resamples=args.resamples)


def freeze(args: Args) -> Result:
    from ner_tasks import freezing

    manifest = freezing.freeze(args.model_path, args.save_model_path)
    return {"model": str(args.save_model_path), "files": manifest.files}


def quantize(args: Args) -> Result:
    from ner_tasks import quantization

    config = quantization.QuantizeConfig.read(args.config_file or quantization.DEFAULT_CONFIG)
    # A snapshot has a part for this; a file is what its user chose to calibrate on, whole.
    is_snapshot = args.dataset_file.is_dir()
    data = args.dataset_file / "calibration.csv" if is_snapshot else args.dataset_file
    sentences = [sentence.words for sentence in corpus.read_labelled(data)]
    if args.accuracy:
        from ner_tasks import accuracy

        if not is_snapshot:
            raise ConfigInvalid(f"found a file, expected a snapshot, whose dev part judges, for --accuracy, at {data}")
        criteria = accuracy.AccuracyConfig.read(args.accuracy_file or accuracy.DEFAULT_CONFIG)
        if args.max_f1_loss is not None:
            criteria = criteria.losing_at_most(args.max_f1_loss)
        dev = corpus.read_labelled(args.dataset_file / "dev.csv")
        manifest = accuracy.quantize(
            args.model_path, sentences, dev, args.save_model_path, config, criteria, n_threads=args.threads
        )
    else:
        manifest = quantization.quantize(args.model_path, sentences, args.save_model_path, config)
    return {"model": str(args.save_model_path), **manifest.metrics["quantize"], "files": manifest.files}


def compare(args: Args) -> Result:
    from ner_tasks import comparison

    return comparison.compare(
        args.fp32,
        args.int8,
        args.data,
        n_sentences=args.n_sentences,
        rounds=args.rounds,
        n_threads=args.threads,
        output=args.output,
    )


def canary(args: Args) -> Result:
    from ner_tasks.quality import canary as canaries

    return canaries.ask(args.model, args.canary, n_threads=args.threads)


def refuse_bf16_without_cpu(args: Args) -> None:
    """Refuse `--bf16 1` where the CPU would only imitate it, more slowly than FP32."""
    from ner_tasks import host

    if args.bf16 and not host.has_bf16():
        raise ConfigInvalid("found a CPU without AVX512_BF16 or AMX_BF16, expected one, for --bf16 1")


def refuse_unrunnable(args: Args, model: Path) -> None:
    from ner_tasks.engines import Engine, check_runnable

    check_runnable(Engine("this model", str(model), onednn=bool(args.intel), bf16=bool(args.bf16)))


def _to_learn(path: Path, *, seed: int) -> "dict[str, Sequence[LabelledSentence]]":
    """Train and dev part of a snapshot folder; of a labelled file all is learnt but what the best epoch is told by."""
    if path.is_dir():
        return {name: corpus.read_labelled(path / f"{name}.csv") for name in ("train", "dev")}
    from ner_tasks.split import SplitConfig, split

    parts = split(corpus.read_labelled(path), SplitConfig(seed=seed))
    train = [sentence for name, part in parts.items() if name != "dev" for sentence in part]
    print(
        f"learning {len(train)} sentences of {path.name}, {len(parts['dev'])} for dev; none kept back for a test",
        flush=True,
    )
    return {"train": train, "dev": parts["dev"]}
