"""Measure what repeated sentences cost: words per second of letters, half of whose sentences are those of forms.

    python -m tests.manual.repeated_sentences MODEL [--letters 600] [--rounds 5]

Two inboxes are tagged in turns: letters whose sentences are all distinct, and letters of the same size in which every
second sentence belongs to one of a few forms. Sentences are from the sample's letters. The ratios compare words per second
of a round, by wall time and by CPU time, which is more reliable on a busy machine.
"""

import argparse
import os
import random
import resource
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from ner_tasks import hardware

os.environ.update(hardware.tensorflow_env(n_threads=hardware.count_cpus(), onednn=True))

from ner_tasks.documents.sandbox.sandbox import read_in_sandbox
from ner_tasks.inference.tagger import Tagger
from ner_tasks.segmentation import iter_sentences
from ner_tasks.tagging.batcher import TagConfig
from ner_tasks.tagging.shard import tag_documents
from sample import documents

SENTENCES_PER_LETTER = 20
N_FORMS = 30  # each half a letter


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path, help="a model folder")
    parser.add_argument("--letters", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    sentences = distinct_sentences(args.letters * SENTENCES_PER_LETTER)
    tagger = Tagger.load(args.model)
    rates: dict[str, list[dict[str, float]]] = {"distinct": [], "half repeated": []}
    with tempfile.TemporaryDirectory() as folder:
        inboxes = {
            "distinct": write_inbox(Path(folder) / "distinct", sentences, n_own=SENTENCES_PER_LETTER),
            "half repeated": write_inbox(Path(folder) / "repeated", sentences, n_own=SENTENCES_PER_LETTER // 2),
        }
        tag(tagger, inboxes["distinct"], Path(folder) / "out")  # oneDNN compiles code for each shape
        for _ in range(args.rounds):
            for name, inbox in inboxes.items():
                rates[name].append(tag(tagger, inbox, Path(folder) / "out"))
    print(hardware.describe_host(hardware.count_cpus()))
    print("| sentences | words | repeated | words/s | words per CPU second |")
    print("|---|---:|---:|---:|---:|")
    for name, measured in rates.items():
        n_words, share, wall, cpu = (median(one[key] for one in measured) for key in ("words", "share", "wall", "cpu"))
        print(f"| {name} | {n_words:,.0f} | {share:.1%} | {wall:,.0f} | {cpu:,.0f} |")
    for key in ("wall", "cpu"):
        ratios = [repeated[key] / distinct[key] for distinct, repeated in zip(*rates.values(), strict=True)]
        print(f"{key}: {median(ratios):.2f}x ({min(ratios):.2f} to {max(ratios):.2f})")
    return 0


def distinct_sentences(n: int) -> list[str]:
    """Return distinct sentences of the sample's letters, the number of the letter in each."""
    found: dict[str, None] = {}
    number = 0
    while len(found) < n:
        text = documents.letter(random.Random(number))
        for spans in iter_sentences(text):
            sentence = " ".join(text[spans[0].start : spans[-1].end].split())
            found[f"{sentence[:-1]} {number}{sentence[-1]}"] = None
        number += 1
    return list(islice(found, n))


def write_inbox(folder: Path, sentences: list[str], *, n_own: int) -> list[tuple[str, Path]]:
    """Write letters with `n_own` sentences of their own, and those of a form."""
    folder.mkdir()
    n_form, files = SENTENCES_PER_LETTER - n_own, []
    forms, own = sentences[: N_FORMS * n_form], iter(sentences[N_FORMS * n_form :])
    for number in range(len(sentences) // SENTENCES_PER_LETTER):
        first = number % N_FORMS * n_form
        letter = [*islice(own, n_own), *forms[first : first + n_form]]
        path = folder / f"{number:05}.txt"
        path.write_text("\n\n".join(letter), encoding="utf-8")
        files.append((path.name, path))
    return files


def tag(tagger: Any, files: list[tuple[str, Path]], output: Path) -> dict[str, float]:
    """Tag an inbox with an empty cache; return its words, the share of repeated ones, and its rates."""
    before, began = cpu_s(), time.monotonic()
    manifest = tag_documents(files, tagger=tagger, output=output, config=TagConfig(), read=read_in_sandbox)
    n_words, wall_s = manifest["n_words"], time.monotonic() - began
    rates = {"wall": n_words / wall_s, "cpu": n_words / (cpu_s() - before)}
    return {"words": n_words, "share": manifest["repeated_share"], **rates}


def cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    sys.exit(main())
