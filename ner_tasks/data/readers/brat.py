"""Reader for annotations in brat's standoff format: a zip with a text and an annotation file for each document.

    letters/a.txt    letters/a.ann: T1 <tab> Age 2 13 <tab> 23 year old

Text-bound annotations (T) are spans; events, relations, attributes and notes are left out. brat allows annotations in
several parts and one inside another, but a word has one tag: the former are left out, and of overlapping ones the
longest is read.

Source: P. Stenetorp et al., brat: a Web-based Tool for NLP-Assisted Text Annotation, EACL 2012.
"""

import re
import zipfile
from bisect import bisect_left
from collections.abc import Sequence

from ner_tasks.data.readers.conversions import Conversions
from ner_tasks.data.readers.span_tasks import Span, Task
from ner_tasks.errors import DataRejected

_TEXT_BOUND = re.compile(r"T\d*\t([^\t ]+) (\d{1,12} \d{1,12}(?:;\d{1,12} \d{1,12})*)\t(.*)\r?")


def list_brat_files(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the texts and annotation files of an archive in the order of their names; empty if none is annotated."""
    files = [
        item
        for item in archive.infolist()
        if item.filename.endswith((".ann", ".txt")) and not item.filename.startswith("__MACOSX/")
    ]
    is_brat = any(item.filename.endswith(".ann") for item in files)
    return sorted(files, key=lambda item: item.filename) if is_brat else []


def read_brat(
    archive: zipfile.ZipFile, files: Sequence[zipfile.ZipInfo], name: str, conversions: Conversions
) -> list[Task]:
    """Read all annotated documents; texts without an annotation file are left out.

    Args:
        archive: the archive.
        files: what `list_brat_files` finds in it.
        name: name of the archive, for error messages.
        conversions: filled with what was left out.

    Returns:
        A task for each document. Its `line` is its position among the annotated documents by name, from 1.

    Raises:
        DataRejected: an annotation file has no text beside it.
    """
    contents = {item.filename: item for item in files}
    annotated = [file[: -len(".ann")] for file in contents if file.endswith(".ann")]
    for document in annotated:
        if f"{document}.txt" not in contents:
            raise DataRejected(f"found {document[:200]}.ann alone, expected {document[:200]}.txt beside it, in {name}")
    conversions.add("without an annotation file, left out", "texts", len(contents) - 2 * len(annotated))
    tasks = []
    for number, document in enumerate(annotated, start=1):
        pair = [archive.read(contents[document + suffix]) for suffix in (".txt", ".ann")]
        try:
            text, annotations = (data.decode("utf-8-sig") for data in pair)
        except UnicodeDecodeError as error:
            problem = f"found byte 0x{error.object[error.start]:02x}, expected UTF-8, in document {document[:200]}"
            tasks.append(Task(number, document[:80], [], problem))
            continue
        spans, problem = _read_spans(annotations, conversions)
        where = f", in document {document[:200]}" if problem else ""
        tasks.append(Task(number, text, _choose_longest(spans, conversions), problem + where))
    return tasks


def _read_spans(annotations: str, conversions: Conversions) -> tuple[list[Span], str]:
    """Return the contiguous text-bound annotations, and the problem of the first unreadable one."""
    spans = []
    for line in annotations.split("\n"):
        if not line.startswith("T"):
            conversions.add("other annotations than spans, left out", "lines", bool(line.strip()))
            continue
        match = _TEXT_BOUND.fullmatch(line)
        if match is None:
            return [], f"found {line[:80]!r}, expected T1<tab>label start end<tab>text"
        label, offsets, mention = match.groups()
        if ";" in offsets:
            conversions.add("in several parts, left out", "spans")
            continue
        start, end = map(int, offsets.split(" ")[:2])
        spans.append(Span(start, end, label, mention))
    return spans, ""


def _choose_longest(spans: Sequence[Span], conversions: Conversions) -> list[Span]:
    """Return the spans without those that overlap a longer one, in the order of the text."""
    chosen: list[Span] = []  # in the order of the text, apart
    for span in sorted(spans, key=lambda span: (span.start - span.end, span.start)):
        at = bisect_left(chosen, span.start, key=lambda one: one.start)
        follows = at == 0 or chosen[at - 1].end <= span.start
        if follows and (at == len(chosen) or span.end <= chosen[at].start):
            chosen.insert(at, span)
    conversions.add("that overlap a longer one, left out", "spans", len(spans) - len(chosen))
    return chosen
