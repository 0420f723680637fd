"""What the verbs that look at published answers do: from their flags to the dict of their report."""

import argparse
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
