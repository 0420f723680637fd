"""Standard error of a step is printed if the step fails, and not otherwise."""

import os
import re
import signal
import subprocess
import sys

import pytest

from ner_tasks import held_stderr

STEP = """
import os, sys
from ner_tasks import held_stderr

def step():
    os.write(2, b"notice of a library\\n")
    print("remark in Python", file=sys.stderr)
    print("our line", flush=True)
    {rest}

sys.exit(held_stderr.hold_stderr(step))
"""


def run(rest, **env):
    return run_script(STEP.format(rest=rest), **env)


def run_script(script, **env):
    command = [sys.executable, "-c", script]
    return subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, check=False, timeout=120)


def test_nothing_is_printed_to_standard_error_if_the_step_succeeds():
    done = run("return 0")
    assert (done.returncode, done.stdout, done.stderr) == (0, "our line\n", "")


@pytest.mark.parametrize("rest", ["return 3", "raise ValueError('broken')", "os.abort()", "os.kill(os.getpid(), 9)"])
def test_everything_is_printed_if_the_step_fails(rest):
    done = run(rest)
    assert done.returncode != 0
    assert done.stdout == "our line\n"
    assert done.stderr.startswith("stderr: notice of a library\nstderr: remark in Python\n")


def test_an_exception_is_printed_below_what_was_held():
    assert run("raise ValueError('broken')").stderr.splitlines()[-1] == "ValueError: broken"


def test_an_error_of_ours_is_printed_last_without_prefix():
    done = run(
        "held_stderr.print_error('error: InputMissing: found no file'); print('late', file=sys.stderr); return 66"
    )
    assert done.returncode == 66
    assert done.stderr.splitlines()[-2:] == ["stderr: late", "error: InputMissing: found no file"]


def test_the_end_of_a_long_text_is_printed_and_the_rest_is_counted():
    done = run("[print(f'line {i:06d}', file=sys.stderr) for i in range(100_000)]; return 1")
    lines = done.stderr.splitlines()
    assert re.fullmatch(r"stderr: \.\.\. \(\d+ bytes before this\)", lines[0])
    assert lines[-1] == "stderr: line 099999"
    assert 60_000 < len("\n".join(line.removeprefix("stderr: ") for line in lines)) <= 64 * 1024 + 60


def test_a_child_with_our_messages_writes_to_the_original():
    child = "subprocess.run([sys.executable, '-c', 'import os; os.write(2, b\"crash\")'], {how}); return 0"
    seen = run(f"import subprocess; {child.format(how='stderr=held_stderr.visible_descriptor()')}")
    held = run(f"import subprocess; {child.format(how='')}")
    assert (seen.stderr, held.stderr) == ("crash", "")


def test_a_child_that_outlives_the_step_does_not_keep_it_waiting():
    child = "import subprocess; print(subprocess.Popen(['sleep', '60'], stdout=subprocess.DEVNULL).pid); return 1"
    done = run(child)
    os.kill(int(done.stdout.splitlines()[-1]), signal.SIGKILL)
    assert "stderr: notice of a library" in done.stderr


def test_notices_of_tensorflow_and_transformers_are_held():
    """As they are, unless an environment variable says otherwise: TensorFlow's C++ code writes while it is imported."""
    step = "import tensorflow, transformers, warnings; warnings.warn('deprecated'); return {code}"
    quiet, failed = run(step.format(code=0), CUDA_VISIBLE_DEVICES="-1"), run(step.format(code=1))
    assert (quiet.returncode, quiet.stderr) == (0, "")
    assert "stderr: WARNING: All log messages before absl::InitializeLog() is called" in failed.stderr
    assert "oneDNN" in failed.stderr
    assert "PyTorch was not found" in failed.stderr
    assert "UserWarning: deprecated" in failed.stderr


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("yes", True), ("", False), ("0", False), ("no", False)])
def test_ner_verbose_is_a_switch(value, expected):
    assert held_stderr.is_verbose({"NER_VERBOSE": value}) is expected


def test_a_step_without_standard_error_runs():
    script = (
        "import sys; sys.stderr = None\nfrom ner_tasks import held_stderr\nsys.exit(held_stderr.hold_stderr(lambda: 5))"
    )
    assert run_script(script).returncode == 5
