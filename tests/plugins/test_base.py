import os
import signal
import threading
import time

import psutil
import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowTaskTimeout

from ner_airflow.operators.base import CommandOperator, NerOperator, StepFailed
from ner_airflow.subprocess_runner import ChildProcess
from ner_tasks.errors import Busy, DataRejected
from ner_tasks.steps.models import EvaluateCommand


class Verb(CommandOperator):
    def step(self, context):
        return self.run_command(EvaluateCommand(model="m", data="a", output=None))


def test_a_verb_s_result_is_what_the_task_returns(fake):
    fake.set("evaluate", result={"overall": {"f1": 0.8}})
    assert Verb(task_id="t").execute({}) == {"overall": {"f1": 0.8}}


def test_what_is_set_is_handed_over_in_one_file_and_the_rest_left_to_its_default(fake):
    Verb(task_id="t").execute({})
    flags = fake.calls[0]["flags"]
    assert flags["model"] == ["m"]
    assert flags["data"] == ["a"]
    assert flags["threads"] == ["1"]
    assert "output" not in flags
    assert "batch_size" not in flags


def test_threads_are_set_before_the_child_starts_and_no_gpu_is_seen(fake):
    Verb(task_id="t").execute({})
    env = fake.calls[0]["env"]
    assert env["OMP_NUM_THREADS"] == env["TF_NUM_INTRAOP_THREADS"] == "1"
    assert env["CUDA_VISIBLE_DEVICES"] == "-1"
    assert env["PYTHONUNBUFFERED"] == "1"


def test_secrets_of_airflow_and_of_the_store_do_not_reach_the_child(fake, monkeypatch):
    secrets = ("AIRFLOW__API_AUTH__JWT_SECRET", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW_CONN_X")
    for name in (*secrets, "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "MY_DB_PASSWORD", "NER_AIRFLOW_DATABASE"):
        monkeypatch.setenv(name, "secret")
    Verb(task_id="t").execute({})
    assert "secret" not in fake.calls[0]["env"].values()


def test_rejected_data_fails_the_task_at_once_with_the_one_line(fake):
    fake.set("evaluate", error={"type": "DataRejected", "message": "found X, expected Y", "retryable": False}, code=65)
    with pytest.raises(AirflowFailException, match="^DataRejected: found X, expected Y$"):
        Verb(task_id="t").execute({})


@pytest.mark.runbook("retraining", "StorageFull")
def test_a_full_disk_is_retried(fake):
    fake.set("evaluate", error={"type": "StorageFull", "message": "found 0 MiB", "retryable": True}, code=74)
    with pytest.raises(StepFailed, match="^StorageFull: found 0 MiB$"):
        Verb(task_id="t").execute({})


@pytest.mark.runbook("retraining", "train: ended by signal 9, retried")
@pytest.mark.runbook("nightly-tagging", "tag_shard: ended by signal 9")
def test_a_child_that_is_killed_is_retried_and_its_signal_named(fake):
    fake.set("evaluate", signal=signal.SIGKILL)
    with pytest.raises(StepFailed, match="ended by signal 9"):
        Verb(task_id="t").execute({})


def test_a_child_that_leaves_no_report_is_not_taken_for_success(fake):
    fake.set("evaluate", silent=True, code=0)
    with pytest.raises(StepFailed, match="no report"):
        Verb(task_id="t").execute({})


def test_the_last_line_of_a_killed_child_is_none_that_it_had_held():
    lines = []
    child = ChildProcess(["sh", "-c", "echo 'train: 3/9 steps'; echo 'stderr: oneDNN is on'; kill -9 $$"], os.environ)
    assert child.follow(lines.append) == -signal.SIGKILL
    assert lines == ["train: 3/9 steps", "stderr: oneDNN is on"]
    assert list(child.last_lines) == ["train: 3/9 steps"]


@pytest.mark.parametrize("deaf", [False, True], ids=["polite", "ignores SIGTERM"])
def test_on_kill_ends_the_child(fake, deaf):
    fake.set("evaluate", hang=True, deaf=deaf)
    operator = Verb(task_id="t")
    threading.Thread(target=_kill_when_hanging, args=(operator, fake), daemon=True).start()
    with pytest.raises(StepFailed, match="ended by signal"):
        operator.execute({})
    assert not psutil.pid_exists(operator._child._process.pid)


def _kill_when_hanging(operator, fake):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and "hanging" not in " ".join(
        operator._child.last_lines if operator._child else []
    ):
        time.sleep(0.05)
    operator.on_kill()


def test_a_timed_out_task_leaves_no_child_behind(fake):
    fake.set("evaluate", hang=True)
    operator = Verb(task_id="t")

    def interrupt(_number, _frame):
        raise AirflowTaskTimeout("too long")

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 1.5)
        with pytest.raises(AirflowTaskTimeout):
            operator.execute({})
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert not psutil.pid_exists(operator._child._process.pid)


def test_the_child_stays_in_the_task_s_process_group(fake):
    fake.set("evaluate", hang=True)
    operator = Verb(task_id="t")
    groups = []

    def look_then_kill():
        while operator._child is None:
            time.sleep(0.02)
        groups.append(os.getpgid(operator._child._process.pid))
        operator.on_kill()

    threading.Thread(target=look_then_kill, daemon=True).start()
    with pytest.raises(StepFailed):
        operator.execute({})
    assert groups == [os.getpgid(0)]


@pytest.mark.parametrize(("error", "raised"), [(DataRejected("bad"), AirflowFailException), (Busy("later"), Busy)])
def test_a_light_step_s_error_is_retried_only_if_that_can_mend_it(fake, error, raised):
    class Light(NerOperator):
        def step(self, context):
            raise error

    with pytest.raises(raised):
        Light(task_id="t").execute({})


def test_work_that_failed_is_kept_for_the_next_try_and_removed_after_success(fake):
    class Worker(NerOperator):
        def step(self, context):
            with self.workspace("job") as folder:
                seen = (folder / "checkpoint").exists()
                (folder / "checkpoint").touch()
                if not seen:
                    raise OSError("weather")
            return {"resumed": seen}

    with pytest.raises(OSError, match="weather"):
        Worker(task_id="t").execute({})
    worker = Worker(task_id="t")
    assert worker.execute({}) == {"resumed": True}
    assert not (worker.settings.scratch / "job").exists()
