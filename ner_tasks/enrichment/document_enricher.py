"""What the rules say of one document and its entities."""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ner_tasks.enrichment.assertion import Assessment
from ner_tasks.enrichment.assertion_lexicon import YIELDING
from ner_tasks.enrichment.rules import EnrichmentRules
from ner_tasks.enrichment.same_findings import NamedFindings, find_head
from ner_tasks.entities import WordSpan
from ner_tasks.segmentation import Word, iter_sentences

# Fields that the rules fill in: of an entity, and of an answer.
ENTITY_FIELDS, ANSWER_FIELDS = ("section", "assertion", "code", "code_system"), ("personal_data", "redacted")


class EntityMeaning(NamedTuple):
    """What is known of an entity once its sentence is tagged.

    Attributes:
        assertion: what its sentence and section assert of it; None if not assessed.
        decision: what is done with it, `publish` or `review`.
    """

    assertion: Assessment | None = None
    decision: str = "publish"


NO_MEANING = EntityMeaning()


class DocumentEnricher:
    """The rules, applied to one document.

    Args:
        rules: the rules.
        text: the document's text.
    """

    def __init__(self, rules: EnrichmentRules, text: str):
        self._rules, self._text = rules, text
        self._sections = rules.sections.find(text) if rules.sections else []
        self._starts = [section.start for section in self._sections]

    def find_section(self, offset: int) -> str | None:
        """Return the kind of the section in which a character stands; None outside of all."""
        index = bisect_right(self._starts, offset) - 1
        return self._sections[index].kind if index >= 0 and offset < self._sections[index].end else None

    def assess(self, words: Sequence[Word], entities: Sequence[WordSpan]) -> list[Assessment | None]:
        """Assess the entities of one sentence.

        Args:
            words: characters `[start, end)` of the sentence's words.
            entities: its entities.

        Returns:
            What the sentence and its section assert of each entity; None if its label is not one of a finding.
        """
        rules, assessments = self._rules, list[Assessment | None]([None] * len(entities))
        findings = [index for index, entity in enumerate(entities) if entity.label in rules.findings]
        if rules.assertion and findings:
            texts = [self._text[start:end] for start, end in words]
            mentions = [(entities[index].start, entities[index].end) for index in findings]
            found = rules.assertion.assess(texts, mentions, self.find_section(words[0][0]))
            for index, one in zip(findings, found, strict=True):
                assessments[index] = one
        return assessments

    def settle(self, mentions: Iterable[tuple[int, int, Assessment | None]]) -> frozenset[str]:
        """Return the mentions of past findings that the text describes as present elsewhere, for `describe`.

        Who has a *history of asthma*, and *asthma* in the plan, has asthma. What comes in episodes, such as a stone, may be a
        new one.

        Args:
            mentions: first character, character after the last, and assessment of all entities of the text.
        """
        past, present = set[str](), set[str]()
        for start, end, assessment in mentions:
            if assessment and (assessment.yields or not assessment.statuses):
                (past if assessment.yields else present).add(self._text[start:end])
        if not past or not present or not self._rules.assertion:
            return frozenset()
        episodes, current = self._rules.assertion.episodes, NamedFindings(present)
        return frozenset(
            mention for mention in past if current.have(mention) and episodes.isdisjoint(find_head(mention))
        )

    def assess_again(
        self, language: str, entities: Iterable[Mapping[str, Any]]
    ) -> Iterator[tuple[Mapping[str, Any], Assessment | None]]:
        """Assess the entities of an answer that was given under other rules.

        Args:
            language: the language by whose rules the text was split.
            entities: the answer's entities in text order.

        Returns:
            Each entity with what its sentence and section assert of it.
        """
        waiting = deque(entities)
        for words in iter_sentences(self._text, language) if waiting else ():
            here = []
            while waiting and waiting[0]["start"] < words[-1][1]:
                here.append(waiting.popleft())
            if here:
                yield from zip(here, self.assess(words, [_to_words(entity, words) for entity in here]), strict=True)
            if not waiting:
                break

    def describe(
        self, start: int, end: int, label: str, assertion: Assessment | None, current: frozenset[str]
    ) -> dict[str, Any]:
        """Return the fields of an entity that the rules fill in, see `ENTITY_FIELDS`.

        Args:
            start: the entity's first character.
            end: the character after its last.
            label: its label.
            assertion: what its sentence and section assert of it; None if not assessed.
            current: what `settle` returned for the text.
        """
        section = self.find_section(start)
        fields: dict[str, Any] = {"section": section} if section else {}
        if assertion is not None:
            is_current = assertion.yields and self._text[start:end] in current
            fields["assertion"] = sorted(assertion.statuses - {YIELDING} if is_current else assertion.statuses)
        vocabulary, coded = self._rules.vocabulary, self._rules.coded
        if vocabulary and (coded is None or label in coded):
            concept = vocabulary.look_up(self._text[start:end], suggests=False).concept
            fields |= {"code": concept.code, "code_system": concept.system} if concept else {}
        return fields

    def describe_document(self, entities: Iterable[tuple[int, int, str]], *, text_sha256: str) -> dict[str, Any]:
        """Return the fields of an answer that the rules fill in, see `ANSWER_FIELDS`.

        Args:
            entities: first character, character after the last, and label of the answer's entities.
            text_sha256: hash of the text.
        """
        redactor = self._rules.redactor
        if redactor is None:
            return {}
        spans = redactor.rules.find(self._text, list(entities))
        copy = redactor.redact(self._text, spans, text_sha256=text_sha256)
        places = [list(one[:4]) for one in copy.replacements]
        return {
            "personal_data": [one._asdict() for one in spans],
            "redacted": {"mode": copy.mode, "text": copy.text, "offsets": places},
        }


def _to_words(entity: Mapping[str, Any], words: Sequence[Word]) -> WordSpan:
    """Return an entity's place among the words of its sentence."""
    start = bisect_right(words, entity["start"], key=lambda word: word[0]) - 1
    end = bisect_left(words, entity["end"], key=lambda word: word[1]) + 1
    return WordSpan(max(start, 0), min(end, len(words)), entity["label"])
