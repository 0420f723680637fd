"""Training: train a model, search for better settings."""

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from ner_tasks.config.base import ConfigModel
from ner_tasks.config.flags import Flag
from ner_tasks.config.types import Line, Share, Sizes
from ner_tasks.steps.command import Command, Folder, LabelledData, Model, ModelOutput, OneDnn, Seeded
from ner_tasks.training.config import TrainConfig


class TrainingInputs(ConfigModel):
    """What a training learns and what it starts from."""

    data: LabelledData = Field(description="a snapshot folder, a Kaggle CSV, its zip file, or CoNLL")
    encoder: Folder | None = Field(None, description="start from a Hugging Face checkpoint")
    start_from: Folder | None = Field(None, description="start from a trained model instead")
    soft_labels: Folder | None = Field(None, description="learn from a teacher too: its `soft-labels` of this data")
    intel: bool = Field(True, description="0: without oneDNN")


class TrainCommand(TrainingInputs, TrainConfig, Command):
    """Train a tagger on a snapshot, or on a labelled file of which a part is kept as dev."""

    name: ClassVar[str] = "train"

    output: ModelOutput = Field(description="the model folder to create")
    checkpoint_path: Folder | None = Field(None, description="folder of checkpoints; a killed training resumes from it")
    remember: Annotated[Path | None, Flag("FILE")] = Field(
        None, description="with --start_from: measure what the model forgets about these labelled sentences"
    )
    curves: Folder | None = Field(None, description="folder to create for the learning curves")
    version: Line | None = Field(None, description="the model's version in the registry")
    parent: Line | None = Field(None, description="the version of the model that training starts from")


class SoftLabelsCommand(OneDnn, Seeded, Command):
    """Compute a teacher's tag probabilities for the train part, for `train --soft_labels`."""

    name: ClassVar[str] = "soft-labels"

    model: Model = Field(description="the teacher: a model folder")
    data: LabelledData = Field(description="what the student is trained on: a snapshot folder or a labelled file")
    output: Folder = Field(description="folder to create; a killed computation resumes")
    teacher_snapshot: Folder | None = Field(
        None, description="the snapshot that the teacher was trained on, if it is not --data"
    )


class SearchCommand(TrainingInputs, TrainConfig, Command):
    """Search for better training settings within a time budget."""

    name: ClassVar[str] = "search"

    output: Annotated[Path, Flag("JSON")] = Field(
        description="file to create with the best settings, for `train --config`"
    )
    study_path: Folder = Field(description="folder of the trials; a killed search resumes from it")
    minutes: float = Field(gt=0, description="time budget for all trials")
    trials: int = Field(30, ge=1, description="maximum number of trials")
    train_share: Share = Field(0.25, description="share of the train part used in a trial")


class RightSizeCommand(TrainingInputs, TrainConfig, Command):
    """Find the model with the fewest layers that keeps the F1 of the full one, within a time budget."""

    name: ClassVar[str] = "right-size"

    output: ModelOutput = Field(description="the model folder to create: the chosen model")
    work_path: Folder = Field(description="folder of the candidates; a killed search resumes from it")
    minutes: float = Field(gt=0, description="time budget for all candidates, without the full model")
    full: Folder | None = Field(None, description="the trained model with all layers (default: train it first)")
    depths: Sizes | None = Field(None, description="numbers of layers to try (default: up to five, spread evenly)")
    max_f1_loss: Share | None = Field(None, description="maximum loss of dev F1 (default: as the gates' YAML says)")
    confidence: float | None = Field(
        None, ge=0.5, lt=1, description="confidence that the loss is no larger (default: as the gates' YAML says)"
    )
    curves: Folder | None = Field(None, description="folder to create for the curve of F1 by words/s")
    version: Line | None = Field(None, description="the model's version in the registry")
    parent: Line | None = Field(None, description="the version of the model that training starts from")
