"""Run the commands on published answers."""

from functools import partial
from typing import Any

from ner_tasks.files import atomic
from ner_tasks.steps.answers import DriftCommand, ReviewCommand, SampleCommand

Result = dict[str, Any]


def commands() -> list[tuple[Any, Any]]:
    return [(DriftCommand, report_drift), (SampleCommand, sample), (ReviewCommand, review)]


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

    # it reads the answers twice, and another night may replace them in between
    return atomic.read_whole(
        config.answers,
        lambda: sample_answers(config.answers, config.output, max_words=config.max_words, seed=config.seed),
    )


def review(config: ReviewCommand) -> Result:
    from ner_tasks.review.export import export_queue
    from ner_tasks.review.queue import ReviewConfig

    limits = ReviewConfig(
        n_most=config.n_most,
        max_score=config.max_score,
        n_same=config.n_same,
        random_share=config.random_share,
        seed=config.seed,
    )
    result = export_queue(config.answers, config.other, config.output, limits, day=config.day)
    if n_without := result["n_without_text"]:
        print(f"found {n_without} documents whose text was not kept: nothing can be asked of them", flush=True)
    return result
