"""Requirements that labelled data must meet to become a snapshot."""

from dataclasses import dataclass, field

from ner_tasks.data.split import SplitConfig
from ner_tasks.data.validation.limits import BatchLimits
from ner_tasks.errors import ConfigInvalid
from ner_tasks.labels import LabelSet


@dataclass(frozen=True)
class DatasetConfig:
    """Requirements for labelled data, and settings of the split.

    Attributes:
        labels: allowed labels in the order of the tag ids; None for the labels of the data.
        max_quarantined_share: maximum share of quarantined sentences, 0 to 1.
        min_label_entities: minimum number of entities of each label, at least 1. With `labels` None, a label with fewer
            counts as a typo and its sentences are quarantined; otherwise the data is rejected.
        min_sentences: minimum number of sentences, at least 1.
        max_words: maximum number of words in a sentence; longer ones are lists or lack line breaks.
        max_label_share_difference: maximum difference of the share of a label between train and test, 0 to 1.
        seed: seed of the split.
        block_sentences: mean length of the blocks of the split in sentences, at least 1.
        dev_share: share of dev, above 0, at most 0.5; train gets the rest, and test is the same for any value.
        batch_limits: limits for each batch.
        accept_drift: accept changes against the last snapshot after a person has reviewed them; they are recorded but do
            not reject the data. Texts keep their parts nevertheless.
    """

    labels: tuple[str, ...] | None = None
    max_quarantined_share: float = 0.02
    min_label_entities: int = 5
    min_sentences: int = 10
    max_words: int = 512
    max_label_share_difference: float = 0.15
    seed: int = 0
    block_sentences: int = 32
    dev_share: float = SplitConfig.shares[1]
    batch_limits: BatchLimits = field(default_factory=BatchLimits)
    accept_drift: bool = False

    def __post_init__(self) -> None:
        if self.labels is not None:
            LabelSet(tuple(self.labels))
        for name in ("max_quarantined_share", "max_label_share_difference"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigInvalid(f"found {name}={getattr(self, name)}, expected 0 to 1")
        for name in ("min_label_entities", "min_sentences", "max_words", "block_sentences"):
            if getattr(self, name) < 1:
                raise ConfigInvalid(f"found {name}={getattr(self, name)}, expected at least 1")
        if not 0 < self.dev_share <= 0.5:
            raise ConfigInvalid(f"found dev_share={self.dev_share}, expected above 0, to 0.5")

    @property
    def split(self) -> SplitConfig:
        """Settings of the split; train and dev share what calibration and test leave."""
        train, dev, calibration, test = SplitConfig.shares
        shares = (train + dev - self.dev_share, self.dev_share, calibration, test)
        return SplitConfig(shares, block_sentences=self.block_sentences, seed=self.seed)
