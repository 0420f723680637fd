"""Reads the entity index of one published day."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ner_tasks import bounded_names
from ner_tasks.errors import ArtifactBroken
from ner_tasks.files import sqlite_files
from ner_tasks.tagging.entity_index import WHAT
from ner_tasks.tagging.entity_index.folding import MAX_FOLDED, fold_mention, list_starts

Position = tuple[int, int, int, int]  # mention, word, document, context: a row of a search
# the last text that begins with another one, which it is appended to; a folded mention is no longer
_LAST = "\U0010ffff" * (MAX_FOLDED + 1)
# CROSS JOIN: in this order, in which rows come sorted and a search stops at its last one
_ROWS = """
SELECT s.mention, s.word, o.document, o.context, d.name, m.written, m.label, o.n, o.first, c.assertion, c.section
FROM starts AS s CROSS JOIN occurrences AS o ON o.mention = s.mention
CROSS JOIN mentions AS m ON m.number = s.mention
CROSS JOIN documents AS d ON d.number = o.document
CROSS JOIN contexts AS c ON c.number = o.context
WHERE {} AND (:label = '' OR s.label = :label)
ORDER BY s.start, s.word, s.mention, o.document, o.context LIMIT :most
"""
_AFTER = "s.start BETWEEN :first AND :last AND (s.start, s.word, s.mention) > (:first, :word, :mention)"
_WITHIN = (
    "s.start = :first AND s.word = :word AND s.mention = :mention AND (o.document, o.context) > (:document, :context)"
)
_TOP = """
SELECT m.written, m.label, m.n_documents, m.n_entities
FROM top AS t JOIN mentions AS m ON m.number = t.mention WHERE t.label = ? ORDER BY t.place LIMIT ?
"""


@dataclass(frozen=True)
class FoundMention:
    """A mention in a document, in one context.

    Attributes:
        position: place of the row in the search, from which the next page continues.
        number: number of the document in the index of its day.
        name: name of the document, see `bound_name`.
        mention: the mention as it is first written on that day.
        label: its label.
        n: how often the document has it in this context.
        first: number of the first of these entities in the document, from 0.
        assertion: its statuses, none if it is affirmed; None if they were not determined.
        section: kind of the section; None if it was not determined.
    """

    position: Position
    number: int
    name: str
    mention: str
    label: str
    n: int
    first: int
    assertion: Sequence[str] | None
    section: str | None

    @property
    def handle(self) -> str:
        """Handle of the document in the index of its day, see `IndexedDocument.handle`."""
        return f"{self.number}-{bounded_names.hash_name(self.name)[:16]}"


@dataclass(frozen=True)
class TopMention:
    """A mention of a day: as it is first written, its label, and in how many documents and how often it is."""

    mention: str
    label: str
    n_documents: int
    n_entities: int


class EntityIndex(sqlite_files.ReadOnlyDatabase):
    """Entity index of one day.

    Args:
        path: the SQLite file.

    Attributes:
        n_documents, n_without_text: number of tagged documents, and of those whose text was not kept.

    Raises:
        InputMissing: there is no index; older days have none.
        ArtifactBroken: the file is not an index, or is damaged; raised by any method.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, WHAT)

    def check(self) -> None:
        counts = self._read("SELECT * FROM about LIMIT 1", (int, int))
        if not counts:
            raise ArtifactBroken(f"found no counts, expected {WHAT}, at {self.path}")
        ((self.n_documents, self.n_without_text),) = counts

    def search(self, text: str, *, most: int, label: str = "", after: Position | None = None) -> list[FoundMention]:
        """Find the mentions that begin with `text`, or have a word from which on they do.

        Args:
            text: beginning of a mention; case and accents make no difference. Nothing is found by an empty one.
            most: maximum number of results.
            label: return mentions of this label only; "" for all.
            after: position of the last result of the page before.

        Returns:
            In alphabetical order from where they match, then by document.
        """
        sought = fold_mention(text)
        if not sought:
            return []
        values: dict[str, Any] = {"first": sought, "last": sought + _LAST, "word": -1, "mention": -1, "label": label}
        found = list[FoundMention]()
        if after is not None:
            mention, word, document, context = after
            start = self._start(mention, word)
            if start is None or not start.startswith(sought):
                return []  # the day was replaced
            values |= {"first": start, "word": word, "mention": mention, "document": document, "context": context}
            found = self._find(_WITHIN, {**values, "most": most})
        if len(found) < most:
            found += self._find(_AFTER, {**values, "most": most - len(found)})
        return found

    def top(self, label: str, most: int) -> list[TopMention]:
        """List the mentions of a label that are in most documents."""
        return [TopMention(*row) for row in self._read(_TOP, (str, str, int, int), (label, most))]

    def labels(self) -> list[str]:
        """List the labels of the indexed mentions, sorted."""
        return [label for (label,) in self._read("SELECT label FROM top WHERE place = 0 ORDER BY label", (str,))]

    def _start(self, mention: int, word: int) -> str | None:
        """From where on a mention was found; None if there is no such one."""
        rows = self._read("SELECT folded FROM mentions WHERE number = ?", (str,), (mention,))
        starts = list_starts(rows[0][0]) if rows else []
        return starts[word] if word < len(starts) else None

    def _find(self, where: str, values: dict[str, Any]) -> list[FoundMention]:
        shape = (int, int, int, int, str, str, str, int, int, str | None, str | None)
        rows = self._read(_ROWS.format(where), shape, values)
        return [
            FoundMention((m, w, d, c), d, name, mention, label, n, first, _split(assertion), section)
            for m, w, d, c, name, mention, label, n, first, assertion, section in rows
        ]

    def _read(self, query: str, shape: Sequence[Any], values: Any = ()) -> list[tuple[Any, ...]]:
        rows = self.fetch(query, values)
        for row in rows:  # a damaged file may hold anything
            if not all(isinstance(value, kind) for value, kind in zip(row, shape, strict=True)):
                raise ArtifactBroken(f"found a row of another shape, expected {WHAT}, in {self.path}")
        return rows


def _split(assertion: str | None) -> tuple[str, ...] | None:
    return None if assertion is None else tuple(assertion.split())
