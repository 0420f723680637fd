"""What the verbs that look at published answers do: from their flags to the dict of their report."""

import argparse
from collections import Counter
from typing import Any

from ner_tasks import atomic

Args = argparse.Namespace
Result = dict[str, Any]


def drift(args: Args) -> Result:
    from ner_tasks.watching.drift import DEFAULT_CONFIG, DriftConfig, report_of

    config = DriftConfig.read(args.config_file or DEFAULT_CONFIG)
    before = [atomic.read_json(path) for path in args.before[: config.max_nights]]
    said = report_of(atomic.read_json(args.night), before, config)
    print(said["why_not"] or f"{len(said['findings'])} measures, {len(said['alerts'])} alerts", flush=True)
    for line in said["alerts"]:
        print(line, flush=True)
    return said


def sample(args: Args) -> Result:
    from ner_tasks.watching.sampling import sample_answers

    # it reads the answers twice, and another night may replace them in between
    return atomic.read_whole(
        args.answers, lambda: sample_answers(args.answers, args.output, max_words=args.max_words, seed=args.seed)
    )


def review(args: Args) -> Result:
    from ner_tasks.nightly.ledger import DOCUMENTS
    from ner_tasks.watching.exchange import write_queue
    from ner_tasks.watching.review import ReviewConfig, queue_of

    config = ReviewConfig(
        n_most=args.n_most,
        max_score=args.max_score,
        n_same=args.n_same,
        random_share=args.random_share,
        seed=args.seed,
    )
    queue = queue_of(args.answers / DOCUMENTS, config, other=args.other / DOCUMENTS if args.other else None)
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
