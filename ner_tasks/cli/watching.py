"""What the verbs that look at published answers do: from their flags to the dict of their report."""

import argparse
from functools import partial
from typing import Any

from ner_tasks.files import atomic

Args = argparse.Namespace
Result = dict[str, Any]


def drift(args: Args) -> Result:
    from ner_tasks.monitoring.drift import DEFAULT_CONFIG, DriftConfig, detect_drift

    config = DriftConfig.read(args.config_file or DEFAULT_CONFIG)
    report = detect_drift(args.night, args.before, config, partial(print, flush=True))
    print(report["why_not"] or f"{len(report['findings'])} measures, {len(report['alerts'])} alerts", flush=True)
    for line in report["alerts"]:
        print(line, flush=True)
    return report


def sample(args: Args) -> Result:
    from ner_tasks.review.sampling import sample_answers

    # it reads the answers twice, and another night may replace them in between
    return atomic.read_whole(
        args.answers, lambda: sample_answers(args.answers, args.output, max_words=args.max_words, seed=args.seed)
    )


def review(args: Args) -> Result:
    from ner_tasks.review.export import export_queue
    from ner_tasks.review.queue import ReviewConfig

    config = ReviewConfig(
        n_most=args.n_most,
        max_score=args.max_score,
        n_same=args.n_same,
        random_share=args.random_share,
        seed=args.seed,
    )
    result = export_queue(args.answers, args.other, args.output, config, day=args.day)
    if n_without := result["n_without_text"]:
        print(f"found {n_without} documents whose text was not kept: nothing can be asked of them", flush=True)
    return result
