"""The command line: parse the flags of a command into its configuration, run it, and report the result as JSON.

Commands import what they need when they run: `--help` is quick, and TensorFlow finds its environment set.
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
from ner_tasks import fingerprint, hardware, held_stderr, settings
from ner_tasks.cli import answers, data, measures, models, pyarrow_alone, registry, sinks, tagging, training
from ner_tasks.config.flags import add_flags, read_flags, require_flags
from ner_tasks.errors import NerTasksError, redact_error, redact_traceback
from ner_tasks.files import atomic
from ner_tasks.steps.command import Command

_QUOTATIONS = frozenset({"examples", "worst"})
_MODULES = (data, training, models, tagging, answers, sinks, measures, registry)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the command line. By default that of the process, whose standard error is then held, unless `--verbose`
           asks for it as it comes.

    Returns:
        0; the exit code of a `NerTasksError`; 1 for an unforeseen error. Wrong usage exits with 2.
    """
    top, commands = parser()
    args = top.parse_args(argv)
    model, run = commands[args.verb]
    require_flags(args.parser, model, args)
    keep_parsed_source()
    for notice in settings.unknown_variables(os.environ):
        print(f"notice: {notice}", file=sys.stderr, flush=True)
    if argv is None and model.without_pandas:
        pyarrow_alone.hide_pandas()
    if argv is not None or args.verbose or held_stderr.is_verbose():
        return _run(model, run, args)
    return held_stderr.hold_stderr(lambda: _run(model, run, args))


def keep_parsed_source() -> None:
    """Keep what versions need of the package's code in `NER_SCRATCH`; without that variable each process parses it."""
    scratch = os.environ.get("NER_SCRATCH")
    fingerprint.keep_parsed(Path(scratch).absolute() if scratch else None)


def _run(model: type[Command], run: "Run", args: argparse.Namespace) -> int:
    began = time.monotonic()
    report: dict[str, Any] = {"verb": args.verb, "ok": False, "elapsed_s": None, "peak_memory_mib": None}
    report |= {"result": None, "error": None}
    code, path = 1, getattr(args, "report", None)
    try:
        config = model.parse(read_flags(model, args), spell=lambda name: f"--{name}")
        path = config.report
        onednn = bool(getattr(config, "intel", True))
        os.environ.update(hardware.tensorflow_env(n_threads=config.threads, onednn=onednn))
        report["result"] = run(config)
        report["ok"], code = True, 0
    except NerTasksError as error:
        code = error.exit_code
        report["error"] = {"type": type(error).__name__, "message": str(error), "retryable": error.retryable}
        held_stderr.print_error(f"error: {type(error).__name__}: {error}")
    except BaseException as error:
        # What another library says about an error in a document may quote the document.
        is_redacted = model.reads_documents
        message = redact_error(error) if is_redacted else str(error)
        report["error"] = {"type": type(error).__name__, "message": message, "retryable": True}
        if not is_redacted or not isinstance(error, Exception):
            raise
        held_stderr.print_error(redact_traceback(error))
    finally:
        report["elapsed_s"] = round(time.monotonic() - began, 3)
        report["peak_memory_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        if path:
            atomic.write_json(path, report)
    if report["ok"]:
        # With a report, the output is somebody's log, which is no place for quotations.
        shown = {name: value for name, value in report["result"].items() if not path or name not in _QUOTATIONS}
        print(json.dumps(shown, ensure_ascii=False, indent=None if path else 2), flush=True)
    return code


Run = Callable[[Any], dict[str, Any]]


def parser() -> tuple[argparse.ArgumentParser, dict[str, tuple[type[Command], Run]]]:
    """Build the parser; return it with the configuration and the function of each command."""
    prog = "nightly-ner" if Path(sys.argv[0]).name == "nightly-ner" else "python -m ner_tasks"
    top = argparse.ArgumentParser(prog=prog, description="Each step of nightly NER, without Airflow.")
    top.add_argument("--version", action="version", version=f"nightly-ner {ner_tasks.__version__}")
    sub = top.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    commands = {}
    for model, run in (command for module in _MODULES for command in module.commands()):
        text = (model.__doc__ or "").strip()
        command = sub.add_parser(model.name, help=text.rstrip("."), description=text, allow_abbrev=False)
        command.set_defaults(parser=command)
        config: dict[str, Any] = {"type": Path, "default": None, "metavar": "JSON", "dest": "config"}
        text = "read flags by name from this file; those given here take precedence"
        command.add_argument("--config", help=text, **config)
        if "config_file" not in model.model_fields:
            command.add_argument("--config_file", help=argparse.SUPPRESS, **config)
        command.add_argument(
            "--verbose",
            action="store_true",
            help="print libraries' messages even if nothing fails (default: NER_VERBOSE)",
        )
        add_flags(command, model)
        commands[model.name] = (model, run)
    return top, commands
