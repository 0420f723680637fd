"""What the verbs that take documents and answers do: from their flags to the dict of their report."""

import argparse
import os
from dataclasses import replace
from functools import partial
from typing import Any

from ner_tasks.errors import ConfigInvalid
from ner_tasks.tagging import planning

Args = argparse.Namespace
Result = dict[str, Any]


def tag(args: Args) -> Result:
    from ner_tasks import hardware
    from ner_tasks.inference import runtime_config
    from ner_tasks.model import model_folder

    choice, model = runtime_config.choose_runtime(
        args.model, choice_file=args.choice_file, tuned=bool(args.tuned), n_threads=args.threads
    )
    os.environ.update(hardware.tensorflow_env(n_threads=args.threads, onednn=choice.onednn))
    if model_folder.read_kind(model) != "trained":
        hardware.block_keras_import()
    from ner_tasks.documents import Limits
    from ner_tasks.documents.ocr import ocr
    from ner_tasks.documents.sandbox.sandbox import read_in_sandbox
    from ner_tasks.inference.tagger import BatchingConfig, Tagger
    from ner_tasks.tagging import inputs, shard
    from ner_tasks.tagging.batcher import TagConfig

    documents = inputs.read_inputs(args.inputs_file) if args.inputs_file else inputs.find_inputs(args.inputs)
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
    version = planning.answers_version(limits, keep_text=keep_text, precision=choice.precision)
    manifest = shard.tag_documents(
        documents,
        tagger=Tagger.load(
            model,
            n_threads=choice.n_streams or args.threads,
            bf16=choice.bf16,
            limits=BatchingConfig(max_pieces=choice.max_pieces),
        ),
        output=args.output,
        config=TagConfig(limits, keep_text=keep_text, version=version),
        inputs=args.inputs_version or inputs.inputs_version(documents),
        answered=args.answered,
        read=partial(read_in_sandbox, n_workers=args.n_readers),
    )
    shard.check_yield(manifest)
    return {**manifest, "output": str(args.output)}


def join(args: Args) -> Result:
    from ner_tasks.tagging.publication import build_day

    return build_day(
        args.shards,
        args.output,
        day=args.day,
        night=args.night,
        model_version=args.model_version,
        columns={"text_column": args.text_column, "id_column": args.id_column},
    )


def diff(args: Args) -> Result:
    from rich.console import Console

    from ner_tasks.review.prediction_diffs import diff_predictions
    from ner_tasks.tagging.answer_ledger import DOCUMENTS

    found = diff_predictions(args.old / DOCUMENTS, args.new / DOCUMENTS, n_examples=args.n_examples)
    # with a report it is the report that quotes documents, and not the log
    Console().print(replace(found, examples={}) if args.report else found)
    return found.as_dict()


def convert(args: Args) -> Result:
    from ner_tasks.tagging.publication import convert_answers

    return {**convert_answers(args.answers, args.output, to=args.to), "output": str(args.output)}
