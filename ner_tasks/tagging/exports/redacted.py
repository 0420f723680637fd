"""Exports the redacted copies of a day: one line of JSON per document, and nothing of the texts themselves."""

import json
from pathlib import Path

from ner_tasks.errors import ConfigInvalid
from ner_tasks.files import atomic
from ner_tasks.tagging.answers import AnswerFiles, read_answers


def write_redacted(documents_jsonl: AnswerFiles, target: Path) -> dict[str, int]:
    """Write `{"document", "text_sha256", "mode", "text", "offsets"}` for each document.

    Args:
        documents_jsonl: the answers.
        target: file to create.

    Returns:
        `{"n_documents": ...}`.

    Raises:
        InputMissing: there are no answers.
        ArtifactBroken: a line is not an answer.
        ConfigInvalid: an answer has no redacted copy.
        StorageFull: no space left on the device; no file is left.
    """
    n_documents = 0
    with atomic.staged_file(target) as stage, stage.open("w", encoding="ascii") as lines:
        for answer in read_answers(documents_jsonl):
            if answer.redacted is None:
                raise ConfigInvalid(
                    f"found no redacted copy of {answer.document[:200]!r}, expected answers given with NER_REDACTION"
                )
            line = {"document": answer.document, "text_sha256": answer.text_sha256, **answer.redacted}
            lines.write(json.dumps(line) + "\n")
            n_documents += 1
    return {"n_documents": n_documents}
