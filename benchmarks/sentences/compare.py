"""Compare sentence splitters on sentences whose ends are known.

    python -m venv .venv-sentences && .venv-sentences/bin/pip install -r benchmarks/sentences/requirements.txt
    .venv-sentences/bin/python benchmarks/sentences/compare.py LABELLED...

LABELLED: a Kaggle CSV, its zip, or CoNLL. Its sentences are joined to paragraphs of eight, in two layouts: one line, and
wrapped at 72 characters as in mail and PDF. Ends are compared by the number of non-space characters before them, so
that spacing does not matter; the end of a paragraph does not count.
"""

import argparse
import re
import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.prose import paragraphs, prose  # noqa: E402  the repository need not be installed
from ner_tasks.data import corpus  # noqa: E402
from ner_tasks.segmentation import iter_sentences  # noqa: E402

WIDTH = 72
# A text -> its sentences; spaces may differ.
Splitter = Callable[[str], Sequence[str]]


def wrap(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, break_on_hyphens=False, break_long_words=False)


def ends(sentences: Sequence[str]) -> set[int]:
    """Return the ends of all sentences but the last, as counts of non-space characters."""
    lengths = [sum(map(len, sentence.split())) for sentence in sentences]
    return set(accumulate(lengths)) - {0, sum(lengths)}


def splitters(other_text: str) -> dict[str, Splitter]:
    """Return the splitters; `other_text` trains the unsupervised one."""
    import blingfire
    import nupunkt
    import pysbd
    import sentencex
    import syntok.segmenter
    from nltk.tokenize.punkt import PunktSentenceTokenizer, PunktTrainer

    rules = pysbd.Segmenter(language="en", clean=False)
    trainer = PunktTrainer()
    trainer.INCLUDE_ALL_COLLOCS = True
    trainer.train(other_text)
    punkt = PunktSentenceTokenizer(trainer.get_params())

    def ours(text: str) -> list[str]:
        return ["".join(text[start:end] for start, end in words) for words in iter_sentences(text)]

    def by_syntok(text: str) -> list[str]:
        # Its tokens may differ from the text (`not` for `n't`), but their offsets are right.
        starts = [sentence[0].offset for paragraph in syntok.segmenter.process(text) for sentence in paragraph]
        return [text[start:end] for start, end in pairwise([0, *starts[1:], len(text)])]

    return {
        "ner_tasks.segmentation (sentencex within blocks)": ours,
        "sentencex": lambda text: list(sentencex.segment("en", text)),
        "pysbd": rules.segment,
        "nltk Punkt, trained on the other half": punkt.tokenize,
        "nupunkt": nupunkt.sent_tokenize,
        "syntok": by_syntok,
        "blingfire": lambda text: blingfire.text_to_sentences(text).split("\n"),
        "regex [.?!] space capital": re.compile(r"(?<=[.?!])\s+(?=[\"'(]?[A-Z])").split,
    }


def measure(split: Splitter, texts: Sequence[tuple[str, set[int]]]) -> tuple[float, float, float, float]:
    """Return precision, recall and F1 of the ends, and characters per second."""
    n_right = n_predicted = n_gold = 0
    began = time.perf_counter()
    answers = [split(text) for text, _ in texts]
    seconds = time.perf_counter() - began
    for (text, gold), answer in zip(texts, answers, strict=True):
        if sum(len("".join(sentence.split())) for sentence in answer) != len("".join(text.split())):
            n_gold += len(gold)  # a splitter that changes the text gives no usable ends
            continue
        predicted = ends(answer)
        n_right += len(predicted & gold)
        n_predicted += len(predicted)
        n_gold += len(gold)
    precision, recall = n_right / max(n_predicted, 1), n_right / n_gold
    f1 = 2 * n_right / (n_predicted + n_gold)
    return precision, recall, f1, sum(len(text) for text, _ in texts) / seconds


def main() -> None:
    """Print one Markdown table per file and layout."""
    arguments = argparse.ArgumentParser(description="Compare sentence splitters on labelled sentences.")
    arguments.add_argument("labelled", nargs="+", type=Path)
    arguments.add_argument(
        "--n_sentences",
        type=int,
        default=8000,
        help="sentences of each file, at most half of them (default: %(default)s)",
    )
    args = arguments.parse_args()
    for path in args.labelled:
        lines = [prose(sentence.words) for sentence in corpus.read_labelled(path)]
        n = min(args.n_sentences, len(lines) // 2)
        sentences, others = lines[:n], lines[-n:]
        groups = list(paragraphs(sentences))
        layouts = {
            "one line to a paragraph": [" ".join(group) for group in groups],
            f"wrapped at {WIDTH}": ["\n".join(wrap(" ".join(group))) for group in groups],
        }
        for layout, texts in layouts.items():
            cases = [(text, ends(group)) for text, group in zip(texts, groups, strict=True)]
            n_ends = sum(len(gold) for _, gold in cases)
            print(f"\n{path.name}, {layout}: {n_ends:,} ends\n")
            print("| splitter | precision | recall | F1 | characters/s |\n|---|---:|---:|---:|---:|")
            for name, split in splitters(" ".join(others)).items():
                precision, recall, f1, speed = measure(split, cases)
                print(f"| {name} | {precision:.4f} | {recall:.4f} | {f1:.4f} | {speed:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
