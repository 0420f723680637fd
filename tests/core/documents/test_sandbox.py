"""Documents are read in separate processes: a file that hangs, crashes or exhausts memory fails alone."""

import io
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from ner_tasks.documents import Document, Limits, Rejected, read_here
from ner_tasks.documents.sandbox import in_order, sandbox, sandbox_process
from ner_tasks.documents.sandbox.sandbox import count_readers, read_in_sandbox

SAMPLE = Path(__file__).parents[3] / "sample" / "inbox"
# A parser that does what the file says: real parsers have done all of it.
MISCHIEF = """
import ctypes, os, signal, subprocess, tempfile, time
from ner_tasks.documents.readers import plain
from ner_tasks.documents.types import Extract

was_full = False

def read(data, limits, declared=""):
    global was_full
    what, *words = data.decode().split()
    if what == "sleep":
        time.sleep(float(words[0]))
    if what == "big":
        return Extract("x" * int(words[0]), "utf-8")
    if what == "litter":
        tempfile.NamedTemporaryFile(delete=False).write(b"Rosa")
        child = subprocess.Popen(["sleep", "1000"])
        with open(words[0], "w") as file:
            file.write(f"{child.pid} {tempfile.gettempdir()}")
    if what == "litter" and words[1:]:
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "leak":
        was_full = True
    if what == "full" and was_full:
        raise MemoryError
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


@pytest.fixture(params=[1, 2, 3])
def n_workers(request):
    return request.param


@pytest.fixture(autouse=True)
def nothing_stays_behind(tmp_path_factory, monkeypatch):
    """Neither a process nor a folder of one is left when a test ends."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert not [thread for thread in threading.enumerate() if thread.name == "reading"]
    assert readers() == []
    assert list(folder.iterdir()) == []


def readers():
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.Error):  # it ends while it is looked at
            if "sandbox_worker" in " ".join(child.cmdline()):
                found.append(child)
    return found


def found(files, n_workers=1, **limits):
    return list(read_in_sandbox(files, Limits(**limits), n_workers))


def short(answers):
    """Answers as (index, text or reason), None at the end of a file."""
    says = {Document: lambda answer: answer.text, Rejected: lambda answer: answer.reason, type(None): lambda _: None}
    return [(index, says[type(answer)](answer)) for index, answer in answers]


def whole(*says):
    return [pair for index, said in enumerate(says) for pair in ((index, said), (index, None))]


def test_the_bundled_inbox_reads_the_same_in_process_and_in_the_sandbox(n_workers):
    files = [(path.name, path) for path in sorted(SAMPLE.iterdir())]
    assert found(files, n_workers) == list(read_here(files, Limits()))


@pytest.mark.parametrize(
    ("what", "reason"), [("hang", "too-slow"), ("crash", "reader-died"), ("eat", "too-much-memory")]
)
def test_a_file_that_harms_its_reader_fails_alone(inbox, what, reason, n_workers):
    files = inbox("one", what, "two", what, what, "three")
    answers = found(files, n_workers, seconds=1.0)
    assert short(answers) == whole("one", reason, "two", reason, reason, "three")
    message = next(answer.message for _, answer in answers if isinstance(answer, Rejected))
    assert (message.startswith("found ") and ", expected" in message) or "twice" in message


def zipped(members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def test_an_archive_of_archives_shares_the_time_limit_of_one_file(inbox, tmp_path, n_workers):
    slow = zipped({f"{n}.txt": f"sleep 0.3 {n}" for n in range(20)})
    files = inbox("one", "", "two")
    files[1] = ("a.zip", tmp_path / "a.zip")
    files[1][1].write_bytes(zipped({f"{n}.zip": slow for n in range(20)}))
    began = time.monotonic()
    answers = found(files, n_workers, seconds=30.0, file_seconds=2.0)
    assert time.monotonic() - began < 15  # it would be two minutes
    assert short(answers)[:2] == [(0, "one"), (0, None)]
    assert short(answers)[-2:] == [(2, "two"), (2, None)]
    of_archive = [answer for index, answer in answers if index == 1]
    assert {answer.text.split()[0] for answer in of_archive[:-2]} == {"sleep"}
    assert of_archive[-2:] == [
        Rejected("a.zip", "too-slow", "found no end of the file after 2 s, expected it by then"),
        None,
    ]


def test_time_that_answers_wait_to_be_taken_does_not_count(inbox, tmp_path):
    files = inbox("")
    files[0][1].write_text("".join(f'{{"id": "{n}", "text": "Rosa {n}."}}\n' for n in range(10_000)))
    answers = []
    for answer in read_in_sandbox([("a.jsonl", files[0][1])], Limits(file_seconds=3.0), 1):
        if not answers:
            time.sleep(4)
        answers.append(answer)
    assert len(answers) == 10_001


def test_a_crash_is_reported_with_its_exit_code(inbox):
    (_, answer), _ = found(inbox("crash"))
    assert answer.message == "found a reader that crashed twice (exit -11), expected it to finish the file"


def test_the_seconds_of_each_file_are_known_at_its_end(inbox, n_workers):
    took = {}
    files = inbox("one", "sleep 0.3", "hang", "crash", "one " * 400_000)
    for index, answer in read_in_sandbox(files, Limits(seconds=2.0), n_workers, took):
        assert (answer is None) <= (index in took)
    short, asleep, hung, crashed, long = (took[index] for index in range(5))
    # of CPU, except where the reader does not come to say so
    assert 0 < short < long < 2 and asleep < 0.3 and hung >= 2 and crashed > 0


def test_files_behind_one_that_hangs_are_read_by_the_other_readers(inbox):
    files = inbox("hang", *["one"] * 40)
    began, taken = time.monotonic(), 0
    for index, _ in read_in_sandbox(files, Limits(seconds=3.0), 2):
        if index > 2 and not taken:
            taken = time.monotonic() - began
    assert time.monotonic() - began - taken < 1.0  # they were there when the first one was given up


def test_a_reader_that_was_killed_for_another_s_sake_reads_its_file_again(inbox, tmp_path, n_workers):
    files = inbox("one", f"die-once {tmp_path / 'died'}", "two")
    assert short(found(files, n_workers)) == whole("one", f"die-once {tmp_path / 'died'}", "two")


def test_memory_left_by_earlier_files_fails_no_file(inbox):
    assert short(found(inbox("leak", "full", "one", "full"))) == whole("leak", "full", "one", "full")


@pytest.mark.parametrize("how", ["", " and die"])
def test_what_a_reader_started_and_wrote_goes_with_it(inbox, tmp_path, how):
    files = inbox("one", f"litter {tmp_path / 'said'}{how}", "two")
    assert len(found(files, 2)) == 6
    child, folder = (tmp_path / "said").read_text().split()
    assert not psutil.pid_exists(int(child)) or psutil.Process(int(child)).status() == psutil.STATUS_ZOMBIE
    assert not Path(folder).exists()


def test_what_a_file_has_given_before_its_reader_died_is_not_given_again(tmp_path):
    many = [json.dumps({"id": number, "text": f"Text {number}. " * 50}) for number in range(3000)]
    (tmp_path / "many.jsonl").write_text("\n".join(many))
    answers = read_in_sandbox([("many.jsonl", tmp_path / "many.jsonl")], Limits())
    taken = [next(answers) for _ in range(10)]
    readers()[0].send_signal(signal.SIGKILL)
    taken += list(answers)
    assert [answer.name for _, answer in taken[:-1]] == [f"many.jsonl#{number}" for number in range(3000)]
    assert taken[-1] == (0, None)


def test_what_a_library_prints_does_not_get_between_the_answers(inbox, capfd):
    assert short(found(inbox("chat on", "two"))) == whole("chat on", "two")
    assert "a library says hello" in capfd.readouterr().err


def test_weather_reaches_the_one_who_reads_at_its_place(inbox, tmp_path, n_workers):
    # a folder under a file's name: what the path means is not the document's fault only when the system says so
    loop = tmp_path / "loop.txt"
    loop.symlink_to(loop)
    files = inbox("sleep 0.3", "one", "two", "three")
    taken = []
    with pytest.raises(OSError, match="expected to read 'loop.txt'"):
        taken.extend(read_in_sandbox([*files[:3], ("loop.txt", loop), *files[3:]], Limits(), n_workers))


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

    answers = read_in_sandbox(files(), Limits())
    next(answers)
    time.sleep(0.5)
    assert len(asked) < 20
    assert len([answer for _, answer in answers if answer]) == 999


def test_an_error_among_the_files_reaches_the_one_who_reads_at_its_place(inbox, n_workers):
    def files():
        yield from inbox("sleep 0.3", "one")
        raise ValueError("no more")

    answers, taken = read_in_sandbox(files(), Limits(), n_workers), []
    with pytest.raises(ValueError, match="no more"):
        for found in answers:
            taken.append(found)  # noqa: PERF402 - what was taken before the error counts
    assert short(taken) == whole("sleep 0.3", "one")


@pytest.mark.parametrize("n_taken", [0, 1, 3])
def test_a_consumer_that_stops_early_leaves_no_process_or_thread(inbox, n_taken, n_workers):
    answers = read_in_sandbox(inbox("one", "two", *["hang"] * 5), Limits(), n_workers)
    for _ in range(n_taken):
        next(answers)
    answers.close()  # the fixture looks for what is left


def test_later_files_wait_within_the_bound_and_never_keep_the_first_one_from_going_on(tmp_path, inbox, monkeypatch):
    monkeypatch.setattr(in_order, "_MAX_BYTES", 100_000)
    lines = [json.dumps({"id": number, "text": "Text. " * 5_000}) for number in range(100)]
    (tmp_path / "many.jsonl").write_text("\n".join(lines))
    first = ("many.jsonl", tmp_path / "many.jsonl")
    files = [first, *inbox(*["big 60000"] * 20, "big 5000000")]
    reading, most = in_order.OrderedAnswers, 0

    class Watched(reading):
        def reserve(self, index, n_bytes):
            nonlocal most
            is_there = super().reserve(index, n_bytes)
            most = max(most, self._n_bytes)
            return is_there

    monkeypatch.setattr(sandbox, "OrderedAnswers", Watched)
    answers = [(index, len(answer.text) if answer else None) for index, answer in read_in_sandbox(files, Limits(), 3)]
    assert answers[:101] == [(0, 30_000)] * 100 + [(0, None)]
    assert answers[101:] == whole(*[None] * 1, *[60_000] * 20, 5_000_000)[2:]
    assert most <= 5_000_000 + 75_000  # what is first in line, and what later files may fill


def test_readers_are_added_while_the_taker_waits_and_not_while_it_is_slower(inbox, monkeypatch):
    monkeypatch.setattr(sandbox, "_STARVED_S", 0.1)
    monkeypatch.setattr(sandbox, "count_readers", lambda *_: 3)
    most = 0
    for _ in read_in_sandbox(inbox(*["sleep 0.1"] * 30), Limits()):
        most = max(most, len(readers()))
    assert most == 3
    answers = read_in_sandbox(inbox(*["one"] * 30), Limits())
    for number, _ in enumerate(answers):
        time.sleep(0.02 if number > 2 else 0)
        assert len(readers()) <= 1


def test_as_many_readers_as_fit_into_half_of_the_memory(monkeypatch):
    monkeypatch.setattr(sandbox.hardware, "available_memory", lambda: 16 * 2**30)
    monkeypatch.setattr(sandbox.hardware, "count_cpus", lambda: 8)
    assert [count_readers(wanted, 2_048) for wanted in (0, 1, 3, 9)] == [4, 1, 3, 4]
    assert [count_readers(0, memory) for memory in (100, 3_000, 8_192, 20_000)] == [4, 2, 1, 1]
    monkeypatch.setattr(sandbox.hardware, "count_cpus", lambda: 2)
    assert count_readers(0, 1_000) == 2


def test_a_further_reader_that_does_not_start_is_done_without(inbox, monkeypatch):
    real, started = sandbox_process.sys.executable, []

    class Executable:
        @property
        def executable(self):
            started.append(1)
            return real if len(started) == 1 else "/bin/false"

    monkeypatch.setattr(sandbox_process, "sys", Executable())
    assert short(found(inbox(*["sleep 0.1"] * 6), 3)) == whole(*["sleep 0.1"] * 6)
    assert len(started) == 2


@pytest.mark.parametrize("seed", range(2))
def test_whatever_readers_do_each_file_is_answered_once_and_in_order(inbox, tmp_path, monkeypatch, seed):
    rng = random.Random(seed)
    monkeypatch.setattr(in_order, "_MAX_BYTES", rng.choice([2_000, 50_000, 10_000_000]))
    monkeypatch.setattr(in_order, "_MAX_ANSWERS", rng.choice([2, 20, 2_000]))
    kinds = {
        "one": "one",
        "sleep 0.02": "sleep 0.02",
        "crash": "reader-died",
        "hang": "too-slow",
        "eat": "too-much-memory",
        **{f"big {n}": "x" * n for n in (10, 3_000, 300_000)},
    }
    said = rng.choices(list(kinds), [10, 6, 1, 0.5, 1, 4, 4, 2], k=40)
    files = inbox(*said)
    for number in rng.sample(range(40), 5):
        files[number][1].write_text(f"die-once {tmp_path / f'died-{number}'}")
    wanted = [kinds.get(text, text) for text in (path.read_text() for _, path in files)]
    taken = []
    for answer in read_in_sandbox(files, Limits(seconds=1.0), rng.randint(1, 3)):
        taken.append(answer)
        if rng.random() < 0.05:
            time.sleep(0.05)
        if rng.random() < 0.02 and (others := readers()):
            with suppress(psutil.Error):
                rng.choice(others).kill()
    # One that was killed by us and then crashed by itself, or twice by us, is lost, and says so.
    assert [index for index, answer in taken if answer is None] == list(range(40))
    got = [said for _, said in short(taken) if said is not None]
    assert all(one in (want, "reader-died") for one, want in zip(got, wanted, strict=True))
    assert sum(one != want for one, want in zip(got, wanted, strict=True)) <= 2


def test_a_reader_whose_parent_is_killed_ends(inbox):
    files = inbox("one", "hang")
    inbox_of_one = files[:1]
    listed = json.dumps([[name, str(path)] for name, path in files])
    script = f"""
import json
from pathlib import Path
from ner_tasks.documents import Limits
from ner_tasks.documents.sandbox.sandbox import read_in_sandbox
for found in read_in_sandbox([(n, Path(p)) for n, p in json.loads({listed!r})], Limits()):
    print(found[0], flush=True)
"""
    root = str(Path(__file__).parents[3])
    env = {**os.environ, "TMPDIR": tempfile.gettempdir(), "PYTHONPATH": f"{root}:{os.environ['PYTHONPATH']}"}
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=env)
    assert parent.stdout is not None
    parent.stdout.readline()
    (reader,) = psutil.Process(parent.pid).children()
    parent.kill()
    parent.communicate()
    reader.wait(10)
    left = list(Path(tempfile.gettempdir()).iterdir())  # that of the killed parent; the next reading removes it
    assert len(left) == 1
    found(inbox_of_one)


def test_a_missing_interpreter_is_a_transient_error(inbox, monkeypatch):
    monkeypatch.setattr(sandbox_process.sys, "executable", "/bin/false")
    with pytest.raises(OSError, match="found no reader process"):
        found(inbox("one"))
