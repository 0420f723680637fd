"""A task that runs a command in a warm process, or a worker that runs such a task, as processes to be killed.

python -m tests.plugins.warm_task task SCRATCH IDLE_S WORD ...      # ends with the command's exit code
python -m tests.plugins.warm_task worker SCRATCH IDLE_S WORD ...    # starts a task as its child, then stays
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from ner_airflow.warm_process import WarmProcess
from ner_tasks import child_environment, hardware


def environment(*, n_threads: int = 2, **also: str) -> dict[str, str]:
    """As a `CommandOperator` makes it."""
    package = {"PYTHONPATH": os.environ["PYTHONPATH"], "PYTHONUNBUFFERED": "1", "PYTHONHASHSEED": "0"}
    tensorflow = hardware.tensorflow_env(n_threads=n_threads, onednn=True)
    return {**child_environment.step_environment(), **package, **tensorflow, **also}


def start(scratch: Path, words: list[str], *, idle_s: float = 60, max_mib: float = 512, **also: str) -> WarmProcess:
    command = [sys.executable, "-m", "ner_tasks", *words]
    return WarmProcess.start(command, environment(**also), scratch, idle_s=idle_s, max_mib=max_mib)


def show(line: str) -> None:
    print(line, flush=True)


def main() -> int:
    # a shell's job in the background ignores it, and so do all processes below
    signal.signal(signal.SIGINT, signal.default_int_handler)
    role, scratch, idle_s, *words = sys.argv[1:]
    if role == "task":
        process = start(Path(scratch), words, idle_s=float(idle_s))
        print("command", process.pid, flush=True)
        return process.follow(show)
    subprocess.run([sys.executable, "-m", "tests.plugins.warm_task", "task", scratch, idle_s, *words], check=False)
    print("done", flush=True)
    time.sleep(600)
    return 0


if __name__ == "__main__":
    sys.exit(main())
