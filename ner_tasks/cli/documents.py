"""What the verbs that take documents and answers do: from their flags to the dict of their report."""

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from ner_tasks import fingerprint
from ner_tasks.errors import ConfigInvalid, InputMissing
from ner_tasks.files import atomic, contained
from ner_tasks.files.contained import ContainedFile, NotAFile, Source
from ner_tasks.tagging import merge, planning

Args = argparse.Namespace
Result = dict[str, Any]


def tag(args: Args) -> Result:
    from ner_tasks import hardware
    from ner_tasks.inference import runtime_config
    from ner_tasks.model import model_folder

    if args.choice_file:
        choice, model = runtime_config.read_runtime_config(args.choice_file), args.model
        if (kind := model_folder.read_kind(model)) != choice.kind:
            raise ConfigInvalid(f"found a model of kind {kind!r}, expected {choice.kind!r} for {args.choice_file}")
    else:
        choice = (
            runtime_config.find_runtime_config(args.model, args.threads) if args.tuned else None
        ) or runtime_config.RuntimeConfig(args.model.name)
        model = args.model.with_name(choice.kind)
    os.environ.update(hardware.tensorflow_env(n_threads=args.threads, onednn=choice.onednn))
    if model_folder.read_kind(model) != "trained":
        hardware.block_keras_import()
    from ner_tasks.documents import Limits
    from ner_tasks.documents.ocr import ocr
    from ner_tasks.documents.sandbox.sandbox import read_in_sandbox
    from ner_tasks.inference.tagger import BatchingConfig, Tagger
    from ner_tasks.tagging import shard
    from ner_tasks.tagging.batcher import TagConfig

    paths = _listed(args.inputs_file) if args.inputs_file else _found(args.inputs)
    if args.ocr and (absent := ocr.find_missing(args.ocr_languages)):
        raise ConfigInvalid(f"found no {absent}, expected it as `make install-ocr` installs it, for --ocr 1")
    limits = Limits(
        max_bytes=int(args.max_document_mib * 2**20),
        max_words=args.file_words,
        file_seconds=60 * args.file_minutes,
        text_column=args.text_column,
        id_column=args.id_column,
        ocr=bool(args.ocr),
        ocr_languages=args.ocr_languages,
        min_ocr_confidence=args.min_ocr_confidence,
    )
    keep_text = bool(args.keep_text)
    code = [fingerprint.code_version(name) for name in planning.CODE]
    # how long a file may take changes nothing in what is answered: to raise it is not to tag everything anew
    in_answers = {name: value for name, value in asdict(limits).items() if name not in ("max_words", "file_seconds")}
    version = fingerprint.make_version(
        {"code": code, "limits": in_answers, "keep_text": keep_text, "precision": choice.precision}
    )
    manifest = shard.tag_documents(
        paths,
        tagger=Tagger.load(
            model,
            n_threads=choice.n_streams or args.threads,
            bf16=choice.bf16,
            limits=BatchingConfig(max_pieces=choice.max_pieces),
        ),
        output=args.output,
        config=TagConfig(limits, keep_text=keep_text, version=version),
        inputs=args.inputs_version
        or fingerprint.make_version({"files": [[name, *_state_of(path)] for name, path in paths]}),
        answered=args.answered,
        read=partial(read_in_sandbox, n_workers=args.n_readers),
    )
    shard.check_yield(manifest)
    return {**manifest, "output": str(args.output)}


def join(args: Args) -> Result:
    from ner_tasks.tagging.answer_index import INDEX, write_index
    from ner_tasks.tagging.answer_ledger import DOCUMENTS
    from ner_tasks.tagging.exports.page import write_day_page
    from ner_tasks.tagging.exports.parquet import write_parquet
    from ner_tasks.tagging.journal import REJECTED
    from ner_tasks.tagging.statistics import STATISTICS, compute_statistics

    manifest = merge.merge_shards(args.shards, args.output)
    columns = {"text_column": args.text_column, "id_column": args.id_column}
    said = {"day": args.day, "night": args.night, **manifest, "model_version": args.model_version, "columns": columns}
    documents = args.output / DOCUMENTS
    day = date.fromisoformat(args.day)
    write_parquet(documents, args.output, day=day)
    write_index(documents, args.output / REJECTED, args.output / INDEX)
    write_day_page(documents, args.output / REJECTED, said, args.output / "page.html", day=day)
    atomic.write_json(args.output / STATISTICS, compute_statistics(documents, said))
    atomic.write_json(args.output / merge.MANIFEST, said)
    return said


def diff(args: Args) -> Result:
    from rich.console import Console

    from ner_tasks.review.prediction_diffs import diff_predictions
    from ner_tasks.tagging.answer_ledger import DOCUMENTS

    found = diff_predictions(args.old / DOCUMENTS, args.new / DOCUMENTS, n_examples=args.n_examples)
    # with a report it is the report that quotes documents, and not the log
    Console().print(replace(found, examples={}) if args.report else found)
    return found.as_dict()


def convert(args: Args) -> Result:
    # it reads several files, and another night may replace the folder in between
    return atomic.read_whole(args.answers, lambda: _convert(args))


def _convert(args: Args) -> Result:
    from ner_tasks.tagging.answer_ledger import DOCUMENTS
    from ner_tasks.tagging.journal import REJECTED
    from ner_tasks.tagging.merge import MANIFEST

    documents = args.answers / DOCUMENTS
    if args.to == "conll":
        from ner_tasks.tagging.exports.conll import write_conll

        counts = write_conll(documents, args.output)
    elif args.to == "page":
        from ner_tasks.records import ShardManifest, read_file
        from ner_tasks.tagging.exports.page import write_day_page

        manifest = read_file(args.answers / MANIFEST, ShardManifest)
        counts = write_day_page(documents, args.answers / REJECTED, manifest, args.output)
    else:
        from ner_tasks.tagging.exports.parquet import write_parquet

        counts = write_parquet(documents, args.output)
    return {**counts, "output": str(args.output)}


def _state_of(path: Source) -> tuple[int, int]:
    """What changes with a file's content: its size and when it was written; zeros for one that is gone."""
    try:
        status = path.stat()
    except (OSError, NotAFile):
        return 0, 0
    return status.st_size, status.st_mtime_ns


def _listed(path: Path) -> list[tuple[str, Source]]:
    try:
        listed = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [(str(item["name"]), contained.decode_source(item)) for item in listed]
    except FileNotFoundError:
        raise InputMissing(f"found nothing at {path}, expected a list of documents") from None
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ConfigInvalid(
            f'found {error}, expected {{"name", "path"}}, and "root" if the path is below one, on each line, in {path}'
        ) from None


def _found(inputs: Sequence[Path]) -> list[tuple[str, Source]]:
    found: list[tuple[str, Source]] = []
    for path in inputs:
        if not path.exists():
            raise InputMissing(f"found nothing at {path}, expected a document or a folder of documents")
        if path.is_dir():
            found += [(name, ContainedFile(path, name)) for name in sorted(contained.list_names(path))]
        else:
            found.append((path.name, path))
    return found
