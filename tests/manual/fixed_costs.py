"""Measure what `tag` costs apart from its documents: time from the command to the first answer, and memory.

    python -m tests.manual.fixed_costs MODEL [--against CHECKOUT] [--rounds 5] [--letters 0]

Each round tags one short text, or as many of the sample's letters as asked, once with each checkout in turn. CPU time
includes the reader processes and tells more than wall time on a busy machine. Memory is the peak of the tagging process
without its readers.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from ner_tasks import hardware
from sample import documents

HERE = Path(__file__).resolve().parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path, help="a model folder")
    parser.add_argument("--against", type=Path, help="another checkout, which runs in turns with this one")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--letters", type=int, default=0, help="number of letters; 0: one line of text")
    args = parser.parse_args()
    checkouts = [HERE, *([args.against.resolve()] if args.against else [])]
    costs: dict[Path, list[dict[str, float]]] = {checkout: [] for checkout in checkouts}
    with tempfile.TemporaryDirectory() as folder:
        inbox = write_inbox(Path(folder) / "inbox", args.letters)
        for _ in range(args.rounds):
            for checkout in checkouts:
                costs[checkout].append(tag(checkout, args.model.resolve(), inbox, Path(folder)))
    print(hardware.describe_host(hardware.count_cpus()))
    print("| checkout | wall s | CPU s | peak MiB |")
    print("|---|---:|---:|---:|")
    for checkout, measured in costs.items():
        wall_s, cpu_s, peak_mib = (median(one[name] for one in measured) for name in ("wall_s", "cpu_s", "peak_mib"))
        print(f"| {checkout.name} | {wall_s:.1f} | {cpu_s:.1f} | {peak_mib:.0f} |")
    return 0


def write_inbox(folder: Path, n_letters: int) -> Path:
    folder.mkdir()
    if not n_letters:
        (folder / "one.txt").write_text("Maria Chen visited Boston on Monday.", encoding="utf-8")
    for number in range(n_letters):
        text = documents.letter(random.Random(number))
        (folder / f"{number:06}.txt").write_text(text, encoding="utf-8")
    return folder


def tag(checkout: Path, model: Path, inbox: Path, folder: Path) -> dict[str, float]:
    """Run `tag` of a checkout; return its wall and CPU seconds and the peak memory of the process in MiB."""
    report = folder / "report.json"
    command = [sys.executable, "-m", "ner_tasks", "tag", "--model", str(model), "--report", str(report)]
    command += ["--output", str(folder / "answers"), str(inbox)]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(
        command, cwd=checkout, env={**os.environ, "PYTHONPATH": str(checkout)}, check=True, stdout=subprocess.DEVNULL
    )
    wall_s, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    peak_mib = json.loads(report.read_text(encoding="utf-8"))["peak_memory_mib"]
    return {"wall_s": wall_s, "cpu_s": cpu_s, "peak_mib": peak_mib}


if __name__ == "__main__":
    sys.exit(main())
