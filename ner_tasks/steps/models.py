"""Models: evaluate, freeze, quantize, compare."""

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from ner_tasks.config.base import ConfigModel
from ner_tasks.config.flags import Flag
from ner_tasks.config.types import Rounds, Share
from ner_tasks.steps.command import (
    Bootstrapped,
    Command,
    Folder,
    JsonFile,
    LabelledData,
    Model,
    ModelOutput,
    OneDnn,
    YamlFile,
)


class EvaluateCommand(OneDnn, Bootstrapped, Command):
    """Measure entity-level F1 with confidence intervals, slices, a confusion matrix and the worst sentences."""

    name: ClassVar[str] = "evaluate"

    model: Model = Field(description="a trained, frozen or INT8 model")
    data: LabelledData = Field(description="a snapshot folder, a Kaggle CSV, its zip file, or CoNLL")
    batch_size: int = Field(128, ge=1, description="maximum number of sentences in a batch")
    output: Folder | None = Field(None, description="folder to create for the report, its page and counts by sentence")


class CompareModelsCommand(Bootstrapped, Command):
    """Measure the F1 that one model loses against another on the same sentences."""

    name: ClassVar[str] = "compare-models"

    champion: JsonFile = Field(description="counts.json of the first model, from `evaluate --output`")
    challenger: JsonFile = Field(description="counts.json of the second model")


class FreezeCommand(Command):
    """Convert a trained model into one FP32 inference graph."""

    name: ClassVar[str] = "freeze"

    model: Model = Field(description="a trained model")
    output: ModelOutput = Field(description="the model folder to create")


class QuantizeCommand(Command):
    """Quantize a frozen model to INT8 with Intel Neural Compressor."""

    name: ClassVar[str] = "quantize"

    data: LabelledData = Field(description="calibration text: a snapshot folder, a Kaggle CSV, its zip file, or CoNLL")
    model: Model = Field(description="a frozen model")
    config_file: YamlFile | None = Field(
        None, description="quantization settings (default: ner_tasks/config/quantize.yaml)"
    )
    accuracy: bool = Field(False, description="1: try other settings if the default ones lose too much F1 on dev")
    accuracy_file: YamlFile | None = Field(
        None, description="settings of that search (default: ner_tasks/config/quantize_accuracy.yaml)"
    )
    max_f1_loss: Share | None = Field(
        None, description="maximum F1 loss on dev (default: as the file of --accuracy_file says)"
    )
    output: ModelOutput = Field(description="the model folder to create")


class ComparisonParams(ConfigModel):
    """How FP32 and INT8 are timed."""

    rounds: Rounds = Field(3, title="Timed rounds", description="The median of the rounds counts")


class CompareQuantizedCommand(ComparisonParams, Command):
    """Compare FP32 and INT8: entity F1 and speed."""

    name: ClassVar[str] = "compare-quantized"

    fp32: Folder = Field(description="a frozen model")
    int8: Folder = Field(description="the INT8 model made from it")
    data: Annotated[Path, Flag("FILE")] = Field(description="labelled data that neither model has seen")
    n_sentences: int = Field(512, ge=1, description="number of sentences timed in a round")
    output: Folder | None = Field(None, description="folder to create for INT8's counts by sentence and a canary")


class CanaryCommand(Command):
    """Check that a model gives the same answers in a fresh process as in `compare-quantized`."""

    name: ClassVar[str] = "canary"

    model: Folder = Field(description="the INT8 model, where it will be used")
    canary: JsonFile = Field(description="canary.json from `compare-quantized --output`")
