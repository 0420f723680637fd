"""A document while it is tagged: collects the answers to its sentences, and makes its receipt.

The receipt accounts for the whole file: its items by kind and fate, the number of characters extracted from the items
that were read, and the number of characters tagged, which must be equal.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Protocol

from ner_tasks.documents import Document
from ner_tasks.documents.source_map import PLACE_FIELDS
from ner_tasks.enrichment.document_enricher import ANSWER_FIELDS, ENTITY_FIELDS, DocumentEnricher, EntityMeaning
from ner_tasks.enrichment.policy import EntityPolicy
from ner_tasks.enrichment.rules import EnrichmentRules
from ner_tasks.entities import ScoredSpan, place_entities
from ner_tasks.errors import GateNotPassed
from ner_tasks.segmentation import DEFAULT_LANGUAGE, Word
from ner_tasks.tagging.answer_ledger import AnswerKey
from ner_tasks.tagging.entity_list import EntityList


class SentenceAnswer(Protocol):
    """Tags and entities of one sentence, see `inference.tagger.TaggedSentence`."""

    @property
    def tags(self) -> Sequence[str]: ...
    @property
    def entities(self) -> Sequence[ScoredSpan]: ...
    @property
    def n_pieces(self) -> int: ...
    @property
    def n_windows(self) -> int: ...
    @property
    def n_unknown(self) -> int: ...


class InboxFile(NamedTuple):
    """A file of the inbox: its position in the order of the answers, and its name."""

    position: int
    name: str


@dataclass
class DocumentInProgress:
    """A document that is being tagged.

    Attributes:
        file: its file in the inbox.
        document: the document.
        key: what its answer depends on.
        language: the language by whose rules it is split into sentences and words.
        rules: what its entities are given besides label and score.
        copy_of: an earlier document with the same text, whose answer is reused.
        entities: entities found so far that are given.
        dropped: number of the others by label.
        review: number of the given ones by label that a person should look at.
        n_answered: number of sentences answered so far.
        n_words_repeated: words in sentences whose answers were computed for earlier ones.
        failure: the error, if it could not be tagged.
        is_cut: whether all its sentences have been passed to the tagger.
    """

    file: InboxFile
    document: Document
    key: AnswerKey
    language: str = DEFAULT_LANGUAGE
    rules: EnrichmentRules = field(default_factory=EnrichmentRules)
    copy_of: "DocumentInProgress | None" = None
    entities: EntityList = field(default_factory=EntityList)
    dropped: Counter[str] = field(default_factory=Counter)
    review: Counter[str] = field(default_factory=Counter)
    n_sentences: int = 0
    n_words: int = 0
    n_pieces: int = 0
    n_windows: int = 0
    n_unknown: int = 0
    n_characters_read: int = 0
    n_answered: int = 0
    n_words_repeated: int = 0
    failure: Exception | None = None
    is_cut: bool = False

    @classmethod
    def from_document(
        cls,
        file: InboxFile,
        document: Document,
        *,
        model_version: str,
        config: str,
        language: str = DEFAULT_LANGUAGE,
        rules: EnrichmentRules,
    ) -> "DocumentInProgress":
        """Start tagging a document with a version of the model and of the configuration."""
        key = AnswerKey(hashlib.sha256(document.text.encode()).hexdigest(), model_version, config)
        return cls(file, document, key, language, rules)

    @property
    def is_done(self) -> bool:
        """Whether the document, or the document whose answer it reuses, is completely tagged or has failed."""
        if self.copy_of:
            return self.copy_of.is_done
        return self.is_cut and (self.failure is not None or self.n_answered == self.n_sentences)

    def count_sentence(self, spans: Sequence[Word]) -> None:
        """Count a sentence that is passed to the tagger."""
        self.n_sentences += 1
        self.n_words += len(spans)

    def add_answer(
        self, spans: Sequence[Word], answer: SentenceAnswer, policy: EntityPolicy, *, is_repeated: bool = False
    ) -> None:
        """Add the answer to one sentence.

        Args:
            spans: the sentence's words.
            answer: a tag for each word, and its entities.
            policy: which entities are given.
            is_repeated: whether it was computed for an earlier sentence.

        Raises:
            GateNotPassed: the numbers of words and tags differ.
        """
        if len(answer.tags) != len(spans):
            raise GateNotPassed(
                f"found {len(answer.tags)} tags, expected {len(spans)}, for a sentence of {self.document.name[:200]!r}"
            )
        self.n_answered += 1
        self.n_words_repeated += len(spans) if is_repeated else 0
        self.n_pieces += answer.n_pieces
        self.n_windows += answer.n_windows
        self.n_unknown += answer.n_unknown
        self.n_characters_read += sum(end - start for start, end in spans)
        if not answer.entities:
            return
        text, assessments = self.document.text, self._enricher.assess(spans, [one.span for one in answer.entities])
        placed = place_entities(spans, answer.entities)
        for (start, end, label, score), assertion in zip(placed, assessments, strict=True):
            decision = policy.decide(label, score, text[start:end]).action
            if decision == "drop":
                self.dropped[label] += 1
                continue
            self.review[label] += decision == "review"
            self.entities.append(start, end, label, score, EntityMeaning(assertion, decision))

    @cached_property
    def _enricher(self) -> DocumentEnricher:
        return DocumentEnricher(self.rules, self.document.text)

    def make_answer(self, *, keep_text: bool, tagged_at: str) -> dict[str, Any]:
        """Make the document's line of `documents.jsonl`.

        Args:
            keep_text: whether to include the text and the mentions.
            tagged_at: ISO 8601 time.

        Returns:
            The answer; its `entities` are an iterator, because hundreds of thousands of dicts take much memory.

        Raises:
            GateNotPassed: the receipt does not add up, see `complete_answer`.
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
            "dropped": dict(sorted(self.dropped.items())),
            "review": {label: n for label, n in sorted(self.review.items()) if n},
            "model_version": self.key.model_version,
            "config": self.key.config,
            "rules": self.rules.version,
            "tagged_at": tagged_at,
        }
        text = {"text": document.text} if keep_text else {}
        entities = self._iter_entities(keep_text=keep_text)
        enriched = self._describe_document((start, end, label) for start, end, label, *_ in self.entities)
        return self.complete_answer(
            {"text_sha256": self.key.text_sha256, **text, "entities": entities, **enriched, "receipt": receipt}
        )

    def _describe_document(self, entities: Iterable[tuple[int, int, str]]) -> dict[str, Any]:
        return self._enricher.describe_document(entities, text_sha256=self.key.text_sha256)

    def _iter_entities(self, *, keep_text: bool) -> Iterator[dict[str, Any]]:
        text = self.document.text
        current = self._enricher.settle((start, end, one.assertion) for start, end, _, _, one in self.entities)
        for start, end, label, score, meaning in self.entities:
            mention = {"mention": text[start:end]} if keep_text else {}
            decision = {} if meaning.decision == "publish" else {"decision": meaning.decision}
            fields = self._enricher.describe(start, end, label, meaning.assertion, current)
            yield {"start": start, "end": end, "label": label, **mention, "score": score, **decision, **fields}

    def complete_answer(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Complete an answer to this document's text with this document's name, locations and items.

        Args:
            answer: answer to the same text, of this document or another one.

        Raises:
            GateNotPassed: the receipt does not add up: extracted characters were not tagged, or the fate of an item is
                unknown.
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
            # follows from the text and the configuration, so an answer that is reused has the same
            "language": self.language,
            "n_characters_extracted": document.n_extracted,
        }
        of_text = {name: value for name, value in answer["receipt"].items() if name not in of_file}
        receipt = {**of_file, **of_text}
        names = {"document": document.name, "file": self.file.name, "sha256": document.sha256}
        if receipt.get("rules") != self.rules.version:
            answer, receipt["rules"] = self._enrich_again(answer), self.rules.version
        return {**names, **answer, **names, "entities": self._locate(answer["entities"]), "receipt": receipt}

    def _enrich_again(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Apply the rules to an answer that was given under other rules; the model does not run again."""
        entities = answer["entities"]
        enriched = self._describe_document((one["start"], one["end"], one["label"]) for one in entities)
        kept = {name: value for name, value in answer.items() if name not in (*ANSWER_FIELDS, "receipt")}
        return {**kept, "entities": self._assess_again(entities), **enriched, "receipt": answer["receipt"]}

    def _assess_again(self, entities: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        assessed = list(self._enricher.assess_again(self.language, entities))
        current = self._enricher.settle((entity["start"], entity["end"], one) for entity, one in assessed)
        for entity, assertion in assessed:
            own = {name: value for name, value in entity.items() if name not in ENTITY_FIELDS}
            fields = self._enricher.describe(entity["start"], entity["end"], entity["label"], assertion, current)
            yield own | fields

    def _locate(self, entities: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Add locations in this document to entities; another document with the same text may have another layout."""
        for entity in entities:
            own = {name: value for name, value in entity.items() if name not in PLACE_FIELDS}
            yield own | self.document.sources.locate(entity["start"], entity["end"])
