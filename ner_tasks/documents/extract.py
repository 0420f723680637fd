"""What every reader takes and gives: limits in, the text of one document out, or the reason why there is none."""

from dataclasses import dataclass

from ner_tasks.errors import ConfigInvalid, DocumentRejected

_MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """How much of a document is read before it is turned away.

    Attributes:
        max_bytes: largest file; in a file of many documents, the largest of them.
        max_unpacked_bytes: most bytes that a compressed file (docx) may unpack to.
        seconds: longest time without a document, for a file that is read by a process of its own, see `apart`.
        memory_mib: most memory of that process.
    """

    max_bytes: int = 20 * _MIB
    max_unpacked_bytes: int = 200 * _MIB
    seconds: float = 60.0
    memory_mib: int = 2048

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if getattr(self, name) < 1:
                raise ConfigInvalid(
                    f"found {name}={getattr(self, name)}, expected at least 1, in the limits of documents"
                )


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
