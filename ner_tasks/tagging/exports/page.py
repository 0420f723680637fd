"""Exports a day as one static HTML page, on which a person can check entities and unread content.

The page has no scripts and loads nothing, which its Content-Security-Policy enforces; content of documents is escaped.
It shows a bounded number of documents, and is written as a stream.
"""

import base64
import hashlib
import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment

from ner_tasks import display
from ner_tasks.files import atomic
from ner_tasks.tagging.answers import Answer, AnswerFiles, list_files, parse_answer, parse_rejection, read_lines

_HERE = Path(__file__).parent
# Longer documents are shown as excerpts around their entities.
_WHOLE_CHARACTERS = 3_000
_NAME_CHARACTERS, _MESSAGE_CHARACTERS = 160, 600
_MAX_UNREAD = 5  # lines per document
_MAX_MENTIONS = 50  # per document whose text was not kept
_UNSURE = 0.6  # entities with a lower score are shown with it
_N_HUES = 10
_CHUNK = 2**20
# approximate size of the HTML: of all documents together, and of the markup of one entity
_DOCUMENTS_BYTES, _ENTITY_BYTES = 700_000, 300
_MAX_ROWS = 50  # per table of the summary


@dataclass(frozen=True)
class ShownDocument:
    """A document on the page; `stretches` is None if its text was not kept."""

    name: str
    answer: Answer
    stretches: Sequence[tuple[int, int]] | None


def write_day_page(
    documents_jsonl: AnswerFiles,
    rejected_jsonl: AnswerFiles,
    manifest: Mapping[str, Any],
    target: Path,
    *,
    day: date | None = None,
    max_documents: int = 100,
    max_rejected: int = 200,
) -> dict[str, int]:
    """Write the HTML page of a day.

    Args:
        documents_jsonl: answers of the day.
        rejected_jsonl: rejected documents of the day.
        manifest: manifest of the day, from `tag`, or of a published day.
        target: HTML file to write, atomically.
        day: the day, for the title.
        max_documents: maximum number of documents shown, evenly spread over the day.
        max_rejected: maximum number of rejected documents shown, evenly spread over the day.

    Returns:
        Number of documents shown: `{"n_documents": ..., "n_rejected": ...}`.

    Raises:
        InputMissing: a file is missing.
        ArtifactBroken: a line is damaged.
        StorageFull: no space left on the device; no file is left.
    """
    n_documents = _n_lines(documents_jsonl)
    chosen = display.spread_indexes(n_documents, max_documents)
    counted = {**manifest, "n_tagged": n_documents}
    answers = _answers(documents_jsonl, chosen)
    return write_page(answers, len(chosen), rejected_jsonl, counted, target, day=day, max_rejected=max_rejected)


def write_page(
    answers: Iterator[Answer],
    n_shown: int,
    rejected_jsonl: AnswerFiles,
    manifest: Mapping[str, Any],
    target: Path,
    *,
    day: date | None = None,
    max_rejected: int = 200,
) -> dict[str, int]:
    """Write the HTML page of a day with chosen documents.

    Args:
        answers: the documents shown, in order.
        n_shown: their number.
        rejected_jsonl, manifest, target, day, max_rejected: as for `write_day_page`.

    Returns, Raises:
        As for `write_day_page`.
    """
    css = (_HERE / "page.css").read_text(encoding="utf-8")
    n_rejected = _n_lines(rejected_jsonl)
    chosen_rejected = display.spread_indexes(n_rejected, max_rejected)
    hues = {label: index % _N_HUES for index, label in enumerate(sorted(manifest["entities"]))}
    page = _environment().get_template("page.html.jinja")
    stream = page.generate(
        title=f"Tagged on {day}" if day else "Tagged documents",
        css=css,
        # the only style that the policy allows
        css_hash=base64.b64encode(hashlib.sha256(css.encode()).digest()).decode("ascii"),
        manifest=manifest,
        hue_of=lambda label: hues.get(label, 0),
        unsure=_UNSURE,
        documents=_all_shown(answers, n_shown),
        n_documents=manifest["n_tagged"],
        n_shown=n_shown,
        rejected=_read_rejected(rejected_jsonl, chosen_rejected),
        n_rejected=n_rejected,
        n_rejected_shown=len(chosen_rejected),
        max_mentions=_MAX_MENTIONS,
        max_unread=_MAX_UNREAD,
        max_rows=_MAX_ROWS,
    )
    with atomic.staged_file(target) as stage, stage.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(stream)
    return {"n_documents": n_shown, "n_rejected": len(chosen_rejected)}


def _environment() -> Environment:
    environment = display.make_template_environment(_HERE)
    environment.filters["name"] = partial(_one_line, most=_NAME_CHARACTERS)
    environment.filters["message"] = partial(_one_line, most=_MESSAGE_CHARACTERS)
    environment.filters["pieces"] = _pieces
    environment.filters["place"] = display.format_location
    environment.filters["counted"] = lambda n, one, many: f"{display.format_number(n)} {one if n == 1 else many}"
    return environment


def _all_shown(answers: Iterator[Answer], n_documents: int) -> Iterator[ShownDocument]:
    """Yield the documents, each within its share of the remaining bytes; unused bytes go to later documents."""
    left = _DOCUMENTS_BYTES
    for n_before, answer in enumerate(answers):
        shown, n_bytes = _shown(answer, left // (n_documents - n_before))
        yield shown
        left = max(0, left - n_bytes)


def _shown(answer: Answer, most: int) -> tuple[ShownDocument, int]:
    """Shorten a document to about `most` bytes; return it with its size."""
    text = answer.text
    n_bytes = sum(
        _n_bytes(_one_line(line, most=_MESSAGE_CHARACTERS)) for line in answer.receipt["unread"][:_MAX_UNREAD]
    )
    if text is None:
        return ShownDocument(answer.document, answer, None), n_bytes + _ENTITY_BYTES * len(
            answer.entities[:_MAX_MENTIONS]
        )
    whole = len(text) <= _WHOLE_CHARACTERS
    stretches = list[tuple[int, int]]()
    for start, end in [(0, len(text))] if whole else display.find_stretches(text, answer.entities):
        fitting, cost = _fitting(answer, start, end, most - n_bytes)
        n_bytes += cost
        if fitting > start:
            stretches.append((start, fitting))
        if fitting < end:
            break
    return ShownDocument(answer.document, answer, stretches), n_bytes


def _fitting(answer: Answer, start: int, end: int, most: int) -> tuple[int, int]:
    """Return the end of the text from `start` that fits in `most` bytes, and its size in bytes."""
    position, n_bytes = start, 0
    for text, entity in _pieces((start, end), answer):
        cost = _n_bytes(text) + (_ENTITY_BYTES if entity else 0)
        if n_bytes + cost > most:
            # 6 bytes per character suffice for any text, even for escaped quotation marks
            taken = 0 if entity else max(0, most - n_bytes) // 6
            return position + taken, n_bytes + 6 * taken
        position, n_bytes = position + len(text), n_bytes + cost
    return end, n_bytes


def _n_bytes(text: str) -> int:
    return len(html.escape(text).encode("utf-8", "surrogatepass"))


def _pieces(stretch: tuple[int, int], answer: Answer) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
    return display.split_pieces(answer.text or "", answer.entities, *stretch)


def _one_line(text: object, *, most: int) -> str:
    """Neutralize untrusted text, such as a document's name, and shorten it to one line."""
    line = " ".join(display.neutralize(str(text)[: 2 * most]).split())
    if _n_bytes(line) > 2 * most:  # mostly characters that are escaped
        line = line[: most // 3 - 1] + "…"
    return line if len(line) <= most else line[: most - 1] + "…"


def _n_lines(files: AnswerFiles) -> int:
    n = 0
    for path in list_files(files):
        with path.open("rb") as file:
            n += sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(_CHUNK), b""))
    return n


def _lines(files: AnswerFiles, chosen: Sequence[int]) -> Iterator[tuple[str, bytes]]:
    """Yield the lines with the given numbers, counted over all files, in ascending order; each with its location."""
    wanted = set(chosen)
    yield from (line for number, line in enumerate(read_lines(files)) if number in wanted)


def _answers(files: AnswerFiles, chosen: Sequence[int]) -> Iterator[Answer]:
    for where, line in _lines(files, chosen):
        yield parse_answer(line, where)


def _read_rejected(files: AnswerFiles, chosen: Sequence[int]) -> Iterator[Mapping[str, Any]]:
    for where, line in _lines(files, chosen):
        yield parse_rejection(line, where)
