"""What the verbs that take labelled data do, and which flags they have."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ner_tasks.errors import ConfigInvalid

Args = argparse.Namespace
Result = dict[str, Any]
Add = Callable[..., argparse.Action]

LABELLED = "a Kaggle CSV, CoNLL, spans in JSON, or a zip with one of them"
DATASET = "Check labelled data, quarantine its bad rows, split it into a snapshot."
DOWNLOAD = "Fetch a labelled data set from Kaggle; credentials: KAGGLE_*."


def dataset_flags(add: Add) -> None:
    add("--dataset_file", type=Path, nargs="+", default=[], metavar="PATH", help=f"{LABELLED}; a folder is a batch")
    add("--sources_file", type=Path, metavar="JSONL", help='instead: a {"batch", "key", "path"} on each line')
    add("--output", type=Path, required=True, metavar="DIR", help="the snapshot to make")
    add("--previous", type=Path, metavar="DIR", help="the last accepted snapshot: parts are kept, drift is judged")
    add("--docs", type=Path, metavar="DIR", help="Great Expectations' Data Docs of what was checked, to make")
    add("--accept_drift", type=int, choices=(0, 1), default=0, help="1: drift is noted only (default: %(default)s)")
    add("--labels", metavar="A,B", help="the labels that may occur (default: those of the data)")
    add("--max_quarantined_share", type=float, default=0.02, metavar="S", help="0 to 1 (default: %(default)s)")
    says = "neighbours that stay together; small data needs fewer (default: %(default)s)"
    add("--block_sentences", type=int, default=32, help=says)
    says = "what is not dev is learnt; large data needs a smaller share (default: %(default)s)"
    add("--dev_share", type=float, default=0.08, metavar="S", help=says)
    add("--gates", type=Path, metavar="YAML", help="limits of single batches, under `data` (default: ours)")
    add("--seed", type=int, default=0, help="of the split (default: %(default)s)")


def download_flags(add: Add) -> None:
    add("--dataset", required=True, metavar="OWNER/NAME", help="such as abhinavwalia95/entity-annotated-corpus")
    add("--output", type=Path, required=True, metavar="DIR", help="a folder for its labelled files, to make")
    add("--cache", type=Path, required=True, metavar="DIR", help="what was fetched before is not fetched again")


def dataset(args: Args) -> Result:
    from ner_tasks.data.batches import find_sources, read_sources
    from ner_tasks.data.validation.build_snapshot import build_snapshot
    from ner_tasks.data.validation.config import DatasetConfig
    from ner_tasks.evaluation.policy import DEFAULT_POLICY, GatePolicy

    if bool(args.dataset_file) == bool(args.sources_file):
        raise ConfigInvalid("found both or none of --dataset_file and --sources_file, expected one of them")
    labels = tuple(args.labels.split(",")) if args.labels else None
    config = DatasetConfig(
        labels=labels,
        max_quarantined_share=args.max_quarantined_share,
        block_sentences=args.block_sentences,
        dev_share=args.dev_share,
        seed=args.seed,
        batch_limits=GatePolicy.read(args.gates or DEFAULT_POLICY).data,
        accept_drift=bool(args.accept_drift),
    )
    sources = read_sources(args.sources_file) if args.sources_file else find_sources(args.dataset_file)
    return {
        **build_snapshot(sources, args.output, config, previous=args.previous, docs=args.docs),
        "snapshot": str(args.output),
    }


def download(args: Args) -> Result:
    from ner_tasks.data import kaggle

    return kaggle.download_dataset(args.dataset, args.output, args.cache)
