"""Types shared by all readers: limits, extracts, and the answers for a file (document, rejected, ignored)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ner_tasks.bounded_names import bound_name
from ner_tasks.documents.inventory import Inventory, Items
from ner_tasks.documents.source_map import SourceMap
from ner_tasks.errors import ConfigInvalid, DocumentRejected

_MIB = 2**20
_MAX_NOTES, _MAX_NOTE = 50, 300


@dataclass(frozen=True)
class Limits:
    """Limits on reading a file; a document that exceeds one is rejected.

    Attributes:
        max_bytes: maximum size of a file; in a file of many documents, of each document.
        max_unpacked_bytes: maximum unpacked size of a compressed file (docx, xlsx, an archive), nested archives included.
        max_characters: maximum characters in the text of one document.
        max_words: maximum words in an inbox file, summed over its tagged documents.
        max_entities: maximum entities in one document.
        max_depth: maximum number of files nested around a document: 3 allows `a.zip#b.zip#c.eml#d.txt`.
        max_members: maximum files in one archive or mail, nested archives included.
        text_column: name of the table column that holds the documents.
        id_column: name of the table column that holds their ids.
        seconds: maximum time between two documents of a file that a sandbox process reads, see `sandbox`.
        file_seconds: maximum time for an inbox file with all its documents: once for reading it, and once for tagging
            it after the files before it are answered.
        memory_mib: maximum memory of a sandbox process.
        ocr: whether Tesseract reads pictures of text, see `ocr`.
        ocr_languages: languages of the pictures by Tesseract's names, joined by `+`.
        min_ocr_confidence: percent; a page whose mean OCR confidence is lower is listed as unread.
    """

    max_bytes: int = 20 * _MIB
    max_unpacked_bytes: int = 200 * _MIB
    max_characters: int = 50_000_000
    max_words: int = 10_000_000
    max_entities: int = 500_000
    max_depth: int = 3
    max_members: int = 10_000
    text_column: str = "text"
    id_column: str = "id"
    seconds: float = 60.0
    file_seconds: float = 600.0
    memory_mib: int = 2048
    ocr: bool = False
    ocr_languages: str = "eng"
    min_ocr_confidence: float = 50.0

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if value == "" or (not isinstance(value, str | bool) and value < 1):
                least = "a name" if value == "" else "at least 1"
                raise ConfigInvalid(f"found {name}={value}, expected {least}, in the limits of documents")


@dataclass(frozen=True)
class Part:
    """A file inside another file, such as an attachment; it becomes a separate document.

    Attributes:
        name: its name in the enclosing file.
        content: its bytes, or the reason why they could not be read.
        encoding: text encoding declared by the enclosing file; "" if undeclared.
        media_type: media type declared by the enclosing file, such as `application/pdf`; "" if undeclared.
    """

    name: str
    content: "bytes | CannotRead"
    encoding: str = ""
    media_type: str = ""


@dataclass(frozen=True)
class Extract:
    """The text of one document.

    Attributes:
        text: extracted text; entity offsets count its characters.
        encoding: encoding of the text in the file; "" where the format fixes it; "ocr" where all text was recognised
            in pictures.
        is_guessed: whether the encoding was detected rather than declared.
        items: contents of the file, each item with its fate.
        sources: source of each character.
        parts: files inside the document, each a separate document.
        notes: remarks on the extraction, such as that an empty password opened the file.
    """

    text: str
    encoding: str = ""
    is_guessed: bool = False
    items: Items = field(default_factory=Items)
    sources: SourceMap = field(default_factory=SourceMap)
    parts: tuple[Part, ...] = ()
    notes: tuple[str, ...] = ()


class ExtractBuilder:
    """Builds an `Extract` block by block, with the source of each block and the fate of each item."""

    def __init__(self) -> None:
        self.inventory, self.sources = Inventory(), SourceMap()
        self.parts: list[Part] = []
        self._notes: dict[str, None] = {}
        self._n_more_notes = 0
        self._pieces: list[str] = []
        self.length = 0

    def append(self, text: str, place: int | str | None = None) -> int:
        """Append text unchanged.

        Args:
            text: text to append.
            place: page number or label of its source; None keeps that of the preceding text.

        Returns:
            Offset of its first character.
        """
        start = self.length
        if text:
            if place is not None:
                self.sources.add_run(start, place)
            self._pieces.append(text)
            self.length += len(text)
        return start

    def block(self, text: str, place: int | str | None = None, *, separator: str = "\n\n") -> int:
        """Append a block, separated from the preceding text; a blank block is dropped.

        Returns:
            Offset of its first character.
        """
        if not text.strip():
            return self.length
        if self.length:
            self.append(separator)
        return self.append(text, place)

    def lines(self, lines: Sequence[str], place: int | str | None = None) -> int:
        """Append lines as one block."""
        return self.block("\n".join(lines), place)

    def note(self, *notes: str) -> None:
        """Add remarks on the extraction, each once; beyond a limit only their number is kept."""
        for note in notes:
            one = bound_name(note, _MAX_NOTE)
            if one in self._notes:
                continue
            if len(self._notes) < _MAX_NOTES:
                self._notes[one] = None
            else:
                self._n_more_notes += 1

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks so far, followed by the number of those not kept."""
        return (*self._notes, *([f"{self._n_more_notes} more remarks"] if self._n_more_notes else []))

    @property
    def text(self) -> str:
        """Text so far."""
        return "".join(self._pieces)

    def extract(self, encoding: str = "", *, is_guessed: bool = False) -> Extract:
        """Return the finished extract."""
        return Extract(
            self.text,
            encoding,
            is_guessed,
            self.inventory.items(),
            self.sources,
            tuple(self.parts),
            self.notes,
        )


@dataclass(frozen=True)
class Document:
    """Text of one document.

    Attributes:
        name: its path in the inbox; `file.jsonl#<id>` in a file of many; `a.zip#path/b.txt` in an archive or mail.
        sha256: SHA-256 of the file's bytes, unpacked from any archive or mail; in a file of many, of its text as UTF-8.
        text: extracted text; entity offsets count its characters.
        format: name of the format it was read as.
        encoding: encoding of the text in the file; "" where the format fixes it.
        is_guessed: whether the encoding was detected rather than declared.
        items: contents of the file, each item with its fate.
        notes: remarks on the extraction, such as a suffix that names another format.
        n_extracted: number of characters other than white space, counted during extraction.
        sources: source of each character.
    """

    name: str
    sha256: str
    text: str
    format: str = ""
    encoding: str = ""
    is_guessed: bool = False
    items: Items = field(default_factory=Items)
    notes: tuple[str, ...] = ()
    n_extracted: int = 0
    sources: SourceMap = field(default_factory=SourceMap, compare=False)

    @property
    def unread(self) -> tuple[str, ...]:
        """One line per item of the document that was not read."""
        return self.items.unread


@dataclass(frozen=True)
class Rejected:
    """A document, or the rest of a file, that was not read.

    Attributes:
        document: name of the document, or of the file whose rest was not read.
        reason: reason code; docs/formats.md lists them.
        message: one-line explanation.
    """

    document: str
    reason: str
    message: str


@dataclass(frozen=True)
class Ignored:
    """A file, or content of a file, that is not a document.

    Attributes:
        document: its name, or that of the enclosing file if it has none.
        rule: name of the rule that ignores it; docs/formats.md lists them.
        n: number of such items.
    """

    document: str
    rule: str
    n: int = 1


Answer = Document | Rejected | Ignored


class CannotRead(DocumentRejected):
    """Raised for a document that cannot be read; `reason` is a reason code."""

    def __init__(self, reason: str, message: str):
        super().__init__(bound_name(message))
        self.reason = reason


class Exhausted(CannotRead):
    """Raised when an inbox file exceeds a limit on its total contents; the rest of it is not read."""
