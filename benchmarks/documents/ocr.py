"""Measure the word error rate of OCR on images of known text, by resolution, skew and noise.

    python -m benchmarks.documents.ocr [--n_pages 12] [--languages eng+spa] [--json FILE]

The texts are the sample's letters and reports, one page each, drawn in the installed fonts. An error is an inserted,
deleted or replaced word; words are separated by spaces, so a wrong comma counts. The second rate ignores accents:
Tesseract's English model has none, and the sample has names with accents (`--languages eng+spa`).
"""

import argparse
import json
import platform
import subprocess
import sys
import time
import unicodedata
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from statistics import median

from PIL import Image

from benchmarks.documents import scanned_pages
from ner_tasks.documents import Limits
from ner_tasks.documents.ocr import ocr, ocr_images

_TEXTS = Path(__file__).resolve().parents[2] / "sample/inbox"
_TARGETS = {"300 dpi, clean": 0.01, "fax, 204 x 196 dpi": 0.08}


def measure(kind: str, n_pages: int, limits: Limits) -> dict[str, float]:
    """Return the word error rate over the pages of one kind, and the time per page."""
    n_words = n_errors = n_errors_plain = 0
    seconds, confidences = [], []
    for text, font in pages(n_pages):
        page = scanned_pages.KINDS[kind](text, font)
        begin = time.perf_counter()
        image, dpi = ocr_images.make_pixels_square(page.image, page.dpi, page.dpi_down)
        recognized = ocr.recognize(image, dpi, limits)
        seconds.append(time.perf_counter() - begin)
        confidences.append(recognized.mean_confidence)
        n_words += len(page.text.split())
        n_errors += scanned_pages.word_errors(page.text.split(), recognized.text.split())
        n_errors_plain += scanned_pages.word_errors(plain(page.text).split(), plain(recognized.text).split())
    return {
        "word_error_rate": n_errors / n_words,
        "without_accents": n_errors_plain / n_words,
        "n_words": n_words,
        "mean_confidence": sum(confidences) / len(confidences),
        "median_seconds": median(seconds),
    }


def plain(text: str) -> str:
    """Remove the accents of a text."""
    return "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))


def pages(n_pages: int) -> list[tuple[str, Path]]:
    """Return texts, each with the font to draw it in."""
    letters, reports = (sorted(_TEXTS.glob(f"{name}-??.txt")) for name in ("letter", "report"))
    texts = [path for pair in zip(letters, reports, strict=False) for path in pair]
    fonts = list(scanned_pages.fonts().values())
    chosen = [texts[index % len(texts)].read_text(encoding="utf-8") for index in range(n_pages)]
    return [(text, fonts[index % len(fonts)]) for index, text in enumerate(chosen)]


def versions() -> dict[str, str]:
    """Return the versions that the figures depend on."""
    program = subprocess.run(["tesseract", "--version"], capture_output=True, text=True, check=True)
    return {
        "tesseract": program.stdout.split("\n")[0].removeprefix("tesseract "),
        "pillow": Image.__version__,
        "numpy": metadata.version("numpy"),
        "python": platform.python_version(),
        "fonts": ", ".join(scanned_pages.fonts()),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Print a row for each kind of page; return 1 if one misses its target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n_pages", type=int, default=12, help="pages of each kind (default: %(default)s)")
    parser.add_argument("--languages", default="eng", help="as NER_OCR_LANGUAGES (default: %(default)s)")
    parser.add_argument("--kinds", default="", help="only kinds whose name contains this")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    args = parser.parse_args(argv)
    limits = Limits(ocr=True, ocr_languages=args.languages)
    if absent := ocr.find_missing(limits.ocr_languages):
        parser.error(f"found no {absent}, expected it; see `make install-ocr`")
    print(", ".join(f"{name} {version}" for name, version in versions().items()))
    print(
        f"{'kind':28} {'words':>6} {'word error rate':>16} {'target':>10} {'no accents':>11} {'confidence':>11} {'s/page':>7}"
    )
    rows = {}
    for kind in scanned_pages.KINDS:
        if args.kinds in kind:
            rows[kind] = row = measure(kind, args.n_pages, limits)
            target = f"{100 * _TARGETS[kind]:.0f} %" if kind in _TARGETS else "-"
            print(
                f"{kind:28} {row['n_words']:6} {100 * row['word_error_rate']:14.2f} % {target:>10} "
                f"{100 * row['without_accents']:9.2f} % "
                f"{row['mean_confidence']:9.0f} % {row['median_seconds']:7.2f}",
                flush=True,
            )
    if args.json:
        args.json.write_text(json.dumps({"versions": versions(), "kinds": rows}, indent=1) + "\n", encoding="utf-8")
    return int(any(rows[kind]["word_error_rate"] > most for kind, most in _TARGETS.items() if kind in rows))


if __name__ == "__main__":
    sys.exit(main())
