"""Measure what planning estimates: how long files of each format take, and how evenly shards divide a mixed inbox.

    python -m tests.manual.shard_times figures
    python -m tests.manual.shard_times spread MODEL [--n_shards 6] [--scale 1.0]

`figures` reads files of every format in a reader process: letters and reports of the sample, as three pages and as 1 MiB of
text, and scanned pages if Tesseract is installed. It prints the built-in figures of `ner_tasks/tagging/time_estimates.py`.
A format's words per MB are those of three pages, which is what most inboxes hold.

`spread` writes an inbox of texts, PDFs, scans, tables and archives, named by kind as senders do, and tags it with `tag`, one
process per shard: divided by bytes, by the built-in figures, and by what the second division measured. It prints the
longest shard over the mean, in seconds of tagging and in seconds of CPU, which tell more on a busy machine.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any

from benchmarks.documents import scanned_pages
from ner_tasks import hardware
from ner_tasks.documents import Limits
from ner_tasks.documents.detection.sizes import find_size_rule
from ner_tasks.documents.ocr import ocr
from ner_tasks.documents.sandbox.sandbox import read_in_sandbox
from ner_tasks.records import MeasuredDay, TimeOfFormat
from ner_tasks.segmentation import iter_sentences
from ner_tasks.store.folder import FolderStore
from ner_tasks.tagging import merge, planning
from ner_tasks.tagging.inputs import write_inputs
from ner_tasks.tagging.time_estimates import estimate_s, estimate_times
from sample import documents
from tests.formats import zipped
from tests.text_files import MAKERS, docx_bytes, pdf_bytes

SMALL, LARGE = 6_000, 2**20  # characters
N_SMALL, N_LARGE, N_PAGES = 30, 3, 8
MB = 1_000_000
TEXT_FORMATS = ("txt", *(name for name in MAKERS if "." not in name and name != "txt"), "tar.gz", "txt.bz2", "txt.xz")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("figures")
    spread = commands.add_parser("spread")
    spread.add_argument("model", type=Path, help="a model folder")
    spread.add_argument("--n_shards", type=int, default=6)
    spread.add_argument("--scale", type=float, default=1.0, help="size of the inbox; 1: about 4 minutes of two cores")
    args = parser.parse_args()
    print(hardware.host_key(hardware.describe_host(os.cpu_count() or 1)), flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        if args.command == "figures":
            print_figures(Path(scratch))
        else:
            compare_divisions(args.model, Path(scratch), args.n_shards, args.scale)
    return 0


# --- figures


def print_figures(folder: Path) -> None:
    small, large = text_of(0, SMALL), text_of(0, LARGE)
    for suffix in TEXT_FORMATS:
        few, many = MAKERS[suffix](small), MAKERS[suffix](large)
        few_s, many_s = read_s(folder, suffix, few, N_SMALL), read_s(folder, suffix, many, N_LARGE)
        mb_s = max(0.0, (many_s - few_s) * MB / (len(many) - len(few)))
        file_s = max(0.0, few_s - mb_s * len(few) / MB)
        tell(suffix, file_s, mb_s, count_words(small) * MB / len(few))
    if not ocr.find_missing("eng"):
        pages = [scan(number) for number in range(N_PAGES)]
        page_s = median(read_s(folder, "png", page, 1) for page, _ in pages)
        page_mb = median(len(page) for page, _ in pages) / MB
        # a picture is a page or many, and which, its size says only partly
        tell("png", page_s / 2, page_s / 2 / page_mb, median(n_words for _, n_words in pages) / page_mb)


def tell(suffix: str, file_s: float, mb_s: float, words_per_mb: float) -> None:
    name = find_size_rule(f"a.{suffix}").format
    print(f'    "{name}": _Figures({file_s:.2g}, {mb_s:.2g}, {float(f"{words_per_mb:.2g}"):_.0f}),', flush=True)


def read_s(folder: Path, suffix: str, content: bytes, n_files: int) -> float:
    """Median seconds of CPU for reading one such file, without those of the first, which loads the reader's libraries."""
    path = folder / f"measured.{suffix}"
    path.write_bytes(content)
    took: dict[int, float] = {}
    limits = Limits(ocr=suffix == "png")
    files = ((path.name, path) for _ in range(n_files + 1))
    for _ in read_in_sandbox(files, limits, 1, took):
        pass
    return median(took[index] for index in range(1, n_files + 1))


def count_words(text: str) -> int:
    return sum(map(len, iter_sentences(text)))


def text_of(seed: int, n_characters: int) -> str:
    """Letters and reports, no two alike."""
    rng, parts, length = random.Random(seed), list[str](), 0
    while length < n_characters:
        parts.append(rng.choice((documents.letter, documents.report_text))(rng))
        length += len(parts[-1]) + 1
    return "\n".join(parts)[:n_characters]


def scan(seed: int) -> tuple[bytes, int]:
    """A scanned page as PNG, and its number of words."""
    from io import BytesIO

    file, font = BytesIO(), next(iter(scanned_pages.fonts().values()))
    page = scanned_pages.KINDS["200 dpi, clean"](text_of(seed, 3_000), font)
    page.image.save(file, "PNG")
    return file.getvalue(), count_words(page.text)


# --- spread


def compare_divisions(model: Path, scratch: Path, n_shards: int, scale: float) -> None:
    store = FolderStore(scratch / "store")
    write_mixed(store.root / "inbox", scale)
    inbox = planning.write_listing(store.files("inbox"), scratch / "listing.jsonl")
    print(f"{inbox.n_files} files, {inbox.n_bytes / MB:.1f} MB, in bytes and files: {dict(inbox.sizes)}", flush=True)
    figures = estimate_times([], "", ocr=True)
    by_bytes: dict[str, TimeOfFormat] = {name: {"file_s": 0.0, "mb_s": 1.0} for name in figures}
    tag_divided("by bytes", by_bytes, model, store, scratch, inbox, n_shards)
    measured = tag_divided("by the built-in figures", figures, model, store, scratch, inbox, n_shards)
    times = estimate_times([measured], measured["model_version"], ocr=True)
    tag_divided("by measured times", times, model, store, scratch, inbox, n_shards)


def tag_divided(
    what: str,
    times: Mapping[str, TimeOfFormat],
    model: Path,
    store: FolderStore,
    scratch: Path,
    inbox: planning.InboxSummary,
    n_shards: int,
) -> MeasuredDay:
    """Tag the inbox in shards of such times, and print how long they took; what all of it took."""
    shard_s = estimate_s(inbox.sizes, times) / n_shards
    shards: dict[int, list[planning.ListedFile]] = {}
    listing = planning.read_listing(scratch / "listing.jsonl")
    for number, file in planning.assign_shards(listing, inbox.sizes, times, shard_s=shard_s):
        shards.setdefault(number, []).append(file)
    manifests, cpu = list[dict[str, Any]](), list[float]()
    for files in shards.values():
        manifest, cpu_s = tag(model, store, scratch, files)
        manifests.append(manifest)
        cpu.append(cpu_s)
    took = [float(manifest["elapsed_s"]) for manifest in manifests]
    print(f"{what}: {len(shards)} shards; {describe('tagging', took)}; {describe('CPU', cpu)}", flush=True)
    if sum(manifest["n_rejected"] for manifest in manifests):
        raise SystemExit(f"found rejected documents, expected none: {[one['rejected'] for one in manifests]}")
    found: MeasuredDay = {"model_version": manifests[0]["model_version"], **merge.sum_manifests(manifests)}  # type: ignore[typeddict-item]
    print(f"  estimated {estimate_s(inbox.sizes, times):.0f}, took {sum(took):.0f} s of tagging", flush=True)
    return found


def describe(what: str, took: Sequence[float]) -> str:
    listed = " ".join(f"{one:.0f}" for one in took)
    return f"{what} {listed} s, longest / mean {max(took) / mean(took):.2f}"


def tag(
    model: Path, store: FolderStore, scratch: Path, files: Sequence[planning.ListedFile]
) -> tuple[dict[str, Any], float]:
    """Tag a shard in a process of its own; its manifest, and its seconds of CPU."""
    listing, output = scratch / "inputs.jsonl", scratch / "answers"
    fetched = store.fetch_files([file.key for file in files], scratch / "inbox")
    write_inputs(listing, [file.name for file in files], fetched)
    command = [sys.executable, "-m", "ner_tasks", "tag", "--model", str(model), "--output", str(output), "--ocr", "1"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*command, "--inputs_file", str(listing)], check=True, stdout=subprocess.PIPE)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads((output / merge.MANIFEST).read_text()), cpu_s


def write_mixed(folder: Path, scale: float) -> None:
    """What arrives in a day: few of the files are most of the bytes, others are most of the work."""
    folder.mkdir(parents=True)
    kinds: dict[str, tuple[int, Callable[[int], bytes]]] = {
        "claim-{:04}.docx": (150, lambda n: docx_bytes(text_of(n, 6_000))),
        "fax-{:04}.png": (60, lambda n: scan(n)[0]),
        "intake-{:04}.zip": (12, archive),
        "letter-{:04}.txt": (900, lambda n: text_of(n, 4_000).encode()),
        "report-{:04}.pdf": (150, lambda n: pdf_bytes(text_of(n, 12_000))),
        "table-{:04}.csv": (6, lambda n: MAKERS["csv"](without_blank_lines(text_of(n, 400_000)))),
    }
    for kind, (name, (n_files, make)) in enumerate(kinds.items()):
        for number in range(max(1, round(scale * n_files))):
            (folder / name.format(number)).write_bytes(make(100_000 * kind + number))


def without_blank_lines(text: str) -> str:
    """The text with no row of a table that is rejected as empty."""
    return "\n".join(line for line in text.splitlines() if line.strip())


def archive(seed: int) -> bytes:
    return zipped({f"{number}.txt": text_of(1_000 * seed + number, 3_000).encode() for number in range(40)})


if __name__ == "__main__":
    sys.exit(main())
