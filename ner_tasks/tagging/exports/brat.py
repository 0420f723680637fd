"""Exports answers for brat: per document a text and its annotations in standoff format, and the labels' configuration.

Source: brat standoff format, https://brat.nlplab.org/standoff.html.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ner_tasks.tagging.answers import AnswerFiles
from ner_tasks.tagging.exports.annotated_files import open_text, staged_export

# An annotation is one line of columns, so it has gaps where the text has line ends and tabs.
_GAP = re.compile("[\t\n\r\x85\u2028\u2029]+")
_NO_NAME = re.compile(r"[^A-Za-z0-9_-]")
_NO_REFERENCE = re.compile(r"[:\s]+")


def write_brat(documents_jsonl: AnswerFiles, target: Path) -> dict[str, int]:
    """Write all answers as a collection of brat.

    Args:
        documents_jsonl: the answers, with their texts.
        target: folder to create, or an earlier export, which is replaced.

    Returns:
        `{"n_documents": ..., "n_entities": ...}`.

    Raises:
        InputMissing: there are no answers.
        ArtifactBroken: a line is not an answer.
        ConfigInvalid: a text was not kept, or `target` holds something else.
        StorageFull: no space left on the device; nothing is left behind.
    """
    labels, statuses = set[str](), set[str]()
    with staged_export(target) as export:
        for answer, text, path in export.place_documents(documents_jsonl, form="brat"):
            with open_text(path.with_name(f"{path.name}.txt")) as file:
                file.write(text)
            with open_text(path.with_name(f"{path.name}.ann")) as file:
                for number, entity in enumerate(answer.entities, start=1):
                    file.writelines(f"{line}\n" for line in _lines(number, entity, text))
                    labels.add(_name(entity["label"]))
                    statuses.update(_statuses(entity))
        with open_text(export.folder / "annotation.conf") as file:
            file.write(_configuration(labels, statuses))
    return export.counts


def _lines(number: int, entity: Mapping[str, Any], text: str) -> Iterator[str]:
    """Yield the annotation of an entity, its statuses, its code, and a note with the rest.

    The number is that of the entity in its document; an entity has at most one attribute of each kind.
    """
    parts = _parts(text, entity["start"], entity["end"])
    mention = " ".join(text[start:end] for start, end in parts)
    yield f"T{number}\t{_name(entity['label'])} {';'.join(f'{start} {end}' for start, end in parts)}\t{mention}"
    for index, status in enumerate(_statuses(entity)):
        yield f"A{10 * number + index}\t{status} T{number}"
    system, code = (_NO_REFERENCE.sub("_", str(entity.get(name) or "")) for name in ("code_system", "code"))
    if system and code:
        yield f"N{number}\tReference T{number} {system}:{code}\t{mention}"
    said = [
        f"{name}={_GAP.sub(' ', str(entity[name]))}" for name in ("score", "section", "decision") if entity.get(name)
    ]
    if said:
        yield f"#{number}\tAnnotatorNotes T{number}\t{', '.join(said)}"


def _parts(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Split a span at its gaps."""
    parts = []
    for gap in _GAP.finditer(text, start, end):
        parts.append((start, gap.start()))
        start = gap.end()
    return [(first, last) for first, last in [*parts, (start, end)] if first < last] or [(start, end)]


def _statuses(entity: Mapping[str, Any]) -> list[str]:
    assertion = entity.get("assertion")
    return sorted({_name(str(status)) for status in assertion})[:10] if isinstance(assertion, list) else []


def _name(text: str) -> str:
    """Return a label as brat's names may be."""
    return _NO_NAME.sub("_", text) or "_"


def _configuration(labels: set[str], statuses: set[str]) -> str:
    attributes = "".join(f"{status}\tArg:<ENTITY>\n" for status in sorted(statuses))
    entities = "".join(f"{label}\n" for label in sorted(labels))
    return f"[entities]\n{entities}\n[relations]\n\n[events]\n\n[attributes]\n{attributes}"
