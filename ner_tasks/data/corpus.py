"""Labelled files: the Kaggle CSV, CoNLL columns, spans in JSON, zips with one such file, and zips of brat's files.

`read_labelled` is strict, for training and evaluation. `open_rows` is lenient and reports the problem of each row, for
quarantine.

The Kaggle file comes from a spreadsheet: cp1252, CRLF, the sentence number only on the first row, and words such as `"`
and `None` that readers with type inference lose. This reader treats all fields as text.
"""

import csv
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from sys import intern

from ner_tasks.data.readers.brat import list_brat_files, read_brat
from ner_tasks.data.readers.conll import conll_rows
from ner_tasks.data.readers.conversions import Conversions
from ner_tasks.data.readers.rows import LabelledRow
from ner_tasks.data.readers.span_rows import SPAN_SUFFIXES, span_rows, task_rows
from ner_tasks.data.readers.span_tasks import Task
from ner_tasks.data.readers.tag_schemes import convert_to_bio
from ner_tasks.data.snapshot import check_frozen
from ner_tasks.errors import DataRejected, InputMissing
from ner_tasks.labels import find_bio_violation, is_tag

KAGGLE_COLUMNS = ("Sentence #", "Word", "POS", "Tag")
CONLL_SUFFIXES = (".tsv", ".conll", ".txt")
LABELLED_SUFFIXES = (".csv", ".zip", *CONLL_SUFFIXES, *SPAN_SUFFIXES)
MAX_BYTES = 2**30
_NUMBER = re.compile(r"(Sentence:?\s*)?\d+", re.IGNORECASE)
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class LabelledSentence:
    """A labelled sentence.

    Attributes:
        words: words, at least one, none blank.
        tags: BIO tag of each word.
        origin: file and line of the first word, such as `ner.csv:12`.
        pos: part-of-speech tag of each word as in the source, or empty; not used by the model.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...]
    origin: str
    pos: tuple[str, ...] = ()


def read_labelled(path: Path) -> list[LabelledSentence]:
    """Read the sentences of a labelled file; the first invalid row is an error.

    Args:
        path: `.csv` (Kaggle columns), CoNLL (`.tsv .conll .txt`), spans (`.json .jsonl`), a `.zip` with one such
            file, or a `.zip` of brat's texts and annotations.

    Raises:
        InputMissing: `path` does not exist.
        DataRejected: an invalid row or file; the message names the place.
        ArtifactBroken: a file of a snapshot was changed after it was written.
    """
    check_frozen(path)
    name, rows = open_rows(path)
    sentences = [_build_sentence(name, list(group)) for _, group in groupby(rows, key=lambda row: row.sentence)]
    if not sentences:
        raise DataRejected(f"found no sentence, expected at least one, in {path}")
    return sentences


def open_rows(path: Path, conversions: Conversions | None = None) -> tuple[str, Iterator[LabelledRow]]:
    """Open a labelled file and read its rows lazily, valid and invalid ones, with tags in BIO.

    Args:
        path: see `read_labelled`.
        conversions: filled with what was recognized and converted while the rows are read; printed after the last row.

    Returns:
        Name of the file, including that of its archive, and its rows in file order.

    Raises:
        InputMissing: `path` does not exist.
        DataRejected: the file as a whole is unreadable: archive, encoding, header, or empty.
    """
    conversions = conversions if conversions is not None else Conversions()
    if tasks := _read_brat(path, conversions):
        return path.name, _print_conversions(task_rows(tasks, conversions), path.name, conversions)
    name, data = _read_bytes(path)
    if not data.strip():
        raise DataRejected(f"found an empty file, expected labelled sentences, at {path}")
    # A file with CRLF that was written in text mode has a second CR on each line.
    text = decode_text(data, name).replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")
    if name.lower().endswith(SPAN_SUFFIXES):
        return name, _print_conversions(span_rows(text, name, conversions), name, conversions)
    lines = text.split("\n")
    if name.lower().endswith(CONLL_SUFFIXES):
        rows = conll_rows(lines, name, conversions)
    else:
        rows = _convert_lazily(_kaggle_rows(lines, name), conversions)
    return name, _print_conversions(rows, name, conversions)


def _print_conversions(rows: Iterable[LabelledRow], name: str, conversions: Conversions) -> Iterator[LabelledRow]:
    """Yield the rows, then print a line for each conversion."""
    yield from rows
    for line in conversions.lines():
        print(f"{name}: {line}", flush=True)


def write_kaggle_csv(path: Path, sentences: Iterable[LabelledSentence]) -> None:
    """Write sentences as a UTF-8 CSV in the Kaggle columns, which `read_labelled` reads back unchanged.

    The bytes do not depend on the origin of the sentences.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(KAGGLE_COLUMNS)
        for number, sentence in enumerate(sentences, start=1):
            pos = sentence.pos or ("",) * len(sentence.words)
            firsts = (f"Sentence: {number}", *("",) * (len(sentence.words) - 1))
            writer.writerows(zip(firsts, sentence.words, pos, sentence.tags, strict=True))


def decode_text(data: bytes, name: str) -> str:
    """Decode a labelled file as UTF-8 if all of it is valid, else as cp1252.

    A file whose non-ASCII bytes are mostly valid UTF-8 is rejected as damaged, since cp1252 would turn every `é` into
    `Ã©`.

    Args:
        data: content of the file.
        name: name of the file, for error messages.

    Raises:
        DataRejected: UTF-16, binary data, damaged UTF-8, or a byte that cp1252 does not define.
    """
    if b"\x00" in data or data.startswith(_UTF16_MARKS):
        kind = "UTF-16" if data.startswith(_UTF16_MARKS) or _every_other_is_nul(data) else "binary data (NUL bytes)"
        raise DataRejected(f"found {kind}, expected UTF-8 or cp1252, at {name}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        high = b" ".join(re.findall(rb"[\x80-\xff]+", data))
        n_valid = len(high.decode("utf-8", errors="ignore").replace(" ", ""))
        if n_valid > high.decode("utf-8", errors="replace").count("\ufffd"):
            where = f"{name}:{_line_number(data, error.start)}"
            raise DataRejected(f"found damaged UTF-8, expected UTF-8 or cp1252, at {where}") from None
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError as error:
        where = f"{name}:{_line_number(data, error.start)}"
        raise DataRejected(f"found byte 0x{data[error.start]:02x}, expected UTF-8 or cp1252, at {where}") from None


@lru_cache(maxsize=2**16)
def is_blank(word: str) -> bool:
    """Return whether a word is empty or has only spaces and invisible characters."""
    return not any(character.isprintable() and not character.isspace() for character in word)


def _read_bytes(path: Path) -> tuple[str, bytes]:
    """Read name and bytes of a labelled file, from inside a zip if it is one."""
    if not path.is_file():
        kind = "a folder" if path.is_dir() else "nothing"
        raise InputMissing(f"found {kind}, expected a labelled file (CSV, CoNLL, JSON or zip), at {path}")
    if path.suffix.lower() == ".zip":
        return _unzip(path)
    if path.suffix.lower() not in LABELLED_SUFFIXES:
        expected = ", ".join(LABELLED_SUFFIXES)
        raise DataRejected(f"found a file that ends in {path.suffix or 'nothing'!r}, expected {expected}, at {path}")
    _check_size(path.stat().st_size, path)
    return path.name, path.read_bytes()


def _read_brat(path: Path, conversions: Conversions) -> list[Task]:
    """Read the documents of a zip of brat's files; empty if it is none."""
    if path.suffix.lower() != ".zip" or not path.is_file():
        return []
    with _open_zip(path) as archive:
        files = list_brat_files(archive)
        _check_size(sum(item.file_size for item in files), path)
        return read_brat(archive, files, path.name, conversions) if files else []


def _unzip(path: Path) -> tuple[str, bytes]:
    with _open_zip(path) as archive:
        # macOS adds a `__MACOSX/._name.csv` beside each file.
        inside = [item for item in archive.infolist() if not item.filename.startswith("__MACOSX/")]
        csvs = [item for item in inside if item.filename.lower().endswith(".csv")]
        # A .txt beside a CSV is a read-me.
        kinds = (CONLL_SUFFIXES, SPAN_SUFFIXES)
        others = [[item for item in inside if item.filename.lower().endswith(kind)] for kind in kinds]
        files = csvs or others[1] or others[0]
        if len(files) != 1:
            names = ", ".join(item.filename for item in files[:4]) or "none"
            raise DataRejected(f"found {len(files)} labelled files ({names}), expected exactly one, in {path}")
        _check_size(files[0].file_size, path)
        return f"{path.name}/{files[0].filename}", archive.read(files[0])


@contextmanager
def _open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise DataRejected(f"found a damaged or locked zip ({error}), expected a readable one, at {path}") from None


def _check_size(n_bytes: int, path: Path) -> None:
    if n_bytes > MAX_BYTES:
        raise DataRejected(f"found {n_bytes // 2**20} MiB, expected at most {MAX_BYTES // 2**20} MiB, at {path}")


def _convert_lazily(rows: Iterator[LabelledRow], conversions: Conversions) -> Iterator[LabelledRow]:
    yield from convert_to_bio(list(rows), conversions, is_kaggle=True)


def _kaggle_rows(lines: list[str], name: str) -> Iterator[LabelledRow]:
    header = _fields(lines[0]) or []
    columns = [column.strip() for column in header]
    missing = [column for column in KAGGLE_COLUMNS if column != "POS" and column not in columns]
    if missing or len(set(columns)) != len(columns):
        raise DataRejected(f"found header {lines[0][:80]!r}, expected {','.join(KAGGLE_COLUMNS)!r}, at {name}:1")
    return _kaggle_body(lines, columns)


def _kaggle_body(lines: list[str], columns: list[str]) -> Iterator[LabelledRow]:
    """Read the rows below the header; a new number starts a sentence, an empty or repeated number continues it."""
    at_number, at_word, at_tag = (columns.index(column) for column in ("Sentence #", "Word", "Tag"))
    at_pos = columns.index("POS") if "POS" in columns else None
    n_columns = len(columns)
    sentence, number = -1, ""
    for line, text in enumerate(lines[1:], start=2):
        if not text:
            continue
        fields = _fields(text)
        first = (fields[at_number] if fields and len(fields) > at_number else "").strip()
        if fields is not None and len(fields) != n_columns and not _NUMBER.fullmatch(first):
            first = ""  # shifted columns: a word must not count as a sentence number
        if sentence < 0 or (first and first != number):
            sentence += 1
            number = first
        if fields is None:
            yield LabelledRow(line, sentence, text[:80], "", "", "found a quote that is not closed")
        elif len(fields) != n_columns:
            yield LabelledRow(line, sentence, text[:80], "", "", f"found {len(fields)} columns, expected {n_columns}")
        elif not number:
            yield LabelledRow(line, sentence, text[:80], "", "", "found a row before the first sentence number")
        else:
            word, tag = (intern(fields[at].strip(" \t")) for at in (at_word, at_tag))
            pos = intern(fields[at_pos].strip(" \t")) if at_pos is not None else ""
            yield LabelledRow(line, sentence, word, pos, tag, "")


def _fields(line: str) -> list[str] | None:
    """Split one CSV line into fields; None if a quote stays open, since no word spans lines."""
    if '"' not in line:
        return line.split(",")
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error:
        return None


def _build_sentence(name: str, rows: list[LabelledRow]) -> LabelledSentence:
    """Build a sentence from its rows; raises DataRejected for the first invalid row."""
    for row in rows:
        if row.problem:
            raise DataRejected(f"{row.problem}, at {name}:{row.line}")
        if is_blank(row.word):
            raise DataRejected(f"found an empty word, expected a word, at {name}:{row.line}")
        if not is_tag(row.tag):
            raise DataRejected(f"found tag {row.tag!r}, expected O, B-label or I-label, at {name}:{row.line}")
    tags = tuple(row.tag for row in rows)
    broken = find_bio_violation(tags)
    if broken is not None:
        before = tags[broken - 1] if broken else "the sentence's start"
        tag, line = tags[broken], rows[broken].line
        expected = f"B-{tag[2:]} or I-{tag[2:]} before it"
        raise DataRejected(f"found {tag} after {before}, expected {expected}, at {name}:{line}")
    words, pos = tuple(row.word for row in rows), tuple(row.pos for row in rows)
    return LabelledSentence(words, tags, f"{name}:{rows[0].line}", pos if any(pos) else ())


def _every_other_is_nul(data: bytes) -> bool:
    head = data[:400]
    return max(head[::2].count(0), head[1::2].count(0)) > len(head) // 3


def _line_number(data: bytes, offset: int) -> int:
    return data.count(b"\n", 0, offset) + 1
