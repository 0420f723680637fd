"""A damaged file of the store costs what it held, and is said; the rest of the page, and every other answer, stays."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.runbook("damaged-files-of-the-store", "staging/...")
@pytest.mark.runbook("damaged-files-of-the-store", "models/promoted.json")
@pytest.mark.runbook("damaged-files-of-the-store", "reports/runs/, reports/review/, reports/benchmarks/")
@pytest.mark.parametrize("seed", [0, 1])
def test_whatever_is_damaged_nothing_raises_what_nobody_foresaw(seed):
    """A short turn of the fuzzing; `python -m tests.fuzz.fuzz_store --n 10000` is the long one."""
    command = [sys.executable, "-m", "tests.fuzz.fuzz_store", "--n", "25", "--seed", str(seed)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'plugins'}"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    assert "25 mutations, 0 raw answers" in done.stdout
