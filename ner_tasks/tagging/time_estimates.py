"""Estimates how long a file takes, from its name and size, by what earlier days measured.

A file takes the time of its reader, and that of its words at the model. The built-in figures of each format are those of
`python -m tests.manual.shard_times figures`; what days took here corrects them, the more the longer it took. Which shard
answers a document follows from the estimates; the answer does not.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from ner_tasks.documents.detection.formats import FORMATS
from ner_tasks.documents.detection.sizes import OTHER, OTHER_RULE, SIZE_RULES, SizeRule
from ner_tasks.errors import ArtifactBroken, InputMissing
from ner_tasks.records import MeasuredDay, ReadFiles, TimeOfFormat, read_record
from ner_tasks.store import Store, keys
from ner_tasks.tagging.merge import MANIFEST

_N_DAYS = 7  # newest ones, which are measured
MB = 1_000_000


class _Figures(NamedTuple):
    """What a format takes: seconds of CPU to read a file and each of its MB, and words in each MB."""

    file_s: float
    mb_s: float
    words_per_mb: float


# An AMD EPYC with VNNI, November 2026; Tesseract 5.
_FIGURES = {
    "text": _Figures(0.0003, 0.02, 180_000),
    "html": _Figures(0.0011, 0.36, 140_000),
    "svg": _Figures(0.00043, 0.13, 120_000),
    "xml": _Figures(0.00043, 0.14, 140_000),
    "rtf": _Figures(0.0003, 0.1, 160_000),
    "eml": _Figures(0.00047, 0.062, 180_000),
    "mbox": _Figures(0.0003, 0.1, 180_000),
    "ics": _Figures(0.00037, 0.043, 150_000),
    "vcf": _Figures(0.00031, 0.044, 160_000),
    "msg": _Figures(0.00048, 0.034, 74_000),
    "tnef": _Figures(0.0003, 0.037, 91_000),
    "pdf": _Figures(0.0003, 1.8, 250_000),
    "docx": _Figures(0.0003, 1.4, 28_000),
    "xlsx": _Figures(0.0003, 0.69, 220_000),
    "xls": _Figures(0.00044, 0.08, 67_000),
    "ods": _Figures(0.0003, 3.3, 350_000),
    "pptx": _Figures(0.0003, 1.1, 36_000),
    "odt": _Figures(0.0003, 0.98, 390_000),
    "odp": _Figures(0.0003, 0.97, 380_000),
    "epub": _Figures(0.0003, 1.7, 350_000),
    "hl7": _Figures(0.0003, 0.31, 94_000),
    "cda": _Figures(0.0005, 0.13, 93_000),
    "fhir": _Figures(0.00076, 0.27, 120_000),
    "x12": _Figures(0.00054, 0.23, 150_000),
    "csv": _Figures(0.0013, 1.1, 150_000),
    "tsv": _Figures(0.0019, 1.1, 150_000),
    "jsonl": _Figures(0.0012, 0.8, 96_000),
    "json": _Figures(0.00034, 0.046, 120_000),
    "zip": _Figures(0.00031, 0.17, 460_000),
    "tar": _Figures(0.0003, 0.038, 110_000),
    "gz": _Figures(0.00034, 0.24, 460_000),
    "bz2": _Figures(0.00044, 0.23, 450_000),
    "xz": _Figures(0.00043, 0.15, 460_000),
    "image": _Figures(0.0003, 0, 0),  # rejected without a look at its pages
}
# not measured, or a packed text like the other
_LIKE = {"doc": "docx", "ppt": "pptx", "xlsb": "xlsx", "mhtml": "eml", "tar.gz": "gz", "tar.bz2": "bz2", "tar.xz": "xz"}
_FIGURES |= {name: _FIGURES[other] for name, other in _LIKE.items()}
_WITH_OCR = {"image": _Figures(0.57, 6.4, 2_000)}
_WORDS_PER_S = 18_000  # of one worker with two cores, docs/scaling.md
# How much of the built-in figures is kept beside what was measured.
_KEPT_READ_S, _KEPT_MODEL_S, _KEPT_MB = 10.0, 60.0, 1.0


def read_measured_days(store: Store) -> Iterator[MeasuredDay]:
    """Yield the newest published days that say how long their files took; those of earlier releases do not."""
    for day in islice(sorted(store.folders(keys.TAGGED), reverse=True), _N_DAYS):
        try:
            measured = read_record(store, keys.tagged_day(day, MANIFEST), MeasuredDay)
        except (InputMissing, ArtifactBroken):  # withdrawn, or damaged, which the steps that need it tell
            continue
        if measured.get("formats"):
            yield measured


def estimate_times(days: Sequence[MeasuredDay], model_version: str, *, ocr: bool) -> dict[str, TimeOfFormat]:
    """Estimate how long files of each format take in one worker.

    Args:
        days: what earlier days took.
        model_version: the model that will tag; days by others count for its speed only if there is none by it.
        ocr: whether pictures of text are read.

    Returns:
        Times by format, of all formats and of files whose names say none.
    """
    read = {name: _sum_read(days, name) for name in (*FORMATS, OTHER)}
    word_s, share = _estimate_word_s(days, model_version), _estimate_share(days)
    figures = {**_FIGURES, **(_WITH_OCR if ocr else {})}
    return {name: _correct(figures.get(name, figures["text"]), sums, word_s, share) for name, sums in read.items()}


def _sum_read(days: Iterable[MeasuredDay], name: str) -> ReadFiles:
    found = [day["formats"][name] for day in days if name in day.get("formats", {})]
    return {
        "n_files": sum(one["n_files"] for one in found),
        "n_bytes": sum(one["n_bytes"] for one in found),
        "read_s": sum(one["read_s"] for one in found),
        "n_words": sum(one["n_words"] for one in found),
    }


def _estimate_word_s(days: Sequence[MeasuredDay], model_version: str) -> float:
    """Return the seconds of the model for each word."""
    same = [day for day in days if day["model_version"] == model_version] or days
    n_words = _KEPT_MODEL_S * _WORDS_PER_S + sum(day.get("n_words_new", 0) for day in same)
    return (_KEPT_MODEL_S + sum(day.get("model_s", 0) for day in same)) / n_words


def _estimate_share(days: Iterable[MeasuredDay]) -> float:
    """Return a worker's time over that of readers and model together: they work side by side, and not all work is theirs."""
    busy_s = elapsed_s = _KEPT_MODEL_S
    for day in days:
        formats = day.get("formats", {}).values()
        if 2 * day.get("n_words_new", 0) >= sum(sums["n_words"] for sums in formats):  # most answers were not reused
            busy_s += day.get("model_s", 0) + sum(sums["read_s"] for sums in formats)
            elapsed_s += day.get("elapsed_s", 0)
    return elapsed_s / busy_s


def _correct(figures: _Figures, read: ReadFiles, word_s: float, share: float) -> TimeOfFormat:
    """Return the times of a format: the shape of its figures, at the level that was measured."""
    n_mb = read["n_bytes"] / MB
    expected_s = read["n_files"] * figures.file_s + n_mb * figures.mb_s
    level = (_KEPT_READ_S + read["read_s"]) / (_KEPT_READ_S + expected_s)
    words_per_mb = (_KEPT_MB * figures.words_per_mb + read["n_words"]) / (_KEPT_MB + n_mb)
    return {
        "file_s": round(share * level * figures.file_s, 9),
        "mb_s": round(share * (level * figures.mb_s + words_per_mb * word_s), 9),
    }


def estimate_s(sizes: Mapping[str, tuple[int, int]], times: Mapping[str, TimeOfFormat]) -> float:
    """Return the seconds that files take in one worker.

    Args:
        sizes: their number and their bytes that are read, by format.
        times: times by format, as for `time_suffixes`.
    """
    found = ((times.get(name) or times[OTHER], n_files, n_bytes) for name, (n_files, n_bytes) in sizes.items())
    return sum(n_files * time["file_s"] + n_bytes / MB * time["mb_s"] for time, n_files, n_bytes in found)


class FileTime(NamedTuple):
    """How the time of a file with a suffix is estimated: seconds for it, and for each byte that is read of it."""

    file_s: float
    byte_s: float
    most_bytes: int
    excess_bytes: int


def time_suffixes(times: Mapping[str, TimeOfFormat]) -> tuple[dict[str, FileTime], FileTime]:
    """Return how the time of a file is estimated, by its suffix, and of a file with none of these suffixes.

    Args:
        times: times by format, as `estimate_times` returns them; a format that is missing is timed like `other`.
    """
    return {suffix: _time_files(rule, times) for suffix, rule in SIZE_RULES.items()}, _time_files(OTHER_RULE, times)


def _time_files(rule: SizeRule, times: Mapping[str, TimeOfFormat]) -> FileTime:
    time = times.get(rule.format) or times[OTHER]
    return FileTime(time["file_s"], time["mb_s"] / MB, rule.most_bytes, rule.excess_bytes)
