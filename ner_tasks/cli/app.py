"""The command line: one verb per step, a JSON report if asked for, and an exit code that tells the truth.

Verbs import what they need when they run: `--help` is quick, and TensorFlow finds its environment set.
"""

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ner_tasks
from ner_tasks import hardware, held_stderr
from ner_tasks.cli import documents, labelled, measures, models, registry, training, watching
from ner_tasks.errors import NerTasksError, redact_error, redact_traceback
from ner_tasks.files import atomic
from ner_tasks.inference.engines import PRECISIONS

Add = Callable[..., argparse.Action]

# These read documents or answers; what other libraries say of an error in them may quote one.
_OF_DOCUMENTS = frozenset({"tag", "merge-shards", "diff-predictions", "convert", "sample", "review"})
_QUOTATIONS = frozenset({"examples", "worst"})


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb.

    Args:
        argv: the command line. By default that of the process, whose standard error is then held, unless `--verbose`
            asks for it as it comes.

    Returns:
        0; the exit code of a `NerTasksError`; 1 for anything unforeseen. Wrong usage exits with 2.
    """
    args = parser().parse_args(argv)
    if argv is not None or args.verbose or held_stderr.is_verbose():
        return _run(args)
    return held_stderr.hold_stderr(lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    onednn = bool(getattr(args, "intel", 1))
    os.environ.update(hardware.tensorflow_env(n_threads=args.threads, onednn=onednn))
    began = time.monotonic()
    report: dict[str, Any] = {"verb": args.verb, "ok": False, "elapsed_s": None, "peak_memory_mib": None}
    report |= {"result": None, "error": None}
    code = 1
    try:
        report["result"] = args.run(args)
        report["ok"], code = True, 0
    except NerTasksError as error:
        code = error.exit_code
        report["error"] = {"type": type(error).__name__, "message": str(error), "retryable": error.retryable}
        held_stderr.print_error(f"error: {type(error).__name__}: {error}")
    except BaseException as error:
        untold = args.verb in _OF_DOCUMENTS
        message = redact_error(error) if untold else str(error)
        report["error"] = {"type": type(error).__name__, "message": message, "retryable": True}
        if not untold or not isinstance(error, Exception):
            raise
        held_stderr.print_error(redact_traceback(error))
    finally:
        report["elapsed_s"] = round(time.monotonic() - began, 3)
        report["peak_memory_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        if args.report:
            atomic.write_json(args.report, report)
    if report["ok"]:
        # with a report somebody else's log has this output, and that is no place for quotations
        shown = {name: value for name, value in report["result"].items() if not args.report or name not in _QUOTATIONS}
        print(json.dumps(shown, ensure_ascii=False, indent=None if args.report else 2), flush=True)
    return code


def parser() -> argparse.ArgumentParser:
    """All verbs and their flags; those of the reference kit keep its spelling."""
    prog = "nightly-ner" if Path(sys.argv[0]).name == "nightly-ner" else "python -m ner_tasks"
    top = argparse.ArgumentParser(prog=prog, description="Each step of nightly NER, without Airflow.")
    top.add_argument("--version", action="version", version=f"nightly-ner {ner_tasks.__version__}")
    sub = top.add_subparsers(dest="verb", required=True, metavar="VERB")

    labelled.dataset_flags(_verb(sub, "dataset", labelled.dataset, labelled.DATASET))
    labelled.download_flags(_verb(sub, "download", labelled.download, labelled.DOWNLOAD))

    add = _verb(
        sub, "train", training.train, "Train the tagger on a snapshot, or on a whole labelled file but for a dev part."
    )
    training.train_flags(add)

    add = _verb(sub, "search", training.search, "Look for better settings of a training, within a time budget.")
    training.search_flags(add)

    add = _verb(sub, "evaluate", models.evaluate, "Entity-level F1 with intervals, slices, confusion, worst sentences.")
    add("--model", type=Path, required=True, metavar="DIR", help="a trained, frozen or INT8 model")
    add("--data", type=Path, required=True, metavar="PATH", help="a snapshot folder, a Kaggle CSV, its zip, or CoNLL")
    add("--batch_size", type=int, default=128, help="most sentences in a batch (default: %(default)s)")
    _resamples(add)
    add("--output", type=Path, metavar="DIR", help="make a folder of the report, its page, and counts by sentence")
    _intel(add)

    add = _verb(sub, "compare-models", models.challenge, "What one model loses against another on the same sentences.")
    add("--champion", type=Path, required=True, metavar="JSON", help="counts.json that `evaluate --output` has made")
    add("--challenger", type=Path, required=True, metavar="JSON", help="that of the other model")
    _resamples(add)

    add = _verb(sub, "freeze", models.freeze, "Make one FP32 inference graph of a trained model.")
    _model_to_read(add, "a trained model")
    _model_to_make(add)

    add = _verb(sub, "quantize", models.quantize, "Make an INT8 graph of a frozen one with Intel Neural Compressor.")
    _labelled_file(add, "calibration text: a snapshot folder, a Kaggle CSV, its zip, or CoNLL")
    _model_to_read(add, "a frozen model")
    add("--config_file", type=Path, metavar="YAML", help="settings (default: ner_tasks/config/quantize.yaml)")
    add("--accuracy", type=int, choices=(0, 1), default=0, help="1: other ways, if the default loses too much on dev")
    add("--accuracy_file", type=Path, metavar="YAML", help="how (default: ner_tasks/config/quantize_accuracy.yaml)")
    add("--max_f1_loss", type=float, metavar="S", help="most that may be lost on dev (default: what that YAML says)")
    _model_to_make(add)

    add = _verb(sub, "compare-quantized", models.compare, "FP32 against INT8: entity F1 and speed.")
    add("--fp32", type=Path, required=True, metavar="DIR", help="a frozen model")
    add("--int8", type=Path, required=True, metavar="DIR", help="the INT8 model made of it")
    add("--data", type=Path, required=True, metavar="FILE", help="labelled data that neither has seen")
    add("--rounds", type=int, default=5, help="timed turns of each engine (default: %(default)s)")
    add("--n_sentences", type=int, default=512, help="sentences timed in a turn (default: %(default)s)")
    add("--output", type=Path, metavar="DIR", help="make a folder of INT8's counts by sentence, and of a canary")

    add = _verb(
        sub,
        "canary",
        models.canary,
        "Ask a model in a fresh process what `compare-quantized` asked it: the same answers?",
    )
    add("--model", type=Path, required=True, metavar="DIR", help="the INT8 model, where it will run from")
    add(
        "--canary",
        type=Path,
        required=True,
        metavar="JSON",
        help="canary.json that `compare-quantized --output` has made",
    )

    add = _verb(
        sub,
        "time-inference",
        measures.infer,
        "Real-time (batch 1) and batch times of one model, as the kit prints them.",
    )
    _model_to_read(add, "a trained, frozen or INT8 model")
    _labelled_file(add)
    add("--batch_size", type=int, default=32, help="sentences in a batch (default: %(default)s)")
    add("--n_sentences", type=int, default=512, help="sentences timed (default: %(default)s)")
    _intel(add)

    add = _verb(
        sub, "tag", documents.tag, "Tag documents: entities with exact character offsets, and a receipt for each."
    )
    add("--model", type=Path, required=True, metavar="DIR", help="a trained, frozen or INT8 model")
    add("--output", type=Path, required=True, metavar="DIR", help="the folder of answers to make")
    add("--inputs_file", type=Path, metavar="JSONL", help='a {"name", "path"} on each line, instead of INPUT')
    add("--inputs_version", metavar="V", help="stands for the inputs' contents (default: their sizes and times)")
    add("--max_document_mib", type=float, default=20.0, help="larger files are rejected (default: %(default)s)")
    add("--file_minutes", type=float, default=10.0, help="longest time for one file (default: %(default)s)")
    add("--file_words", type=int, default=10_000_000, help="most words of one file (default: %(default)s)")
    add("--text_column", default="text", help="of csv, tsv and xlsx: holds the documents (default: %(default)s)")
    add("--id_column", default="id", help="names them (default: %(default)s)")
    add("--ocr", type=int, choices=(0, 1), default=0, help="1: read scans by Tesseract (default: %(default)s)")
    add("--ocr_languages", default="eng", help="Tesseract's names, joined by + (default: %(default)s)")
    add("--min_ocr_confidence", type=float, default=50.0, help="percent; pages below are named (default: %(default)s)")
    add("--n_readers", type=int, default=0, help="processes that read documents; 0: as many as it takes")
    add("--keep_text", type=int, choices=(0, 1), default=1, help="0: only offsets and hashes (default: %(default)s)")
    add("--tuned", type=int, choices=(0, 1), default=1, help="0: not as `tune` chose (default: %(default)s)")
    add("--choice_file", type=Path, metavar="JSON", help="what `tune` chose, where it does not lie beside the model")
    add("--answered", type=Path, nargs="+", default=[], metavar="DIR", help="earlier answers, not to be tagged again")
    add("inputs", nargs="*", type=Path, metavar="INPUT", help="files, and folders of files")

    add = _verb(
        sub,
        "merge-shards",
        documents.join,
        "Join the shards of one day: answers, rejects, ledger, Parquet, a page for people.",
    )
    add("--shards", type=Path, nargs="*", default=[], metavar="DIR", help="what `tag` made, in order")
    add("--output", type=Path, required=True, metavar="DIR", help="the day's folder to make")
    add("--day", required=True, metavar="YYYY-MM-DD")
    add("--night", required=True, metavar="V", help="the night's version")
    add("--model_version", required=True, metavar="V")
    add("--text_column", default="text", help="as `tag` was told (default: %(default)s)")
    add("--id_column", default="id", help="likewise (default: %(default)s)")

    add = _verb(
        sub, "diff-predictions", documents.diff, "What another model says differently about the same documents."
    )
    add("--old", type=Path, required=True, metavar="DIR", help="a folder of answers, as `tag` makes it")
    add("--new", type=Path, required=True, metavar="DIR", help="the folder to compare with it")
    add("--n_examples", type=int, default=3, help="of each kind and label (default: %(default)s)")

    add = _verb(sub, "drift", watching.drift, "Whether a night is of another kind than the nights before it.")
    add(
        "--night",
        type=Path,
        required=True,
        metavar="JSON",
        help="the night's statistics.json, as `merge-shards` makes it",
    )
    add(
        "--before",
        type=Path,
        nargs="*",
        default=[],
        metavar="JSON",
        help="those of the nights before, the newest first",
    )
    add("--config_file", type=Path, metavar="YAML", help="limits (default: ner_tasks/config/drift.yaml)")

    add = _verb(sub, "sample", watching.sample, "Some of a folder's answers: whole files, the same ones each time.")
    add("--answers", type=Path, required=True, metavar="DIR", help="a folder of answers, as `tag` makes it")
    add("--output", type=Path, required=True, metavar="DIR", help="the folder to make: documents.jsonl, files.jsonl")
    add("--max_words", type=int, default=50_000, help="most words in all (default: %(default)s)")
    add("--seed", type=int, default=0, help="another one takes other files (default: %(default)s)")

    add = _verb(
        sub, "review", watching.review, "The sentences most worth a person's time, for Label Studio and doccano."
    )
    add("--answers", type=Path, required=True, metavar="DIR", help="a folder of answers with their texts")
    add("--other", type=Path, metavar="DIR", help="another model's answers to some or all of the same documents")
    add("--output", type=Path, required=True, metavar="DIR", help="the folder to make")
    add("--day", required=True, metavar="YYYY-MM-DD", help="the night's, for the meta data")
    add("--n_most", type=int, default=200, help="most sentences (default: %(default)s)")
    add("--max_score", type=float, default=0.8, metavar="S", help="ask what scores less (default: %(default)s)")
    add("--n_same", type=int, default=3, help="most sentences for one mention (default: %(default)s)")
    add("--random_share", type=float, default=0.1, metavar="S", help="picked by chance (default: %(default)s)")
    add("--seed", type=int, default=0, help="of that choice (default: %(default)s)")

    add = _verb(
        sub, "convert", documents.convert, "A folder of answers as Parquet, as CoNLL or as one page for people."
    )
    add("--answers", type=Path, required=True, metavar="DIR", help="a folder of answers, as `tag` makes it")
    add("--to", choices=("parquet", "conll", "page"), required=True, help="the form")
    add("--output", type=Path, required=True, metavar="PATH", help="the file to make; for Parquet the folder of two")

    add = _verb(sub, "tune", measures.tune, "Measure how this host runs a model best, and let `tag` do so.")
    add("--model_path", type=Path, required=True, metavar="DIR", help="a version: has frozen/ and int8/")
    _labelled_file(add, "what F1 is judged by: the dev part of the model's snapshot")
    add("--max_f1_loss", type=float, default=0.005, metavar="S", help="against FP32 (default: %(default)s)")
    add("--rounds", type=int, default=3, help="timed turns of each candidate (default: %(default)s)")
    add("--n_sentences", type=int, default=1024, help="sentences timed in a turn (default: %(default)s)")
    add("--time_limit", type=float, default=600, metavar="SECONDS", help="ask nothing new after (default: %(default)s)")
    add("--publish", metavar="V", help="put the choice into --store as well, for this version")
    _store(add)

    add = _verb(
        sub, "benchmark", measures.benchmark, "Precision x batch size: words/s, latency, F1; a table and charts."
    )
    add("--model_path", type=Path, required=True, nargs="+", metavar="DIR", help="frozen and INT8 models")
    _labelled_file(add)
    add("--batch_sizes", default="1,32,64,128", metavar="N,N", help="(default: %(default)s)")
    ways = ", ".join(PRECISIONS)
    add("--precisions", default="", metavar="P,P", help=f"some of {ways} (default: all that this host can run)")
    add("--rounds", type=int, default=3, help="timed turns of each engine (default: %(default)s)")
    add("--n_sentences", type=int, default=256, help="sentences timed in a turn (default: %(default)s)")
    add("--previous", type=Path, nargs="+", default=[], metavar="JSON", help="earlier runs' benchmark.json, to compare")
    add("--max_slowdown", default="", metavar="S", help="fail if slower than before by more, 0 to 1 (default: never)")
    add("--output", type=Path, required=True, metavar="DIR", help="the folder of the report to make")

    add = _verb(sub, "models", registry.models, "The registered versions, their figures, and which is promoted.")
    _store(add)

    add = _verb(sub, "promote", registry.promote, "Let the nightly run use a version from now on.")
    add("--version", required=True, metavar="V", help="a registered version")
    add("--kind", choices=("int8", "frozen"), default="int8", help="which of its models (default: %(default)s)")
    _moved_by(add)

    add = _verb(sub, "rollback", registry.rollback, "Let the nightly run use again what it used before.")
    _moved_by(add)

    add = _verb(sub, "card", registry.card, "The model card of a version, as Markdown and HTML beside its reports.")
    add("--version", required=True, metavar="V", help="a registered version")
    _store(add)

    add = _verb(sub, "prune", registry.retain, "Clear away versions, snapshots and staging that nobody needs any more.")
    add("--delete", type=int, choices=(0, 1), default=0, help="0: only say what would go (default: %(default)s)")
    add("--days", type=float, default=90, help="keep what is younger, or was in use since (default: %(default)s)")
    add("--n_versions", type=int, default=5, help="keep so many of the newest (default: %(default)s)")
    add("--staging_days", type=float, default=14, help="keep what runs hand on for so long (default: %(default)s)")
    _store(add)
    return top


def _verb(sub: Any, name: str, run: Callable[[argparse.Namespace], dict[str, Any]], says: str) -> Add:
    verb = sub.add_parser(name, help=says, description=says)
    verb.set_defaults(run=run)
    verb.add_argument("--report", type=Path, metavar="OUT.json", help="write the result, or the error, there as JSON")
    threads = os.environ.get("NER_THREADS", str(os.cpu_count() or 1))
    verb.add_argument("--threads", type=int, default=threads, metavar="N", help="threads (default: %(default)s)")
    verb.add_argument(
        "--verbose", action="store_true", help="print libraries' messages even if nothing fails (default: NER_VERBOSE)"
    )
    return verb.add_argument  # type: ignore[no-any-return]


def _labelled_file(add: Add, says: str = labelled.LABELLED) -> None:
    add("--dataset_file", type=Path, required=True, metavar="FILE", help=says)


def _resamples(add: Add) -> None:
    add("--resamples", type=int, default=1000, help="draws of the sentences (default: %(default)s)")


def _model_to_read(add: Add, says: str) -> None:
    add("--model_path", type=Path, required=True, metavar="DIR", help=says)


def _model_to_make(add: Add) -> None:
    add("--save_model_path", type=Path, required=True, metavar="DIR", help="the model folder to make")


def _store(add: Add) -> None:
    where = os.environ.get("NER_STORE", "var/store")
    add("--store", default=where, metavar="STORE", help="a folder, or s3://bucket/prefix (default: %(default)s)")


def _moved_by(add: Add) -> None:
    _store(add)
    add("--instead_of", metavar="V", help="only if this version is promoted still")
    add("--by", metavar="NAME", help="who does it, for the history (default: the user of this machine)")
    add("--reason", default="", metavar="TEXT", help="why, for the history")


def _intel(add: Add) -> None:
    add("--intel", type=int, choices=(0, 1), default=1, help="oneDNN off or on (default: %(default)s)")
    add("--bf16", type=int, choices=(0, 1), default=0, help="bfloat16 where the CPU has it (default: %(default)s)")
