"""Compare the speed of the PDF reader with pypdf, and its words with those of poppler's `pdftotext`.

    python -m benchmarks.documents.pdf FOLDER [--rounds 3] [--max_pages 40] [--json FILE]

Both readers read each file of the folder in each round. Ours does everything that the product does: text, boxes, form
fields, annotations, images, attachments. A word has two letters or more. Words are compared as a multiset, in lower
case after compatibility normalisation; a word hyphenated at a line end is compared whole.
"""

import argparse
import io
import json
import logging
import platform
import re
import shutil
import subprocess
import sys
import time
import unicodedata
from collections import Counter
from importlib import metadata
from pathlib import Path
from statistics import median

import pypdf

from ner_tasks.documents import CannotRead, Limits
from ner_tasks.documents.readers.pdf import pdf

TARGET_SPEED, TARGET_MISSING, EXPLAIN_FROM = 8.0, 0.015, 0.05
_LIMITS = Limits(max_bytes=200 * 2**20)
_WORD = re.compile(r"[^\W\d_]{2,}")
_CUT = re.compile(r"(?<=[^\W\d_])[-\u2010\u00ad]\s*\n\s*(?=[^\W\d_])")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.documents.pdf", description=_first_line())
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--max_pages", type=int, default=40, help="pages of a file to time; all pages are compared")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)  # pypdf logs every repair
    files = sorted(path for path in args.folder.rglob("*") if path.suffix.lower() == ".pdf")
    speed = measure_speed([part for path in files if (part := first_pages(path, args.max_pages))], args.rounds)
    print(f"pages/s: ours {speed['ours']:.0f}, pypdf {speed['pypdf']:.0f}; ratio {speed['ratio']:.1f}, "
          f"target {TARGET_SPEED:g}; {speed['n_pages']:.0f} pages of {len(files)} files")  # fmt: skip
    figures = {"speed": speed, "missing": measure_missing(files) if shutil.which("pdftotext") else None}
    if args.json:
        versions = {name: metadata.version(name) for name in ("pypdfium2", "pypdf")}
        args.json.write_text(json.dumps({**figures, "versions": versions, "machine": platform.machine()}, indent=1))
    return 0


def first_pages(path: Path, n_pages: int) -> bytes:
    """Return a PDF of the first pages of a PDF; empty if pypdf cannot copy it."""
    try:
        reader = pypdf.PdfReader(path)
        if len(reader.pages) <= n_pages:
            return path.read_bytes()
        writer, file = pypdf.PdfWriter(), io.BytesIO()
        writer.append(reader, pages=(0, n_pages))
        writer.write(file)
    except Exception:  # noqa: BLE001 (pypdf raises anything on malformed files)
        return b""
    return file.getvalue()


def measure_speed(contents: list[bytes], n_rounds: int) -> dict[str, float]:
    """Return the median pages per second of each reader, over the files that both can read."""
    seconds: dict[str, list[float]] = {"ours": [], "pypdf": []}
    readable = [data for data in contents if _ours(data) and _theirs(data)]
    n_pages = sum(_theirs(data) for data in readable)
    for _ in range(n_rounds):
        spent = dict.fromkeys(seconds, 0.0)
        for data in readable:
            for name, read in (("ours", _ours), ("pypdf", _theirs)):
                begin = time.perf_counter()
                read(data)
                spent[name] += time.perf_counter() - begin
        for name, value in spent.items():
            seconds[name].append(value)
    ratios = [theirs / ours for ours, theirs in zip(seconds["ours"], seconds["pypdf"], strict=True)]
    per_second = {name: n_pages / median(values) for name, values in seconds.items()}
    return {**per_second, "ratio": median(ratios), "n_pages": n_pages}


def _ours(data: bytes) -> int:
    try:
        return len(pdf.read(data, _LIMITS).items.counts.get("page", {})) or 1
    except CannotRead:
        return 0


def _theirs(data: bytes) -> int:
    try:
        return sum(page.extract_text() is not None for page in pypdf.PdfReader(io.BytesIO(data)).pages)
    except Exception:  # noqa: BLE001 (see above)
        return 0


def measure_missing(files: list[Path]) -> dict[str, float]:
    """Return the share of `pdftotext`'s words that ours lacks; print the files with many of them."""
    n_words = n_missing = 0
    for path in files:
        theirs = extract_words(_pdftotext(path))
        try:
            document = pdf.read(path.read_bytes(), _LIMITS)
            ours, unread = extract_words(document.text), document.items.unread
        except CannotRead as error:
            ours, unread = Counter[str](), (error.reason,)
        missing = theirs - ours
        n_words, n_missing = n_words + theirs.total(), n_missing + missing.total()
        if theirs and missing.total() > EXPLAIN_FROM * theirs.total():
            share = missing.total() / theirs.total()
            words = ", ".join(word for word, _ in missing.most_common(8))
            print(
                f"  {path.name}: {share:.1%} of {theirs.total()} words missing, such as {words}; unread: {unread[:2]}"
            )
    share = n_missing / max(n_words, 1)
    print(f"missing of pdftotext's words: {share:.2%} of {n_words}, target: at most {TARGET_MISSING:.1%}")
    return {"share": share, "n_words": n_words}


def extract_words(text: str) -> Counter[str]:
    """Return the words of a text, normalised for the comparison."""
    return Counter(_WORD.findall(_CUT.sub("", unicodedata.normalize("NFKC", text)).lower()))


def _pdftotext(path: Path) -> str:
    command = ["pdftotext", "-q", "-enc", "UTF-8", str(path), "-"]
    return subprocess.run(command, capture_output=True, check=False).stdout.decode("utf-8", "replace")


def _first_line() -> str:
    return (__doc__ or "").splitlines()[0]


if __name__ == "__main__":
    sys.exit(main())
