"""Codes that a person could choose for an entity without one: of an ambiguous name, or of names like it."""

from collections.abc import Mapping
from typing import Any

from ner_tasks.enrichment.codes import LookUp, Vocabulary

MAX_SEARCHED = 50_000  # different mentions that names like them are searched for; it takes longer than the rest


class CodeSuggestions:
    """Suggestions of a vocabulary.

    Args:
        vocabulary: the vocabulary.
        coded: labels that are looked up; None: all.
    """

    def __init__(self, vocabulary: Vocabulary, coded: frozenset[str] | None = None) -> None:
        self._vocabulary, self._coded = vocabulary, coded
        self._known: dict[str, LookUp] = {}

    def find(self, entity: Mapping[str, Any], mention: str) -> LookUp | None:
        """Return the suggestions for an entity; None if it has a code, needs none, or there are none.

        Args:
            entity: the entity, with `label` and perhaps `code`.
            mention: its text.
        """
        if entity.get("code") or (self._coded is not None and entity["label"] not in self._coded):
            return None
        found = self._known.get(mention)
        if found is None:
            is_full = len(self._known) >= MAX_SEARCHED
            found = self._vocabulary.look_up(mention, suggests=not is_full)
            if not is_full:
                self._known[mention] = found
        return found if found.suggestions else None

    def describe(self, entity: Mapping[str, Any], mention: str) -> dict[str, Any]:
        """Return the suggestions as fields of a queued entity: `match` and `candidates`; empty if there are none."""
        found = self.find(entity, mention)
        candidates = [concept._asdict() for concept in found.suggestions] if found else []
        return {"match": found.match, "candidates": candidates} if found else {}
