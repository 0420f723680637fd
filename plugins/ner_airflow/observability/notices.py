"""Notices for the person on call: what failed or is late, the reason, and links to the log and the runbook.

They are always logged, and sent through the Airflow Connection `ner_alerts` if it exists: docs/monitoring.md.
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

from ner_airflow.observability.due import choose_due_time
from ner_airflow.operators.base import StepFailed
from ner_tasks.errors import ConfigInvalid, NerTasksError
from ner_tasks.settings import runbook_url

if TYPE_CHECKING:
    from airflow.sdk import Context

CONNECTION = "ner_alerts"
TIMEOUT_S = 15
_LONGEST_REASON = 600
_ANCHOR = re.compile(r"docs/runbook/\w+\.md(#[\w-]+)")
# Reasons for which a run fails without a failed task; otherwise the task's notice is enough.
_REASONS = {
    "timed_out": "the run exceeded its time limit; its running tasks were stopped",
    "all_tasks_deadlocked": "the run is deadlocked: no remaining task can start",
}

log = logging.getLogger("ner.notices")


@dataclass(frozen=True)
class Notice:
    """A failure or delay that needs attention.

    Attributes:
        event: `failed` or `late`.
        dag: id of the DAG.
        run: id of the run.
        day: the day that the run tags, YYYY-MM-DD; empty for other runs.
        task: id of the failed task; empty if the notice is about the run.
        reason: one line: what was found, what was expected, where.
        log: URL of the log or the run in Airflow.
        runbook: URL of the DAG's section of the runbook.
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
    """Notify that a task has failed and is not retried; a task's `on_failure_callback`."""
    ti, values = context["ti"], dict(context)
    index = "" if ti.map_index is None or ti.map_index < 0 else f"[{ti.map_index}]"
    send_notice(
        Notice(
            event="failed",
            dag=ti.dag_id,
            run=ti.run_id,
            day=_day(values.get("params"), values.get("partition_key")),
            task=f"{ti.task_id}{index}",
            reason=format_error(values.get("exception")),
            log=ti.log_url,
            runbook=runbook_url_for(context["dag"].doc_md or ""),
        )
    )


def notify_run_failed(context: "Context") -> None:
    """Notify that a run has failed without a failed task; a DAG's `on_failure_callback`, run by the DAG processor."""
    values = dict(context)
    dag, run, reason = context["dag"], context["run_id"], _REASONS.get(str(values.get("reason")))
    if reason is None:
        return
    day = _day(values.get("params"), values.get("partition_key"))
    page = runbook_url_for(dag.doc_md or "")
    send_notice(Notice("failed", dag.dag_id, run, day, "", reason, run_url(dag.dag_id, run), page))


def notify_late(context: Mapping[str, Any], hours: float, page: str) -> None:
    """Notify that a run has missed its deadline; the callback of a `DeadlineAlert`, run by the executor.

    Args:
        context: context of the deadline, which holds less than a task's.
        hours: hours from the due time to the deadline.
        page: URL of the DAG's section of the runbook.
    """
    run = context["dag_run"]
    dag, name = str(run["dag_id"]), str(run["dag_run_id"])
    day = _day(run.get("conf"), run.get("partition_key"))
    since = choose_due_time(str(run["run_type"]), run["run_after"], run["queued_at"])
    reason = f"found the run {run['state']}, expected it to finish within {hours:g} h of its due time, {since}"
    send_notice(Notice("late", dag, name, day, "", reason, run_url(dag, name), page))


def _day(params: Mapping[str, Any] | None, partition: object) -> str:
    """Return the day that a run is about; empty for runs without a day."""
    return str((params or {}).get("day") or partition or "")


def format_error(error: object) -> str:
    """Format an error as one line that may leave the log.

    Messages of other libraries are left out, because they may quote the document that they failed on.

    Args:
        error: an exception; anything else counts as a failure without one.

    Returns:
        The message of the project's own errors, at most 600 characters; of other exceptions only the type.
    """
    if isinstance(error, StepFailed):
        message = error.line
    elif isinstance(error, NerTasksError):
        message = f"{type(error).__name__}: {error}"
    elif isinstance(error, AirflowFailException | AirflowSkipException):
        message = str(error)
    elif isinstance(error, BaseException):
        message = f"failed with {type(error).__name__}; see the log"
    else:
        message = "failed without an exception; see the log"
    return (message.splitlines() or [""])[0][:_LONGEST_REASON]


def runbook_url_for(doc: str) -> str:
    """Return the URL of the runbook section that a DAG's `doc_md` names."""
    anchor = _ANCHOR.search(doc)
    return f"{runbook_url() or f'{_airflow_url()}/ner-ops/runbook'}{anchor[1] if anchor else ''}"


def run_url(dag: str, run: str) -> str:
    """Return the URL of a run in Airflow."""
    return f"{_airflow_url()}/dags/{dag}/runs/{quote(run)}"


def _airflow_url() -> str:
    return str(conf.get("api", "base_url", fallback="http://localhost:8080")).rstrip("/")


def send_notice(notice: Notice) -> bool:
    """Log a notice and send it through the Connection `ner_alerts`.

    Errors of sending are logged and not raised: they must not hide the failure that the notice is about.

    Returns:
        Whether the notice was sent.
    """
    log.error("%s", notice.text.replace("\n", "; "))
    try:
        kind = BaseHook.get_connection(CONNECTION).conn_type
    except AirflowNotFoundException:
        log.info("found no Connection %s: the notice is only in this log", CONNECTION)
        return False
    except Exception as error:  # noqa: BLE001 - secrets backends and the API server may fail in any way
        log.warning("notice not sent: found %s, expected to read Connection %s", type(error).__name__, CONNECTION)
        return False
    try:
        if kind not in _SENDERS:
            raise ConfigInvalid(f"found type {kind!r}, expected one of {', '.join(_SENDERS)}")
        _SENDERS[kind](notice)
    except Exception as error:  # noqa: BLE001 - as above; the message may hold the webhook's address, which is a secret
        reason = str(error) if isinstance(error, ConfigInvalid) else type(error).__name__
        log.warning("notice not sent through Connection %s: %s", CONNECTION, reason)
        return False
    return True


def _mail(notice: Notice) -> None:
    from airflow.providers.smtp.hooks.smtp import SmtpHook

    to = BaseHook.get_connection(CONNECTION).extra_dejson.get("to")
    if not to:
        raise ConfigInvalid('found no "to" in the extra, expected an e-mail address')
    with SmtpHook(smtp_conn_id=CONNECTION) as hook:
        hook.send_email_smtp(to=to, subject=notice.subject, html_content=f"<pre>{html.escape(notice.text)}</pre>")


def _slack(notice: Notice) -> None:
    from airflow.providers.slack.hooks.slack_webhook import SlackWebhookHook

    # escape &, < and >: otherwise a file name such as <!channel> could notify everybody
    SlackWebhookHook(slack_webhook_conn_id=CONNECTION, timeout=TIMEOUT_S).send(
        text=html.escape(notice.text, quote=False)
    )


def _webhook(notice: Notice) -> None:
    from airflow.providers.http.hooks.http import HttpHook

    body: Mapping[str, Any] = {"text": notice.text, **asdict(notice)}
    HttpHook(method="POST", http_conn_id=CONNECTION).run(json=body, extra_options={"timeout": TIMEOUT_S})


_SENDERS = {"smtp": _mail, "slackwebhook": _slack, "http": _webhook}
