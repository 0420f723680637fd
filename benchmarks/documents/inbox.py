"""Measure whether reading keeps up with the model: run `tag` on PDFs and on the same words as plain text.

    python -m benchmarks.documents.inbox [--model DIR] [--texts FOLDER] [--rounds 5] [--json FILE]

Both inboxes are tagged in each round, in alternating order. The result is the median of the rates that `tag` reports,
which exclude the start of TensorFlow. On a busy machine the CPU time (`cpu_s`, including the start) is more reliable.
The texts are letters and reports from the sample's generator, or the text files of a folder.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from reportlab.lib.pagesizes import LETTER
from reportlab.pdfgen.canvas import Canvas

from ner_tasks import hardware
from sample import documents

_STORE = Path("var/store/models")
_TARGET = 0.85
_COLUMNS, _LINES = 95, 52
_FONT, _FONT_POINTS, _LEADING, _MARGIN = "Helvetica", 10, 13, 54


def texts(n_documents: int, n_pages: int, folder: Path | None) -> Iterator[list[str]]:
    """Yield the lines of each document: consecutive letters and reports, or one text of the folder."""
    if folder:
        for path in sorted(folder.rglob("*.txt"))[:n_documents]:
            yield _lines(path.read_text(encoding="utf-8"))
        return
    for number in range(n_documents):
        rng, lines = random.Random(number), []  # noqa: S311 - no secret
        while len(lines) < n_pages * _LINES:
            lines += ["", *_lines(rng.choice((documents.letter, documents.report_text))(rng))]
        yield lines[: n_pages * _LINES]


def _lines(text: str) -> list[str]:
    return [part for line in text.splitlines() for part in textwrap.wrap(line, _COLUMNS) or [""]]


def write_inboxes(folder: Path, given: Iterator[list[str]]) -> tuple[int, int]:
    """Write each document below `pdf` and below `txt`; return the numbers of documents and words."""
    n_documents = n_words = 0
    for kind in ("pdf", "txt"):
        (folder / kind).mkdir(parents=True)
    for n_documents, lines in enumerate(given, start=1):
        name = f"{n_documents:04}"
        (folder / "txt" / f"{name}.txt").write_text("\n".join(lines), encoding="utf-8")
        _write_pdf(folder / "pdf" / f"{name}.pdf", lines)
        n_words += sum(len(line.split()) for line in lines)
    return n_documents, n_words


def _write_pdf(path: Path, lines: Sequence[str]) -> None:
    canvas = Canvas(str(path), pagesize=LETTER, invariant=True)
    for first in range(0, len(lines), _LINES):
        page = canvas.beginText(_MARGIN, LETTER[1] - _MARGIN)
        page.setFont(_FONT, _FONT_POINTS, _LEADING)
        for line in lines[first : first + _LINES]:
            page.textLine(line)
        canvas.drawText(page)
        canvas.showPage()
    canvas.save()


def rate(model: Path, inbox: Path, output: Path, n_readers: int, n_threads: int) -> dict[str, float]:
    """Run `tag` on an inbox and return figures of its report."""
    command = [sys.executable, "-m", "ner_tasks", "tag", "--model", str(model), "--output", str(output)]
    command += ["--readers", str(n_readers), str(inbox)]
    environment = {**os.environ, "NER_THREADS": str(n_threads)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = json.loads(done.stdout[done.stdout.index("{\n") :])
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    names = ("words_per_s", "n_words", "elapsed_s", "model_s", "n_rejected")
    return {**{name: report[name] for name in names}, "cpu_s": round(cpu_s, 2)}


def promoted() -> Path:
    """Return the promoted INT8 model of the local store."""
    version = json.loads((_STORE / "promoted.json").read_text(encoding="utf-8"))["version"]
    return _STORE / version / "int8"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.documents.inbox", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--model", type=Path, help="an INT8 model (default: the promoted one of var/store)")
    parser.add_argument("--texts", type=Path, metavar="FOLDER", help="text files to use instead of the sample's")
    parser.add_argument("--n_documents", type=int, default=80)
    parser.add_argument("--n_pages", type=int, default=6, help="pages of each document")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--n_readers", type=int, default=0, help="see `python -m ner_tasks tag --help`")
    parser.add_argument("--n_threads", type=int, default=hardware.count_cpus(), help="threads of the model")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to this file")
    args = parser.parse_args()
    model = args.model or promoted()
    runs_of: dict[str, list[dict[str, float]]] = {"pdf": [], "txt": []}
    with tempfile.TemporaryDirectory() as folder:
        given = texts(args.n_documents, args.n_pages, args.texts)
        n_documents, n_words = write_inboxes(Path(folder), given)
        print(
            f"{n_documents} documents, {n_words} words; {hardware.host_key(hardware.describe_host(args.n_threads))}",
            flush=True,
        )
        for number in range(args.rounds):
            for kind in ("pdf", "txt") if number % 2 else ("txt", "pdf"):
                output = Path(folder) / f"answers-{number}-{kind}"
                runs_of[kind].append(rate(model, Path(folder) / kind, output, args.n_readers, args.n_threads))
                print(f"  round {number + 1} {kind}: {runs_of[kind][-1]}", flush=True)
    rates = {kind: median(one["words_per_s"] for one in runs) for kind, runs in runs_of.items()}
    ratio = rates["pdf"] / rates["txt"]
    print(f"pdf {rates['pdf']:,.0f} words/s, txt {rates['txt']:,.0f} words/s, ratio {ratio:.2f} (target {_TARGET})")
    if args.json:
        figures = {"machine": hardware.describe_host(args.n_threads), "rates": rates, "ratio": ratio, "runs": runs_of}
        args.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return ratio < _TARGET


if __name__ == "__main__":
    sys.exit(main())
