"""Run the commands on published answers."""

import getpass
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from typing import Any

from ner_tasks.enrichment.config import split_labels
from ner_tasks.errors import DataRejected
from ner_tasks.files import atomic
from ner_tasks.fingerprint import make_version
from ner_tasks.settings import Settings
from ner_tasks.steps.answers import DriftCommand, ReviewCommand, SampleCommand
from ner_tasks.steps.reviewing import DecideCommand, DecideParams

Result = dict[str, Any]


def commands() -> list[tuple[Any, Any]]:
    return [(DriftCommand, report_drift), (SampleCommand, sample), (ReviewCommand, review), (DecideCommand, decide)]


def report_drift(config: DriftCommand) -> Result:
    from ner_tasks.monitoring.drift import DEFAULT_CONFIG, DriftConfig, detect_drift

    limits = DriftConfig.read(config.config_file or DEFAULT_CONFIG)
    report = detect_drift(config.night, config.before, limits, partial(print, flush=True))
    print(report["why_not"] or f"{len(report['findings'])} measures, {len(report['alerts'])} alerts", flush=True)
    for line in report["alerts"]:
        print(line, flush=True)
    return report


def sample(config: SampleCommand) -> Result:
    from ner_tasks.review.sampling import sample_answers
    from ner_tasks.tagging.day_parts import read_parts

    # it reads the answers twice, and another night may replace them in between
    return read_parts(
        config.answers,
        lambda parts: sample_answers(parts, config.output, max_words=config.max_words, seed=config.seed),
    )


def review(config: ReviewCommand) -> Result:
    from ner_tasks.enrichment.codes import Vocabulary
    from ner_tasks.review.code_suggestions import CodeSuggestions
    from ner_tasks.review.export import export_queue
    from ner_tasks.review.queue import ReviewConfig
    from ner_tasks.tagging.day_parts import read_parts

    limits = ReviewConfig(
        n_most=config.n_most,
        max_score=config.max_score,
        n_same=config.n_same,
        random_share=config.random_share,
        seed=config.seed,
    )
    with ExitStack() as opened:
        codes = None
        if config.vocabulary:
            vocabulary = opened.enter_context(Vocabulary.open(config.vocabulary, config.cache))
            codes = CodeSuggestions(vocabulary, split_labels(config.code_labels) or None)
        result = read_parts(
            config.answers,
            lambda parts: export_queue(
                parts, config.other, config.output, limits, day=config.day, labels=config.labels, codes=codes
            ),
        )
    if n_without := result["n_without_text"]:
        print(f"found {n_without} documents whose text was not kept: nothing can be asked of them", flush=True)
    return result


def decide(config: DecideCommand) -> Result:
    from ner_tasks.review.decisions.recording import record_decisions

    given = atomic.read_json(config.decisions_file)
    params = DecideParams.parse(given if isinstance(given, dict) else {}, str(config.decisions_file))
    by, at = config.by or getpass.getuser(), datetime.now(UTC).isoformat(timespec="seconds")
    # the same decisions of the same reviewer are the same run
    run = f"shell-{make_version({'by': by, 'given': params.model_dump(mode='json')})}"
    store = Settings.from_env(store=config.store).open_store()
    recorded = record_decisions(store, params.day, params.decisions, by=by, at=at, run=run)
    if recorded.refused:
        raise DataRejected(recorded.describe_refused())
    print(recorded.describe(), flush=True)
    return {"n_recorded": recorded.n_recorded, "batch": recorded.batch, **recorded.counts()}
