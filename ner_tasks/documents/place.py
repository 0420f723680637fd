"""Location of a file: in the inbox, or inside another file."""

from dataclasses import dataclass, replace

from ner_tasks.bounded_names import bound_name
from ner_tasks.documents.archives import archives
from ner_tasks.documents.types import Limits


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
    """

    name: str
    called: str
    limits: Limits
    budget: archives.UnpackingBudget
    path: str = ""
    depth: int = 0
    encoding: str = ""
    media_type: str = ""

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
