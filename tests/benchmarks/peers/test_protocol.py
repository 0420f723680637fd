"""The lines between the bench and an engine's process: one answer to each request, and an error that says what and where."""

import importlib
import io
import json
import os
import sys

import pytest

from benchmarks.peers.protocol import EngineFailed, Worker, serve
from ner_tasks.errors import ConfigInvalid


def served(start, *requests):
    answers = io.StringIO()
    code = serve(start, io.StringIO("".join(json.dumps(one) + "\n" for one in requests)), answers)
    return code, [json.loads(line) for line in answers.getvalue().splitlines()]


def test_the_first_answer_says_what_runs_and_each_request_has_one():
    code, said = served(lambda: ({"library": "1.0"}, lambda request: {"twice": 2 * request["n"]}), {"n": 1}, {"n": 2})
    assert code == 0
    assert said == [{"answer": {"library": "1.0"}}, {"answer": {"twice": 2}}, {"answer": {"twice": 4}}]


def test_a_library_that_is_not_there_is_named():
    def start():
        importlib.import_module("a_library_that_is_not_there")

    code, said = served(start)
    assert code == 1
    assert said == [{"error": f"found no a_library_that_is_not_there, expected it installed, in {sys.prefix}"}]


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
        started.append(Worker("it", command, env=dict(os.environ), log=tmp_path / "logs" / "it.log"))
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


def test_a_process_that_dies_is_an_engine_that_failed_with_its_last_words(worker, tmp_path):
    it = worker("import sys; print('no memory', file=sys.stderr); sys.exit(7)")
    with pytest.raises(EngineFailed, match="found exit 7 of its process, expected an answer; no memory, in .*it.log"):
        it.hello()


def test_a_process_that_says_why_it_cannot_is_an_engine_that_failed(worker):
    it = worker("""print('{"error": "found no openvino, expected it installed, in here"}')""")
    with pytest.raises(EngineFailed, match="^found no openvino, expected it installed, in here$"):
        it.hello()


def test_a_program_that_is_not_there_is_an_engine_that_failed(tmp_path):
    with pytest.raises(EngineFailed, match="found No such file or directory, expected a program, at"):
        Worker("it", [str(tmp_path / "python")], env={}, log=tmp_path / "log")
