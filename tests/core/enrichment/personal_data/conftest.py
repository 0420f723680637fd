"""Rules for personal data, loaded once."""

import pytest

from ner_tasks.enrichment.personal_data.rules import PersonalDataRules


@pytest.fixture(scope="session")
def rules() -> PersonalDataRules:
    return PersonalDataRules.load()


@pytest.fixture(scope="session")
def found(rules):
    """Finds (kind, source, text) of the spans of a text."""

    def find(text: str, entities: tuple[tuple[int, int, str], ...] = ()) -> list[tuple[str, str, str]]:
        return [(span.kind, span.source, text[span.start : span.end]) for span in rules.find(text, entities)]

    return find
