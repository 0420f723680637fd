"""Run the program Tesseract.

The program is run directly, with a greyscale picture on standard input: no Python wrapper, no temporary files.

Source of the columns: Tesseract 5, `tesseract --help-extra`, and its TSV renderer.
"""

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ner_tasks import child_environment
from ner_tasks.documents.sandbox.confinement import end_with_parent
from ner_tasks.documents.types import CannotRead

if TYPE_CHECKING:
    from PIL import Image

PROGRAM = "tesseract"
_LIST_SECONDS = 30
_LANGUAGE = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:/[A-Za-z0-9_]+)*")
# Fully automatic page segmentation, without orientation detection.
_PAGE_SEGMENTATION = "3"
_WORD_LEVEL, _N_COLUMNS = "5", 12
_MAX_CONFIDENCE = 100


@dataclass(frozen=True)
class TesseractWord:
    """A word in a picture.

    Attributes:
        text: the word.
        line: numbers of its block, paragraph and line, which identify its line on the page.
        box: left, top, right, bottom in pixels.
        confidence: confidence in percent.
    """

    text: str
    line: tuple[int, int, int]
    box: tuple[float, float, float, float]
    confidence: int


def find_missing(languages: str) -> str:
    """Return what Tesseract requires for these languages but is not installed, as a phrase; "" if nothing is missing.

    Args:
        languages: Tesseract's names, joined by `+`.
    """
    if not shutil.which(PROGRAM):
        return f"program {PROGRAM}"
    installed = installed_languages()
    absent = [name for name in languages.split("+") if not _LANGUAGE.fullmatch(name) or name not in installed]
    return f"language {', '.join(map(repr, absent))} of {PROGRAM}" if absent else ""


def installed_languages() -> frozenset[str]:
    """Return Tesseract's names of the installed languages; empty if it cannot be run."""
    try:
        listing = subprocess.run(
            [PROGRAM, "--list-langs"], capture_output=True, text=True, timeout=_LIST_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return frozenset()
    return frozenset(listing.stdout.split("\n")[1:]) - {""}


def recognize_words(image: "Image.Image", dpi: float, languages: str, seconds: float) -> list[TesseractWord]:
    """Return the words of a picture in reading order.

    Args:
        image: image of mode L.
        dpi: resolution in pixels per inch.
        languages: Tesseract's names, joined by `+`.
        seconds: maximum time.

    Raises:
        CannotRead: `too-slow`; `needs-ocr` without the program; `broken` if it fails.
    """
    command = [PROGRAM, "-", "-", "-l", languages, "--psm", _PAGE_SEGMENTATION, "--dpi", str(round(dpi)), "tsv"]
    picture = b"P5 %d %d 255\n" % image.size + image.tobytes()
    try:
        run = subprocess.run(
            command,
            input=picture,
            capture_output=True,
            timeout=max(seconds, 0.1),
            check=False,
            env=_environment(),
            preexec_fn=end_with_parent,  # one call of the kernel, which needs no lock of another thread
        )
    except subprocess.TimeoutExpired:
        raise CannotRead("too-slow", f"found that OCR of a page takes over {seconds:.0f} s, expected less") from None
    except FileNotFoundError:
        raise CannotRead("needs-ocr", f"found no program {PROGRAM}, expected it for OCR") from None
    if run.returncode:
        raise CannotRead("broken", f"found exit code {run.returncode} of {PROGRAM}, expected 0")
    return _parse_tsv(run.stdout.decode("utf-8", "replace").split("\n"))


def _parse_tsv(lines: Sequence[str]) -> list[TesseractWord]:
    words = []
    for line in lines[1:]:
        cells = line.split("\t", _N_COLUMNS - 1)
        if len(cells) != _N_COLUMNS or cells[0] != _WORD_LEVEL:
            continue
        block, paragraph, line_number = (int(cell) for cell in cells[2:5])
        left, top, width, height = (int(cell) for cell in cells[6:10])
        confidence = min(max(round(float(cells[10])), 0), _MAX_CONFIDENCE)
        words.append(
            TesseractWord(
                cells[11], (block, paragraph, line_number), (left, top, left + width, top + height), confidence
            )
        )
    return words


def _environment() -> dict[str, str]:
    # One thread is faster than several for one page, and readers run in parallel.
    return {**child_environment.reader_environment(), "OMP_THREAD_LIMIT": "1"}
