"""Rules for personal data: recognizers and the tagger's entities together, with one version."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ner_tasks.enrichment.personal_data.contact import find_contacts
from ner_tasks.enrichment.personal_data.dates import DateRecognizer
from ner_tasks.enrichment.personal_data.devices import find_devices
from ner_tasks.enrichment.personal_data.identifiers import IdentifierRecognizer
from ner_tasks.enrichment.personal_data.lexicon import PersonalDataLexicon, read_lexicon
from ner_tasks.enrichment.personal_data.names import NameRecognizer
from ner_tasks.enrichment.personal_data.overlaps import resolve_overlaps
from ner_tasks.enrichment.personal_data.phones import PhoneRecognizer
from ner_tasks.enrichment.personal_data.places import PlaceRecognizer
from ner_tasks.enrichment.personal_data.spans import Evidence, PersonalSpan, SpanCandidate
from ner_tasks.enrichment.personal_data.words import Marks
from ner_tasks.fingerprint import code_version, make_version


@dataclass(frozen=True)
class PersonalDataRules:
    """Rules that find personal data in a text.

    Attributes:
        lexicon: words and settings of the recognizers.
    """

    lexicon: PersonalDataLexicon

    @classmethod
    def load(cls, path: Path | None = None) -> "PersonalDataRules":
        """Load the rules.

        Args:
            path: a user's YAML file, which extends ours, or stands alone with `extends: false`; None: ours.

        Raises:
            InputMissing: `path` does not exist.
            ConfigInvalid: it is no YAML of such rules, or contradicts ours.
        """
        return cls(read_lexicon(path))

    @cached_property
    def version(self) -> str:
        """Hash of the words, settings and code; other ones may find other spans."""
        code = code_version("enrichment.personal_data.rules")
        return make_version({"lexicon": self.lexicon.model_dump(mode="json"), "code": code})

    def find(self, text: str, entities: Sequence[tuple[int, int, str]] = ()) -> list[PersonalSpan]:
        """Find personal data.

        Args:
            text: any text.
            entities: the tagger's entities in it: first character, character after the last, label.

        Returns:
            Spans in the order of the text, not overlapping; `overlaps.resolve_overlaps` chooses among candidates.

        Raises:
            ValueError: an entity does not lie in the text.
        """
        ignored = set(self.lexicon.ignored_sources)
        found = (each for each in self._find_candidates(text, entities) if each.source not in ignored)
        return resolve_overlaps(text, found, self.lexicon.kinds)

    def is_region(self, name: str) -> bool:
        """Whether a name is that of a state or of something larger, which is no personal data."""
        return self._places.is_region(name)

    def _find_candidates(self, text: str, entities: Sequence[tuple[int, int, str]]) -> Iterator[SpanCandidate]:
        marks = self._marks.find(text)
        yield from find_contacts(text)
        yield from find_devices(text)
        yield from self._identifiers.find(text)
        yield from self._phones.find(text, marks["near"])
        yield from self._dates.find(text, marks)
        yield from self._names.find(text, marks)
        yield from self._places.find(text, marks)
        yield from self._read_entities(text, entities)

    def _read_entities(self, text: str, entities: Sequence[tuple[int, int, str]]) -> Iterator[SpanCandidate]:
        """The tagger's entities of labels that stand for personal data."""
        for start, end, label in entities:
            if not 0 <= start <= end <= len(text):
                raise ValueError(f"found an entity from {start} to {end}, expected one in 0 to {len(text)}")
            kind = self.lexicon.labels.get(label)
            mention = text[start:end]
            if kind is None or not mention:
                continue
            if kind == "place" and self._places.is_region(mention):
                continue
            if place := self._dates.find_date_words(text, start, end) if kind == "date" else (start, end):
                yield SpanCandidate(*place, kind, f"model:{label}", Evidence.MODEL)

    @cached_property
    def _identifiers(self) -> IdentifierRecognizer:
        return IdentifierRecognizer(self.lexicon)

    @cached_property
    def _phones(self) -> PhoneRecognizer:
        return PhoneRecognizer(self.lexicon)

    @cached_property
    def _dates(self) -> DateRecognizer:
        return DateRecognizer(self.lexicon)

    @cached_property
    def _names(self) -> NameRecognizer:
        return NameRecognizer(self.lexicon)

    @cached_property
    def _places(self) -> PlaceRecognizer:
        return PlaceRecognizer(self.lexicon)

    @cached_property
    def _marks(self) -> Marks:
        return Marks(
            {
                "near": [word for words in self.lexicon.near.values() for word in words],
                "month": self.lexicon.months,
                "weekday": self.lexicon.weekdays,
                **self._names.sets,
                **self._places.sets,
            },
            touching="month",
        )
