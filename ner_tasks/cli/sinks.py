"""Run the commands that copy published days into other systems."""

from datetime import date
from typing import Any

from ner_tasks.errors import ConfigInvalid
from ner_tasks.steps.sinks import LoadPostgresCommand, UnloadPostgresCommand

Result = dict[str, Any]


def commands() -> list[tuple[Any, Any]]:
    return [(LoadPostgresCommand, load_postgres), (UnloadPostgresCommand, unload_postgres)]


def load_postgres(config: LoadPostgresCommand) -> Result:
    from ner_tasks.sinks.postgres import load_day

    return load_day(config.answers, day=config.day, database=config.database, schema=config.db_schema)


def unload_postgres(config: UnloadPostgresCommand) -> Result:
    from ner_tasks.sinks.postgres import remove_day

    try:
        day = date.fromisoformat(config.day)
    except ValueError:
        raise ConfigInvalid(f"found day {config.day!r}, expected one of the calendar, in --day") from None
    return remove_day(day, database=config.database, schema=config.db_schema)
