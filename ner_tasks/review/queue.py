"""The sentences of a night that are most worth a person's time.

Three reasons, in one order: two models disagree about a mention, the model is unsure of one, or chance picked the
sentence. Chance is there because what a model is wrong and sure about shows in no score. The same mention is asked
about a few times only: a person who has corrected it three times has said what there is to say.
"""

import hashlib
import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ner_tasks.errors import ConfigInvalid
from ner_tasks.review.prediction_diffs import pair_entities
from ner_tasks.segmentation import iter_sentences
from ner_tasks.tagging.answers import Answer, read_answers

Entity = Mapping[str, Any]


@dataclass(frozen=True)
class ReviewConfig:
    """What is asked.

    Attributes:
        n_most: most sentences in the queue.
        max_score: a mention that scores less is unsure, 0 to 1.
        n_same: most sentences for the same mention and label.
        random_share: share of the queue that chance picks, 0 to 1.
        seed: of that choice.
    """

    n_most: int = 200
    max_score: float = 0.8
    n_same: int = 3
    random_share: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_most < 1 or self.n_same < 1 or not (0 <= self.max_score <= 1 and 0 <= self.random_share <= 1):
            raise ConfigInvalid(f"found {self}, expected n_most and n_same of 1 on, and shares from 0 to 1")


@dataclass(frozen=True)
class ReviewItem:
    """A sentence to be read by a person.

    Attributes:
        why: `disagreement`, `unsure` or `chance`.
        worth: 0 to 1; the queue goes by it. Of chance it is the lot that was drawn.
        about: the mention and label that it is asked for; empty for chance.
        document, sha256, start: where it stands; `start` is its first character in the document's text.
        text: the sentence.
        model, entities: who found what; `start` and `end` are characters of the sentence.
        other_model, other_entities: the same for the second model, if there is one.
    """

    why: str
    worth: float
    about: tuple[str, str]
    document: str
    sha256: str
    start: int
    text: str
    model: str
    entities: tuple[Entity, ...]
    other_model: str | None = None
    other_entities: tuple[Entity, ...] = ()


@dataclass
class ReviewQueue:
    """What is asked, the most informative first, and what there was to choose from.

    Attributes:
        items: the sentences.
        found: sentences by reason, before any was left out.
        n_without_text: documents whose text was not kept, of which nothing can be asked.
        labels: all labels that either model has given in this night.
    """

    items: list[ReviewItem] = field(default_factory=list)
    found: Counter[str] = field(default_factory=Counter)
    n_without_text: int = 0
    labels: set[str] = field(default_factory=set)


def build_queue(answers: Path, config: ReviewConfig, *, other: Path | None = None) -> ReviewQueue:
    """Choose the sentences of a night.

    Args:
        answers: its `documents.jsonl`.
        config: how many and which.
        other: the same of another model, for all documents or some; those it does not have are not compared.

    Raises:
        InputMissing, ArtifactBroken: there are no answers, or a line of them is none.
    """
    queue = ReviewQueue()
    n_chance = round(config.n_most * config.random_share)
    asked, chance = _Best(config.n_most * 4), _Best(n_chance * 4)
    others = {_key(answer): answer for answer in read_answers(other)} if other else {}
    for answer in read_answers(answers):
        beside = others.get(_key(answer))
        queue.labels.update(entity["label"] for one in (answer, beside) if one for entity in one.entities)
        if answer.text is None:
            queue.n_without_text += 1
            continue
        for item in _items(answer, beside, config):
            queue.found[item.why] += 1
            (chance if item.why == "chance" else asked).add(item)
    picked = _varied(asked.best(), config, config.n_most - n_chance, set())
    texts = {item.text for item in picked}
    queue.items = [*picked, *_varied(chance.best(), config, n_chance, texts)]
    return queue


class _Best:
    """The items of most worth; four times as many as are asked, for some will be left out as more of the same."""

    def __init__(self, n: int):
        self._n, self._heap, self._number = n, list[tuple[float, int, ReviewItem]](), 0

    def add(self, item: ReviewItem) -> None:
        self._number -= 1  # of two that are worth the same the first stays
        if self._n:
            push = heapq.heappush if len(self._heap) < self._n else heapq.heappushpop
            push(self._heap, (item.worth, self._number, item))

    def best(self) -> Iterator[ReviewItem]:
        return (item for *_, item in sorted(self._heap, key=lambda entry: entry[:2], reverse=True))


def _varied(items: Iterable[ReviewItem], config: ReviewConfig, n: int, texts: set[str]) -> list[ReviewItem]:
    """The first `n` of them, no text twice and no mention more often than a person wants to see it."""
    picked, same = list[ReviewItem](), Counter[tuple[str, str]]()
    for item in items:
        if len(picked) == n:
            break
        if item.text in texts or (item.about[0] and same[item.about] == config.n_same):
            continue
        texts.add(item.text)
        same[item.about] += 1
        picked.append(item)
    return picked


def _key(answer: Answer) -> bytes:
    name = f"{answer.document}\0{answer.sha256}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(name, digest_size=16).digest()


def _items(answer: Answer, beside: Answer | None, config: ReviewConfig) -> Iterator[ReviewItem]:
    """One item for each sentence that is worth asking about, for the mention that makes it most so."""
    text = answer.text or ""
    if beside and beside.text_sha256 != answer.text_sha256:
        beside = None
    doubts = sorted(_doubts(answer, beside, config), key=lambda doubt: doubt[0])
    number = 0
    for words in iter_sentences(text):
        start, end = words[0].start, words[-1].end
        here = []
        while number < len(doubts) and doubts[number][0] < end:
            here.append(doubts[number])
            number += 1
        if here:
            _, worth, why, about = max(here, key=lambda doubt: doubt[1])
            yield _item(answer, beside, start, end, why=why, worth=worth, about=about)
        else:
            lot = _lot(answer, start, config.seed)
            yield _item(answer, beside, start, end, why="chance", worth=lot, about=("", ""))


def _doubts(
    answer: Answer, beside: Answer | None, config: ReviewConfig
) -> Iterator[tuple[int, float, str, tuple[str, str]]]:
    """Where, how much, why and about which mention there is doubt."""
    for entity in answer.entities:
        if entity["score"] < config.max_score:
            yield entity["start"], 1 - entity["score"], "unsure", _about(answer, entity)
    for old, new in pair_entities(answer.entities, beside.entities) if beside else ():
        sides = [side for side in (old, new) if side]
        if len(sides) == 2 and all(sides[0][name] == sides[1][name] for name in ("start", "end", "label")):
            continue
        # two models that are sure of different things tell more than one that is sure of nothing
        worth = 0.5 + max(side["score"] for side in sides) / 2
        yield sides[0]["start"], worth, "disagreement", _about(answer, sides[0])


def _about(answer: Answer, entity: Entity) -> tuple[str, str]:
    return " ".join((answer.mention(entity) or "").lower().split()), entity["label"]


def _lot(answer: Answer, start: int, seed: int) -> float:
    """The sentence's lot, 0 to 1: from the seed and its place, so that the same night gives the same queue."""
    lot = hashlib.blake2b(b"%d/%d/" % (seed, start) + _key(answer), digest_size=4).digest()
    return int.from_bytes(lot) / 2**32


def _item(
    answer: Answer, beside: Answer | None, start: int, end: int, *, why: str, worth: float, about: tuple[str, str]
) -> ReviewItem:
    def within(one: Answer) -> tuple[Entity, ...]:
        return tuple(
            {**entity, "start": entity["start"] - start, "end": entity["end"] - start}
            for entity in one.entities
            if start <= entity["start"] and entity["end"] <= end
        )

    return ReviewItem(
        why,
        round(worth, 4),
        about,
        answer.document,
        answer.sha256,
        start,
        (answer.text or "")[start:end],
        str(answer.receipt.get("model_version", "")),
        within(answer),
        str(beside.receipt.get("model_version", "")) if beside else None,
        within(beside) if beside else (),
    )
