"""One document on its way through the tagger: its sentences' answers booked, and a receipt that adds up.

The receipt begins at the file: its items by kind and fate, the characters that were extracted from those that were read,
and the characters that were tagged.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from ner_tasks.documents import Document
from ner_tasks.documents.source_map import PLACE_FIELDS
from ner_tasks.entities import place_entities
from ner_tasks.errors import GateNotPassed
from ner_tasks.segmentation import Word
from ner_tasks.tagging.answer_ledger import AnswerKey
from ner_tasks.tagging.entity_list import EntityList


class SentenceAnswer(Protocol):
    """What the tagger says about one sentence, see `inference.tagger.TaggedSentence`."""

    @property
    def tags(self) -> Sequence[str]: ...
    @property
    def scores(self) -> Sequence[float]: ...
    @property
    def n_pieces(self) -> int: ...
    @property
    def n_windows(self) -> int: ...
    @property
    def n_unknown(self) -> int: ...


class InboxFile(NamedTuple):
    """One file of the inbox: its place in the order of the answers, and its name."""

    position: int
    name: str


@dataclass
class DocumentInProgress:
    """A document that is being tagged.

    Attributes:
        file: the file that it came in.
        copy_of: the document whose answer will be this one's as well.
        failure: why it has no answer, if it has none.
        is_cut: whether all its sentences have been given to the tagger.
    """

    file: InboxFile
    document: Document
    key: AnswerKey
    copy_of: "DocumentInProgress | None" = None
    entities: EntityList = field(default_factory=EntityList)
    n_sentences: int = 0
    n_words: int = 0
    n_pieces: int = 0
    n_windows: int = 0
    n_unknown: int = 0
    n_characters_read: int = 0
    n_answered: int = 0
    failure: Exception | None = None
    is_cut: bool = False

    @classmethod
    def of(cls, file: InboxFile, document: Document, *, model_version: str, config: str) -> "DocumentInProgress":
        return cls(file, document, AnswerKey(hashlib.sha256(document.text.encode()).hexdigest(), model_version, config))

    @property
    def is_done(self) -> bool:
        """Whether nothing more is to come: its answer is complete, or will be that of another, or there is none."""
        if self.copy_of:
            return self.copy_of.is_done
        return self.is_cut and (self.failure is not None or self.n_answered == self.n_sentences)

    def sentence(self, spans: Sequence[Word]) -> None:
        """Count a sentence that will be tagged."""
        self.n_sentences += 1
        self.n_words += len(spans)

    def take(self, spans: Sequence[Word], answer: SentenceAnswer) -> None:
        """Book the answer to one sentence.

        Raises:
            GateNotPassed: it is not an answer to each of the sentence's words.
        """
        if not len(answer.tags) == len(answer.scores) == len(spans):
            raise GateNotPassed(
                f"found {len(answer.tags)} tags, expected {len(spans)}, for a sentence of {self.document.name[:200]!r}"
            )
        self.n_answered += 1
        self.n_pieces += answer.n_pieces
        self.n_windows += answer.n_windows
        self.n_unknown += answer.n_unknown
        self.n_characters_read += sum(end - start for start, end in spans)
        for entity in place_entities(spans, answer.tags, answer.scores):
            self.entities.append(*entity)

    def answer(self, *, keep_text: bool, tagged_at: str) -> dict[str, Any]:
        """The document's line in `documents.jsonl`; without `keep_text`, hashes and offsets stand for what was read.

        Its `entities` are an iterator: as dicts, hundreds of thousands of them take more memory than all else.

        Raises:
            GateNotPassed: the receipt does not add up, see `named`.
        """
        document = self.document
        receipt = {
            "n_characters": len(document.text),
            "n_sentences": self.n_sentences,
            "n_words": self.n_words,
            "n_pieces": self.n_pieces,
            "n_windows": self.n_windows,
            "n_unknown": self.n_unknown,
            "n_characters_tagged": self.n_characters_read,
            "model_version": self.key.model_version,
            "config": self.key.config,
            "tagged_at": tagged_at,
        }
        text = {"text": document.text} if keep_text else {}
        entities = self._entities(keep_text=keep_text)
        return self.named({"text_sha256": self.key.text_sha256, **text, "entities": entities, "receipt": receipt})

    def _entities(self, *, keep_text: bool) -> Iterator[dict[str, Any]]:
        text = self.document.text
        for start, end, label, score in self.entities:
            mention = {"mention": text[start:end]} if keep_text else {}
            yield {"start": start, "end": end, "label": label, **mention, "score": score}

    def named(self, answer: dict[str, Any]) -> dict[str, Any]:
        """An answer to this document's text, under this document's name, with this document's places and items.

        Raises:
            GateNotPassed: the receipt does not add up: characters that were extracted and not tagged, or items of which
                the fate is not told.
        """
        document, items = self.document, self.document.items
        n_tagged = answer["receipt"]["n_characters_tagged"]
        if n_tagged != document.n_extracted:
            raise GateNotPassed(
                f"found {n_tagged} characters in tagged words, expected {document.n_extracted} as extracted, "
                f"in {document.name[:200]!r}"
            )
        if not items.add_up():
            raise GateNotPassed(
                f"found items by kind and by name that differ, expected them to add up, in {document.name[:200]!r}"
            )
        of_file = {
            "format": document.format,
            "encoding": document.encoding,
            "encoding_guessed": document.is_guessed,
            "items": {kind: dict(fates) for kind, fates in items.counts.items()},
            "read_share": round(items.read_share, 4),
            "unread": list(items.unread),
            "ignored": dict(items.ignored),
            "notes": list(document.notes),
            "n_characters_extracted": document.n_extracted,
        }
        of_text = {name: value for name, value in answer["receipt"].items() if name not in of_file}
        receipt = {**of_file, **of_text}
        mine = {"document": document.name, "file": self.file.name, "sha256": document.sha256}
        return {**mine, **answer, **mine, "entities": self._placed(answer["entities"]), "receipt": receipt}

    def _placed(self, entities: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Entities with where they stand in this document; another one of the same text may have been laid out otherwise."""
        for entity in entities:
            own = {name: value for name, value in entity.items() if name not in PLACE_FIELDS}
            yield own | self.document.sources.locate(entity["start"], entity["end"])
