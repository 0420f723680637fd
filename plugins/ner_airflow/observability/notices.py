"""Notices for the person on call: what failed or is late, why, and where to look.

They go to the Airflow Connection `ner_alerts`, if there is one, and into the log in any case: docs/signals.md.
"""

import html
import logging
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.sdk import BaseHook
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException, AirflowSkipException

from ner_airflow.observability.due import due
from ner_airflow.operators.base import StepFailed
from ner_tasks.errors import ConfigInvalid, NerTasksError
from ner_tasks.settings import runbook_url

if TYPE_CHECKING:
    from airflow.sdk import Context

CONNECTION = "ner_alerts"
TIMEOUT_S = 15
_LONGEST_REASON = 600
_ANCHOR = re.compile(r"docs/runbook\.md(#[\w-]+)")
# What makes a run fail without a task that fails; every other failed run has a notice of its task.
_REASONS = {
    "timed_out": "found the run at work for longer than its time limit; what was at work is ended",
    "all_tasks_deadlocked": "found tasks that wait for each other, or for what will never be",
}

log = logging.getLogger("ner.notices")


@dataclass(frozen=True)
class Notice:
    """One thing that somebody has to look at.

    Attributes:
        event: `failed` or `late`.
        dag, run: which run.
        day: the day that it tags; empty for other runs.
        task: what failed of it; empty if it is the run.
        reason: one line: what was found, what was expected, where.
        log: the page of Airflow that has the log.
        runbook: the part of the runbook that is about it.
    """

    event: str
    dag: str
    run: str
    day: str
    task: str
    reason: str
    log: str
    runbook: str

    @property
    def subject(self) -> str:
        what = f"{self.dag}.{self.task}" if self.task else self.dag
        return f"{what} {self.event}{f' for {self.day}' if self.day else ''}"

    @property
    def text(self) -> str:
        return f"{self.subject}\n{self.reason}\nrun: {self.run}\nlog: {self.log}\nrunbook: {self.runbook}"


def notify_failed(context: "Context") -> None:
    """A task has failed for good: its `on_failure_callback`."""
    ti, values = context["ti"], dict(context)
    index = "" if ti.map_index is None or ti.map_index < 0 else f"[{ti.map_index}]"
    send(
        Notice(
            event="failed",
            dag=ti.dag_id,
            run=ti.run_id,
            day=_day(values.get("params"), values.get("partition_key")),
            task=f"{ti.task_id}{index}",
            reason=error_line(values.get("exception")),
            log=ti.log_url,
            runbook=runbook(context["dag"].doc_md or ""),
        )
    )


def notify_run_failed(context: "Context") -> None:
    """A run has failed, and no task of it: its DAG's `on_failure_callback`. The DAG processor calls it."""
    values = dict(context)
    dag, run, reason = context["dag"], context["run_id"], _REASONS.get(str(values.get("reason")))
    if reason is None:
        return
    day = _day(values.get("params"), values.get("partition_key"))
    send(Notice("failed", dag.dag_id, run, day, "", reason, run_page(dag.dag_id, run), runbook(dag.doc_md or "")))


def notify_late(context: Mapping[str, Any], hours: float, page: str) -> None:
    """A run is not done by its deadline: the callback of a `DeadlineAlert`, which the executor calls.

    Args:
        context: what Airflow hands over; less than a task has.
        hours: how long the run may take.
        page: the part of the runbook that is about its DAG.
    """
    run = context["dag_run"]
    dag, name = str(run["dag_id"]), str(run["dag_run_id"])
    day = _day(run.get("conf"), run.get("partition_key"))
    since = due(str(run["run_type"]), run["run_after"], run["queued_at"])
    reason = f"found it {run['state']}, expected it done {hours:g} h after it was due, at {since}"
    send(Notice("late", dag, name, day, "", reason, run_page(dag, name), page))


def _day(given: Mapping[str, Any] | None, partition: object) -> str:
    """The day that a run is about; empty for runs that are about none."""
    return str((given or {}).get("day") or partition or "")


def error_line(error: object) -> str:
    """What is told of an error outside its log: our own line, or its type alone.

    The words of other libraries are left out: they may quote what they were given, which is a document.
    """
    if isinstance(error, StepFailed):
        said = error.line
    elif isinstance(error, NerTasksError):
        said = f"{type(error).__name__}: {error}"
    elif isinstance(error, AirflowFailException | AirflowSkipException):
        said = str(error)
    else:
        said = (
            f"found {type(error).__name__ if isinstance(error, BaseException) else 'no result'}, expected it to finish"
        )
    return (said.splitlines() or [""])[0][:_LONGEST_REASON]


def runbook(doc: str) -> str:
    """Where the runbook has the part that a DAG's page names."""
    anchor = _ANCHOR.search(doc)
    return f"{runbook_url() or f'{_airflow()}/ner-ops/runbook'}{anchor[1] if anchor else ''}"


def run_page(dag: str, run: str) -> str:
    """The run's page in Airflow."""
    return f"{_airflow()}/dags/{dag}/runs/{quote(run)}"


def _airflow() -> str:
    return str(conf.get("api", "base_url", fallback="http://localhost:8080")).rstrip("/")


def send(notice: Notice) -> bool:
    """Log the notice, and hand it to whoever the Connection names; True if that one took it.

    Nothing that goes wrong on the way is raised: the failure that it tells of is what counts.
    """
    log.error("%s", notice.text.replace("\n", "; "))
    try:
        kind = BaseHook.get_connection(CONNECTION).conn_type
    except AirflowNotFoundException:
        log.info("found no Connection %s: the notice is in this log only", CONNECTION)
        return False
    except Exception as error:  # noqa: BLE001 - secrets backends and the API server may fail in any way
        log.warning("found %s, expected Connection %s: the notice is not sent", type(error).__name__, CONNECTION)
        return False
    try:
        if kind not in _SENDERS:
            raise ConfigInvalid(f"found type {kind!r}, expected one of {', '.join(_SENDERS)}")
        _SENDERS[kind](notice)
    except Exception as error:  # noqa: BLE001 - as above; its words may hold the webhook's address, which is a secret
        why = str(error) if isinstance(error, ConfigInvalid) else type(error).__name__
        log.warning("found %s, expected Connection %s to take the notice: it is not sent", why, CONNECTION)
        return False
    return True


def _mail(notice: Notice) -> None:
    from airflow.providers.smtp.hooks.smtp import SmtpHook

    to = BaseHook.get_connection(CONNECTION).extra_dejson.get("to")
    if not to:
        raise ConfigInvalid('found no "to", expected an address, in the extra')
    with SmtpHook(smtp_conn_id=CONNECTION) as hook:
        hook.send_email_smtp(to=to, subject=notice.subject, html_content=f"<pre>{html.escape(notice.text)}</pre>")


def _slack(notice: Notice) -> None:
    from airflow.providers.slack.hooks.slack_webhook import SlackWebhookHook

    # Slack's three characters, or a file's name could call everybody
    SlackWebhookHook(slack_webhook_conn_id=CONNECTION, timeout=TIMEOUT_S).send(
        text=html.escape(notice.text, quote=False)
    )


def _webhook(notice: Notice) -> None:
    from airflow.providers.http.hooks.http import HttpHook

    said: Mapping[str, Any] = {"text": notice.text, **asdict(notice)}
    HttpHook(method="POST", http_conn_id=CONNECTION).run(json=said, extra_options={"timeout": TIMEOUT_S})


_SENDERS = {"smtp": _mail, "slackwebhook": _slack, "http": _webhook}
