"""Write the reference pages of the documentation from the code: `make docs` runs this before the site is built.

    python docs/generate.py [FOLDER]      # default: docs/reference

The pages are not committed: they change with every flag, Param and setting, and a page that is always generated is never
out of date.
"""

import argparse
import dataclasses
import importlib.util
import inspect
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# Variables that no step reads, and so are no field of `Settings`: the launcher, containers and observability read them.
OTHER_VARIABLES = {
    "NER_AIRFLOW_DATABASE": ("that of `airflow.cfg`", "Airflow's metadata database, for the step of `ner_maintain` that cleans it."),
    "NER_AIRFLOW_DATABASE_FILE": ("", "File that holds the address in `NER_AIRFLOW_DATABASE`."),
    "NER_VERBOSE": ("0", "1: a step prints messages of TensorFlow and other libraries even if it succeeds."),
    "NER_VAR": ("`var`", "Folder of the launcher: database, secrets, logs, store. Closed to other accounts."),
    "NER_PORT": ("8080", "Port of Airflow's page and API; `PORT` of `make`."),
    "NER_UMASK": ("0077", "umask of the processes of the image; with `make` it is always 0077."),
    "NER_HOME": ("the checkout", "Folder with `dags/` and `plugins/`; set by the launcher and the image."),
    "NER_POOL_SLOTS": ("2", "Containers: slots of the pool `ner_cpu`; one per worker of the queues `train` and `tag`."),
    "NER_TAG_CONCURRENCY": ("1", "Containers: tasks at once in one `worker-tag`."),
    "NER_TAG_MEMORY": ("4g", "Containers: memory limit of one `worker-tag`."),
    "NER_TRAIN_MEMORY": ("8g", "Containers: memory limit of `worker-train`."),
    "NER_UID": ("10001", "Containers: user that all processes run as."),
    "NER_ENCODER_FOLDER": ("`../var/encoder`", "Containers: folder of the host with the encoder, mounted read-only."),
}  # fmt: skip
# Public objects by topic: what `ner_tasks` exports, and what programs in examples/ use.
API = {
    "Tagging": ("ner_tasks.inference.tagger.Tagger", "ner_tasks.entities.TextEntity"),
    "Documents": tuple(
        f"ner_tasks.documents.{name}"
        for name in ("read_documents", "Document", "Rejected", "Ignored", "Limits", "CannotRead")
    ),
    "Evaluation": (
        "ner_tasks.evaluation.metrics.score_tags",
        "ner_tasks.evaluation.metrics.Scores",
        "ner_tasks.evaluation.metrics.Score",
        "ner_tasks.evaluation.bootstrap",
    ),
    "Store": ("ner_tasks.store.open_store", "ner_tasks.store.Store", "ner_tasks.store.StoredFile"),
    "Errors": ("ner_tasks.errors",),
}


def cell(text: object) -> str:
    """Text for one cell of a Markdown table; `<` outside of code would begin an HTML tag."""
    parts = " ".join(str(text).split()).replace("|", "\\|").split("`")
    return "`".join(part if index % 2 else part.replace("<", "&lt;") for index, part in enumerate(parts))


def table(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    names = list(header)
    lines = [names, ["---"] * len(names), *rows]
    return "".join(f"| {' | '.join(cell(value) for value in line)} |\n" for line in lines)


def attributes(documented: Any) -> dict[str, str]:
    """Descriptions in the `Attributes:` section of a Google-style docstring, by name."""
    _, _, section = (inspect.getdoc(documented) or "").partition("Attributes:\n")
    meanings: dict[str, str] = {}
    names: list[str] = []
    for line in section.splitlines():
        if match := re.match(r" {4}(\w+(?:, \w+)*): (.*)", line):
            names = match[1].split(", ")
            meanings.update(dict.fromkeys(names, match[2]))
        elif line.startswith("     "):
            meanings.update({name: f"{meanings[name]} {line.strip()}" for name in names})
    return meanings


def sentence(text: str) -> str:
    """`text` as a sentence: a capital first and a full stop."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if not text or text.endswith((".", ":", "?")) else ".")


def fields(cls: Any) -> Iterator[tuple[str, Any, str]]:
    """Name, default and description of each field of a pydantic model or dataclass."""
    described = attributes(cls)
    if hasattr(cls, "model_fields"):
        for name, field in cls.model_fields.items():
            default = "" if field.is_required() else field.get_default(call_default_factory=True)
            yield name, default, field.description or described.get(name, "")
        return
    for field in dataclasses.fields(cls):
        default = "" if field.default is dataclasses.MISSING else field.default
        yield field.name, default, described.get(field.name, "")


def cli() -> str:
    """Every command of `python -m ner_tasks` and its flags."""
    from ner_tasks.cli.app import parser

    top, _ = parser()
    (commands,) = [a for a in top._actions if isinstance(a, argparse._SubParsersAction)]  # noqa: SLF001
    helps = {action.dest: action.help for action in commands._choices_actions}  # noqa: SLF001
    intro = (
        "# Command line\n\nGenerated from the argument parser. Run a command as `python -m ner_tasks COMMAND` in the "
        "repository root,\nwith `PYTHONPATH=.`. Exit codes: "
        "[decision 0006](../decisions/0006-exit-codes-and-errors.md).\n\n"
    )
    summary = ((f"[`{name}`](#{name})", helps.get(name) or "") for name in commands.choices)
    parts = [intro, table(["command", "does"], summary)]
    for name, command in commands.choices.items():
        flags = [a for a in command._actions if a.help != argparse.SUPPRESS and a.dest != "help"]  # noqa: SLF001
        shown = helps.get(name) or command.description or ""
        parts.append(f"\n## {name}\n\n{sentence(shown)}\n\n")
        parts.append(table(["flag", "value", "required", "meaning"], (flag_row(command, flag) for flag in flags)))
    return "".join(parts)


def flag_row(command: argparse.ArgumentParser, flag: argparse.Action) -> tuple[str, str, str, str]:
    """One flag or argument as a row."""
    choices = [] if flag.metavar else list(flag.choices or [])
    values = choices or ([] if flag.nargs == 0 else [flag.metavar or flag.dest.upper()])
    formatter = command._get_formatter()  # noqa: SLF001
    meaning = formatter._expand_help(flag) if flag.help else ""  # noqa: SLF001
    required = "yes" if flag.required or meaning.endswith(" (required)") else ""
    name = ", ".join(f"`{option}`" for option in flag.option_strings) or f"`{flag.dest}`"
    return name, ", ".join(f"`{value}`" for value in values), required, sentence(meaning.removesuffix(" (required)"))


def dags() -> str:
    """Every DAG: its docstring, tasks and Params."""
    parts = ["# DAGs\n\nGenerated from the docstrings and Params of `dags/`.\n"]
    for path in sorted((ROOT / "dags").glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"reference_{path.stem}", path)
        if spec is None or spec.loader is None:
            raise ImportError(f"found no loader, expected one, of {path}")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        dag = getattr(module, path.stem)()
        doc = re.sub(r"docs/(runbook/[\w/-]+\.md#[\w-]+)", r"[runbook](../\1)", module.__doc__ or "")
        doc = re.sub(r"docs/(([\w/-]+)\.md(?:#[\w-]+)?)", r"[\2](../\1)", doc)
        parts.append(
            f"\n## {path.stem}\n\n{doc.strip()}\n\nTasks: {', '.join(f'`{t.task_id}`' for t in dag.tasks)}\n\n"
        )
        rows = [param_row(name, dag.params.get_param(name)) for name in dag.params]
        parts.append(table(["Param", "default", "values", "meaning"], rows) if rows else "No Params.\n")
    return "".join(parts)


def param_row(name: str, param: Any) -> tuple[str, str, str, str]:
    """One Param as a row."""
    from ner_tasks.config.base import describe_bounds

    schema = param.schema
    kinds = schema.get("type", [])
    shown = [kind for kind in ([kinds] if isinstance(kinds, str) else kinds) if kind != "null"]
    if options := schema.get("enum"):
        shown = [", ".join(str(option) for option in options if option is not None)]
    bounds = describe_bounds(schema) if "enum" not in schema else ""
    text = f"{schema['title']}. {param.description}" if param.description != schema["title"] else schema["title"]
    return f"`{name}`", shown_default(param.value), ", ".join(filter(None, [*shown, bounds])), sentence(text)


def settings() -> str:
    """Every `NER_*` variable."""
    from ner_tasks.config.base import describe_bounds, field_schemas
    from ner_tasks.evaluation.policy import GateOverrides
    from ner_tasks.settings import Settings

    schemas = field_schemas(Settings)
    rows = []
    own = inspect.get_annotations(Settings)  # before those of its bases
    for name, default, meaning in sorted(fields(Settings), key=lambda field: field[0] not in own):
        title = schemas[name].get("title", "") if name in GateOverrides.model_fields else ""
        shown = "all cores" if name == "threads" else shown_default(default)
        text = f"{title}. {meaning}" if title else meaning
        text = sentence(text.replace(f"Empty: NER_{name.upper()}, otherwise", "Empty:"))
        rows.append((f"`NER_{name.upper()}`", shown, describe_bounds(schemas[name]), text))
    listed = {row[0] for row in rows}
    rows += [
        (f"`{n}`", default, "", meaning) for n, (default, meaning) in OTHER_VARIABLES.items() if f"`{n}`" not in listed
    ]
    return (
        "# Settings\n\nGenerated from `ner_tasks/settings.py`. Environment variables of one deployment; a DAG Param "
        "overrides them for\none run. Set them for every process that runs tasks. An empty default is explained in the "
        "meaning.\n\n" + table(["variable", "default", "bounds", "meaning"], rows)
    )


def shown_default(value: object) -> str:
    """A default as it is set in the environment."""
    if value in ("", None):
        return ""
    if value == Path(sys.executable):
        return "Airflow's interpreter"
    shown = int(value) if isinstance(value, bool) or (isinstance(value, float) and value.is_integer()) else value
    return f"`{str(shown).removeprefix(f'{ROOT}/')}`"


def store() -> str:
    """Every path of the store."""
    from ner_tasks.store import keys

    doc = inspect.getdoc(keys) or ""
    functions = [
        (name, function)
        for name, function in inspect.getmembers(keys, inspect.isfunction)
        if function.__module__ == keys.__name__ and not name.startswith("_")
    ]
    rows = [(f"`{name}`", (inspect.getdoc(function) or "").split("\n\n")[0]) for name, function in functions]
    return f"# Store layout\n\nGenerated from `{keys.__name__}`.\n\n```text\n{doc}\n```\n\n" + (
        "## Functions\n\n" + table(["function", "key"], rows) if rows else ""
    )


def documents() -> str:
    """Every format, and the limits of reading."""
    from ner_tasks.documents import FORMATS, Limits

    formats = [
        (f"`{f.name}`", " ".join(f"`{s}`" for s in f.suffixes), " ".join(f"`{m}`" for m in f.media_types), f.shape)
        for f in FORMATS.values()
    ]
    limits = [(f"`{name}`", shown_default(default), sentence(meaning)) for name, default, meaning in fields(Limits)]
    return (
        "# Document formats\n\nGenerated from `ner_tasks/documents`. What is read of each format: "
        "[Documents](../formats.md).\n\n"
        + table(["format", "suffixes", "media types", "shape"], formats)
        + "\n## Limits\n\n"
        + table(["limit", "default", "meaning"], limits)
    )


def tables() -> str:
    """Every column of the tables of a day."""
    from ner_tasks.sinks.postgres_tables import DAYS_TABLE, TABLES
    from ner_tasks.tagging.exports import omop
    from ner_tasks.tagging.exports.tables import DOCUMENTS, ENTITIES, SCHEMA_VERSION

    intro = f"# Tables\n\nGenerated from `ner_tasks/tagging/exports`. Version of the schema: {SCHEMA_VERSION}.\n"
    link = "\nHow to load them: [Load days into a warehouse](../how-to.md#load-days-into-a-warehouse).\n"
    parts, known = [intro, link], (ENTITIES, DOCUMENTS, omop.NOTE_NLP, omop.NOTE_IDS)
    for name, schema in zip(("entities", "documents", "note_nlp", "note_ids"), known, strict=True):
        rows = (
            (f"`{c.name}`", c.type, "" if c.nullable else "no", c.metadata[b"description"].decode()) for c in schema
        )
        parts.append(f"\n## {name}\n\n{table(['column', 'type', 'null', 'meaning'], rows)}")
    days = ", ".join(f"`{column.name}`" for column in TABLES[DAYS_TABLE])
    parts.append("\n## PostgreSQL\n\nTables `entities` and `documents` as above; `boxes` is jsonb. ")
    parts.append(f"`{DAYS_TABLE}` has a row for each loaded day: {days}. `schema_version` has the version.\n")
    return "".join(parts)


def metrics() -> str:
    """Every metric that the operators emit."""
    from ner_airflow.observability.metrics import METRICS

    rows = ((f"`{name}`", m.unit, f"`{m.task}`", sentence(m.meaning)) for name, m in METRICS.items())
    return (
        "# Metrics\n\nGenerated from `plugins/ner_airflow/observability/metrics.py`. All are gauges. How to switch them "
        "on:\n[Monitoring](../monitoring.md#metrics).\n\n" + table(["metric", "unit", "task", "meaning"], rows)
    )


def api() -> str:
    """Directives that mkdocstrings replaces by docstrings; an unknown name fails the build."""
    parts = ["# Python API\n\nGenerated from the docstrings. `from ner_tasks import Tagger` loads the tagger.\n"]
    for topic, names in API.items():
        parts.append(f"\n## {topic}\n")
        parts += [f"\n::: {name}\n    options: {{heading_level: 3, show_root_heading: true}}\n" for name in names]
    return "".join(parts)


PAGES: dict[str, Callable[[], str]] = {
    "cli": cli, "dags": dags, "settings": settings, "store": store, "documents": documents, "tables": tables, "metrics": metrics, "api": api,
}  # fmt: skip


def main(folder: Path) -> None:
    """Write all pages to `folder`."""
    with tempfile.TemporaryDirectory() as home:
        # Airflow writes its configuration where it is imported for the first time.
        os.environ.setdefault("AIRFLOW_HOME", home)
        folder.mkdir(parents=True, exist_ok=True)
        for name, page in PAGES.items():
            (folder / f"{name}.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "reference")
