"""Fuzz the document readers: every file gets an answer, and no reader process dies.

    python -m tests.fuzz.fuzz_documents --format pdf --n 20000     # damage by chance, in the sandbox
    python -m tests.fuzz.fuzz_documents --atheris corpus/          # by coverage, with `pip install atheris`

Each file is a canary of its format (tests/canaries) or a small valid file (tests/hostile.py), damaged; every tenth is
undamaged and must be read. Not part of the test suite, which uses hypothesis and two hundred fixed files.
"""

import argparse
import io
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from ner_tasks.documents import CannotRead, Document, Limits, Rejected
from ner_tasks.documents.archives.unpacking import UnpackingBudget
from ner_tasks.documents.detection.formats import SUFFIXES
from ner_tasks.documents.place import Place
from ner_tasks.documents.reading import iter_answers
from ner_tasks.documents.sandbox.sandbox import read_in_sandbox
from tests import hostile
from tests.canaries.drive import makers

LIMITS = Limits(max_bytes=2**21, max_unpacked_bytes=2**24, max_members=100, seconds=20)
_N_SEEDS = 200  # valid files of a format that are damaged again and again
_WHOLE_EVERY = 10
_DEADLY = ("reader-died", "too-slow", "too-much-memory")


def formats() -> dict[str, list[hostile.File]]:
    """Valid files by name of the format: a name with the suffix, and the content."""
    small: dict[str, list[hostile.File]] = {}
    for name, data in hostile.valid("words").items():
        small.setdefault(name.removeprefix("a."), []).append((name, data))
    for name, (suffix, make) in makers().items():
        made = [(f"a{suffix}", make(random.Random(f"seed-{number}"))[0]) for number in range(_N_SEEDS)]
        small[name] = [*made, *small.get(name, [])]
    return small


def inbox(rng: random.Random, files: Sequence[hostile.File], n: int, folder: Path) -> Iterator[tuple[str, Path]]:
    """Write files as they are asked for: damaged ones, and whole ones among them."""
    for number in range(n):
        called, data = rng.choice(files)
        is_whole = number % _WHOLE_EVERY == 0
        name, data = (called, data) if is_whole else hostile.damaged(rng, called, data, rng.choice(files)[1])
        path = folder / f"{number}"
        path.write_bytes(data)
        yield f"{'whole' if is_whole else 'damaged'}-{number}/{name}", path


def by_chance(name: str, files: Sequence[hostile.File], n: int, seed: int) -> int:
    """Read damaged files of a format in the sandbox; the number of findings.

    A finding is a file without an answer, a whole one without a document, or one that ended or stopped its reader.
    """
    began, rng, findings = time.monotonic(), random.Random(f"{name}-{seed}"), 0
    reasons: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        listed: list[tuple[str, Path]] = []
        given = inbox(rng, files, n, Path(folder))
        found: list[object] = []
        for index, answer in read_in_sandbox((listed.append(file) or file for file in given), LIMITS):  # type: ignore[func-returns-value]
            if answer is not None:
                found.append(answer)
                continue
            called, path = listed[index]
            reasons.update(one.reason for one in found if isinstance(one, Rejected))
            reasons["documents"] += sum(isinstance(one, Document) for one in found)
            deadly = [one.message for one in found if isinstance(one, Rejected) and one.reason in _DEADLY]
            is_lost = called.startswith("whole") and not any(isinstance(one, Document) for one in found)
            if deadly or is_lost or not found:
                findings += 1
                kept = Path(tempfile.gettempdir()) / f"finding-{name}-{seed}-{index}-{Path(called).name}"
                kept.write_bytes(path.read_bytes())
                print(f"  {called}: {deadly or found}"[:300], f"kept as {kept}", flush=True)
            found = []
            path.unlink()
    said = ", ".join(f"{n_of} {reason}" for reason, n_of in reasons.most_common(8))
    took = time.monotonic() - began
    print(f"{name}: {n} files in {took:.0f} s, {findings} findings; seed {seed}; {said}", flush=True)
    return findings


def by_coverage(arguments: list[str]) -> int:
    """Let atheris look for bytes that raise anything but `CannotRead`."""
    import atheris

    suffixes = sorted(SUFFIXES)

    def one(data: bytes) -> None:
        if not data:
            return
        name = f"a{suffixes[data[0] % len(suffixes)]}"
        try:
            for _ in iter_answers(
                Place(name, name, LIMITS, UnpackingBudget(LIMITS)), io.BytesIO(data[1:]), len(data) - 1
            ):
                pass
        except CannotRead:
            return

    atheris.instrument_all()
    atheris.Setup([sys.argv[0], *arguments], one)
    atheris.Fuzz()
    return 0


def main() -> int:
    known = formats()
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz.fuzz_documents", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--format", action="append", choices=sorted(known), help="all of them unless given")
    parser.add_argument("--n", type=int, default=1_000, help="files of each format")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--atheris", nargs="*", type=Path, metavar="CORPUS")
    args = parser.parse_args()
    if args.atheris is not None:
        return by_coverage([*map(str, args.atheris)])
    names = args.format or sorted(known)
    findings = sum(by_chance(name, known[name], args.n, args.seed) for name in names)
    print(f"{len(names)} formats, {args.n * len(names)} files, {findings} findings")
    return findings > 0


if __name__ == "__main__":
    sys.exit(main())
