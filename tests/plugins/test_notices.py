import json
import logging
from email import message_from_bytes, policy
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException

from ner_airflow.observability import notices
from ner_airflow.observability.deadline import make_deadline
from ner_airflow.operators.base import CommandOperator, StepFailed
from ner_tasks.errors import GateNotPassed, StorageFull
from ner_tasks.steps.tagging import TagCommand
from tests import receivers

MARKER = "Zephyrine Quillfeather"
DOC = "| **On failure** | docs/runbook/nights.md#nightly-tagging |"
LINE = "GateNotPassed: found 3 of 4 documents rejected, expected at most 0.2"


@pytest.fixture
def connect(monkeypatch):
    """Makes the Connection `ner_alerts`."""
    return lambda **said: monkeypatch.setenv("AIRFLOW_CONN_NER_ALERTS", json.dumps(said))


@pytest.fixture
def webhook():
    with receivers.webhook() as hook:
        yield hook


def failure(error, map_index=-1, **more):
    """What Airflow hands to the callback of a task that failed."""
    ti = SimpleNamespace(
        dag_id="ner_tag_nightly",
        run_id="scheduled__1",
        task_id="check_night",
        map_index=map_index,
        log_url="http://localhost:8080/dags/ner_tag_nightly/runs/scheduled__1/tasks/check_night?try_number=1",
    )
    dag = SimpleNamespace(dag_id="ner_tag_nightly", doc_md=DOC)
    return {"ti": ti, "dag": dag, "exception": error, "params": {}, "partition_key": "2026-11-22", **more}


@pytest.mark.runbook("notices-and-metrics", "notice not sent through Connection ner_alerts")
@pytest.mark.runbook("notices-and-metrics", "found no Connection")
def test_a_webhook_is_told_what_failed_why_and_where_to_look(connect, webhook, monkeypatch):
    monkeypatch.setenv("NER_RUNBOOK", "https://wiki.example.org/ner")
    connect(conn_type="http", host=f"{webhook.url}/hooks/ner")
    notices.notify_failed(failure(AirflowFailException(LINE), map_index=3))
    (said,) = webhook.said
    assert webhook.paths == ["/hooks/ner"]
    assert said.pop("text").splitlines()[:2] == ["ner_tag_nightly.check_night[3] failed for 2026-11-22", LINE]
    assert said == {
        "event": "failed",
        "dag": "ner_tag_nightly",
        "run": "scheduled__1",
        "day": "2026-11-22",
        "task": "check_night[3]",
        "reason": LINE,
        "log": "http://localhost:8080/dags/ner_tag_nightly/runs/scheduled__1/tasks/check_night?try_number=1",
        "runbook": "https://wiki.example.org/ner#nightly-tagging",
    }


def test_slack_is_told_in_its_own_form_and_nobody_is_called_by_a_name(connect, webhook):
    connect(conn_type="slackwebhook", password=f"{webhook.url}/services/T0/B0/secret")
    notices.notify_failed(failure(GateNotPassed("found <!channel> & co")))
    assert webhook.paths == ["/services/T0/B0/secret"]
    assert "\nGateNotPassed: found &lt;!channel&gt; &amp; co\n" in webhook.said[0]["text"]


@pytest.mark.runbook("notices-and-metrics", 'found no "to" in the extra')
@pytest.mark.runbook("notices-and-metrics", "a mail server ends the connection, or SSLError")
def test_a_mail_says_the_same(connect):
    with receivers.mailbox() as (port, mails):
        extra = {"to": "oncall@example.org", "from_email": "ner@example.org", "disable_tls": True, "disable_ssl": True}
        connect(conn_type="smtp", host="127.0.0.1", port=port, extra=extra)
        notices.notify_failed(failure(GateNotPassed("found <b>, expected none")))
    (mail,) = mails
    message = message_from_bytes(mail.content, policy=policy.default)
    assert mail.rcpt_tos == ["oncall@example.org"]
    assert message["Subject"] == "ner_tag_nightly.check_night failed for 2026-11-22"
    (part,) = message.iter_parts()
    assert "found &lt;b&gt;, expected none" in part.get_content()
    assert "runbook: http://localhost:8080/ner-ops/runbook#nightly-tagging" in part.get_content()


@pytest.mark.runbook("notices-and-metrics", "a mail server ends the connection, or SSLError")
def test_a_mail_server_without_encryption_has_to_be_named_as_one(connect, caplog):
    with receivers.mailbox() as (port, mails):
        extra = {"to": "oncall@example.org", "from_email": "ner@example.org"}
        connect(conn_type="smtp", host="127.0.0.1", port=port, extra=extra)
        notices.notify_failed(failure(GateNotPassed("found it")))
    assert mails == []
    assert "notice not sent through Connection ner_alerts: SSLError" in caplog.text


@pytest.mark.runbook("notices-and-metrics", "found no Connection")
def test_without_a_connection_the_log_has_it(caplog):
    with caplog.at_level(logging.INFO, "ner.notices"):
        notices.notify_failed(failure(AirflowFailException(LINE)))
    first, second = (record.getMessage() for record in caplog.records)
    assert LINE in first and "#nightly-tagging" in first and "\n" not in first
    assert second == "found no Connection ner_alerts: the notice is only in this log"


@pytest.mark.runbook("notices-and-metrics", "notice not sent through Connection ner_alerts")
@pytest.mark.runbook("notices-and-metrics", 'found no "to" in the extra')
@pytest.mark.parametrize(
    ("connection", "why"),
    [
        ({"conn_type": "http", "host": "http://127.0.0.1:9/secret-path"}, "ConnectionError"),
        ({"conn_type": "smtp", "host": "127.0.0.1"}, 'found no "to"'),
        ({"conn_type": "smtp", "host": "127.0.0.1", "port": 9, "extra": {"to": "a@b.org"}}, "ConnectionRefusedError"),
        ({"conn_type": "slackwebhook", "password": "http://127.0.0.1:9/secret-path"}, "URLError"),
        ({"conn_type": "ftp"}, "found type 'ftp', expected one of smtp, slackwebhook, http"),
    ],
    ids=["nobody listens", "a mail to nobody", "no mail server", "no Slack", "another type"],
)
def test_a_notice_that_cannot_be_sent_is_one_line_without_the_secret_address(connect, caplog, connection, why):
    connect(**connection)
    notices.notify_failed(failure(AirflowFailException(LINE)))
    _, *lines = (record.getMessage() for record in caplog.records if record.name == "ner.notices")
    (line,) = lines
    assert why in line and "\n" not in line
    assert "secret-path" not in caplog.text


def test_a_server_that_refuses_is_told_of(connect, caplog):
    with receivers.webhook(status=500) as hook:
        connect(conn_type="http", host=hook.url)
        assert not notices.send_notice(notices.Notice("failed", "d", "r", "", "t", "x", "l", "b"))
    assert len(hook.bodies) == 1
    assert "notice not sent" in caplog.text


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (GateNotPassed("found 1, expected 2\nmore"), "GateNotPassed: found 1, expected 2"),
        (StorageFull("found 0 MiB"), "StorageFull: found 0 MiB"),
        (AirflowFailException(LINE), LINE),
        (ValueError(f"could not read {MARKER}"), "failed with ValueError; see the log"),
        (StepFailed("found tag ended by signal 9", seen=MARKER), "found tag ended by signal 9"),
        (f"the server's own words {MARKER}", "failed without an exception; see the log"),
        (None, "failed without an exception; see the log"),
        (AirflowFailException(""), ""),
    ],
)
def test_a_notice_has_our_own_words_and_of_others_the_type_alone(error, line):
    assert notices.format_error(error) == line


class Verb(CommandOperator):
    def step(self, context):
        return self.run_command(TagCommand(model="m", output="o"))


@pytest.mark.parametrize(
    "will",
    [
        {"error": {"type": "ValueError", "message": f"bad {MARKER}", "retryable": True}, "code": 1},
        {"error": {"type": "SystemExit", "message": MARKER, "retryable": True}, "code": 3},
        {"signal": 9},
        {"silent": True, "code": 1},
    ],
    ids=["unforeseen", "ended", "killed", "mute"],
)
def test_what_a_step_s_process_said_stays_in_its_log(fake, will):
    fake.set("tag", **will)
    with pytest.raises(StepFailed) as raised:
        Verb(task_id="t").execute({})
    said = notices.format_error(raised.value)
    assert said.startswith("found ") and MARKER not in said and "time limit" not in said
    assert "; " in str(raised.value)


def test_a_run_that_fails_with_a_task_has_that_task_s_notice_and_no_other(connect, webhook):
    connect(conn_type="http", host=webhook.url)
    dag = SimpleNamespace(dag_id="ner_retag", doc_md=DOC)
    notices.notify_run_failed({"dag": dag, "run_id": "r", "reason": "task_failure"})
    assert webhook.said == []
    notices.notify_run_failed({"dag": dag, "run_id": "manual__2026-11-23T01:30:00+00:00", "reason": "timed_out"})
    (said,) = webhook.said
    assert (said["dag"], said["task"]) == ("ner_retag", "")
    assert said["log"].endswith("/dags/ner_retag/runs/manual__2026-11-23T01%3A30%3A00%2B00%3A00")


@pytest.mark.parametrize("hours", ["0", "0.0"])
def test_no_deadline_is_set_where_it_is_0(monkeypatch, hours):
    monkeypatch.setenv("NER_DEADLINE", hours)
    assert make_deadline(DOC) is None


def test_every_task_and_every_run_of_every_dag_has_somebody_to_tell(bag):
    assert len(bag.dags) == 11
    for dag in bag.dags.values():
        assert dag.on_failure_callback == notices.notify_run_failed, dag.dag_id
        assert all(notices.notify_failed in task.on_failure_callback for task in dag.tasks), dag.dag_id
        assert "#" in notices.runbook_url_for(dag.doc_md), dag.dag_id


def test_the_night_and_no_other_dag_has_a_deadline(bag):
    assert [name for name, dag in bag.dags.items() if dag.deadline] == ["ner_tag_nightly"]


@pytest.fixture(scope="module")
def bag():
    from airflow.dag_processing.dagbag import DagBag

    from tests.conftest import ROOT

    return DagBag(dag_folder=str(ROOT / "dags"))
