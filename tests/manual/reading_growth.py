"""Measure CPU time and peak memory of reading and batching as files grow, by format and text.

    python -m tests.manual.reading_growth                              # prose in every format, 1, 4 and 16 MiB of it
    python -m tests.manual.reading_growth --texts at,spaced,word --formats txt,docx,pdf
    python -m tests.manual.reading_growth --part gathering --formats txt,csv,jsonl,zip --texts prose,at,word

`reading` measures a reader process alone; `gathering` the process that cuts text into sentences, tags them by rule and
writes answers. Each file has its own process. Seconds are CPU time, memory is the peak. The cost of an almost empty file of
the format is subtracted before two sizes are compared. Fails if a cost grows much faster than the bytes, or a file is
rejected for another reason than its size (an empty line takes eight bytes of HTML).
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from ner_tasks.documents import Document, Ignored, Limits
from ner_tasks.documents.sandbox import sandbox_reader
from ner_tasks.documents.sandbox.sandbox import read_in_sandbox
from ner_tasks.documents.sandbox.sandbox_process import ReaderProcess
from ner_tasks.tagging.batcher import TagConfig
from ner_tasks.tagging.shard import tag_documents
from tests.rules import RuleTagger
from tests.text_files import MAKERS, TEXTS, text_of

MIB = 2**20
PARTS = ("reading", "gathering")
# A cost below these is a process's own noise; only what is above them is compared.
_LEAST = {"s": 0.15, "mib": 12.0}
# How much faster than the bytes a cost may grow: blocks of memory double, and caches are small.
_SLACK = 1.6
_LIMITS = Limits(max_bytes=40 * MIB, max_words=100_000_000, max_entities=10_000_000)


def measure(path: Path, part: str) -> dict[str, Any]:
    """What one part of tagging a file costs, in processes that do nothing else."""
    command = [sys.executable, "-m", "tests.manual.reading_growth", "--part", part, "--file", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"answer": f"exit {done.returncode}: {done.stderr[-300:]}", "s": 0.0, "mib": 0.0}
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def read(path: Path) -> dict[str, Any]:
    """What reading costs a reader process, a child of this one."""
    peaks = [0.0]

    class Watched(ReaderProcess):
        def stop(self, wait_s: float = 0.0) -> int | None:
            peaks.extend(peak_mib(child.pid) for child in psutil.Process().children())
            return super().stop(wait_s)

    sandbox_reader.ReaderProcess = Watched  # type: ignore[misc]
    found: Counter[str] = Counter()
    for _, answer in read_in_sandbox([(path.name, path)], _LIMITS, n_workers=1):
        if isinstance(answer, Document):
            found["read"] += 1
        elif answer and not isinstance(answer, Ignored):
            found[answer.reason] += 1
    return {"answer": _summarize(found), "s": _seconds(resource.RUSAGE_CHILDREN), "mib": max(peaks)}


def peak_mib(pid: int) -> float:
    """The most memory that a process has held, 0 if it has ended."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def gather(path: Path) -> dict[str, Any]:
    """What gathering costs this process."""
    with tempfile.TemporaryDirectory() as folder:
        manifest = tag_documents(
            [(path.name, path)],
            tagger=RuleTagger(),
            output=Path(folder, "out"),
            config=TagConfig(_LIMITS, version="growth"),
            read=lambda files, limits: read_in_sandbox(files, limits, n_workers=1),
        )
    found = Counter({"read": manifest["n_tagged"], **manifest["rejected"]})
    return {"answer": _summarize(found), "s": _seconds(resource.RUSAGE_SELF), "mib": peak_mib(os.getpid())}


def _seconds(whose: int) -> float:
    used = resource.getrusage(whose)
    return used.ru_utime + used.ru_stime


def _summarize(found: Counter[str]) -> str:
    """`read`, or the reasons why not all of it was; a row without a word is no loss."""
    lost = sorted(reason for reason in found if reason not in ("read", "empty"))
    return ", ".join(lost) or "read"


def costs(suffix: str, text: str, sizes: Sequence[float], part: str) -> list[dict[str, Any]]:
    """What an almost empty file costs, then one of each size."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"growth.{suffix}")
        for n_mib in (0.0, *sizes):
            path.write_bytes(MAKERS[suffix](text_of(text, int(n_mib * MIB)) or "end"))
            found.append({"text_mib": n_mib, **measure(path, part)})
    return found


def faults(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Costs that grow faster than the bytes from one size to the next, and files that were not read."""
    listed = [
        f"{one['text_mib']:g} MiB: {one['answer']}" for one in found if one["answer"] not in ("read", "too-large")
    ]
    least, *others = found
    for small, large in pairwise(others):
        for name, noise in _LEAST.items():
            times = (large[name] - least[name] - noise) / max(small[name] - least[name], noise)
            if times > _SLACK * large["text_mib"] / small["text_mib"]:
                listed.append(f"{name} x{times:.1f} from {small['text_mib']:g} to {large['text_mib']:g} MiB")
    return listed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, default="reading")
    parser.add_argument("--formats", default=",".join(MAKERS), help="some of %(default)s")
    parser.add_argument("--texts", default="prose", help=f"some of {','.join(TEXTS)}")
    parser.add_argument("--mib", default="1,4,16", help="MiB of text, ascending")
    parser.add_argument("--file", type=Path, help="measure this one file, in this process")
    args = parser.parse_args()
    if args.file:
        print(json.dumps((read if args.part == "reading" else gather)(args.file)))
        return 0
    sizes = [float(size) for size in args.mib.split(",")]
    shown = " / ".join(f"{size:g}" for size in sizes)
    print(f"| text | format | s, {shown} MiB of text | peak MiB | growth |\n|---|---|---|---|---|")
    n_faults = 0
    for text in args.texts.split(","):
        for suffix in args.formats.split(","):
            found = costs(suffix, text, sizes, args.part)
            seconds = " / ".join(f"{one['s']:.1f}" for one in found[1:])
            mib = " / ".join(f"{one['mib']:.0f}" for one in found[1:])
            wrong = faults(found)
            n_large = sum(one["answer"] == "too-large" for one in found)
            verdict = "; ".join(wrong) or ("linear" if not n_large else f"linear, the largest {n_large} too large")
            n_faults += bool(wrong)
            print(f"| {text} | {suffix} | {seconds} | {mib} | {verdict} |", flush=True)
    return 1 if n_faults else 0


if __name__ == "__main__":
    sys.exit(main())
