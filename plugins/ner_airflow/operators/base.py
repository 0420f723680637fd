"""The operator that all steps have in common."""

import json
import os
import shutil
import tempfile
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

import ner_tasks
from ner_airflow import scratch
from ner_airflow.observability.lineage import Trace, make_lineage
from ner_airflow.subprocess_runner import ChildProcess
from ner_tasks import child_environment, errors, hardware
from ner_tasks.errors import ConfigInvalid, NerTasksError
from ner_tasks.evaluation.policy import DEFAULT_POLICY, GatePolicy
from ner_tasks.files import atomic
from ner_tasks.registry.registry import Registry
from ner_tasks.settings import Settings
from ner_tasks.store import Store

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors.base import OperatorLineage
    from airflow.sdk import Context


# Of a run's parameters, those that are Airflow's own.
_AIRFLOWS = ("airflow/task_span_detail_level",)


class StepFailed(RuntimeError):
    """A step ended for a reason that another try may mend.

    Args:
        line: what happened, in our own words.
        seen: what the step's process said, which may quote what it was given: for its log, and nobody else.
    """

    def __init__(self, line: str, *, seen: str = "") -> None:
        super().__init__(f"{line}; {seen}" if seen else line)
        self.line = line


class NerOperator(BaseOperator):
    """A step: `step` does it, `execute` decides what its errors mean for Airflow.

    Our own errors are about the input, and the same on each try: the task fails at once. Everything
    else is retried.
    """

    result: dict[str, Any] | None = None  # the result, for the note of what the task came to
    trace = Trace()  # what it was made from, for lineage

    def execute(self, context: "Context") -> dict[str, Any]:
        try:
            self._check_names(context)
            self.result = self.step(context)
            return self.result
        except NerTasksError as error:
            if error.retryable:
                raise
            raise AirflowFailException(f"{type(error).__name__}: {error}") from error

    def _check_names(self, context: "Context") -> None:
        """Refuse a run that was given what its DAG does not know; Airflow itself takes any name."""
        given = getattr(context.get("dag_run"), "conf", None)
        unknown = sorted(set(given) - {*self.dag.params, *_AIRFLOWS}) if given else []
        if unknown:
            found = f"found unknown parameter {unknown[0][:100]!r}"
            raise ConfigInvalid(f"{found}, expected some of {', '.join(self.dag.params)}, for {self.dag.dag_id}")

    @abstractmethod
    def step(self, context: "Context") -> dict[str, Any]:
        """Do it; the result goes to XCom, so it is small and JSON."""

    def get_openlineage_facets_on_complete(self, _task_instance: Any) -> "OperatorLineage":
        """What OpenLineage is told; Airflow calls it by this name, where it is switched on."""
        return make_lineage(self.trace, self.store)

    # read when the task runs: the DAG processor need not have the same environment
    @cached_property
    def settings(self) -> Settings:
        return Settings.from_env()

    @cached_property
    def store(self) -> Store:
        return self.settings.open_store()

    @cached_property
    def registry(self) -> Registry:
        return Registry(self.store)

    def policy(self, **texts: str) -> GatePolicy:
        """Limits of the gates: the YAML's, under the deployment's, under those that this run was given."""
        return GatePolicy.read(self.settings.gates or DEFAULT_POLICY).with_overrides(
            self.settings.limits.override(**texts)
        )

    @contextmanager
    def workspace(self, name: str) -> Iterator[Path]:
        """A scratch folder for one piece of work, kept when it fails so that the next try can go on from there."""
        folder = self.settings.scratch / name
        with atomic.exclusive(self.settings.scratch / scratch.LOCKS / name):
            folder.mkdir(parents=True, exist_ok=True)
            yield folder
            shutil.rmtree(folder, ignore_errors=True)


class CommandOperator(NerOperator):
    """A step that runs `python -m ner_tasks <verb>`.

    A fresh process, because TensorFlow survives no fork and has to find its settings before it is
    imported; and because the same command then works without Airflow.
    """

    _child: ChildProcess | None = None

    def run_command(self, verb: str, *, tolerate: str = "", **flags: Any) -> dict[str, Any]:
        """Run one verb, log its output line by line, and return its result.

        Args:
            verb: one of `python -m ner_tasks --help`.
            tolerate: type of an error that the caller judges by itself; the result is then empty.
            flags: `--name value`; None is left out, a list gives several values.

        Raises:
            AirflowFailException: the verb found an error that is the same on each try.
            StepFailed: anything else, a kill included.
        """
        self.settings.scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.settings.scratch, prefix=f"{verb}-") as folder:
            report = Path(folder) / "report.json"
            command = self._command(verb, report, flags)
            self.log.info("%s", " ".join(command))
            self._child = ChildProcess(command, self._environment())
            code = self._child.follow(lambda line: self.log.info("%s", line))
            return self._result(verb, code, report, tolerate)

    def on_kill(self) -> None:
        if self._child is not None:
            self._child.end()

    def _command(self, verb: str, report: Path, flags: Mapping[str, Any]) -> list[str]:
        command = [str(self.settings.python), "-m", "ner_tasks", verb]
        for name, value in {**flags, "report": report, "threads": self.settings.n_threads}.items():
            if isinstance(value, list) and any(str(each).startswith("-") for each in value):
                raise ConfigInvalid(f"found a value that begins with a dash, expected none, for --{name} of {verb}")
            if value is not None:
                command += [f"--{name}", *map(str, value)] if isinstance(value, list) else [f"--{name}={value}"]
        return command

    def _environment(self) -> dict[str, str]:
        # It reads other people's documents: it gets files, not the store, and no secret.
        package = str(Path(ner_tasks.__file__).parent.parent)
        return {
            **child_environment.step_environment(),
            "PYTHONPATH": os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH", "")])),
            "PYTHONUNBUFFERED": "1",
            "PYTHONHASHSEED": "0",
            **hardware.tensorflow_env(n_threads=self.settings.n_threads, onednn=True),
        }

    def _result(self, verb: str, code: int, report: Path, tolerate: str) -> dict[str, Any]:
        written = json.loads(report.read_text(encoding="utf-8")) if report.is_file() else {}
        if written.get("peak_memory_mib"):
            self.log.info("%s: %.1f s, %d MiB at most", verb, written["elapsed_s"], written["peak_memory_mib"])
        if code == 0 and written.get("ok"):
            return dict(written["result"])
        error = written.get("error")
        if error and error["type"] == tolerate:
            return {}
        if error and not _is_ours(error["type"]):
            raise StepFailed(f"found {error['type']} in {verb}, expected it to finish", seen=error["message"])
        if error:
            line = f"{error['type']}: {error['message']}"
            raise StepFailed(line) if error["retryable"] else AirflowFailException(line)
        last = self._child.last_lines[-1] if self._child and self._child.last_lines else "no output"
        seen = f"its last line: {last}"
        if code < 0:
            raise StepFailed(f"found {verb} ended by signal {-code}, expected it to finish", seen=seen)
        raise StepFailed(f"found exit code {code} and no report, expected 0, from {verb}", seen=seen)


def _is_ours(name: str) -> bool:
    """Whether an error of this name is one that the core raises on purpose, with words that are its own."""
    return issubclass(getattr(errors, name, type(None)), NerTasksError)
