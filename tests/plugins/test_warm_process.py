"""Commands in processes that a warm server forks: real servers, a real model, real kills."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from PIL import Image, ImageDraw

from ner_airflow import warm_process
from ner_airflow.operators.base import CommandOperator
from ner_airflow.warm_process import FOLDER, WarmUnavailable
from ner_tasks.steps.models import EvaluateCommand
from ner_tasks.tagging.journal import CHECKPOINT
from sample import documents
from tests import tiny
from tests.plugins import warm_task

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow
# the shell itself becomes the program: what is killed is what was started
LONG = "exec sleep 60"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    rows = ["\n".join(map(" ".join, zip(one.words, one.tags, strict=True))) for one in tiny.sentences(300)]
    (folder / "labelled.conll").write_text("\n\n".join(rows) + "\n", encoding="utf-8")
    encoder = tiny.make_tiny_encoder(folder / "encoder")
    flags = ["--encoder", encoder, "--output", folder, "--epochs", "1", "--learning_rate", "3e-3"]
    command = [sys.executable, ROOT / "examples" / "fine_tune.py", folder / "labelled.conll", *flags]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return folder / "frozen"


@pytest.fixture(scope="module")
def inboxes(tmp_path_factory):
    """Two folders of letters: one takes a second, the other longer than any test looks at it."""
    folders = {}
    for name, n in (("few", 40), ("many", 6000)):
        folders[name] = tmp_path_factory.mktemp(name)
        for number in range(n):
            text = documents.letter(random.Random(number))
            (folders[name] / f"{number:06}.txt").write_text(text, encoding="utf-8")
    return folders


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """A scratch folder, whose servers end with the test."""
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{ROOT / 'plugins'}")
    folder = tmp_path / "scratch"
    yield folder
    for process in servers(folder):
        process.kill()


def servers(scratch):
    """The warm servers of a scratch folder; without zombies."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE and any(
                w.startswith(f"--path={scratch}/") for w in process.cmdline()
            ):
                found.append(process)
    # a command's process has its server's command line
    numbers = {process.pid for process in found}
    return [process for process in found if process.ppid() not in numbers]


def tag_words(model, inbox, output):
    report = f"--report={output}.json"
    return ["tag", "--model", str(model), "--threads", "2", "--output", str(output), report, str(inbox)]


def wait_until(is_so, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def read_answers(folder):
    """All that a shard gives, without the times."""
    lines = [json.loads(line) for line in (folder / "documents.jsonl").read_text(encoding="utf-8").splitlines()]
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for line in lines:
        del line["receipt"]["tagged_at"]
    for read in manifest["formats"].values():
        del read["read_s"]
    timed = ("elapsed_s", "model_s", "words_per_s")
    return [lines, {name: value for name, value in manifest.items() if name not in timed}]


def start_role(role, scratch, words):
    command = [sys.executable, "-m", "tests.plugins.warm_task", role, str(scratch), "60", *words]
    # a group of its own, as Airflow gives each task
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, process_group=0)


def read_pid(task):
    return next(int(line.split()[1]) for line in task.stdout if line.startswith("command "))


def half_tagged(output):
    """Whether the shard has answers that are not published yet."""
    work = output.with_name(f".{output.name}.work")
    return work.is_dir() and any(path.stat().st_size for path in work.glob("documents*"))


def test_answers_are_those_of_a_process_of_its_own_and_two_shards_share_a_server(scratch, model, inboxes, tmp_path):
    command = [sys.executable, "-m", "ner_tasks", *tag_words(model, inboxes["few"], tmp_path / "cold")]
    subprocess.run(command, env=warm_task.environment(), cwd=ROOT, check=True, capture_output=True)
    pids, numbers = [], set()
    for name in ("first", "second"):
        process = warm_task.start(scratch, tag_words(model, inboxes["few"], tmp_path / name))
        numbers |= {one.pid for one in servers(scratch)}
        pids.append(process.pid)
        assert process.follow(warm_task.show) == 0
        assert read_answers(tmp_path / name) == read_answers(tmp_path / "cold")
    assert len(numbers) == 1
    assert len(set(pids)) == 2


def test_a_model_deleted_since_the_last_shard_is_not_used(scratch, model, inboxes, tmp_path):
    assert warm_task.start(scratch, tag_words(model, inboxes["few"], tmp_path / "a")).follow(warm_task.show) == 0
    model.rename(model.with_name("away"))
    try:
        code = warm_task.start(scratch, tag_words(model, inboxes["few"], tmp_path / "b")).follow(warm_task.show)
    finally:
        model.with_name("away").rename(model)
    assert code != 0
    assert json.loads((tmp_path / "b.json").read_text())["error"]["type"] == "InputMissing"
    assert not (tmp_path / "b").exists()


def test_two_shards_at_once_have_a_process_each(scratch, model, inboxes, tmp_path):
    both = [warm_task.start(scratch, tag_words(model, inboxes["few"], tmp_path / name)) for name in "ab"]
    assert both[0].pid != both[1].pid
    assert [process.follow(warm_task.show) for process in both] == [0, 0]


def test_a_killed_task_takes_its_command_along_and_the_next_try_resumes(scratch, model, inboxes, tmp_path):
    words = tag_words(model, inboxes["many"], tmp_path / "answers")
    task = start_role("task", scratch, words)
    command = read_pid(task)
    wait_until((tmp_path / ".answers.work" / CHECKPOINT).exists, 60)
    os.killpg(task.pid, signal.SIGKILL)
    wait_until(lambda: is_gone(command), 5)
    assert len(servers(scratch)) == 1  # which serves the next try
    again = start_role("task", scratch, words)
    assert any("resuming at file" in line for line in iter(again.stdout.readline, ""))
    os.killpg(again.pid, signal.SIGKILL)


def test_an_interrupted_task_ends_its_command(scratch, model, inboxes, tmp_path):
    process = warm_task.start(scratch, tag_words(model, inboxes["many"], tmp_path / "answers"))

    def interrupt(_line):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        process.follow(interrupt)
    assert is_gone(process.pid)


@pytest.mark.runbook("nightly-tagging", "notice: the server of warm processes was killed")
def test_a_killed_server_is_a_killed_command_and_its_socket_is_replaced(scratch, model, inboxes, tmp_path):
    process = warm_task.start(scratch, tag_words(model, inboxes["many"], tmp_path / "answers"))
    wait_until(lambda: half_tagged(tmp_path / "answers"))
    (server,) = servers(scratch)
    server.kill()
    shown = []
    assert process.follow(shown.append) == -signal.SIGKILL
    assert "server of warm processes was killed" in shown[-1]
    assert is_gone(process.pid)
    assert list((scratch / FOLDER).glob("*.sock"))
    assert warm_task.start(scratch, tag_words(model, inboxes["few"], tmp_path / "b")).follow(warm_task.show) == 0


def test_a_server_ends_with_the_last_worker_that_used_it(scratch, model, inboxes, tmp_path):
    worker = start_role("worker", scratch, tag_words(model, inboxes["few"], tmp_path / "answers"))
    assert "done\n" in iter(worker.stdout.readline, "")
    assert len(servers(scratch)) == 1
    worker.kill()
    wait_until(lambda: not servers(scratch), 10)
    assert not list((scratch / FOLDER).glob("*.sock"))
    worker.wait()


def test_an_idle_server_ends(scratch, model, inboxes, tmp_path):
    words = tag_words(model, inboxes["few"], tmp_path / "answers")
    assert warm_task.start(scratch, words, idle_s=1).follow(warm_task.show) == 0
    wait_until(lambda: not servers(scratch), 10)
    assert not list((scratch / FOLDER).glob("*.sock"))


def test_a_server_whose_socket_is_gone_ends(scratch, model, inboxes, tmp_path):
    words = tag_words(model, inboxes["few"], tmp_path / "answers")
    assert warm_task.start(scratch, words).follow(warm_task.show) == 0
    shutil.rmtree(scratch)
    wait_until(lambda: not servers(scratch), 20)
    assert warm_task.start(scratch, words).follow(warm_task.show) == 0


def test_a_server_above_its_memory_takes_no_more_commands(scratch, model, inboxes, tmp_path):
    words = tag_words(model, inboxes["few"], tmp_path / "answers")
    process = warm_task.start(scratch, words, max_mib=1)
    (server,) = servers(scratch)
    assert process.follow(warm_task.show) == 0  # what runs, runs to its end
    wait_until(lambda: is_gone(server.pid), 10)
    assert warm_task.start(scratch, words).follow(warm_task.show) == 0


def test_another_environment_has_another_server(scratch, model, inboxes, tmp_path):
    words = tag_words(model, inboxes["few"], tmp_path / "answers")
    assert warm_task.start(scratch, words).follow(warm_task.show) == 0
    assert warm_task.start(scratch, words, NER_LANGUAGE="de").follow(warm_task.show) == 0
    assert len(servers(scratch)) == 2


def test_only_this_user_may_connect(scratch, model, inboxes, tmp_path):
    assert warm_task.start(scratch, tag_words(model, inboxes["few"], tmp_path / "a")).follow(warm_task.show) == 0
    (address,) = (scratch / FOLDER).glob("*.sock")
    assert address.stat().st_mode & 0o777 == 0o600
    assert (scratch / FOLDER).stat().st_mode & 0o777 == 0o700
    (scratch / FOLDER).chmod(0o755)
    with pytest.raises(WarmUnavailable, match="expected a folder of this user alone"):
        warm_task.start(scratch, ["tag"])


def test_a_scratch_folder_of_a_long_path_has_a_warm_process_as_well(scratch, model, inboxes, tmp_path):
    words = tag_words(model, inboxes["few"], tmp_path / "answers")
    deep = scratch / ("deep" * 25)
    assert warm_task.start(deep, words).follow(warm_task.show) == 0
    assert len(servers(deep)) == 1


def test_a_server_that_hangs_costs_seconds_and_the_next_shard_has_another(
    scratch, model, inboxes, tmp_path, monkeypatch
):
    monkeypatch.setattr(warm_process, "_ANSWER_S", 1.0)
    monkeypatch.setattr(warm_process, "_START_S", 20.0)
    words = tag_words(model, inboxes["few"], tmp_path / "answers")
    assert warm_task.start(scratch, words).follow(warm_task.show) == 0
    (server,) = servers(scratch)
    server.suspend()
    (address,) = (scratch / FOLDER).glob("*.sock")
    os.utime(address, (0, 0))  # it has had its time to start
    began = time.monotonic()
    with pytest.raises(WarmUnavailable, match="found a server that does not answer in 1 s"):
        warm_task.start(scratch, words)
    assert time.monotonic() - began < 5
    assert warm_task.start(scratch, words).follow(warm_task.show) == 0
    assert len(servers(scratch)) == 2
    server.resume()  # and ends, as its socket is gone
    wait_until(lambda: is_gone(server.pid), 20)


def test_a_server_that_hangs_at_its_start_is_waited_for_no_longer_than_a_start_takes(scratch, monkeypatch):
    monkeypatch.setattr(warm_process, "_ANSWER_S", 1.0)
    monkeypatch.setattr(warm_process, "_START_S", 3.0)
    monkeypatch.setattr(warm_process, "_SERVER", "tests.plugins.hanging_server")
    began = time.monotonic()
    with pytest.raises(WarmUnavailable, match=r"found a server that does not answer in \d s"):
        warm_task.start(scratch, ["tag"])
    assert 2.5 < time.monotonic() - began < 8


def test_a_server_that_hangs_at_the_end_of_a_shard_is_a_failed_try(scratch, model, inboxes, tmp_path, monkeypatch):
    monkeypatch.setattr(warm_process, "_ANSWER_S", 1.0)
    process = warm_task.start(scratch, tag_words(model, inboxes["few"], tmp_path / "answers"))
    (server,) = servers(scratch)
    server.suspend()
    shown = []
    assert process.follow(shown.append) == -signal.SIGKILL
    assert "found no exit code of this process, expected its warm server to answer in 1 s" in shown[-1]


@pytest.mark.parametrize("upgrade", ["a module", "a distribution"])
def test_an_upgraded_package_has_another_server(scratch, model, inboxes, tmp_path, upgrade):
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").touch()  # which Python loads at its start
    where = {"PYTHONPATH": f"{site}{os.pathsep}{os.environ['PYTHONPATH']}"}
    words = tag_words(model, inboxes["few"], tmp_path / "answers")
    for _ in range(2):
        assert warm_task.start(scratch, words, **where).follow(warm_task.show) == 0
    (first,) = servers(scratch)
    if upgrade == "a module":
        (site / "sitecustomize.py").write_text("x = 1\n")
    else:
        (site / "another-1.0.dist-info").mkdir()
    assert warm_task.start(scratch, words, **where).follow(warm_task.show) == 0
    (second,) = servers(scratch)
    assert first.pid != second.pid


def test_what_dead_servers_have_left_is_swept_and_a_new_log_kept(scratch, model, inboxes, tmp_path):
    words = tag_words(model, inboxes["few"], tmp_path / "answers")
    folder = scratch / FOLDER
    folder.mkdir(mode=0o700, parents=True)
    for name in ("old", "new"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as dead:
            dead.bind(str(folder / f"{name}.sock"))
            dead.listen()
        (folder / f"{name}.log").touch()
    os.utime(folder / "old.log", (0, 0))
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as alive:
        alive.bind(str(folder / "alive.sock"))
        alive.listen()
        (folder / "alive.log").touch()
        os.utime(folder / "alive.log", (0, 0))
        assert warm_task.start(scratch, words).follow(warm_task.show) == 0
    left = {path.name for path in folder.iterdir()}
    assert len(left) == 6
    assert left > {"alive.sock", "alive.log", "new.log", "lock"}


@pytest.mark.parametrize("end", ["on_kill", "killed task"])
def test_a_program_that_a_reader_has_started_ends_with_the_shard(scratch, model, tmp_path, monkeypatch, end):
    (tmp_path / "bin").mkdir()
    program, inbox = tmp_path / "bin" / "tesseract", tmp_path / "inbox"
    program.write_text(
        f"#!/bin/sh\n[ $1 = --list-langs ] && echo && echo eng && exit\necho $$ > {tmp_path}/pid\n{LONG}\n"
    )
    program.chmod(0o755)
    inbox.mkdir()
    scan = Image.new("L", (600, 200), 255)
    ImageDraw.Draw(scan).text((40, 80), "Maria Chen visited Boston.", fill=0)
    scan.save(inbox / "scan.png", dpi=(200, 200))
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    task = start_role("task", scratch, [*tag_words(model, inbox, tmp_path / "answers"), "--ocr", "1"])
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), 60)
    recognizer, command = int((tmp_path / "pid").read_text()), read_pid(task)
    reader = psutil.Process(recognizer).ppid()
    assert command in [process.pid for process in psutil.Process(recognizer).parents()]
    if end == "on_kill":
        task.send_signal(signal.SIGINT)  # interrupts `follow`, which ends the command as `on_kill` does
    else:
        os.killpg(task.pid, signal.SIGKILL)
    for pid in (command, reader, recognizer):
        wait_until(lambda pid=pid: is_gone(pid), 30)
    task.wait()


@pytest.mark.runbook("nightly-tagging", "notice: this step starts its own process")
def test_a_server_that_does_not_start_costs_a_notice_and_not_the_step(fake, monkeypatch, capsys):
    monkeypatch.setenv("NER_WARM_MINUTES", "5")
    fake.set("evaluate", result={})  # the fake interpreter is no server
    _Warm(task_id="t").execute({})
    assert "found no answer, expected a warm server" in capsys.readouterr().out


def test_no_server_is_started_if_it_is_switched_off(fake):
    fake.set("evaluate", result={})  # `fake` sets NER_WARM_MINUTES to 0
    operator = _Warm(task_id="t")
    operator.execute({})
    assert not (operator.settings.scratch / FOLDER).exists()


class _Warm(CommandOperator):
    def step(self, context):
        return self.run_command(EvaluateCommand(model="m", data="a", output=None), warm=True)
