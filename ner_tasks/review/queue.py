"""Review queue: the sentences of a night that are most worth correcting.

A sentence is chosen because the policy sends a mention to review, because two models disagree about one, because the
model is unsure of one or its code is unclear, or at random. The random part finds errors of which the model is sure,
which no score reveals. The same mention is chosen a few times only, because further corrections of it add little; those
that the policy sends to review fill what room is left.
"""

import hashlib
import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ner_tasks.errors import ConfigInvalid
from ner_tasks.review.code_suggestions import CodeSuggestions
from ner_tasks.review.prediction_diffs import pair_entities
from ner_tasks.segmentation import DEFAULT_LANGUAGE, iter_sentences
from ner_tasks.tagging.answers import Answer, AnswerFiles, read_answers

Entity = Mapping[str, Any]

POLICY, CODE, CHANCE = "policy", "code", "chance"
_WORTH_OF_POLICY = 0.9  # before nearly everything else: somebody has asked for it
# Priority of a mention whose code is unclear: several codes have its name, or names like it exist.
_WORTH_OF_CODE = {"ambiguous": 0.6, "near": 0.4}


@dataclass(frozen=True)
class ReviewConfig:
    """Settings of a review queue.

    Attributes:
        n_most: maximum number of sentences, from 1.
        max_score: mentions with a lower score count as unsure, 0 to 1.
        n_same: maximum number of sentences for the same mention and label, from 1.
        random_share: share of randomly chosen sentences, 0 to 1.
        seed: seed of the random choice.
    """

    n_most: int = 200
    max_score: float = 0.8
    n_same: int = 3
    random_share: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_most < 1 or self.n_same < 1 or not (0 <= self.max_score <= 1 and 0 <= self.random_share <= 1):
            raise ConfigInvalid(f"found {self}, expected n_most and n_same of at least 1, and shares from 0 to 1")


@dataclass(frozen=True)
class ReviewItem:
    """A sentence to review.

    Attributes:
        why: `policy`, `disagreement`, `unsure`, `code` or `chance`.
        worth: priority, 0 to 1; a random number for `chance`.
        about: the mention and label in question; empty for `chance`.
        document: name of the document.
        sha256: SHA-256 of the document.
        start: offset of the sentence in the document's text, in characters.
        text: the sentence.
        model: version of the model.
        entities: entities that the model found, with offsets in the sentence; one whose code is unclear has `match` and
            `candidates`.
        other_model: version of the second model, if there is one.
        other_entities: entities that the second model found.
        language: language by whose rules the text was split.
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
    language: str = DEFAULT_LANGUAGE


@dataclass
class ReviewQueue:
    """Sentences to review, and what they were chosen from.

    Attributes:
        items: the sentences, the most informative first.
        found: number of candidate sentences by reason.
        n_without_text: number of documents skipped because their text was not kept.
        labels: all labels that either model predicted in this night.
    """

    items: list[ReviewItem] = field(default_factory=list)
    found: Counter[str] = field(default_factory=Counter)
    n_without_text: int = 0
    labels: set[str] = field(default_factory=set)


def build_queue(
    answers: AnswerFiles, config: ReviewConfig, *, other: Path | None = None, codes: CodeSuggestions | None = None
) -> ReviewQueue:
    """Choose the sentences of a night to review.

    Args:
        answers: `documents.jsonl` of the night, or those of its parts.
        config: settings.
        other: `documents.jsonl` of another model for some or all of the documents, to find disagreements.
        codes: suggests codes for entities without one; None: codes are not looked at.

    Raises:
        InputMissing: a file is missing.
        ArtifactBroken: a line is not an answer, or the vocabulary is damaged.
    """
    queue = ReviewQueue()
    n_chance = round(config.n_most * config.random_share)
    doubtful, chance = _TopItems(config.n_most * 4), _TopItems(n_chance * 4)
    others = {_key(answer): answer for answer in read_answers(other)} if other else {}
    for answer in read_answers(answers):
        beside = others.get(_key(answer))
        queue.labels.update(entity["label"] for one in (answer, beside) if one for entity in one.entities)
        if answer.text is None:
            queue.n_without_text += 1
            continue
        for item in _items(answer, beside, config, codes):
            queue.found[item.why] += 1
            (chance if item.why == CHANCE else doubtful).add(item)
    picked = _pick_varied(doubtful.sort(), config, config.n_most - n_chance, set())
    texts = {item.text for item in picked}
    picked += _pick_varied(chance.sort(), config, n_chance, texts)
    queue.items = [_with_codes(item, codes) if codes else item for item in picked]
    return queue


class _TopItems:
    """The `n` items of most worth; callers keep four times as many as they need, because duplicates are dropped."""

    def __init__(self, n: int):
        self._n, self._heap, self._number = n, list[tuple[float, int, ReviewItem]](), 0

    def add(self, item: ReviewItem) -> None:
        self._number -= 1  # among items of equal worth the first one stays
        if self._n:
            push = heapq.heappush if len(self._heap) < self._n else heapq.heappushpop
            push(self._heap, (item.worth, self._number, item))

    def sort(self) -> Iterator[ReviewItem]:
        return (item for *_, item in sorted(self._heap, key=lambda entry: entry[:2], reverse=True))


def _pick_varied(items: Iterable[ReviewItem], config: ReviewConfig, n: int, texts: set[str]) -> list[ReviewItem]:
    """Pick the first `n` items, without repeated texts and with at most `n_same` items per mention.

    If there is room left, items that the policy sends to review follow, however often their mention is there.
    """
    picked, spare, same = list[ReviewItem](), list[ReviewItem](), Counter[tuple[str, str]]()
    for item in items:
        if len(picked) == n:
            return picked
        if item.text in texts:
            continue
        if item.about[0] and same[item.about] == config.n_same:
            spare += [item] if item.why == POLICY else []
            continue
        texts.add(item.text)
        same[item.about] += 1
        picked.append(item)
    for item in spare:
        if len(picked) < n and item.text not in texts:
            texts.add(item.text)
            picked.append(item)
    return picked


def _with_codes(item: ReviewItem, codes: CodeSuggestions) -> ReviewItem:
    described = [
        {**entity, **codes.describe(entity, item.text[entity["start"] : entity["end"]])} for entity in item.entities
    ]
    return replace(item, entities=tuple(described))


def _key(answer: Answer) -> bytes:
    name = f"{answer.document}\0{answer.sha256}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(name, digest_size=16).digest()


def _items(
    answer: Answer, beside: Answer | None, config: ReviewConfig, codes: CodeSuggestions | None
) -> Iterator[ReviewItem]:
    """Yield one item per sentence, for its most doubtful mention."""
    text = answer.text or ""
    if beside and beside.text_sha256 != answer.text_sha256:
        beside = None
    doubts = sorted(_doubts(answer, beside, config, codes), key=lambda doubt: doubt[0])
    number = 0
    for words in iter_sentences(text, answer.language):
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
            yield _item(answer, beside, start, end, why=CHANCE, worth=lot, about=("", ""))


def _doubts(
    answer: Answer, beside: Answer | None, config: ReviewConfig, codes: CodeSuggestions | None
) -> Iterator[tuple[int, float, str, tuple[str, str]]]:
    """Yield each doubtful mention: offset, worth, reason, and the mention with its label."""
    for entity in answer.entities:
        if entity.get("decision") == "review":
            worth = _WORTH_OF_POLICY + (1 - entity["score"]) * (1 - _WORTH_OF_POLICY)
            yield entity["start"], worth, POLICY, _about(answer, entity)
        elif entity["score"] < config.max_score:
            yield entity["start"], 1 - entity["score"], "unsure", _about(answer, entity)
        if codes and (found := codes.find(entity, answer.mention(entity) or "")):
            yield entity["start"], _WORTH_OF_CODE[found.match], CODE, _about(answer, entity)
    for old, new in pair_entities(answer.entities, beside.entities) if beside else ():
        sides = [side for side in (old, new) if side]
        if len(sides) == 2 and all(sides[0][name] == sides[1][name] for name in ("start", "end", "label")):
            continue
        # two confident models that disagree are more informative than one unsure model
        worth = 0.5 + max(side["score"] for side in sides) / 2
        yield sides[0]["start"], worth, "disagreement", _about(answer, sides[0])


def _about(answer: Answer, entity: Entity) -> tuple[str, str]:
    return " ".join((answer.mention(entity) or "").lower().split()), entity["label"]


def _lot(answer: Answer, start: int, seed: int) -> float:
    """Return a random number, 0 to 1, from the seed and the sentence's position: the queue is reproducible."""
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
        answer.language,
    )
