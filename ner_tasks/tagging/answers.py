"""Reads the answers in a `documents.jsonl` one at a time."""

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ner_tasks.errors import ArtifactBroken, InputMissing, redact_error
from ner_tasks.files.json_text import check_depth
from ner_tasks.segmentation import DEFAULT_LANGUAGE
from ner_tasks.tagging.answer_ledger import DOCUMENTS

# A `documents.jsonl`, or those of several parts in order.
AnswerFiles = Path | Sequence[Path]


@dataclass(frozen=True)
class Answer:
    """A tagged document.

    Attributes:
        document: name of the document.
        sha256: SHA-256 of the document as it arrived.
        text: extracted text; None if only hashes are kept.
        entities: entities in text order, each with `start`, `end`, `label` and `score` (0 to 1); `[start, end)` counts
            characters of the text.
        receipt: what was read of the document, and by which model it was tagged.
        kept_text_sha256: SHA-256 of the text if the text was not kept.
        redacted: copy of the text without personal data, `text`, with `mode` and `offsets`; None without redaction.
        file: name of the inbox file that it is, or is in; None if the answer does not say.
    """

    document: str
    sha256: str
    text: str | None
    entities: tuple[Mapping[str, Any], ...]
    receipt: Mapping[str, Any]
    kept_text_sha256: str | None = None
    redacted: Mapping[str, Any] | None = None
    file: str | None = None

    @property
    def redacted_text(self) -> str | None:
        """Copy of the text without personal data; None without redaction."""
        return None if self.redacted is None else self.redacted["text"]

    @property
    def language(self) -> str:
        """Language by whose rules the text was split; earlier releases knew only English."""
        return str(self.receipt.get("language", DEFAULT_LANGUAGE))

    @property
    def text_sha256(self) -> str:
        """SHA-256 of the text, kept or not."""
        if self.text is None:
            return self.kept_text_sha256 or ""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()

    def mention(self, entity: Mapping[str, Any]) -> str | None:
        """Return the text of an entity; None if the text was not kept."""
        return None if self.text is None else self.text[entity["start"] : entity["end"]]


def count_unread(receipt: Mapping[str, Any]) -> int:
    """Count the unread items in a receipt."""
    from ner_tasks.documents.inventory import UNREAD  # which loads the readers; most steps of a night read no documents

    return sum(int(fates.get(UNREAD, 0)) for fates in receipt["items"].values())


def read_answers_of(parts: Iterable[Path]) -> Iterator[Answer]:
    """Read the answers of several parts one at a time, in the order of the parts.

    Args:
        parts: folders of parts, see `day_parts.find_parts`.

    Raises:
        InputMissing: a part has no `documents.jsonl`.
        ArtifactBroken: a line is not an answer.
    """
    return read_answers([part / DOCUMENTS for part in parts])


def read_answers(files: AnswerFiles) -> Iterator[Answer]:
    """Read the answers of one `documents.jsonl` or of several, one at a time.

    Raises:
        InputMissing: there is no such file.
        ArtifactBroken: a line is not an answer.
    """
    for where, line in read_lines(files):
        yield parse_answer(line, where)


def read_lines(files: AnswerFiles) -> Iterator[tuple[str, bytes]]:
    """Read the lines of files of answers one at a time, each with its location for an error.

    Raises:
        InputMissing: there is no such file.
    """
    for path in list_files(files):
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                yield f"{path}, line {number}", line


def list_files(files: AnswerFiles) -> Sequence[Path]:
    """Return the files as a sequence.

    Raises:
        InputMissing: there is no such file.
    """
    paths = [files] if isinstance(files, Path) else files
    for path in paths:
        if not path.is_file():
            raise InputMissing(f"found nothing at {path}, expected the answers that `tag` writes")
    return paths


def name_files(files: AnswerFiles) -> str:
    """Return the location of the files, for an error."""
    if isinstance(files, Path):
        return str(files)
    return f"{files[0]}{f' and {len(files) - 1} more' if files[1:] else ''}" if files else "no files"


def parse_answer(line: bytes, where: str) -> Answer:
    """Parse one line of `documents.jsonl`.

    Args:
        line: the line.
        where: its location, for the error.

    Raises:
        ArtifactBroken: it is not an answer.
    """
    try:
        values = json.loads(line)
        text = values.get("text")
        end_of_text = sys.maxsize if text is None else len(_check_type(str, text))
        for entity in _check_type(list, values["entities"]):
            _check_entity(entity, end_of_text, where)
        receipt = _check_type(dict, values["receipt"])
        check_depth(receipt, where)
        _check_receipt(receipt)
        return Answer(
            _check_type(str, values["document"]),
            _check_type(str, values["sha256"]),
            text,
            tuple(sorted(values["entities"], key=lambda entity: (entity["start"], entity["end"]))),
            receipt,
            _check_type(str, values["text_sha256"]) if text is None else None,
            _check_redacted(values.get("redacted")),
            _check_type(str, values["file"]) if "file" in values else None,
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ArtifactBroken(f"found {redact_error(error)}, expected an answer that `tag` wrote, in {where}") from None


def _check_entity(entity: Mapping[str, Any], end_of_text: int, where: str) -> None:
    start, end = entity["start"], entity["end"]
    if type(start) is not int or type(end) is not int:
        raise TypeError
    if not 0 <= start < end <= end_of_text:
        raise ArtifactBroken(f"found an entity at [{start}, {end}), expected one inside the text, in {where}")
    score = entity["score"]
    if type(score) not in (int, float) or not 0 <= score <= 1 or not isinstance(entity["label"], str):
        raise TypeError
    for name in ("section", "code", "code_system", "decision"):
        if entity.get(name) is not None:
            _check_type(str, entity[name])
    statuses = entity.get("assertion")
    for status in [] if statuses is None else _check_type(list, statuses):
        _check_type(str, status)


def _check_redacted(redacted: Any) -> Mapping[str, Any] | None:
    if redacted is None:
        return None
    end = len(_check_type(str, _check_type(dict, redacted)["text"]))
    _check_type(str, redacted["mode"])
    for place in _check_type(list, redacted["offsets"]):
        start, stop, first, last = (_check_type(int, offset) for offset in _check_type(list, place))
        if not (0 <= start < stop and 0 <= first <= last <= end):
            raise ValueError
    return dict(redacted)


def _check_receipt(receipt: Mapping[str, Any]) -> None:
    """Check the fields of a receipt that are summed or formatted."""
    for fates in _check_type(dict, receipt["items"]).values():
        for n in _check_type(dict, fates).values():
            _check_type(int, n)
    for name in ("dropped", "review"):
        for n in _check_type(dict, receipt.get(name, {})).values():
            _check_type(int, n)
    for line in _check_type(list, receipt["unread"]):
        _check_type(str, line)
    for name in ("n_words", "n_sentences", "n_characters"):
        if _check_type(int, receipt.get(name, 0)) < 0:
            raise ValueError
    if not 0 <= _check_type((int, float), receipt.get("read_share", 1.0)) <= 1:
        raise ValueError


def parse_rejection(line: bytes, where: str) -> dict[str, Any]:
    """Parse one line of `rejected.jsonl`: `document`, `reason`, `message` and more.

    Args:
        line: the line.
        where: its location, for the error.

    Raises:
        ArtifactBroken: it is not a rejected document.
    """
    try:
        values: dict[str, Any] = _check_type(dict, json.loads(line))
        for name in ("document", "reason", "message"):
            _check_type(str, values[name])
        return values
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ArtifactBroken(f"found {redact_error(error)}, expected a rejected document, in {where}") from None


def parse_file_name(line: bytes, where: str) -> str:
    """Parse the name of the inbox file from a line of `documents.jsonl`, `rejected.jsonl` or `ignored.jsonl`.

    Args:
        line: the line.
        where: its location, for the error.

    Raises:
        ArtifactBroken: the line has no file name.
    """
    try:
        name: str = _check_type(str, _check_type(dict, json.loads(line))["file"])
        return name
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ArtifactBroken(f"found {redact_error(error)}, expected an answer, in {where}") from None


def _check_type(kind: type | tuple[type, ...], value: Any) -> Any:
    """Return `value` if it has this type and is not a bool; otherwise raise TypeError."""
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError
    return value
