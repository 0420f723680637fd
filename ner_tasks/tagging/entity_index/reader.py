"""Reads the entity index of one published day."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ner_tasks.errors import ArtifactBroken
from ner_tasks.files import sqlite_files
from ner_tasks.tagging.answer_index import make_handle
from ner_tasks.tagging.entity_index import WHAT
from ner_tasks.tagging.entity_index.folding import MAX_FOLDED, fold_mention, list_starts

Position = tuple[int, int, int, int]  # mention, word, document, context: a row of a search
Order = tuple[str, int, str, str]  # start, word, folded mention, label: what comes first, in any index
_TOP_SHAPE = (str, str, int, int, str)
_FOUND_SHAPE = (int, int, int, int, str, str, str, int, int, str | None, str | None, str, str)
_NO_MENTION = 2**62  # no mention of any index has a greater number
# the last text that begins with another one, which it is appended to; a folded mention is no longer
_LAST = "\U0010ffff" * (MAX_FOLDED + 1)
# CROSS JOIN: in this order, in which rows come sorted and a search stops at its last one
_ROWS = """
SELECT s.mention, s.word, o.document, o.context, d.name, m.written, m.label, o.n, o.first, c.assertion, c.section,
    s.start, m.folded
FROM starts AS s CROSS JOIN mentions AS m ON m.number = s.mention
CROSS JOIN occurrences AS o ON o.mention = s.mention
CROSS JOIN documents AS d ON d.number = o.document
CROSS JOIN contexts AS c ON c.number = o.context
WHERE {} AND (:label = '' OR s.label = :label)
ORDER BY s.start, s.word, s.mention, o.document, o.context
"""
_AFTER = "s.start BETWEEN :first AND :last AND (s.start, s.word, s.mention) > (:first, :word, :mention)"
_WITHIN = (
    "s.start = :first AND s.word = :word AND s.mention = :mention AND (o.document, o.context) > (:document, :context)"
)
_BESIDE = "s.start = :first AND s.word = :word AND (m.folded, m.label) {} (:folded, :its_label)"
_TOP = """
SELECT m.written, m.label, m.n_documents, m.n_entities, m.folded
FROM top AS t JOIN mentions AS m ON m.number = t.mention WHERE t.label = ? ORDER BY t.place LIMIT ?
"""
# a whole mention is its own start
_COUNTED = """
SELECT m.written, m.label, m.n_documents, m.n_entities, m.folded
FROM starts AS s CROSS JOIN mentions AS m ON m.number = s.mention WHERE s.start = ? AND s.word = 0 AND s.label = ?
"""
_ALL = "SELECT folded, n_documents, n_entities, written FROM mentions WHERE label = ? ORDER BY number"


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
        order: what orders the results of several indexes.
        part: number of the part of the day that the index belongs to; None if the day has no parts.
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
    order: Order
    part: int | None = None

    @property
    def handle(self) -> str:
        """Handle of the document in the index of its day, see `IndexedDocument.handle`."""
        return make_handle(self.part, self.number, self.name)


@dataclass(frozen=True)
class TopMention:
    """A mention of a day: as it is first written, its label, in how many documents and how often it is, and folded."""

    mention: str
    label: str
    n_documents: int
    n_entities: int
    folded: str


class EntityIndex(sqlite_files.ReadOnlyDatabase):
    """Entity index of one day, or of a part of it.

    Args:
        path: the SQLite file.
        part: number of the part; None if the day has no parts.

    Attributes:
        n_documents, n_without_text: number of tagged documents, and of those whose text was not kept.

    Raises:
        InputMissing: there is no index; older days have none.
        ArtifactBroken: the file is not an index, or is damaged; raised by any method.
    """

    def __init__(self, path: Path, part: int | None = None) -> None:
        self.part = part
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
        if after is not None and self.order_of(after, text) is None:
            return []  # the day was replaced
        return list(islice(self.iter_found(text, label=label, after=after), most))

    def iter_found(
        self,
        text: str,
        *,
        label: str = "",
        after: Position | None = None,
        since: Order | None = None,
        is_since_included: bool = False,
    ) -> Iterator[FoundMention]:
        """Yield what `search` finds, each as soon as it is found.

        Args:
            text, label: as for `search`.
            after: position in this index of the last result of the page before; see `order_of`.
            since: order of the last result of the page before, which came from another index.
            is_since_included: whether this index may have further results of that order.
        """
        sought = fold_mention(text)
        if not sought:
            return
        values: dict[str, Any] = {"first": sought, "last": sought + _LAST, "word": -1, "mention": -1, "label": label}
        if after is not None and (order := self.order_of(after, text)):
            mention, word, document, context = after
            values |= {"first": order[0], "word": word, "mention": mention, "document": document, "context": context}
            yield from self._find(_WITHIN, values)
        elif since is not None:
            values |= dict(zip(("first", "word", "folded", "its_label"), since, strict=True))
            yield from self._find(_BESIDE.format(">=" if is_since_included else ">"), values)
            values["mention"] = _NO_MENTION
        yield from self._find(_AFTER, values)

    def order_of(self, position: Position, text: str) -> Order | None:
        """Return the order of a position in a search for `text`; None if it has none, as after the day was replaced."""
        mention, word, _, _ = position
        rows = self._read("SELECT folded, label FROM mentions WHERE number = ?", (str, str), (mention,))
        starts = list_starts(rows[0][0]) if rows else []
        if word >= len(starts) or not starts[word].startswith(fold_mention(text)):
            return None
        return starts[word], word, *rows[0]

    def top(self, label: str, most: int) -> list[TopMention]:
        """List the mentions of a label that are in most documents; the index ranks `N_TOP`."""
        return [TopMention(*row) for row in self._read(_TOP, _TOP_SHAPE, (label, most))]

    def count(self, label: str, folded: str) -> TopMention | None:
        """Count a mention; None if there is none."""
        rows = self._read(_COUNTED, _TOP_SHAPE, (folded, label))
        return TopMention(*rows[0]) if rows else None

    def iter_counts(self, label: str) -> Iterator[tuple[str, int, int, str]]:
        """Yield each mention of a label in order: folded, number of documents and of entities, as it is first written."""
        shape = (str, int, int, str)
        for row in self.stream(_ALL, (label,)):
            self._check_shape(row, shape)
            yield row[0], row[1], row[2], row[3]

    def labels(self) -> list[str]:
        """List the labels of the indexed mentions, sorted."""
        return [label for (label,) in self._read("SELECT label FROM top WHERE place = 0 ORDER BY label", (str,))]

    def _find(self, where: str, values: dict[str, Any]) -> Iterator[FoundMention]:
        for row in self.stream(_ROWS.format(where), values):
            self._check_shape(row, _FOUND_SHAPE)
            m, w, d, c, name, mention, label, n, first, assertion, section, start, folded = row
            order, context = (start, w, folded, label), _split(assertion)
            yield FoundMention((m, w, d, c), d, name, mention, label, n, first, context, section, order, self.part)

    def _read(self, query: str, shape: Sequence[Any], values: Any = ()) -> list[tuple[Any, ...]]:
        rows = self.fetch(query, values)
        for row in rows:
            self._check_shape(row, shape)
        return rows

    def _check_shape(self, row: Sequence[Any], shape: Sequence[Any]) -> None:
        """Check the types in a row: a damaged file may hold anything."""
        if not all(map(isinstance, row, shape)):
            raise ArtifactBroken(f"found a row of another shape, expected {WHAT}, in {self.path}")


def _split(assertion: str | None) -> tuple[str, ...] | None:
    return None if assertion is None else tuple(assertion.split())
