"""Which entities are given: those that score at least a threshold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ner_tasks.errors import ConfigInvalid


@dataclass(frozen=True)
class Thresholds:
    """Least scores of the entities that are given.

    Attributes:
        min_score: for all labels, 0 to 1.
        by_label: for single labels, instead of `min_score`.
    """

    min_score: float = 0.0
    by_label: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def parse(cls, min_score: float, by_label: str, labels: Sequence[str]) -> "Thresholds":
        """Parse the settings of a deployment.

        Args:
            min_score: for all labels, 0 to 1.
            by_label: such as `per=0.5,geo=0.2`; empty for none.
            labels: labels of the model.

        Raises:
            ConfigInvalid: a label that the model does not have, or twice the same.
        """
        scores: dict[str, float] = {}
        for pair in filter(None, by_label.split(",")):
            label, _, score = pair.partition("=")
            if label not in labels:
                known = ", ".join(labels)
                raise ConfigInvalid(f"found label {label!r}, expected one of {known}, in min_label_scores={by_label}")
            if label in scores:
                raise ConfigInvalid(f"found label {label!r} twice, expected it once, in min_label_scores={by_label}")
            scores[label] = float(score)
        return cls(min_score, scores)

    def admit(self, label: str, score: float) -> bool:
        """Return whether an entity with this label and score is given."""
        return score >= self.by_label.get(label, self.min_score)
