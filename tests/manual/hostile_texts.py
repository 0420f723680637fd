"""Measure memory and time of `tag` on abnormal texts, and check the good documents beside them.

    python -m tests.manual.hostile_texts --model DIR [--mib 20] [--texts at,spaced] [--formats txt,docx] [--file_words N]

Tags each text in a separate run, between two good files. Memory is sampled twenty times per second: of the process with
the model, and of all processes including readers.
"""

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from tests import formats
from tests.pdf_objects import PdfObjects, string

MIB = 2**20
TEXTS = {
    "at": "@",
    "spaced": "a ",
    "word": "a",
    "lines": "a\n",
    "dots": ". ",
    "dashes": "a-",
    "names": "Rosa Delgado left Reno. ",
}
_LINE, _LINES = 10_000, 100  # characters and lines of a page


def _pdf(text: str) -> bytes:
    pdf = PdfObjects()
    for start in range(0, len(text), _LINE * _LINES):
        lines = (text[at : at + _LINE] for at in range(start, min(start + _LINE * _LINES, len(text)), _LINE))
        shown = b"".join(string(line.replace("\n", " ")) + b" Tj T*\n" for line in lines)
        content = b"BT /F1 1 Tf 1 TL 10 700 Td\n%s ET" % shown
        pdf.add_page(content + b" " * (len(content) % 2))  # packed if even
    return pdf.to_bytes()


FORMATS: dict[str, Callable[[str], bytes]] = {
    "txt": str.encode,
    "txt.gz": lambda text: gzip.compress(text.encode()),
    "docx": lambda text: formats.docx_bytes(*text.split("\n")[:1_000_000]),
    "pdf": _pdf,
    "csv": lambda text: b'id,text\n1,"' + text.encode() + b'"\n',
    "eml": formats.eml_bytes,
}


def tag(model: Path, inbox: Path, output: Path, file_words: int) -> dict[str, Any]:
    """Run `tag`; what it took and what became of the files."""
    command = [sys.executable, "-m", "ner_tasks", "tag", "--model", str(model), "--output", str(output)]
    began = time.monotonic()
    with (output.parent / "log").open("w") as log:
        process = subprocess.Popen([*command, "--file_words", str(file_words), str(inbox)], stdout=log, stderr=log)
        model_mib, all_mib = watch(process)
    answered = {name: list(_lines(output / f"{name}.jsonl")) for name in ("documents", "rejected")}
    return {
        "code": process.returncode,
        "s": round(time.monotonic() - began, 1),
        "model_mib": model_mib,
        "all_mib": all_mib,
        "tagged": sorted(answer["document"] for answer in answered["documents"]),
        "rejected": {answer["document"]: answer["reason"] for answer in answered["rejected"]},
    }


def watch(process: "subprocess.Popen[bytes]") -> tuple[int, int]:
    """The most that the process itself holds until it ends, and the most that it holds with its children, in MiB."""
    of_itself = of_all = 0
    with suppress(psutil.NoSuchProcess):
        top = psutil.Process(process.pid)
        while process.poll() is None:
            own = top.memory_info().rss
            others = 0
            for child in top.children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    others += child.memory_info().rss
            of_itself, of_all = max(of_itself, own), max(of_all, own + others)
            time.sleep(0.05)
    process.wait()
    return of_itself // MIB, of_all // MIB


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        with path.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--mib", type=float, default=20.0)
    parser.add_argument("--texts", default="at,spaced,word")
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument("--file_words", type=int, default=10_000_000)
    args = parser.parse_args()
    is_well = True  # nothing is lost beside a hostile text
    print("| text | file | bytes | answer | good files | MiB with the model | MiB of all | s |\n|" + "---|" * 8)
    for what in args.texts.split(","):
        unit = TEXTS[what]
        for suffix in args.formats.split(","):
            share = 0.95 if suffix == "eml" else 0.999  # what wraps the text takes its bytes, too
            text = unit * int(args.mib * MIB / len(unit) * share)
            with tempfile.TemporaryDirectory() as folder:
                inbox = Path(folder, "inbox")
                inbox.mkdir()
                data = FORMATS[suffix](text)
                name = f"hostile.{suffix}"
                (inbox / name).write_bytes(data)
                for good in ("a.txt", "z.txt"):
                    (inbox / good).write_text("Rosa Delgado left Reno.")
                found = tag(args.model, inbox, Path(folder, "out"), args.file_words)
                n_good = len({"a.txt", "z.txt"} & set(found["tagged"]))
                rejected = [reason for document, reason in found["rejected"].items() if document.startswith(name)]
                answer = ", ".join(rejected) or ("tagged" if len(found["tagged"]) > n_good else "NONE")
                is_well &= found["code"] == 0 and n_good == 2 and answer != "NONE"
                figures = f"{found['model_mib']} | {found['all_mib']} | {found['s']}"
                print(f"| {what} | {suffix} | {len(data)} | {answer} | {n_good} of 2 | {figures} |", flush=True)
                if found["code"]:
                    print(Path(folder, "log").read_text()[-2000:])
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
