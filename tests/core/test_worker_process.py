"""A worker answers each request with one line, and its errors name what happened and where."""

import importlib
import io
import json
import os
import sys

import pytest

from ner_tasks.errors import ConfigInvalid
from ner_tasks.worker_process import WorkerFailed, WorkerProcess, last_lines, serve


def served(start, *requests):
    answers = io.StringIO()
    code = serve(start, io.StringIO("".join(json.dumps(one) + "\n" for one in requests)), answers)
    return code, [json.loads(line) for line in answers.getvalue().splitlines()]


def test_the_first_answer_says_what_runs_and_each_request_has_one():
    code, answers = served(
        lambda: ({"library": "1.0"}, lambda request: {"twice": 2 * request["n"]}), {"n": 1}, {"n": 2}
    )
    assert code == 0
    assert answers == [{"answer": {"library": "1.0"}}, {"answer": {"twice": 2}}, {"answer": {"twice": 4}}]


def test_a_library_that_is_not_there_is_named():
    def start():
        importlib.import_module("a_library_that_is_not_there")

    code, answers = served(start)
    assert code == 1
    assert answers == [{"error": f"found no a_library_that_is_not_there, expected it installed, in {sys.prefix}"}]


def test_an_error_of_ours_keeps_its_line_and_its_code():
    def start():
        raise ConfigInvalid("found x, expected y, in z")

    assert served(start) == (ConfigInvalid.exit_code, [{"error": "found x, expected y, in z"}])


def test_whatever_else_happens_is_said_in_one_line():
    def start():
        raise RuntimeError("two\nlines")

    assert served(start) == (1, [{"error": "found RuntimeError: two lines, expected an answer"}])


@pytest.fixture
def worker(tmp_path):
    """Starts a process of a few lines of Python."""
    started = []

    def start(program):
        command = [sys.executable, "-c", program]
        started.append(WorkerProcess("it", command, env=dict(os.environ), log=tmp_path / "logs" / "it.log"))
        return started[-1]

    yield start
    for one in started:
        one.close()


ECHO = """
import json, sys
print(json.dumps({"answer": {"ready": True}}), flush=True)
for line in sys.stdin:
    print(json.dumps({"answer": json.loads(line)}), flush=True)
"""


def test_a_process_answers_what_it_is_asked(worker):
    it = worker(ECHO)
    assert it.hello() == {"ready": True}
    assert it.ask(do="time_text", n_sentences=8) == {"do": "time_text", "n_sentences": 8}


def test_a_process_that_dies_is_a_worker_that_failed_with_its_last_words(worker, tmp_path):
    it = worker("import sys; print('no memory', file=sys.stderr); sys.exit(7)")
    with pytest.raises(
        WorkerFailed, match="found exit 7 of the process of it, expected an answer; no memory, in .*it.log"
    ):
        it.hello()


def test_a_process_that_says_why_it_cannot_is_a_worker_that_failed(worker):
    it = worker("""print('{"error": "found no openvino, expected it installed, in here"}')""")
    with pytest.raises(WorkerFailed, match="^found no openvino, expected it installed, in here$"):
        it.hello()


def test_a_program_that_is_not_there_is_a_worker_that_failed(tmp_path):
    with pytest.raises(WorkerFailed, match="found No such file or directory, expected a program, at"):
        WorkerProcess("it", [str(tmp_path / "python")], env={}, log=tmp_path / "log")


def test_the_last_lines_of_a_file_are_read_from_its_end(tmp_path):
    path = tmp_path / "log"
    path.write_text("".join(f"line {i}\n" for i in range(10_000)))
    assert last_lines(path, 2) == ["line 9998", "line 9999"]
    assert last_lines(tmp_path / "absent", 2) == []


def test_what_libraries_print_does_not_come_between_the_answers(worker):
    program = "import sys, os; from ner_tasks.worker_process import *; print('before', file=sys.stderr)\n"
    program += "out = reserve_stdout(); os.write(1, b'noise\\n'); print('noise'); sys.exit(serve(lambda: ({'n': 1}, dict), sys.stdin, out))"
    it = worker(program)
    assert it.hello() == {"n": 1}
    assert it.ask(a=1) == {"a": 1}
