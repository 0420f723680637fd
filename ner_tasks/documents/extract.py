"""What every reader takes and gives: limits in, the text of one document out, or the reason why there is none."""

from dataclasses import dataclass

from ner_tasks.errors import ConfigInvalid, DocumentRejected

_MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """How much of a document is read before it is turned away, and which columns of a table are read.

    Attributes:
        max_bytes: largest file; in a file of many documents, the largest of them. Archives may be larger.
        max_unpacked_bytes: most bytes that a compressed file may unpack to, whatever its size.
        max_members: most files in an archive, in a mail, and in what they hold.
        max_depth: most archives and mails within each other.
        max_characters: longest text.
        seconds: longest time without a document, for a file that is read by a process of its own, see `apart`.
        memory_mib: most memory of that process.
        text_column: column of a csv, tsv or xlsx file that holds the documents.
        id_column: column that names them, if there is one.
        ocr: whether pictures of text are read by Tesseract, see `scans`.
    """

    max_bytes: int = 20 * _MIB
    max_unpacked_bytes: int = 200 * _MIB
    max_members: int = 100_000
    max_depth: int = 3
    max_characters: int = 50_000_000
    seconds: float = 60.0
    memory_mib: int = 2048
    text_column: str = "text"
    id_column: str = "id"
    ocr: bool = False

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not isinstance(value, str | bool) and value < (0 if name == "max_depth" else 1):
                raise ConfigInvalid(f"found {name}={value}, expected at least 1, in the limits of documents")


@dataclass(frozen=True)
class Extract:
    """The text of one document.

    Attributes:
        text: what was read; offsets of entities count its characters.
        encoding: how the text was stored, as far as that was for us to decide; "" where the format says it.
        unread: what the document holds besides and was not read, such as an attachment or a page without text.
    """

    text: str
    encoding: str = ""
    unread: tuple[str, ...] = ()


class CannotRead(DocumentRejected):
    """One document that cannot be read, for a `reason` of one word to count by."""

    def __init__(self, reason: str, message: str):
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Document:
    """One document's text.

    Attributes:
        name: its path in the inbox; in a file of many, `file.jsonl#<id>`.
        sha256: of the file's bytes; in a file of many, of the text as UTF-8.
        text: what was read; offsets of entities count its characters.
        encoding: how the text was stored, "" where the format says it.
        unread: what the document holds besides and was not read: attachments, pages without text.
    """

    name: str
    sha256: str
    text: str
    encoding: str = ""
    unread: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rejected:
    """A document that was not read; `reason` is one word to count by, `message` one line for a person."""

    document: str
    reason: str
    message: str
