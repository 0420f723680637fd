"""What labelled data must be like to become a snapshot."""

from dataclasses import dataclass, field

from ner_tasks.data.split import SplitConfig
from ner_tasks.data.validation.limits import BatchLimits
from ner_tasks.errors import ConfigInvalid
from ner_tasks.labels import LabelSet


@dataclass(frozen=True)
class DatasetConfig:
    """What labelled data must be like, and how it is split.

    Attributes:
        labels: the labels that may occur, in the order of the model's tag ids; None takes those of the data.
        max_quarantined_share: largest share of sentences that may be set aside, 0 to 1.
        min_label_entities: least entities of each label. A label of the data with fewer is taken for a typing
            error and its sentences are set aside; a label that was given and has fewer refuses the data.
        min_sentences: least sentences in all.
        max_words: longest sentence, in words. Longer ones are lists or lost line breaks.
        max_label_share_difference: how far a label's share of the entities may differ between train and test.
        seed: of the split.
        block_sentences: mean length of the blocks that are split, in sentences.
        dev_share: of the sentences; what is not dev is learnt. The test part is the same at any share.
        batch_limits: what each batch must be like by itself and beside what was accepted before.
        accept_drift: whether somebody has looked at what changed and wants it; then it is noted and refuses nothing.
            A text keeps its part all the same.
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
        """How the sentences are split: what dev has more or less, train has less or more."""
        train, dev, calibration, test = SplitConfig.shares
        shares = (train + dev - self.dev_share, self.dev_share, calibration, test)
        return SplitConfig(shares, block_sentences=self.block_sentences, seed=self.seed)
