"""What `.ci/run` does beside what, and that whatever fails of it fails CI. Each program is one that notes its calls."""

import os
import shutil
import signal
import stat
import subprocess
import time

import pytest

LINKED = ("cat", "dirname", "grep", "mktemp", "nice", "rm", "sh", "sleep", "tail", "tee")
CLOSING = "==== 9 passed, 1 skipped in 2.00s (0:00:02) ===="
# notes its call, does what FAIL_, WAIT_ and SAY_ of its name tell it, and when it ends on Ctrl-C notes that
FAKE = """#!/bin/sh
name=$(echo "${0##*/} $*" | tr -c 'a-z0-9\\n' _)
trap 'echo "$name interrupted" >> "$CALLS"; exit 2' INT
echo "$name" >> "$CALLS"
[ -z "${PYTHONDONTWRITEBYTECODE:-}" ] || echo "$name compiles in vain" >> "$CALLS"
eval "wanted=\\${WAIT_$name:-}; said=\\${SAY_$name:-}; code=\\${FAIL_$name:-0}"
until [ -z "$wanted" ] || grep -q "^$wanted$" "$CALLS"; do sleep 0.05; done
[ -z "$said" ] || echo "$said"
exit "$code"
"""
BUILD, NIGHT, DRILLS, TESTS = "image_build", "image_test", "make_test_distributed", "make_test"


@pytest.fixture
def start(root, tmp_path):
    """Starts `.ci/run` in a checkout of fakes, whose options are its environment: its process, and the calls so far."""
    programs, checkout, calls = tmp_path / "programs", tmp_path / "checkout", tmp_path / "calls"
    calls.touch()
    programs.mkdir()
    for name in (*LINKED, "bash", "tr"):
        (programs / name).symlink_to(shutil.which(name))
    fakes = [programs / "make", checkout / ".ci/image", checkout / ".venv/bin/python"]
    for path in fakes:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(FAKE)
        path.chmod(stat.S_IRWXU)
    shutil.copy(root / ".ci/run", checkout / ".ci/run")
    (tmp_path / "tmp").mkdir()
    environment = {"PATH": str(programs), "CALLS": str(calls), "TMPDIR": str(tmp_path / "tmp")}
    started = []
    # pytest in the background of a script ignores it, and so would all that it starts
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def start(**options):
        options = {f"SAY_{TESTS}": CLOSING, **options}
        process = subprocess.Popen(
            [checkout / ".ci/run"],
            env=environment | options,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process, lambda: calls.read_text().splitlines()

    yield start
    signal.signal(signal.SIGINT, before)
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert list((tmp_path / "tmp").iterdir()) == []


def finish(started):
    process, calls = started
    said, _ = process.communicate(timeout=60)
    return process.returncode, said.splitlines(), calls()


def test_all_of_it_is_run_and_the_last_line_is_that_of_the_tests(start):
    code, said, calls = finish(start())
    assert code == 0
    assert said[-1] == CLOSING
    assert "image tested" in said
    timed = ["make lint", "make coverage", "make test", "make test-distributed", ".ci/image test"]
    assert [name for name in timed if not any(line.endswith(f" s  {name}") for line in said)] == []
    assert {"make_lint", "make_docs", "make_coverage", "python__ci_licences_py___check", "python__ci_audit"} <= set(
        calls
    )
    assert [call for call in calls if call in (BUILD, DRILLS, NIGHT)] == [BUILD, DRILLS, NIGHT]


def test_modules_are_compiled_once_whatever_the_environment_says(start, root, tmp_path):
    _, _, calls = finish(start(PYTHONDONTWRITEBYTECODE="1"))
    assert [call for call in calls if "in vain" in call] == []
    (tmp_path / "Makefile").write_text(f'include {root}/Makefile\nshow:\n\t@echo "<$$PYTHONDONTWRITEBYTECODE>"\n')
    command = ["make", "--no-print-directory", "-f", tmp_path / "Makefile", "show"]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    assert subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout == "<>\n"


@pytest.mark.parametrize("beside", [BUILD, DRILLS, NIGHT])
def test_the_image_and_the_drills_are_beside_the_tests(start, beside):
    # each waits for the other to begin
    code, _, _ = finish(start(**{f"WAIT_{TESTS}": beside, f"WAIT_{beside}": TESTS}))
    assert code == 0


@pytest.mark.parametrize(
    "failing",
    [
        BUILD,
        DRILLS,
        NIGHT,
        TESTS,
        "make_install_cluster",
        "make_lint",
        "make_docs",
        "make_coverage",
        "python__ci_licences_py___check",
        "python__ci_audit",
    ],
)
def test_whatever_fails_fails_ci(start, failing):
    code, said, _ = finish(start(**{f"FAIL_{failing}": "3", f"SAY_{failing}": "why it failed"}))
    assert code != 0
    assert "why it failed" in said
    assert CLOSING not in said[-1:]


def test_tests_of_which_none_ran_fail_ci(start):
    code, said, _ = finish(start(**{f"SAY_{TESTS}": "no tests ran"}))
    assert (code, said[-1]) == (1, "found no closing line of pytest, expected one")


@pytest.mark.parametrize("step", [BUILD, NIGHT])
def test_an_image_that_cannot_be_tested_here_is_said_at_the_end_and_the_drills_run(start, step):
    line = "NOT TESTED: image (found no crun, expected it)"
    code, said, calls = finish(start(**{f"FAIL_{step}": "69", f"SAY_{step}": line}))
    assert (code, said[-1]) == (0, CLOSING)
    assert line in said[-4:]
    assert DRILLS in calls
    assert (NIGHT in calls) == (step == NIGHT)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_drills_under_way_are_interrupted_when_ci_is(start, number):
    process, calls = start(**{f"WAIT_{TESTS}": "never", f"WAIT_{DRILLS}": "never"})
    deadline = time.monotonic() + 60
    while not {TESTS, DRILLS} <= set(calls()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    # as a terminal or a runner does: to all that is in the foreground
    os.killpg(process.pid, number)
    process.communicate(timeout=60)
    assert process.returncode in (128 + number, -number)
    assert f"{DRILLS} interrupted" in calls()
