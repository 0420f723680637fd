"""What every reader takes and returns, and the answers for a file: documents, rejects, what is ignored."""

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
    """How much of a document is read before it is turned away.

    Attributes:
        max_bytes: largest file; in a file of many documents, the largest of them.
        max_unpacked_bytes: most bytes that a compressed file may unpack to: docx, xlsx, an archive with all in it.
        max_characters: most characters of one document's text.
        max_words: most words of a file of the inbox, all documents in it that are tagged counted.
        max_entities: most entities of one document.
        max_depth: most files around a document: 3 lets `a.zip#b.zip#c.eml#d.txt` through.
        max_members: most files in one archive or mail, those in its archives counted.
        text_column: which column of a table holds the documents.
        id_column: which column of a table holds their ids.
        seconds: longest time without a document, for a file that is read by a process of its own, see `sandbox`.
        file_seconds: longest time for a file of the inbox, all documents in it counted: to read it, and to tag it once
            the files before it are answered.
        memory_mib: most memory of that process.
        ocr: whether pictures of text are read by Tesseract, see `ocr`.
        ocr_languages: Tesseract's names of the languages that pictures may be in, joined by `+`.
        min_ocr_confidence: percent; a recognised page whose mean confidence lies below is named as unread.
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
    """A file inside another one that was read whole, such as an attachment: a document of its own.

    Attributes:
        name: what it is called there.
        content: its bytes, or why there are none.
        encoding: how its text is encoded, as far as the file around it says so.
        media_type: what the file around it says that it is, such as `application/pdf`; "" if it says nothing.
    """

    name: str
    content: "bytes | CannotRead"
    encoding: str = ""
    media_type: str = ""


@dataclass(frozen=True)
class Extract:
    """The text of one document.

    Attributes:
        text: what was read; offsets of entities count its characters.
        encoding: how the text was stored, as far as that was for us to decide; "" where the format says it; "ocr"
            where all of it was recognised in pictures.
        is_guessed: whether nothing declares the encoding and it was detected.
        items: what the file holds, each item with its fate.
        sources: where each character comes from.
        parts: files in it, each a document of its own.
        notes: what a person should know of the reading, such as an empty password that opened the file.
    """

    text: str
    encoding: str = ""
    is_guessed: bool = False
    items: Items = field(default_factory=Items)
    sources: SourceMap = field(default_factory=SourceMap)
    parts: tuple[Part, ...] = ()
    notes: tuple[str, ...] = ()


class ExtractBuilder:
    """Puts a document's text together, block by block, with the source of each and the fate of each item."""

    def __init__(self) -> None:
        self.inventory, self.sources = Inventory(), SourceMap()
        self.parts: list[Part] = []
        self._notes: dict[str, None] = {}
        self._n_more_notes = 0
        self._pieces: list[str] = []
        self.length = 0

    def append(self, text: str, place: int | str | None = None) -> int:
        """Add text as it is; returns the offset of its first character.

        Args:
            text: what to add.
            place: page number or label; None goes on with that of the text before.
        """
        start = self.length
        if text:
            if place is not None:
                self.sources.add_run(start, place)
            self._pieces.append(text)
            self.length += len(text)
        return start

    def block(self, text: str, place: int | str | None = None, *, separator: str = "\n\n") -> int:
        """Add a block of its own, apart from the text before it; one without a word is left out.

        Returns the offset of its first character.
        """
        if not text.strip():
            return self.length
        if self.length:
            self.append(separator)
        return self.append(text, place)

    def lines(self, lines: Sequence[str], place: int | str | None = None) -> int:
        """Add lines as one block."""
        return self.block("\n".join(lines), place)

    def note(self, *notes: str) -> None:
        """Add what a person should know of the reading, each remark once; of very many, the first and their number."""
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
        """All remarks."""
        return (*self._notes, *([f"{self._n_more_notes} more remarks"] if self._n_more_notes else []))

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._pieces)

    def extract(self, encoding: str = "", *, is_guessed: bool = False) -> Extract:
        """All that was put together."""
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
    """One document's text.

    Attributes:
        name: its path in the inbox; in a file of many, `file.jsonl#<id>`; in an archive or mail, `a.zip#path/b.txt`.
        sha256: of the file's bytes as they are outside of any archive or mail; in a file of many, of the text as UTF-8.
        text: what was read; offsets of entities count its characters.
        format: name of the format that it was read as.
        encoding: how the text was stored, "" where the format says it.
        is_guessed: whether nothing declares the encoding and it was detected.
        items: what the file holds, each item with its fate.
        notes: what a person should know of the reading, such as a name that says another format.
        n_extracted: characters of the text that are no spaces, counted where it was read.
        sources: where each character comes from.
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
        """What the document holds and was not read, a line each."""
        return self.items.unread


@dataclass(frozen=True)
class Rejected:
    """A document, or the rest of a file, that was not read.

    Attributes:
        document: its name, as that of a `Document`; of the file in which the rest was not read.
        reason: one word to count by; docs/formats.md lists them all.
        message: one line for a person.
    """

    document: str
    reason: str
    message: str


@dataclass(frozen=True)
class Ignored:
    """What lies in the inbox or in a file and is no document.

    Attributes:
        document: its name, as that of a `Document`; of the file that holds it where it has none of its own.
        rule: name of the rule that says so; docs/formats.md lists them all.
        n: how many of them.
    """

    document: str
    rule: str
    n: int = 1


Answer = Document | Rejected | Ignored


class CannotRead(DocumentRejected):
    """One document that cannot be read, for a `reason` of one word to count by."""

    def __init__(self, reason: str, message: str):
        super().__init__(bound_name(message))
        self.reason = reason


class Exhausted(CannotRead):
    """A limit on a whole file and all that is in it was passed: whatever is left of it is not read."""
