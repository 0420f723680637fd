"""What the verbs that look at published answers do: from their flags to the dict of their report."""

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from ner_tasks.errors import ArtifactBroken, InputMissing
from ner_tasks.files import atomic

Args = argparse.Namespace
Result = dict[str, Any]


def drift(args: Args) -> Result:
    from ner_tasks.monitoring.drift import DEFAULT_CONFIG, DriftConfig, make_drift_report

    config = DriftConfig.read(args.config_file or DEFAULT_CONFIG)
    before = list(islice(_whole(args.before), config.max_nights))
    said = make_drift_report(_statistics(args.night), before, config)
    print(said["why_not"] or f"{len(said['findings'])} measures, {len(said['alerts'])} alerts", flush=True)
    for line in said["alerts"]:
        print(line, flush=True)
    return said


def _statistics(path: Path) -> dict[str, Any]:
    from ner_tasks.tagging.statistics import is_valid

    found: dict[str, Any] = atomic.read_json(path)
    if not is_valid(found):
        raise ArtifactBroken(f"found JSON of another shape, expected a night's statistics, in {path}")
    return found


def _whole(paths: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """The statistics of earlier nights; damaged ones are left out, with a notice."""
    for path in paths:
        try:
            yield _statistics(path)
        except (InputMissing, ArtifactBroken) as error:
            print(f"notice: an earlier night is not compared with: {error}", flush=True)


def sample(args: Args) -> Result:
    from ner_tasks.review.sampling import sample_answers

    # it reads the answers twice, and another night may replace them in between
    return atomic.read_whole(
        args.answers, lambda: sample_answers(args.answers, args.output, max_words=args.max_words, seed=args.seed)
    )


def review(args: Args) -> Result:
    from ner_tasks.review.labelling_tools import write_queue
    from ner_tasks.review.queue import ReviewConfig, build_queue
    from ner_tasks.tagging.answer_ledger import DOCUMENTS

    config = ReviewConfig(
        n_most=args.n_most,
        max_score=args.max_score,
        n_same=args.n_same,
        random_share=args.random_share,
        seed=args.seed,
    )
    queue = build_queue(args.answers / DOCUMENTS, config, other=args.other / DOCUMENTS if args.other else None)
    write_queue(queue.items, queue.labels, args.output, day=args.day)
    if queue.n_without_text:
        print(
            f"found {queue.n_without_text} documents whose text was not kept: nothing can be asked of them", flush=True
        )
    asked = Counter(item.why for item in queue.items)
    return {
        "n_sentences": len(queue.items),
        "asked": dict(asked),
        "found": dict(queue.found),
        "n_without_text": queue.n_without_text,
    }
