"""Tag documents of 1 to 1,000,000 words with a real model and check that each is read to its last word.

    python -m tests.manual.long_documents [--model var/store/models/<version>/int8]

Tests each length twice: as prose, and as one endless sentence, which the model must read in windows. Compares the number
of words in each receipt with the number written. Not part of the test suite: it takes some minutes.
"""

import argparse
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from launcher.layout import Layout
from ner_tasks.registry.registry import Registry
from ner_tasks.store.folder import FolderStore
from ner_tasks.tagging.answers import read_answers

LENGTHS = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)
VOCABULARY = ("claim", "member", "doctor", "hospital", "letter", "paid", "refused", "of", "the", "in")
NAMES = ("Denver", "Maria", "Alvarez", "Nevada", "Tuesday", "France")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, help="a model folder; the promoted INT8 model unless told otherwise")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder, output = Path(scratch) / "inbox", Path(scratch) / "answers"
        written = write_documents(folder)
        command = ["tag", str(folder), "--model", str(args.model or promoted()), "--output", str(output)]
        subprocess.run([sys.executable, "-m", "ner_tasks", *command, "--max_document_mib", "64"], check=True)
        receipts = {answer.document: answer.receipt for answer in read_answers(output / "documents.jsonl")}
    wrong = 0
    for name, n_words in written.items():
        said = receipts.get(name, {"n_words": 0, "read_share": 0.0, "n_windows": 0})
        wrong += said["n_words"] != n_words or said["read_share"] != 1.0
        print(f"{name}: {n_words:,} words written, {said['n_words']:,} read in {said['n_windows']:,} windows")
    print(f"{len(written)} documents, {wrong} not read whole")
    return 1 if wrong else 0


def write_documents(folder: Path) -> dict[str, int]:
    """Documents of all lengths, and how many words each has; a full stop is a word."""
    rng = random.Random(0)
    folder.mkdir()
    written = {}
    for n_words in LENGTHS:
        chosen = [rng.choice(VOCABULARY + NAMES) for _ in range(n_words)]
        for name, text in (("prose", prose(chosen)), ("endless", " ".join(chosen))):
            path = folder / f"{name}-{n_words}.txt"
            path.write_text(text, encoding="utf-8")
            written[path.name] = n_words + text.count(".")
    return written


def prose(chosen: list[str]) -> str:
    """Sentences of 20 words."""
    return " ".join(f"{' '.join(chosen[at : at + 20]).capitalize()}." for at in range(0, len(chosen), 20))


def promoted() -> Path:
    return Registry(FolderStore(Path(Layout.from_env().store))).resolve()[1]


if __name__ == "__main__":
    sys.exit(main())
