"""Sinks: copy published days into other systems."""

import re
from typing import Annotated, ClassVar

from pydantic import Field, field_validator

from ner_tasks.config.base import ConfigModel
from ner_tasks.config.flags import Flag
from ner_tasks.config.types import Day
from ner_tasks.sinks import SCHEMA_NAME
from ner_tasks.steps.command import Answers, Command

_PASSWORD = re.compile(r"://[^@/?]*:[^@]*@|password\s*=", re.IGNORECASE)


class PostgresDatabase(ConfigModel):
    """Where the tables of published days are."""

    database: str = Field(
        "",
        max_length=1000,
        description="postgresql://user@host:port/database without a password, which libpq takes from PGPASSWORD or "
        "~/.pgpass (default: as PGHOST, PGUSER, PGDATABASE and so on say)",
    )
    db_schema: str = Field(
        "nightly_ner", pattern=SCHEMA_NAME, examples=["nightly_ner"], description="PostgreSQL's schema for the tables"
    )

    @field_validator("database")
    @classmethod
    def _check_address(cls, database: str) -> str:
        """Refuse an address with a password, and quote none: a command line and its errors are read by others."""
        if _PASSWORD.search(database):
            raise ValueError("found a password in --database, expected it in PGPASSWORD or ~/.pgpass")
        if database and not database.startswith(("postgresql://", "postgres://")):
            raise ValueError("found another --database, expected postgresql://user@host:port/database")
        return database


class LoadPostgresCommand(PostgresDatabase, Command):
    """Copy a published day into PostgreSQL; the day is replaced there in one transaction."""

    name: ClassVar[str] = "load-postgres"
    reads_documents: ClassVar[bool] = True

    answers: Answers = Field(
        description="a published day in its store, or answer folders with their Parquet files in order"
    )
    day: Annotated[Day | None, Flag("YYYY-MM-DD")] = Field(
        None, description="the day to replace (default: that of the manifest)"
    )


class UnloadPostgresCommand(PostgresDatabase, Command):
    """Delete a day in PostgreSQL, such as one that was withdrawn."""

    name: ClassVar[str] = "unload-postgres"
    reads_documents: ClassVar[bool] = True

    day: Annotated[Day, Flag("YYYY-MM-DD")] = Field(description="the day")
