"""Measure how many texts in legacy encodings are decoded correctly when nothing declares the encoding.

python -m benchmarks.documents.encodings                # the held-out sentences
python -m benchmarks.documents.encodings --set tune --show

A text is right if its characters are; the name of the encoding does not matter.
"""

import argparse
import json
import sys
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ner_tasks.documents import CannotRead
from ner_tasks.documents.encodings.text_encoding import decode_with_guess

SENTENCES = Path(__file__).with_suffix(".jsonl")
# Sentences of each language: those that thresholds were tuned on, and held-out ones.
SETS = {"tune": slice(0, 10), "report": slice(10, 13)}
# First sentence and maximum number of characters of each sample.
CUTS = ((0, 40), (1, 60), (2, 100), (0, 150), (0, 600))
_PLAIN = str.maketrans({"’": "'", "“": '"', "”": '"', "–": "-", "½": "1/2", "°": " ", "£": "GBP ", "§": "Art. "})
_OF_LETTERS = "\u0302\u0306\u031b"  # circumflex, breve, horn: part of the letter, not tones
RIGHT, WRONG, REFUSED = "right", "wrong", "refused"


@dataclass(frozen=True)
class Sample:
    """A text in an encoding."""

    language: str
    encoding: str
    text: str
    data: bytes


def samples(name: str) -> Iterator[Sample]:
    """Yield texts of 40 to 600 characters in each language and encoding, without pure ASCII."""
    for line in SENTENCES.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        sentences = row["sentences"][SETS[name]]
        for encoding in row["encodings"]:
            for first, most in CUTS:
                sample = _sample(row["language"], encoding, " ".join(sentences[first:])[:most])
                if sample and not sample.data.isascii():
                    yield sample


def _sample(language: str, encoding: str, text: str) -> Sample | None:
    if encoding == "cp1258":
        text = "".join(character if _fits(character, encoding) else _with_tone(character) for character in text)
    for candidate in (text, text.translate(_PLAIN)):
        if _fits(candidate, encoding):
            return Sample(language, encoding, candidate, candidate.encode(encoding))
    return None


def _with_tone(character: str) -> str:
    """Decompose a Vietnamese letter as the code page does: the letter, then its tone."""
    base, *marks = list(unicodedata.normalize("NFD", character))
    tones = [mark for mark in marks if mark not in _OF_LETTERS]
    return unicodedata.normalize("NFC", base + "".join(set(marks) - set(tones))) + "".join(tones)


def _fits(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def ours(data: bytes) -> str | None:
    try:
        decoded = decode_with_guess(data)
    except CannotRead:
        return None
    return None if decoded.n_replaced else decoded.text


def decode_with_chardet(data: bytes) -> str | None:
    import chardet

    return _as_named(data, chardet.detect(data)["encoding"])


def decode_with_charset_normalizer(data: bytes) -> str | None:
    from charset_normalizer import from_bytes

    best = from_bytes(data).best()
    return str(best) if best else None


def _as_named(data: bytes, encoding: str | None) -> str | None:
    try:
        return data.decode(encoding) if encoding else None
    except (UnicodeDecodeError, LookupError):
        return None


DETECTORS: dict[str, Callable[[bytes], str | None]] = {"ours": ours, "chardet": decode_with_chardet}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.documents.encodings", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--set", choices=sorted(SETS), default="report")
    parser.add_argument("--show", action="store_true", help="print each text that was decoded wrongly")
    parser.add_argument("--normalizer", action="store_true", help="also run charset-normalizer, which is slow")
    args = parser.parse_args()
    detectors = {**DETECTORS, **({"charset-normalizer": decode_with_charset_normalizer} if args.normalizer else {})}
    counts: dict[str, dict[str, Counter[str]]] = {name: defaultdict(Counter) for name in detectors}
    for sample in samples(args.set):
        for name, detector in detectors.items():
            text = detector(sample.data)
            fate = REFUSED if text is None else RIGHT if _same(text, sample.text) else WRONG
            counts[name][sample.encoding][fate] += 1
            if args.show and name == "ours" and fate != RIGHT:
                print(f"{sample.language} {sample.encoding} {fate} {sample.text[:60]!r} as {(text or '')[:60]!r}")
    return _report(counts)


def _same(text: str, wanted: str) -> bool:
    return unicodedata.normalize("NFC", text) == unicodedata.normalize("NFC", wanted)


def _report(counts: dict[str, dict[str, Counter[str]]]) -> int:
    fates = (RIGHT, WRONG, REFUSED)
    print(f"{'encoding':15}", *(f"{name:>21}" for name in counts))
    for encoding in next(iter(counts.values())):
        cells = ("  ".join(f"{counted[encoding][fate]:5}" for fate in fates) for counted in counts.values())
        print(f"{encoding:15}", *(f"{cell:>21}" for cell in cells))
    share = 0.0
    for name, counted in counts.items():
        total = sum(counted.values(), Counter[str]())
        line = ", ".join(f"{total[fate]} {fate}" for fate in fates)
        print(f"{name}: {line} of {total.total()}; wrong {total[WRONG] / total.total():.1%}")
        share = share if name != "ours" else total[WRONG] / total.total()
    return share > 0.02


if __name__ == "__main__":
    sys.exit(main())
