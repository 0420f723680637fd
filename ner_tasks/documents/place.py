"""Where a file lies: in the inbox, or in a file that lies there."""

from dataclasses import dataclass, replace

from ner_tasks.bounded_names import bound_name
from ner_tasks.documents.archives import archives
from ner_tasks.documents.types import Limits


@dataclass(frozen=True)
class Place:
    """Where one file lies.

    Attributes:
        name: tells the files around it.
        called: its own name.
        path: its path in the file around it, or in the inbox.
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
        """Where a file in this one lies, whose name is cut if it is long.

        Args:
            called: its name in this one.
            encoding: how it is encoded, as far as this one says so.
            media_type: what this one says that it is.
        """
        own = called.replace("\\", "/").rpartition("/")[2]  # whole: it ends in what tells the format
        return replace(
            self,
            name=f"{self.name}#{bound_name(called)}",
            called=own,
            path=called,
            depth=self.depth + 1,
            encoding=encoding,
            media_type=media_type,
        )
