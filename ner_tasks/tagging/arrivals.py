"""A day while its documents arrive: what its inbox holds, which files may still be written, which of two runs counts."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from json.encoder import encode_basestring_ascii as quote
from typing import Any, Protocol

from ner_tasks.store import StoredFile

QUIET_S = 10.0  # a file that has not changed for so long is taken as complete


@dataclass(frozen=True)
class InboxState:
    """Content of a day's inbox.

    Attributes:
        n_files: number of files.
        digest: SHA-256 over the files' names and ETags, as in the manifest of the day that answers them.
    """

    n_files: int
    digest: str


@dataclass
class SettledFiles:
    """The files of an inbox without those that changed just before; iterate once.

    Args:
        files: the listed files.
        now_s: Unix time in seconds.
        quiet_s: seconds without a change after which a file is complete, from 0; 0 leaves out none.

    Attributes:
        n_left_out: number of files left out so far.
    """

    files: Iterable[StoredFile]
    now_s: float
    quiet_s: float = QUIET_S
    n_left_out: int = field(default=0, init=False)

    def __iter__(self) -> Iterator[StoredFile]:
        for file in self.files:
            # a clock ahead of ours must not hold a file back for ever
            if 0 <= self.now_s - file.modified_s < self.quiet_s:
                self.n_left_out += 1
            else:
                yield file


class NamedState(Protocol):
    """A file by its name and ETag."""

    @property
    def name(self) -> str: ...

    @property
    def etag(self) -> str: ...


def encode_state(file: NamedState) -> bytes:
    """Return what the state of an inbox depends on, of one file: JSON of its name and ETag."""
    # the text of `json.dumps`, at a tenth of its time: this runs ten million times a night
    return f"[{quote(file.name)}, {quote(file.etag)}]".encode()


def read_inbox_state(files: Iterable[StoredFile]) -> InboxState:
    """Return the state of an inbox.

    Args:
        files: its files, in order.
    """
    n_files, digest = 0, hashlib.sha256()
    for file in files:
        n_files += 1
        digest.update(encode_state(file))
    return InboxState(n_files, digest.hexdigest())


def is_superseded(plan: Mapping[str, Any], published: Mapping[str, Any] | None, now: datetime) -> bool:
    """Return whether a day was published by a run that listed the inbox after this one: it knows all that this run knows.

    Args:
        plan: plan of the night.
        published: manifest of the day; None if there is none.
        now: present time; a listing in the future is of a clock that went wrong, and does not count.
    """
    if published is None or "listed_at" not in published or "listed_at" not in plan:
        return False  # planned or published by an earlier release
    mine, other = (datetime.fromisoformat(record["listed_at"]) for record in (plan, published))
    return mine < other <= now
