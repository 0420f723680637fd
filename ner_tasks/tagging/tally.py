"""Counts of a tagging run, which its checkpoints and its manifest hold."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ner_tasks.documents.detection.sizes import find_size_rule
from ner_tasks.tagging.file_chain import START

AFFIRMED = "affirmed"
_NOTHING_READ = {"n_files": 0, "n_bytes": 0, "read_s": 0.0, "n_words": 0}
# Counts by name, which every manifest has.
COUNTERS = ("rejected", "ignored", "entities", "dropped", "review", "assertions", "personal_data")


@dataclass
class Tally:
    """Counts of a run, over all its attempts.

    Attributes:
        file: index of the file of the last answer.
        n_of_file: number of answers written for that file.
        n_words_of_file: number of words tagged for that file.
        n_files: number of files that have an answer, a rejection or a rule to ignore them.
        files_sha256: their names in order, see `file_chain`.
        n_tagged: number of documents with answers, including reused and partly read ones.
        n_reused: number of documents whose answer was reused.
        n_partly_read: number of documents with content that was not read.
        n_words: number of words in tagged documents.
        n_words_repeated: number of those in sentences that were not computed again; less after a restart.
        n_words_new: number of words in documents whose answer was not reused.
        n_read: number of files whose reading is in `formats`.
        formats: what reading took, and how much there was to read, by the format that a file's name says; see `add_read`.
        rejected: number of rejected documents by reason.
        ignored: number of ignored files by rule.
        items: number of items in tagged documents by kind and fate.
        entities: number of entities by label.
        dropped: number of entities by label that were not given, see `EntityPolicy`.
        review: number of entities by label that a person should look at.
        assertions: number of entities by status of assertion; those that are present and the patient's are `affirmed`.
        personal_data: number of spans of personal data by kind.
        elapsed_s: total seconds.
        model_s: seconds spent in the model.
    """

    file: int = 0
    n_of_file: int = 0
    n_words_of_file: int = 0
    n_files: int = 0
    files_sha256: str = START
    n_tagged: int = 0
    n_reused: int = 0
    n_partly_read: int = 0
    n_words: int = 0
    n_words_repeated: int = 0
    n_words_new: int = 0
    n_read: int = 0
    formats: dict[str, dict[str, float]] = field(default_factory=dict)
    rejected: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)
    items: dict[str, dict[str, int]] = field(default_factory=dict)
    entities: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    review: Counter[str] = field(default_factory=Counter)
    assertions: Counter[str] = field(default_factory=Counter)
    personal_data: Counter[str] = field(default_factory=Counter)
    elapsed_s: float = 0.0
    model_s: float = 0.0

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Tally":
        """Convert from the JSON of a checkpoint."""
        return cls(**{**values, **{name: Counter(values[name]) for name in COUNTERS}})

    def add_words(self, name: str, n_words: int, *, is_new: bool) -> None:
        """Count the words of an answer.

        Args:
            name: name of the file that the document is in.
            n_words: number of its words.
            is_new: whether the answer was not reused.
        """
        self.n_words += n_words
        self.n_words_new += n_words if is_new else 0
        self._format(name)["n_words"] += n_words

    def add_read(self, position: int, name: str, n_bytes: int, read_s: float) -> None:
        """Count a file that was read; once, though after a restart the last file is read again.

        Args:
            position: index of the file.
            name: its name.
            n_bytes: its size.
            read_s: seconds of CPU that reading took.
        """
        if position < self.n_read:
            return
        self.n_read = position + 1
        sums = self._format(name)
        sums["n_files"] += 1
        sums["n_bytes"] += find_size_rule(name).count_bytes(n_bytes)
        sums["read_s"] += read_s

    def add_formats(self, formats: Mapping[str, Mapping[str, float]]) -> None:
        """Add the formats of another run."""
        for name, sums in formats.items():
            counted = self.formats.setdefault(name, dict(_NOTHING_READ))
            for what in _NOTHING_READ:
                counted[what] = round(counted[what] + sums[what], 3)

    def _format(self, name: str) -> dict[str, float]:
        return self.formats.setdefault(find_size_rule(name).format, dict(_NOTHING_READ))

    def add_entities(self, entities: Iterable[Mapping[str, Any]]) -> None:
        """Count the entities of an answer."""
        for entity in entities:
            self.entities[entity["label"]] += 1
            statuses = entity.get("assertion")
            if statuses is not None:
                self.assertions.update(statuses or [AFFIRMED])

    def add_items(self, items: Mapping[str, Mapping[str, int]]) -> None:
        """Add the items of one document."""
        for kind, fates in items.items():
            counted = self.items.setdefault(kind, {})
            for fate, n in fates.items():
                counted[fate] = counted.get(fate, 0) + n
