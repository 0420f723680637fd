"""Location of a file: in the inbox, or inside another file."""

from dataclasses import dataclass, replace

from ner_tasks.bounded_names import bound_name
from ner_tasks.documents.archives import archives
from ner_tasks.documents.types import Limits


class OriginalFound(Exception):
    """Raised where the sought file was reached: ends the walk through the files around it.

    Attributes:
        format: name of its format.
        data: its bytes.
    """

    def __init__(self, format_: str, data: bytes) -> None:
        super().__init__("found the file that was sought")
        self.format, self.data = format_, data


@dataclass(frozen=True)
class Place:
    """Location of one file.

    Attributes:
        name: full name, with the names of all enclosing files.
        called: file name alone.
        limits: limits on reading it.
        budget: what the inbox file may still unpack.
        path: path in the inbox or in the enclosing file.
        depth: number of enclosing files.
        encoding: text encoding declared by the enclosing file; "" if undeclared.
        media_type: media type declared by the enclosing file; "" if undeclared.
        sought: name of the one file whose bytes are wanted, see `OriginalFound`; "" if files are read.
    """

    name: str
    called: str
    limits: Limits
    budget: archives.UnpackingBudget
    path: str = ""
    depth: int = 0
    encoding: str = ""
    media_type: str = ""
    sought: str = ""

    @property
    def is_off_the_way(self) -> bool:
        """Whether a file is sought that is neither this one nor inside it."""
        return bool(self.sought) and not f"{self.sought}#".startswith(f"{self.name}#")

    def check_sought(self, format_: str, data: bytes) -> None:
        """Raise `OriginalFound` if this is the file that is sought."""
        if self.sought == self.name:
            raise OriginalFound(format_, data)

    def holding(self, called: str, encoding: str = "", media_type: str = "") -> "Place":
        """Return the location of a file inside this one; a long name is truncated.

        Args:
            called: name of the inner file.
            encoding: text encoding declared for it.
            media_type: media type declared for it.
        """
        own = called.replace("\\", "/").rpartition("/")[2]  # not truncated: the suffix identifies the format
        return replace(
            self,
            name=f"{self.name}#{bound_name(called)}",
            called=own,
            path=called,
            depth=self.depth + 1,
            encoding=encoding,
            media_type=media_type,
        )
