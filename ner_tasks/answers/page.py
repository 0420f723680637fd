"""One static page for a day: what was found and what was not read, for a person to check.

The page holds no script and may load nothing, says so to the browser by its policy, and shows whatever a document
brings as text. It is written as a stream, and shows a bounded number of documents: a day of a million makes the same page.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ner_tasks import atomic, rendering
from ner_tasks.answers.reading import Answer, parse
from ner_tasks.errors import ArtifactBroken, InputMissing, without_words

_HERE = Path(__file__).parent
# Longer documents are shown as stretches around their entities.
_WHOLE_CHARACTERS = 3_000
_NAME_CHARACTERS, _MESSAGE_CHARACTERS = 160, 600
_MAX_UNREAD = 5  # lines of one document
_MAX_MENTIONS = 50  # of a document whose text was not kept
_UNSURE = 0.6  # an entity with a lower score shows it
_N_HUES = 10
_CHUNK = 2**20


@dataclass(frozen=True)
class Shown:
    """One document on the page; `stretches` is None where its text was not kept."""

    name: str
    answer: Answer
    stretches: Sequence[tuple[int, int]] | None


def write_page(
    documents_jsonl: Path,
    rejected_jsonl: Path,
    manifest: Mapping[str, Any],
    target: Path,
    *,
    day: date | None = None,
    max_documents: int = 100,
    max_rejected: int = 200,
) -> dict[str, int]:
    """Write a day's page.

    Args:
        documents_jsonl: the day's answers.
        rejected_jsonl: documents that could not be tagged, each with its reason.
        manifest: the day's counts, as `tag` and the joining of shards make them.
        target: the HTML file to make.
        day: the day, for the title.
        max_documents: documents shown, at most; of more, these many spread evenly over the day.
        max_rejected: rejected documents shown, likewise.

    Returns:
        What is shown: `{"n_documents": ..., "n_rejected": ...}`.

    Raises:
        InputMissing, ArtifactBroken: a file is missing, or a line of it is not what it should be.
        StorageFull: no room; nothing is left behind.
    """
    css = (_HERE / "page.css").read_text(encoding="utf-8")
    n_documents, n_rejected = _n_lines(documents_jsonl), _n_lines(rejected_jsonl)
    chosen = rendering.indexes(n_documents, max_documents)
    chosen_rejected = rendering.indexes(n_rejected, max_rejected)
    hues = {label: index % _N_HUES for index, label in enumerate(sorted(manifest["entities"]))}
    page = _environment().get_template("page.html.jinja")
    stream = page.generate(
        title=f"Tagged on {day}" if day else "Tagged documents",
        css=css,
        # The one style that may apply; one that came in with a text would not.
        css_hash=base64.b64encode(hashlib.sha256(css.encode()).digest()).decode("ascii"),
        manifest=manifest,
        hue_of=lambda label: hues.get(label, 0),
        unsure=_UNSURE,
        documents=map(_shown, _answers(documents_jsonl, chosen)),
        n_documents=n_documents,
        n_shown=len(chosen),
        rejected=_rejected(rejected_jsonl, chosen_rejected),
        n_rejected=n_rejected,
        n_rejected_shown=len(chosen_rejected),
        max_mentions=_MAX_MENTIONS,
        max_unread=_MAX_UNREAD,
    )
    with atomic.staged_file(target) as stage, stage.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(stream)
    return {"n_documents": len(chosen), "n_rejected": len(chosen_rejected)}


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["name"] = partial(_one_line, most=_NAME_CHARACTERS)
    environment.filters["message"] = partial(_one_line, most=_MESSAGE_CHARACTERS)
    environment.filters["pieces"] = _pieces
    environment.filters["place"] = rendering.place
    environment.filters["number"] = _number
    environment.filters["counted"] = lambda n, one, many: f"{_number(n)} {one if n == 1 else many}"
    return environment


def _shown(answer: Answer) -> Shown:
    text = answer.text
    if text is None:
        return Shown(answer.document, answer, None)
    if len(text) <= _WHOLE_CHARACTERS:
        return Shown(answer.document, answer, [(0, len(text))])
    return Shown(answer.document, answer, rendering.stretches(text, answer.entities))


def _pieces(stretch: tuple[int, int], answer: Answer) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
    return rendering.pieces(answer.text or "", answer.entities, *stretch)


def _one_line(text: object, *, most: int) -> str:
    """Something that a document brought, such as its name, as one inert line of bounded length."""
    line = " ".join(rendering.inert(str(text)[: 2 * most]).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _number(value: int) -> str:
    return f"{value:,}".replace(",", "\u202f")


def _n_lines(path: Path) -> int:
    if not path.is_file():
        raise InputMissing(f"found nothing at {path}, expected the answers that `tag` writes")
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(_CHUNK), b""))


def _lines(path: Path, chosen: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """The lines of these numbers, ascending; the others are passed over unread."""
    wanted = set(chosen)
    with path.open("rb") as lines:
        yield from ((number, line) for number, line in enumerate(lines) if number in wanted)


def _answers(path: Path, chosen: Sequence[int]) -> Iterator[Answer]:
    for number, line in _lines(path, chosen):
        yield parse(line, f"{path}, line {number + 1}")


def _rejected(path: Path, chosen: Sequence[int]) -> Iterator[Mapping[str, Any]]:
    for number, line in _lines(path, chosen):
        try:
            values = json.loads(line)
            yield {name: values[name] for name in ("document", "reason", "message")}
        except (ValueError, TypeError, KeyError) as error:
            raise ArtifactBroken(
                f"found {without_words(error)}, expected a rejected document, in {path}, line {number + 1}"
            ) from None
