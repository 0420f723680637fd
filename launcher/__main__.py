"""`python -m launcher <command>`: set up, start and stop Airflow, or run the DAGs in order."""

import argparse
import datetime
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from launcher import bootstrap, chain, secrets, services, summary
from launcher.console import RunConsole
from launcher.encoder import CHOICES, DEFAULT
from launcher.layout import REPOSITORY, Layout
from launcher.privacy import make_private, private_umask
from ner_tasks.errors import ConfigInvalid, NerTasksError
from ner_tasks.settings import unknown_variables
from ner_tasks.store.folder import FolderStore

INTERRUPTED = 130

SAMPLE = REPOSITORY / "sample"
SAMPLE_PARAMS: dict[str, dict[str, Any]] = {
    chain.RETRAIN: {"epochs": 2},  # enough for the sample, and the first run stays short
    chain.TAG: {"assertion_labels": "dis", "redaction": "label"},
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    console = Console(highlight=False)
    for notice in unknown_variables(os.environ):
        print(f"notice: {notice}", file=sys.stderr)
    try:
        options = _parser().parse_args(arguments)
        layout = Layout.from_env()
        if options.port:
            layout = replace(layout, port=options.port)
        with private_umask():
            make_private(layout.var)
            options.command(layout, options, RunConsole(console))
        return 0
    except NerTasksError as error:
        print(f"error: {type(error).__name__}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m launcher", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    encoder = os.environ.get("ENCODER") or os.environ.get("NER_ENCODER") or ""
    yesterday = datetime.datetime.now(datetime.UTC).date() - datetime.timedelta(days=1)
    for name, function, text in (
        ("setup", setup, "create secrets, download the encoder, migrate the database"),
        ("up", up, "set up, start Airflow and leave it running"),
        ("down", down, "stop Airflow and its tasks"),
        ("run", run, "set up, start Airflow, retrain, quantize, tag, and print the results"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(command=function)
        command.add_argument(
            "--port", type=_port, help="port of Airflow's web interface and API (default: PORT, else 8080)"
        )
        command.add_argument("--encoder", default=encoder, help=f"{CHOICES} (default: {DEFAULT})")
        if function is run:
            command.add_argument(
                "--dataset",
                type=Path,
                default=SAMPLE / "labelled" / "ner_sample.csv",
                help="labelled data: CSV, its zip, or CoNLL",
            )
            command.add_argument("--inbox", type=Path, default=SAMPLE / "inbox", help="folder of documents")
            command.add_argument(
                "--day",
                type=_day,
                default=yesterday.isoformat(),
                help="arrival day of the documents, YYYY-MM-DD (default: yesterday)",
            )
            command.add_argument(
                "--params", type=_params, default={}, help='JSON of more DAG parameters: {"ner_retrain": {"epochs": 5}}'
            )
    return parser


def setup(layout: Layout, options: argparse.Namespace, view: RunConsole) -> None:
    bootstrap.prepare(layout, options.encoder, view.print)


def up(layout: Layout, options: argparse.Namespace, view: RunConsole) -> None:
    port = services.running(layout)
    if port is not None:
        layout = layout.on(port)
        view.print("Airflow: already running")
    else:
        services.check_port(layout.port)
        encoder = bootstrap.prepare(layout, options.encoder, view.print)
        os.environ["NER_ENCODER"] = str(encoder)
        chain.bring_up(layout, view)
    view.console.print(
        f"\n  Airflow   {layout.url}\n  user      {secrets.USER}\n  password  {secrets.password(layout)}\n"
    )


def down(layout: Layout, _options: argparse.Namespace, view: RunConsole) -> None:
    view.print("Airflow: stopped" if services.stop(layout) else "Airflow: was not running")


def run(layout: Layout, options: argparse.Namespace, view: RunConsole) -> None:
    request = chain.RunRequest(
        dataset=options.dataset.expanduser().absolute(),
        inbox=options.inbox.expanduser().absolute(),
        day=options.day,
        encoder=options.encoder,
        params=options.params or (SAMPLE_PARAMS if options.dataset.is_relative_to(SAMPLE) else {}),
    )
    outcome = chain.run(layout, request, view)
    summary.show(view.console, FolderStore(layout.store_folder), outcome)


def _port(text: str) -> int:
    return Layout.from_env({"PORT": text}).port


def _day(text: str) -> str:
    try:
        return datetime.date.fromisoformat(text).isoformat()
    except ValueError:
        raise ConfigInvalid(f"found day {text!r}, expected YYYY-MM-DD") from None


def _params(text: str) -> dict[str, Any]:
    try:
        params = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigInvalid(f"found {error}, expected JSON, in --params") from None
    known = set(chain.TRIGGERED)
    if (
        not isinstance(params, dict)
        or not set(params) <= known
        or not all(isinstance(value, dict) for value in params.values())
    ):
        raise ConfigInvalid(f"found {text!r}, expected an object for each of {sorted(known)}, in --params")
    return params


if __name__ == "__main__":
    sys.exit(main())
