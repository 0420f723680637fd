import os
import socket
import subprocess
import sys
import time

import psutil
import pytest

from launcher import __main__ as command
from launcher import services, supervisor
from launcher.services import ServicesDown
from ner_tasks.errors import Busy
from ner_tasks.files import atomic


@pytest.fixture
def taken(layout):
    """Something listens on the installation's port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", layout.port))
        listener.listen()
        yield layout.port


@pytest.mark.runbook("airflow", "make: Busy: found port ... taken by another program")
def test_a_taken_port_is_one_clear_line_with_a_way_out(taken):
    with pytest.raises(Busy, match=f"found port {taken} taken by another program.*PORT={taken + 1}"):
        services.check_port(taken)


def test_a_taken_port_is_noticed_before_anything_is_set_up(layout, taken, monkeypatch, capsys):
    monkeypatch.setenv("NER_VAR", str(layout.var))
    assert command.main(["up", "--port", str(taken)]) == Busy.exit_code
    assert capsys.readouterr().err.startswith(f"error: Busy: found port {taken} taken")
    assert not layout.secrets.exists()


def test_a_second_run_while_one_is_at_work_is_refused(layout, monkeypatch, capsys):
    monkeypatch.setenv("NER_VAR", str(layout.var))
    with atomic.exclusive(layout.run_lock):
        assert command.main(["run"]) == Busy.exit_code
    assert "error: Busy: found another process at work" in capsys.readouterr().err


def test_stopping_what_is_not_up_is_no_error(layout, monkeypatch):
    monkeypatch.setenv("NER_VAR", str(layout.var))
    assert services.running(layout) is None
    assert services.stop(layout) is False
    assert command.main(["down"]) == 0


def alive(pids):
    """Those that are there and do more than wait for somebody to ask for their exit code."""
    return [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]


def sleeper(*, deaf=False):
    """A process in a session of its own, with a child in a group of its own, as Airflow's tasks are."""
    code = f"""
import os, signal, subprocess, sys, time
if {deaf}: signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], process_group=0)
print("up", flush=True)
time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True, stdout=subprocess.PIPE)
    process.stdout.readline()
    return process


@pytest.mark.parametrize("deaf", [False, True], ids=["polite", "ignores SIGTERM"])
def test_ending_a_session_ends_the_tasks_that_have_groups_of_their_own(deaf, monkeypatch):
    monkeypatch.setattr(supervisor, "GRACE_S", 0.5)
    process = sleeper(deaf=deaf)
    family = [process.pid, *(child.pid for child in psutil.Process(process.pid).children())]
    assert len(family) == 2
    supervisor.end_session(process.pid)
    process.wait(5)
    assert alive(family) == []


@pytest.fixture
def short_lived(layout, monkeypatch):
    """A supervisor whose services are four small processes, each of which is told its name."""

    def start(code):
        wrapper = (
            "import sys; from launcher import supervisor; "
            f"supervisor._start = lambda arguments, log, root: supervisor.subprocess.Popen([sys.executable, '-c', {code!r}, log.stem]); "
            "sys.exit(supervisor.main())"
        )
        environment = {
            **os.environ,
            "NER_VAR": str(layout.var),
            "PORT": str(layout.port),
            "PYTHONPATH": str(layout.root),
        }
        return subprocess.Popen(
            [sys.executable, "-c", wrapper], env=environment, start_new_session=True, stdout=subprocess.PIPE
        )

    return start


def wait_until(condition):
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.runbook("airflow", "Invalid auth token: Signature verification failed")
def test_what_is_up_is_known_by_its_lock_and_goes_down_whole(layout, short_lived):
    process = short_lived("import time; time.sleep(60)")
    wait_until(lambda: services.running(layout) == layout.port and len(psutil.Process(process.pid).children()) == 4)
    children = [child.pid for child in psutil.Process(process.pid).children()]
    assert services.stop(layout) is True
    assert process.wait(5) == 0
    assert services.running(layout) is None
    assert alive(children) == []
    assert not layout.state.exists()


def test_when_one_service_dies_the_others_are_not_left_behind(layout, short_lived):
    process = short_lived("import sys, time; time.sleep(1 if sys.argv[1] == 'scheduler' else 60); sys.exit(3)")
    assert process.wait(20) == 1
    assert b"scheduler ended with exit code 3" in process.stdout.read()
    assert services.running(layout) is None


def test_what_a_killed_supervisor_left_behind_is_cleared_away(layout, short_lived):
    process = short_lived("import time; time.sleep(60)")
    wait_until(lambda: services.running(layout) is not None and len(psutil.Process(process.pid).children()) == 4)
    children = [child.pid for child in psutil.Process(process.pid).children()]
    process.kill()
    process.wait(5)
    assert services.running(layout) is None
    services.stop(layout)
    assert alive(children) == []


@pytest.mark.runbook("airflow", "make: Airflow does not come up")
def test_an_airflow_that_ends_at_once_is_not_waited_for(layout):
    process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(1)"])
    process.wait()
    with pytest.raises(ServicesDown, match="found Airflow ended during its start"):
        services.wait_healthy(layout, process, lambda _line: None)
