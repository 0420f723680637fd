"""How a model is trained: every setting of a training, with its default, bounds and meaning.

`train` has a flag for each of them; a JSON file with the same names, as `search` writes one, gives several at once.
"""

from typing import Literal

from pydantic import Field

from ner_tasks.config.base import ConfigModel
from ner_tasks.config.types import Layers

# GMB (34,000 sentences) needs 3 epochs, BC5CDR (4,000) needs 12: see docs/history.md
_MIN_SENTENCES_SEEN, _MIN_EPOCHS, _MAX_EPOCHS = 50_000, 3, 12


class TrainConfig(ConfigModel):
    """How to train; the defaults are those that `docs/history.md` reports on."""

    layers: Layers = Field(
        "",
        description="layers of the encoder to keep: a number, such as 3, spread evenly with the first and the last, or "
        "their numbers from 0, such as 0,2,5; empty: all",
    )
    epochs: int = Field(
        0, ge=0, description="maximum number of passes over the train part; 0: 3 to 12, more for less data"
    )
    patience: int = Field(4, gt=0, description="number of epochs without a better dev F1 after which training stops")
    batch_size: int = Field(32, gt=0, description="number of windows in a batch")
    learning_rate: float = Field(4e-4, gt=0, description="peak learning rate, that of the last layer")
    layer_decay: float = Field(
        0.9, gt=0, description="learning rate of a layer, as a share of that of the layer above it"
    )
    head_rate: float = Field(
        2.0, gt=0, description="learning rate of the tagging head, as a multiple of that of the last layer"
    )
    schedule: Literal["linear", "cosine"] = Field("linear", description="how the learning rate decays to zero")
    warmup_share: float = Field(0.1, ge=0, lt=1, description="share of the steps in which the learning rate rises")
    weight_decay: float = Field(0.01, ge=0, description="weight decay")
    clip_norm: float = Field(1.0, gt=0, description="maximum norm of the gradient")
    dropout: float = Field(0.1, ge=0, lt=1, description="dropout inside the model")
    attention_dropout: float = Field(0.0, ge=0, lt=1, description="dropout of attention weights")
    word_dropout: float = Field(
        0.0, ge=0, lt=1, description="share of words replaced by [MASK]; their tags are still learned"
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="share of a tag's probability that is spread over all tags"
    )
    crf_weight: float = Field(
        0.5, ge=0, description="weight of the CRF loss of a sentence beside the loss of its words"
    )
    r_drop: float = Field(
        0.0, ge=0, description="weight of R-Drop: agreement of two passes with different dropout; doubles the time"
    )
    ema_decay: float = Field(
        0.999, ge=0, lt=1, description="decay per step of averaged weights, which are kept if they are better; 0: none"
    )
    teacher_weight: float = Field(
        0.5, ge=0, le=1, description="share of the loss that comes from soft labels, if there are any"
    )
    teacher_temperature: float = Field(
        1.0, gt=0, description="temperature at which the tag probabilities of teacher and model are compared"
    )
    teacher_min_share: float = Field(
        0.01,
        ge=0,
        lt=1,
        description="share of all mentions below which a label is learned from the labels alone, whatever the teacher says",
    )
    oversampling: float = Field(
        0.0, ge=0, lt=1, description="share of mentions below which a label's sentences are repeated; 0: none"
    )
    seed: int = Field(0, ge=0, description="seed of the order of batches, dropout and the first weights")
    checkpoint_steps: int = Field(250, gt=0, description="number of steps between two checkpoints")
    max_pieces: int = Field(128, gt=2, description="maximum length of a window, with [CLS] and [SEP]")
    bf16: bool = Field(False, description="1: compute in bfloat16, if the CPU supports it")

    def for_data(self, n_sentences: int) -> "TrainConfig":
        """Return these settings with the number of epochs that the data needs, if they do not set one.

        Args:
            n_sentences: number of sentences in the train part, at least one.
        """
        if self.epochs:
            return self
        enough = min(max(-(-_MIN_SENTENCES_SEEN // n_sentences), _MIN_EPOCHS), _MAX_EPOCHS)
        return self.model_copy(update={"epochs": enough})
