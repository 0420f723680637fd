"""The steps that copy published days into a database, if the deployment names one."""

from typing import TYPE_CHECKING, Any

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException, AirflowSkipException

from ner_airflow.operators.base import CommandOperator
from ner_airflow.operators.night import PublishedDayOperator, parse_day
from ner_tasks.errors import ConfigInvalid
from ner_tasks.steps.sinks import LoadPostgresCommand, UnloadPostgresCommand
from ner_tasks.store import keys
from ner_tasks.tagging import merge
from ner_tasks.tagging.day_parts import fetch_day

if TYPE_CHECKING:
    from airflow.sdk import Context

# Files of each part that the command reads.
_FILES = ("documents.parquet", "entities.parquet")
_TYPES = ("postgres", "postgresql")
# Fields of the Connection's extra, with the variables of libpq that they set.
_EXTRA = {
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}


class LoadPostgresOperator(PublishedDayOperator, CommandOperator):
    """Replace a day in PostgreSQL by what is published of it; a day that was withdrawn is deleted there.

    Off until `NER_POSTGRES` names an Airflow Connection. Its password reaches the command as a variable of libpq: on no
    command line, in no log and in no XCom. A person who starts a run cannot name another Connection.

    Args:
        day: YYYY-MM-DD.
    """

    def is_needed(self, before: dict[str, Any]) -> bool:
        return bool(self.settings.postgres)

    def step(self, context: "Context") -> dict[str, Any]:
        parse_day(self.day)
        if not self.settings.postgres:
            raise AirflowSkipException("NER_POSTGRES names no Connection: days are copied into no database")
        # a damaged manifest is there, and fails the load: it is no reason to delete a good copy
        if not self.store.exists(keys.tagged_day(self.day, merge.MANIFEST)):
            return self.run_command(UnloadPostgresCommand(day=self.day))
        return self.store.read_whole(keys.tagged_day(self.day), self._load, marker=merge.MANIFEST)

    def _load(self) -> dict[str, Any]:
        with self.workspace(f"postgres-{self.day}") as folder:
            answers = fetch_day(self.store, self.day, folder, _FILES)
            return self.run_command(LoadPostgresCommand(answers=(answers,), day=self.day))

    def _environment(self) -> dict[str, str]:
        """Add the address and the credentials of the Connection; no other step gets them."""
        return {**super()._environment(), **read_connection(str(self.settings.postgres))}


def read_connection(name: str) -> dict[str, str]:
    """Return an Airflow Connection as variables of libpq.

    Raises:
        ConfigInvalid: there is no such Connection, or it is one of another type.
    """
    try:
        connection = Connection.get(name)
    except AirflowNotFoundException:
        raise ConfigInvalid(f"found no Connection {name!r}, expected the one that NER_POSTGRES names") from None
    if connection.conn_type not in _TYPES:
        found = f"found Connection {name!r} of type {connection.conn_type!r}"
        raise ConfigInvalid(f"{found}, expected postgres, as NER_POSTGRES names it")
    given = {
        "PGHOST": connection.host,
        "PGPORT": connection.port,
        "PGUSER": connection.login,
        "PGPASSWORD": connection.password,
        "PGDATABASE": connection.schema,
        **{variable: connection.extra_dejson.get(name) for name, variable in _EXTRA.items()},
    }
    return {variable: str(value) for variable, value in given.items() if value not in (None, "")}
