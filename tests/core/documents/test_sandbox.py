"""Documents read in processes of their own: what hangs, crashes or eats memory costs itself and nothing else."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from ner_tasks.documents import Document, Limits, Rejected, in_order, read_here, sandbox_process
from ner_tasks.documents.sandbox import n_readers, read_apart

SAMPLE = Path(__file__).parents[3] / "sample" / "inbox"
# A parser that does what the file says: real parsers have done all of it.
MISCHIEF = """
import ctypes, os, signal, time
from ner_tasks.documents.readers import plain
from ner_tasks.documents.types import Extract

def read(data, limits, declared=""):
    what = data.decode().split()[0]
    if what == "hang":
        time.sleep(1000)
    if what == "eat":
        bytearray(8 * 2**30)
    if what == "crash":
        ctypes.string_at(0)
    if what == "weather":
        raise_os_error()
    if what == "chat":
        os.write(1, b"a library says hello\\n")
    if what == "die-once" and not os.path.exists(data.decode().split()[1]):
        open(data.decode().split()[1], "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return Extract(data.decode(), "utf-8")

plain.read = read
"""


@pytest.fixture
def inbox(tmp_path, monkeypatch):
    """Makes files; those that say so misbehave while they are read."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(MISCHIEF)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))

    def make(*texts):
        files = []
        for number, text in enumerate(texts):
            files.append((f"{number}.txt", tmp_path / f"{number}.txt"))
            files[-1][1].write_text(text)
        return files

    return make


def found(files, **limits):
    return list(read_apart(files, Limits(**limits)))


def short(answers):
    """Answers as (index, text or reason), None at the end of a file."""
    says = {Document: lambda answer: answer.text, Rejected: lambda answer: answer.reason, type(None): lambda _: None}
    return [(index, says[type(answer)](answer)) for index, answer in answers]


def whole(*says):
    return [pair for index, said in enumerate(says) for pair in ((index, said), (index, None))]


def test_the_bundled_inbox_reads_the_same_here_and_apart():
    files = [(path.name, path) for path in sorted(SAMPLE.iterdir())]
    assert found(files) == list(read_here(files, Limits()))


@pytest.mark.parametrize(
    ("what", "reason"), [("hang", "too-slow"), ("crash", "reader-died"), ("eat", "too-much-memory")]
)
def test_a_file_that_harms_its_reader_costs_itself_alone(inbox, what, reason):
    files = inbox("one", what, "two", what, what, "three")
    answers = found(files, seconds=1.0)
    assert short(answers) == whole("one", reason, "two", reason, reason, "three")
    message = next(answer.message for _, answer in answers if isinstance(answer, Rejected))
    assert (message.startswith("found ") and ", expected" in message) or "twice" in message


def test_a_reader_that_was_killed_for_another_s_sake_reads_its_file_again(inbox, tmp_path):
    files = inbox("one", f"die-once {tmp_path / 'died'}", "two")
    assert short(found(files)) == whole("one", f"die-once {tmp_path / 'died'}", "two")


def test_what_a_file_has_given_before_its_reader_died_is_not_given_again(tmp_path, monkeypatch):
    many = [json.dumps({"id": number, "text": f"Text {number}. " * 50}) for number in range(3000)]
    (tmp_path / "many.jsonl").write_text("\n".join(many))
    answers = read_apart([("many.jsonl", tmp_path / "many.jsonl")], Limits())
    taken = [next(answers) for _ in range(10)]
    reader = [child for child in psutil.Process().children() if "sandbox_worker" in " ".join(child.cmdline())]
    reader[0].send_signal(signal.SIGKILL)
    taken += list(answers)
    assert [answer.name for _, answer in taken[:-1]] == [f"many.jsonl#{number}" for number in range(3000)]
    assert taken[-1] == (0, None)


def test_what_a_library_prints_does_not_get_between_the_answers(inbox, capfd):
    assert short(found(inbox("chat on", "two"))) == whole("chat on", "two")
    assert "a library says hello" in capfd.readouterr().err


def test_weather_reaches_the_one_who_reads(tmp_path):
    # a folder under a file's name: what the path means is not the document's fault only when the system says so
    loop = tmp_path / "loop.txt"
    loop.symlink_to(loop)
    with pytest.raises(OSError, match="expected to read 'loop.txt'"):
        found([("loop.txt", loop)])


@pytest.mark.parametrize("name", ["../../etc/x.txt", "a\nb.txt", "x" * 4_000 + ".txt", "\udcff.txt"])
def test_a_hostile_name_comes_back_as_it_went_in(inbox, name):
    ((_, path),) = inbox("Zoë")
    assert [answer.name for _, answer in found([(name, path)]) if answer] == [name]


def test_files_are_asked_for_only_as_far_ahead_as_the_bounds_allow(inbox, monkeypatch):
    monkeypatch.setattr(in_order, "_MAX_ANSWERS", 10)
    ((name, path),) = inbox("text")
    asked = []

    def files():
        for number in range(1000):
            asked.append(number)
            yield name, path

    answers = read_apart(files(), Limits())
    next(answers)
    time.sleep(0.5)
    assert len(asked) < 20
    assert len([answer for _, answer in answers if answer]) == 999


def test_an_error_among_the_files_reaches_the_one_who_reads(inbox):
    def files():
        yield from inbox("one")
        raise ValueError("no more")

    answers = read_apart(files(), Limits())
    with pytest.raises(ValueError, match="no more"):
        list(answers)


def test_one_who_stops_early_leaves_no_process_and_no_thread(inbox):
    answers = read_apart(inbox("one", "hang", "two"), Limits())
    next(answers)
    answers.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "reading"]
    assert not [child for child in psutil.Process().children() if "sandbox_worker" in " ".join(child.cmdline())]


def test_a_reader_whose_parent_is_killed_ends(inbox):
    files = inbox("one", "hang")
    listed = json.dumps([[name, str(path)] for name, path in files])
    script = f"""
import json
from pathlib import Path
from ner_tasks.documents import Limits
from ner_tasks.documents.sandbox import read_apart
for found in read_apart([(n, Path(p)) for n, p in json.loads({listed!r})], Limits()):
    print(found[0], flush=True)
"""
    root = str(Path(__file__).parents[3])
    env = {**os.environ, "PYTHONPATH": f"{root}:{os.environ['PYTHONPATH']}"}
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=env)
    assert parent.stdout is not None
    parent.stdout.readline()
    (reader,) = psutil.Process(parent.pid).children()
    parent.kill()
    parent.communicate()
    reader.wait(10)


def test_no_interpreter_is_weather_and_no_fault_of_the_documents(inbox, monkeypatch):
    monkeypatch.setattr(sandbox_process.sys, "executable", "/bin/false")
    with pytest.raises(OSError, match="found no reader process"):
        found(inbox("one"))
