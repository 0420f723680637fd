"""Measure what a shard costs besides tagging: in a process of its own and in one that a warm server forks, in turns.

    PYTHONPATH=.:plugins python -m tests.manual.warm_shards MODEL [--shards 5] [--letters 100] [--threads 1]

The first warm shard also starts the server; it is listed by itself. Tagging is `elapsed_s` of the shard's manifest.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import psutil

from ner_airflow.subprocess_runner import ChildProcess
from ner_airflow.warm_process import WarmProcess
from ner_tasks import hardware
from sample import documents
from tests.plugins import warm_task


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path, help="a model folder")
    parser.add_argument("--shards", type=int, default=5)
    parser.add_argument("--letters", type=int, default=100, help="documents in a shard")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    spent: dict[str, list[tuple[float, float]]] = {"own process": [], "first warm": [], "warm": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(args.letters):
            text = documents.letter(random.Random(number))
            (folder / f"{number:06}.txt").write_text(text, encoding="utf-8")
        with tempfile.TemporaryDirectory() as scratch:
            for shard in range(args.shards + 1):
                is_warm_first = shard % 2
                for is_warm in (bool(is_warm_first), not is_warm_first):
                    kind = "own process" if not is_warm else "warm" if spent["first warm"] else "first warm"
                    spent[kind].append(tag(args.model.resolve(), folder, Path(scratch), args.threads, is_warm=is_warm))
            stop_servers(Path(scratch))
    print(f"{args.shards} shards of {args.letters} letters; {hardware.describe_host(args.threads)}")
    print("| process | wall s | of it tagging s | not tagging |")
    print("|---|---:|---:|---:|")
    for kind, times in spent.items():
        wall_s, tagging_s = (median(one[at] for one in times) for at in (0, 1))
        share = 1 - sum(one[1] for one in times) / sum(one[0] for one in times)
        print(f"| {kind} | {wall_s:.2f} | {tagging_s:.2f} | {share:.0%} |")
    return 0


def tag(model: Path, inbox: Path, scratch: Path, n_threads: int, *, is_warm: bool) -> tuple[float, float]:
    """Tag a shard as an operator does; return the seconds of the whole command and of tagging."""
    output, report = scratch / "answers", scratch / "report.json"
    words = ["tag", "--model", str(model), "--threads", str(n_threads), "--output", str(output)]
    command = [sys.executable, "-m", "ner_tasks", *words, "--report", str(report), str(inbox)]
    environment = warm_task.environment(n_threads=n_threads)
    began = time.monotonic()
    process: ChildProcess | WarmProcess
    if is_warm:
        process = WarmProcess.start(command, environment, scratch, idle_s=600)
    else:
        process = ChildProcess(command, environment)
    if process.follow(lambda _line: None):
        raise RuntimeError(f"found a failure, expected answers: {list(process.last_lines)}")
    return time.monotonic() - began, json.loads(report.read_text(encoding="utf-8"))["result"]["elapsed_s"]


def stop_servers(scratch: Path) -> None:
    for process in psutil.Process().children(recursive=True):
        if any(word.startswith(f"--path={scratch}") for word in process.cmdline()):
            process.kill()


if __name__ == "__main__":
    sys.exit(main())
