"""Sentences of the review queue, prepared for the template: words that can be chosen, and a row for each entity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ner_tasks import display
from ner_tasks.dashboard.reviews import QueuedView
from ner_tasks.segmentation import iter_sentences
from ner_tasks.surrogates import replace_surrogates


@dataclass(frozen=True)
class SentencePiece:
    """A stretch of a sentence: an entity, or what stands between two.

    Attributes:
        entity: the entity, None between two.
        parts: texts with the number of the word that they are; None for what stands between words.
    """

    entity: Mapping[str, Any] | None
    parts: Sequence[tuple[str, int | None]]


@dataclass(frozen=True)
class EntityRow:
    """An entity to decide.

    Attributes:
        number: its number among the model's; None if a reviewer has added it.
        verdict: the verdict that is shown, "" for none.
        entity: as it is shown.
        asked: as the model has it; empty if it was added.
        mention: its text.
    """

    number: int | None
    verdict: str
    entity: Mapping[str, Any]
    asked: Mapping[str, Any]
    mention: str


@dataclass(frozen=True)
class EditableSentence:
    """A sentence as the page shows it.

    Attributes:
        view: the sentence and where it stands.
        text: its text, in which nothing is active.
        words: characters `[start, end)` of its words.
        pieces: its stretches.
        rows: its entities.
    """

    view: QueuedView
    text: str
    words: Sequence[tuple[int, int]]
    pieces: Sequence[SentencePiece]
    rows: Sequence[EntityRow]


def prepare_sentence(view: QueuedView) -> EditableSentence:
    """Prepare a sentence: with the entities of the model, or those of the decision that is shown."""
    sentence = view.sentence
    text = display.neutralize(replace_surrogates(sentence["text"]))
    words = [
        (word.start, word.end) for words in iter_sentences(sentence["text"], sentence["language"]) for word in words
    ]
    rows = _list_rows(view, text)
    marked = [row.entity for row in rows if row.verdict != "reject"]
    return EditableSentence(view, text, words, _split(text, words, marked), rows)


def _list_rows(view: QueuedView, text: str) -> list[EntityRow]:
    asked, shown = view.sentence["entities"], view.shown
    decided: dict[int | None, Any] = {one["entity"]: one for one in shown["entities"]} if shown else {}
    rows = []
    for number, entity in enumerate(asked):
        verdict = "" if shown is None else decided[number]["verdict"] if number in decided else "reject"
        now: Mapping[str, Any] = {**entity, **decided.get(number, {})}
        rows.append(EntityRow(number, verdict, now, entity, text[now["start"] : now["end"]]))
    added = [one for one in shown["entities"] if one["entity"] is None] if shown else []
    return rows + [EntityRow(None, "add", one, {}, text[one["start"] : one["end"]]) for one in added]


def _split(text: str, words: Sequence[tuple[int, int]], entities: Sequence[Mapping[str, Any]]) -> list[SentencePiece]:
    """Split a sentence into pieces; a word belongs to the first entity that covers a part of it."""
    pieces, parts, current, at = list[SentencePiece](), list[tuple[str, int | None]](), None, 0
    for number, (start, end) in enumerate(words):
        entity = next((one for one in entities if one["start"] < end and start < one["end"]), None)
        gap = text[at:start]
        if entity is not current:
            if current is None and gap:
                parts.append((gap, None))
                gap = ""
            pieces.append(SentencePiece(current, parts))
            parts, current = [], entity
            if gap and entity is not None:
                pieces.append(SentencePiece(None, [(gap, None)]))
                gap = ""
        if gap:
            parts.append((gap, None))
        parts.append((text[start:end], number))
        at = end
    pieces.append(SentencePiece(current, parts))
    pieces.append(SentencePiece(None, [(text[at:], None)] if text[at:] else []))
    return [piece for piece in pieces if piece.parts]
