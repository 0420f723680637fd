"""What every reader takes and gives: limits in, the text of one document out, or the reason why there is none."""

from dataclasses import dataclass

from ner_tasks.errors import ConfigInvalid, DocumentRejected

_MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """How much of a document is read before it is turned away.

    Attributes:
        max_bytes: largest file; in a file of many documents, the largest of them.
        max_unpacked_bytes: most bytes that a compressed file may unpack to: docx, xlsx, an archive with all in it.
        max_characters: most characters of one document's text.
        max_depth: most files around a document: 3 lets `a.zip#b.zip#c.eml#d.txt` through.
        max_members: most files in one archive or mail, those in its archives counted.
        text_column: which column of a table holds the documents.
        id_column: which column of a table holds their ids.
        seconds: longest time without a document, for a file that is read by a process of its own, see `apart`.
        memory_mib: most memory of that process.
        ocr: whether pictures of text are read by Tesseract, see `scans`.
    """

    max_bytes: int = 20 * _MIB
    max_unpacked_bytes: int = 200 * _MIB
    max_characters: int = 50_000_000
    max_depth: int = 3
    max_members: int = 10_000
    text_column: str = "text"
    id_column: str = "id"
    seconds: float = 60.0
    memory_mib: int = 2048
    ocr: bool = False

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if value == "" or (not isinstance(value, str | bool) and value < 1):
                least = "a column's name" if value == "" else "at least 1"
                raise ConfigInvalid(f"found {name}={value}, expected {least}, in the limits of documents")


@dataclass(frozen=True)
class Part:
    """One file in another one that was read whole: a mail's attachment.

    Attributes:
        name: how it is called there; its suffix says the format.
        content: its bytes, or why there are none.
        encoding: how its text is encoded, as far as the file around it says so.
    """

    name: str
    content: "bytes | CannotRead"
    encoding: str = ""


@dataclass(frozen=True)
class Extract:
    """The text of one document.

    Attributes:
        text: what was read; offsets of entities count its characters.
        encoding: how the text was stored, as far as that was for us to decide; "" where the format says it; "ocr"
            where it was recognized in a picture.
        unread: what the document holds besides and was not read, such as a page without text.
        parts: files in it, each a document of its own.
    """

    text: str
    encoding: str = ""
    unread: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()


class CannotRead(DocumentRejected):
    """One document that cannot be read, for a `reason` of one word to count by."""

    def __init__(self, reason: str, message: str):
        super().__init__(message)
        self.reason = reason


class Exhausted(CannotRead):
    """A limit on a whole file and all that is in it was passed: whatever is left of it is not read."""


def free_name(wanted: str, taken: set[str]) -> str:
    """`wanted`, or with as many `+` as it takes to be called like nothing else; from now on it is taken."""
    while wanted in taken:
        wanted += "+"
    taken.add(wanted)
    return wanted
