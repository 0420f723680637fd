"""Folders for annotation tools: one file or pair of files per document, and a list of their names."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from ner_tasks.errors import ConfigInvalid
from ner_tasks.files import atomic
from ner_tasks.surrogates import escape_surrogates, replace_surrogates
from ner_tasks.tagging.answers import Answer, AnswerFiles, name_files, read_answers

NAMES_FILE = "names.jsonl"
# Tools list a folder on one page.
FOLDER_DOCUMENTS = 1000
_UNSAFE = re.compile(r"[^A-Za-z0-9]+")
_NAME_CHARACTERS = 60
# Control characters that XML and JSON forbid or escape; each becomes a space, so that offsets stay.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass
class AnnotationExport:
    """A folder that an export is written into, and what it holds so far.

    Attributes:
        folder: the folder.
        n_documents, n_entities: number of documents placed, and of their entities.
    """

    folder: Path
    n_documents: int = 0
    n_entities: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """The numbers of documents and entities, by name."""
        return {"n_documents": self.n_documents, "n_entities": self.n_entities}

    def place_documents(self, documents_jsonl: AnswerFiles, *, form: str) -> Iterator[tuple[Answer, str, Path]]:
        """Yield each answer with its text as a tool may have it and its file without a suffix; list the files' names.

        Args:
            documents_jsonl: the answers.
            form: name of the format, for the error.

        Raises:
            InputMissing: there are no answers.
            ArtifactBroken: a line is not an answer.
            ConfigInvalid: the text of an answer was not kept.
        """
        with (self.folder / NAMES_FILE).open("w", encoding="utf-8") as names:
            for number, answer in enumerate(read_answers(documents_jsonl)):
                if answer.text is None:
                    raise ConfigInvalid(
                        f"found answers without text, expected them with it to write {form}, in {name_files(documents_jsonl)}: "
                        "only hashes were kept"
                    )
                # the name of a document may be anything, and the number makes it unique
                readable = _UNSAFE.sub("-", answer.document)[-_NAME_CHARACTERS:].strip("-")
                name = f"{number // FOLDER_DOCUMENTS:04d}/{number:07d}-{readable}".rstrip("-")
                (self.folder / name).parent.mkdir(exist_ok=True)
                names.write(json.dumps({"file": name, "document": escape_surrogates(answer.document)}) + "\n")
                self.n_documents, self.n_entities = number + 1, self.n_entities + len(answer.entities)
                yield answer, _CONTROL.sub(" ", replace_surrogates(answer.text)), self.folder / name


@contextmanager
def staged_export(target: Path) -> Iterator[AnnotationExport]:
    """Yield an export to write, whose folder becomes `target` in one step.

    Raises:
        ConfigInvalid: `target` holds something else than an earlier export, which would be lost.
        StorageFull: no space left on the device; nothing is left behind.
    """
    if target.exists() and not (target / NAMES_FILE).is_file() and not _is_empty(target):
        raise ConfigInvalid(f"found other files, expected nothing or an earlier export, at {target}")
    with atomic.staged_folder(target) as stage:
        yield AnnotationExport(stage)


def open_text(path: Path) -> TextIO:
    """Open a file for writing UTF-8, with line ends as they are in the text."""
    return path.open("w", encoding="utf-8", newline="")


def _is_empty(path: Path) -> bool:
    return path.is_dir() and next(path.iterdir(), None) is None
