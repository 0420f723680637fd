"""What each verb of the command line does: from its flags to the dict of its report."""

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ner_tasks import atomic, corpus, lineage
from ner_tasks.errors import ConfigInvalid, InputMissing

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
        lineage={name: value for name, value in lineage.items() if value},
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
    from ner_tasks.comparison import evaluated

    refuse_unrunnable(args, args.model)
    sentences = corpus.read_labelled(args.data)
    return {
        "model": str(args.model),
        "data": str(args.data),
        **evaluated(args.model, sentences, n_threads=args.threads, bf16=bool(args.bf16), batch_size=args.batch_size),
    }


def freeze(args: Args) -> Result:
    from ner_tasks import freezing

    manifest = freezing.freeze(args.model_path, args.save_model_path)
    return {"model": str(args.save_model_path), "files": manifest.files}


def quantize(args: Args) -> Result:
    from ner_tasks import quantization

    config = quantization.QuantizeConfig.read(args.config_file or quantization.DEFAULT_CONFIG)
    # A snapshot has a part for this; a file is what its user chose to calibrate on, whole.
    data = args.dataset_file / "calibration.csv" if args.dataset_file.is_dir() else args.dataset_file
    sentences = [sentence.words for sentence in corpus.read_labelled(data)]
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
    )


def infer(args: Args) -> Result:
    from ner_tasks import benchmarking
    from ner_tasks.inference import Tagger

    refuse_unrunnable(args, args.model_path)
    tagger = Tagger.load(args.model_path, n_threads=args.threads, bf16=bool(args.bf16))
    sentences = [sentence.words for sentence in corpus.read_labelled(args.dataset_file)[: args.n_sentences]]
    times = {}
    for batch_size in (1, args.batch_size):
        load = benchmarking.Load(batch_size)
        benchmarking.timed(tagger, sentences, load)  # warm-up
        turn = benchmarking.timed(tagger, sentences, load)
        times[batch_size] = turn["seconds"] / turn["n_calls"]
    print(f"Average real time inference time (batch size 1): {times[1]:.6f} s")
    print(f"Average batch inference time: {times[args.batch_size]:.6f} s, batch size: {args.batch_size}")
    return {"realtime_s": times[1], "batch_s": times[args.batch_size], "batch_size": args.batch_size}


def tag(args: Args) -> Result:
    from ner_tasks import artifacts, host, tuned

    choice = (tuned.choice_for(args.model, args.threads) if args.tuned else None) or tuned.Choice(args.model.name)
    model = args.model.with_name(choice.kind)
    os.environ.update(host.tensorflow_env(n_threads=args.threads, onednn=choice.onednn))
    if artifacts.kind_of(model) != "trained":
        host.leave_out_keras()
    from ner_tasks import tagging
    from ner_tasks.documents import Limits, scans
    from ner_tasks.documents.apart import read_apart
    from ner_tasks.gathering import TagConfig
    from ner_tasks.inference import BatchLimits, Tagger

    paths = _listed(args.inputs_file) if args.inputs_file else _found(args.inputs)
    if args.ocr and (absent := scans.missing()):
        raise ConfigInvalid(f"found no {absent}, expected the program and requirements-ocr.in, for --ocr 1")
    limits = Limits(
        max_bytes=int(args.max_document_mib * 2**20),
        text_column=args.text_column,
        id_column=args.id_column,
        ocr=bool(args.ocr),
    )
    keep_text = bool(args.keep_text)
    code = [lineage.code_version(name) for name in ("tagging", "inference")]
    version = lineage.version_of(
        {"code": code, "limits": asdict(limits), "keep_text": keep_text, "precision": choice.precision}
    )
    manifest = tagging.tag_documents(
        paths,
        tagger=Tagger.load(
            model,
            n_threads=choice.n_streams or args.threads,
            bf16=choice.bf16,
            limits=BatchLimits(max_pieces=choice.max_pieces),
        ),
        output=args.output,
        config=TagConfig(limits, keep_text=keep_text, version=version),
        inputs=args.inputs_version or lineage.version_of({"files": [[name, *_state_of(path)] for name, path in paths]}),
        answered=args.answered,
        read=read_apart,
    )
    tagging.check_yield(manifest)
    return {**manifest, "output": str(args.output)}


def join(args: Args) -> Result:
    from ner_tasks import nights
    from ner_tasks.answers.page import write_page
    from ner_tasks.answers.parquet import write_parquet
    from ner_tasks.journal import REJECTED
    from ner_tasks.ledger import DOCUMENTS

    manifest = nights.join_shards(args.shards, args.output)
    said = {"day": args.day, "night": args.night, **manifest, "model_version": args.model_version}
    documents = args.output / DOCUMENTS
    day = date.fromisoformat(args.day)
    write_parquet(documents, args.output, day=day)
    write_page(documents, args.output / REJECTED, said, args.output / "page.html", day=day)
    atomic.write_json(args.output / nights.MANIFEST, said)
    return said


def _state_of(path: Path) -> tuple[int, int]:
    """What changes with a file's content: its size and when it was written; zeros for one that is gone."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def diff(args: Args) -> Result:
    from rich.console import Console

    from ner_tasks.differences import compare_answers
    from ner_tasks.ledger import DOCUMENTS

    found = compare_answers(args.old / DOCUMENTS, args.new / DOCUMENTS, n_examples=args.n_examples)
    Console().print(found)
    return found.as_dict()


def convert(args: Args) -> Result:
    from ner_tasks.journal import REJECTED
    from ner_tasks.ledger import DOCUMENTS
    from ner_tasks.nights import MANIFEST

    documents = args.answers / DOCUMENTS
    if args.to == "conll":
        from ner_tasks.answers.conll import write_conll

        counts = write_conll(documents, args.output)
    elif args.to == "page":
        from ner_tasks.answers.page import write_page

        manifest = atomic.read_json(args.answers / MANIFEST)
        counts = write_page(documents, args.answers / REJECTED, manifest, args.output)
    else:
        from ner_tasks.answers.parquet import write_parquet

        counts = write_parquet(documents, args.output)
    return {**counts, "output": str(args.output)}


def benchmark(args: Args) -> Result:
    from ner_tasks import benchmark_history, comparison, gates

    most = gates.max_slowdown(args.max_slowdown)
    result = comparison.benchmark(
        args.model_path,
        args.dataset_file,
        args.output,
        at=datetime.now(UTC),
        batch_sizes=_whole_numbers("--batch_sizes", args.batch_sizes.split(",")),
        n_sentences=_whole_numbers("--n_sentences", [args.n_sentences])[0],
        rounds=_whole_numbers("--rounds", [args.rounds])[0],
        n_threads=args.threads,
        precisions=[name.strip() for name in args.precisions.split(",") if name.strip()],
        earlier=[benchmark_history.read_run(path) for path in args.previous],
    )
    print((args.output / "table.md").read_text(encoding="utf-8"), flush=True)
    changes = [benchmark_history.Change(**change) for change in result["changes"]]
    verdict = gates.benchmark(changes, most, f"the benchmark in {args.output}")
    return {**result, "gate": list(verdict.lines)}


def _whole_numbers(flag: str, texts: Sequence[Any]) -> list[int]:
    if not all(str(text).isdecimal() and int(text) > 0 for text in texts):
        found = ",".join(map(str, texts))
        raise ConfigInvalid(f"found {flag} {found!r}, expected whole numbers of at least 1, such as 32")
    return [int(text) for text in texts]


def tune(args: Args) -> Result:
    from ner_tasks import tuning

    return tuning.tune(
        args.model_path,
        args.dataset_file,
        n_threads=args.threads,
        n_sentences=args.n_sentences,
        rounds=args.rounds,
        max_f1_loss=args.max_f1_loss,
        time_limit_s=args.time_limit,
    )


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


def _listed(path: Path) -> list[tuple[str, Path]]:
    try:
        listed = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [(str(item["name"]), Path(item["path"])) for item in listed]
    except FileNotFoundError:
        raise InputMissing(f"found nothing at {path}, expected a list of documents") from None
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigInvalid(f'found {error}, expected a {{"name", "path"}} on each line, in {path}') from None


def _found(inputs: Sequence[Path]) -> list[tuple[str, Path]]:
    paths = []
    for path in inputs:
        if not path.exists():
            raise InputMissing(f"found nothing at {path}, expected a document or a folder of documents")
        files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        paths += [(str(file.relative_to(path)) if path.is_dir() else file.name, file) for file in files]
    return paths
