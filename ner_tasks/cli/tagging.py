"""Run the commands that tag documents, write parts, compare and convert answers."""

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ner_tasks.enrichment.config import EnrichmentConfig
from ner_tasks.errors import ConfigInvalid
from ner_tasks.steps.tagging import ConvertCommand, DiffPredictionsCommand, TagCommand, WritePartCommand
from ner_tasks.tagging import planning

if TYPE_CHECKING:
    from ner_tasks.documents import Limits

Result = dict[str, Any]


def commands() -> list[tuple[Any, Any]]:
    return [
        (TagCommand, tag),
        (WritePartCommand, write_part),
        (DiffPredictionsCommand, compare_predictions),
        (ConvertCommand, convert),
    ]


def tag(config: TagCommand) -> Result:
    from ner_tasks import hardware
    from ner_tasks.inference import runtime_config

    choice, model = runtime_config.choose_runtime(
        config.model, choice_file=config.choice_file, tuned=config.tuned, n_threads=config.threads
    )
    os.environ.update(hardware.tensorflow_env(n_threads=config.threads, onednn=choice.onednn))
    from ner_tasks.documents.ocr import ocr
    from ner_tasks.documents.sandbox.sandbox import read_in_sandbox
    from ner_tasks.enrichment.policy import EntityPolicy
    from ner_tasks.enrichment.rules import EnrichmentRules
    from ner_tasks.inference.runners import BatchingConfig
    from ner_tasks.inference.tagger import Tagger
    from ner_tasks.tagging import inputs, shard
    from ner_tasks.tagging.batcher import TagConfig

    documents = inputs.read_inputs(config.inputs_file) if config.inputs_file else inputs.find_inputs(config.inputs)
    if config.ocr and (absent := ocr.find_missing(config.ocr_languages)):
        raise ConfigInvalid(f"found no {absent}, expected it as `make install-ocr` installs it, for --ocr 1")
    limits = _read_limits(config)
    keep_text = config.keep_text
    tagger = Tagger.load(
        model,
        n_threads=choice.n_streams or config.threads,
        bf16=choice.bf16,
        limits=BatchingConfig(max_pieces=choice.max_pieces),
    )
    policy = EntityPolicy.load(config.policy).with_scores(config.min_score, config.min_label_scores)
    policy.check_labels(tagger.manifest.labels)
    language = config.language
    rules = EnrichmentRules.load(config.part(EnrichmentConfig), tagger.manifest.labels, cache=config.cache)
    version = planning.answers_version(
        limits, keep_text=keep_text, language=language, policy=policy, precision=choice.precision
    )
    read_s: dict[int, float] = {}
    manifest = shard.tag_documents(
        documents,
        tagger=tagger,
        output=config.output,
        config=TagConfig(
            limits,
            keep_text=keep_text,
            language=language,
            policy=policy,
            rules=rules,
            version=version,
        ),
        inputs=config.inputs_version or inputs.inputs_version(documents),
        answered=config.answered,
        read=partial(read_in_sandbox, n_workers=config.readers, read_s=read_s),
        read_s=read_s,
    )
    shard.check_yield(manifest)
    return {**manifest, "output": str(config.output)}


def _read_limits(config: TagCommand) -> "Limits":
    from ner_tasks.documents import Limits

    return Limits(
        max_bytes=int(config.max_document_mib * 2**20),
        max_words=config.file_words,
        file_seconds=60 * config.file_minutes,
        text_column=config.text_column,
        id_column=config.id_column,
        ocr=config.ocr,
        ocr_languages=config.ocr_languages,
        min_ocr_confidence=config.min_ocr_confidence,
    )


def write_part(config: WritePartCommand) -> Result:
    from ner_tasks.tagging import part

    record = part.write_part(
        config.answers,
        config.output,
        day=config.day,
        night=config.night,
        number=config.number,
        model_version=config.model_version,
        columns={"text_column": config.text_column, "id_column": config.id_column},
        inputs=config.inputs_file,
    )
    return dict(record)


def compare_predictions(config: DiffPredictionsCommand) -> Result:
    from rich.console import Console

    from ner_tasks.review.prediction_diffs import PredictionDiff, diff_predictions
    from ner_tasks.tagging.answer_ledger import DOCUMENTS
    from ner_tasks.tagging.day_parts import read_parts

    def compare(old: Sequence[Path], new: Sequence[Path]) -> PredictionDiff:
        return diff_predictions(
            [part / DOCUMENTS for part in old], [part / DOCUMENTS for part in new], n_examples=config.n_examples
        )

    difference = read_parts(config.old, lambda old: read_parts(config.new, lambda new: compare(old, new)))
    # with a report it is the report that quotes documents, and not the log
    Console().print(replace(difference, examples={}) if config.report else difference)
    return difference.as_dict()


def convert(config: ConvertCommand) -> Result:
    from ner_tasks.tagging.conversion import convert_answers

    done = convert_answers(config.answers, config.output, to=config.to, day=config.day, note_ids=config.note_ids)
    return {**done, "output": str(config.output)}
