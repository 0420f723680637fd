"""The base classes of all operators."""

import json
import os
import shutil
import tempfile
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.sdk import BaseOperator
from airflow.sdk.bases.xcom import BaseXCom
from airflow.sdk.exceptions import AirflowFailException, DownstreamTasksSkipped

import ner_tasks
from ner_airflow import scratch
from ner_airflow.observability.lineage import Trace, make_lineage
from ner_airflow.params import RUN_PARAMS, read_params
from ner_airflow.subprocess_runner import ChildProcess
from ner_airflow.warm_process import WarmProcess, WarmUnavailable
from ner_tasks import child_environment, errors, fingerprint, hardware
from ner_tasks.config.base import ConfigModel
from ner_tasks.errors import ConfigInvalid, NerTasksError
from ner_tasks.evaluation.policy import DEFAULT_POLICY, GatePolicy
from ner_tasks.files import atomic
from ner_tasks.registry.registry import Registry
from ner_tasks.settings import Settings
from ner_tasks.steps.command import Command
from ner_tasks.store import Store

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors.base import OperatorLineage
    from airflow.sdk import Context


Params = TypeVar("Params", bound=ConfigModel)

# Parameters that Airflow adds to a run.
_AIRFLOWS = ("airflow/task_span_detail_level",)


class StepFailed(RuntimeError):
    """A step failed for a reason that a retry may resolve.

    Args:
        line: what happened, in our own words.
        seen: output of the step's process, which may quote documents: it goes to the task's log only.
    """

    def __init__(self, line: str, *, seen: str = "") -> None:
        super().__init__(f"{line}; {seen}" if seen else line)
        self.line = line


class AfterStep(BaseOperator):
    """A task that an operator of ours directly before it has Airflow skip if it would have nothing to do.

    A skipped task takes no process and no slot of a pool. One that is cleared runs all the same.
    """

    def is_needed(self, before: dict[str, Any]) -> bool:
        """Return whether this task has anything to do.

        Args:
            before: result of the task before, which succeeded.
        """
        return True


class NerOperator(AfterStep):
    """A step: `step` does the work, `execute` turns its errors into Airflow's.

    Our own errors are about the input, and the same on each try: the task fails at once. Everything
    else is retried.
    """

    template_fields: Sequence[str] = ("config",)

    result: dict[str, Any] | None = None  # the result, for the task's entry in the store
    trace = Trace()  # inputs and outputs, for lineage

    def __init__(self, *, config: str | dict[str, Any] = RUN_PARAMS, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config = config

    def execute(self, context: "Context") -> dict[str, Any]:
        try:
            self._check_names(context)
            fingerprint.keep_parsed(self.settings.scratch)
            self.result = self.step(context)
            self._skip_needless(context, self.result)
            return self.result
        except NerTasksError as error:
            if error.retryable:
                raise
            raise AirflowFailException(f"{type(error).__name__}: {error}") from error

    def _check_names(self, context: "Context") -> None:
        """Fail if the run was given a parameter that its DAG does not have; Airflow accepts any name."""
        given = getattr(context.get("dag_run"), "conf", None)
        unknown = sorted(set(given) - {*self.dag.params, *_AIRFLOWS}) if given else []
        if unknown:
            found = f"found unknown parameter {unknown[0][:100]!r}"
            raise ConfigInvalid(f"{found}, expected some of {', '.join(self.dag.params)}, for {self.dag.dag_id}")

    def _skip_needless(self, context: "Context", result: dict[str, Any]) -> None:
        after = self.downstream_list if context and self.has_dag() else ()
        needless = [task.task_id for task in after if isinstance(task, AfterStep) and not task.is_needed(result)]
        if needless:
            # as at the end of a task, which this exception takes the place of
            context["ti"].xcom_push(key=BaseXCom.XCOM_RETURN_KEY, value=result)
            self.log.info("nothing to do for %s", ", ".join(needless))
            raise DownstreamTasksSkipped(tasks=needless)

    @abstractmethod
    def step(self, context: "Context") -> dict[str, Any]:
        """Do the work; the result goes to XCom, so it must be small and JSON."""

    def get_openlineage_facets_on_complete(self, _task_instance: Any) -> "OperatorLineage":
        """Return the lineage for OpenLineage; Airflow calls this method by name if OpenLineage is enabled."""
        return make_lineage(self.trace, self.store)

    # Read when the task runs: the DAG processor may have another environment.
    @cached_property
    def settings(self) -> Settings:
        return Settings.from_env()

    @cached_property
    def store(self) -> Store:
        return self.settings.open_store()

    @cached_property
    def registry(self) -> Registry:
        return Registry(self.store)

    def read_config(self, model: type[Params]) -> Params:
        """Return the parameters of this step among those that the run was given."""
        return read_params(model, self.config)

    def policy(self, params: ConfigModel | None = None) -> GatePolicy:
        """Return the limits of the gates: the YAML's, under the deployment's, under those that this run was given."""
        return GatePolicy.read(self.settings.gates or DEFAULT_POLICY).with_overrides(
            self.settings.limits.override(params) if params else self.settings.limits
        )

    @contextmanager
    def workspace(self, name: str) -> Iterator[Path]:
        """Provide a scratch folder that is kept on failure, so that the retry resumes from it."""
        folder = self.settings.scratch / name
        with atomic.exclusive(self.settings.scratch / scratch.LOCKS / name):
            folder.mkdir(parents=True, exist_ok=True)
            yield folder
            shutil.rmtree(folder, ignore_errors=True)


class CommandOperator(NerOperator):
    """A step that runs a command of `python -m ner_tasks`.

    A fresh process, because TensorFlow survives no fork and has to find its settings before it is
    imported; and because the same command then works without Airflow.
    """

    _child: ChildProcess | WarmProcess | None = None

    def run_command(self, config: Command, *, tolerate: str = "", warm: bool = False) -> dict[str, Any]:
        """Run one command, log its output line by line, and return its result.

        Args:
            config: everything that the command is told; it is handed over as one JSON file.
            tolerate: type of an error that the caller handles itself; the result is then empty.
            warm: fork the process from one that has loaded its libraries, where that is possible; see decision 0027.

        Raises:
            AirflowFailException: the command failed in a way that another try cannot mend.
            StepFailed: any other failure, including a kill.
        """
        verb = config.name
        self.settings.scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.settings.scratch, prefix=f"{verb}-") as folder:
            report, file = Path(folder) / "report.json", Path(folder) / "config.json"
            values = config.model_dump(mode="json", exclude_unset=True) | {"threads": self.settings.threads}
            atomic.write_json(file, values)
            command = [*self._program(), verb, f"--config={file}", f"--report={report}"]
            self.log.info("%s: %s", verb, json.dumps(values, ensure_ascii=False))
            self._child = self._start_process(command, warm=warm)
            code = self._child.follow(lambda line: self.log.info("%s", line))
            return self._result(verb, code, report, tolerate)

    def _start_process(self, command: Sequence[str], *, warm: bool) -> ChildProcess | WarmProcess:
        settings = self.settings
        if warm and settings.warm_minutes:
            try:
                idle_s = 60 * settings.warm_minutes
                return WarmProcess.start(command, self._environment(), settings.scratch, idle_s=idle_s)
            except WarmUnavailable as error:
                self.log.warning("notice: this step starts its own process: %s", error)
        return ChildProcess(command, self._environment())

    def on_kill(self) -> None:
        if self._child is not None:
            self._child.end()

    def _program(self) -> list[str]:
        return [str(self.settings.python), "-m", "ner_tasks"]

    def _environment(self) -> dict[str, str]:
        # The command reads documents from outside: it gets files, but neither the store nor secrets.
        package = str(Path(ner_tasks.__file__).parent.parent)
        return {
            **child_environment.step_environment(),
            "PYTHONPATH": os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH", "")])),
            "PYTHONUNBUFFERED": "1",
            "PYTHONHASHSEED": "0",
            "NER_SCRATCH": str(self.settings.scratch),
            **hardware.tensorflow_env(n_threads=self.settings.threads, onednn=True),
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
    """Whether an error of this name is a `NerTasksError`, whose message quotes no document."""
    return issubclass(getattr(errors, name, type(None)), NerTasksError)
