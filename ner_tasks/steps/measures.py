"""Measurements: time inference, tune a host, benchmark."""

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from ner_tasks.config.base import ConfigModel
from ner_tasks.config.flags import Flag
from ner_tasks.config.types import Count, Line, Rounds, Share, Sizes
from ner_tasks.inference.engines import PRECISIONS
from ner_tasks.steps.command import Command, Folder, LabelledData, Model, OneDnn
from ner_tasks.steps.registry import StoreFlag


def _split_commas(value: object) -> object:
    """Accept `A, B` for a list of names, as one text or as the only one of a list."""
    texts = [value] if isinstance(value, str) else value
    if isinstance(texts, list | tuple) and all(isinstance(text, str) for text in texts):
        return [name.strip() for text in texts for name in text.split(",") if name.strip()]
    return value


class TimeInferenceCommand(OneDnn, Command):
    """Time a model at batch size 1 and at a larger one, and print both as the reference kit does."""

    name: ClassVar[str] = "time-inference"

    model: Model = Field(description="a trained, frozen or INT8 model")
    data: LabelledData = Field(description="a Kaggle CSV, its zip file, or CoNLL")
    batch_size: int = Field(32, ge=1, description="number of sentences in a batch")
    n_sentences: int = Field(512, ge=1, description="number of sentences timed")


class TuneParams(ConfigModel):
    """How long and on how much the ways to run a model are timed."""

    rounds: Rounds = Field(3, title="Timed rounds of each candidate")
    n_sentences: Count = Field(1024, title="Sentences timed in a round")
    time_limit_s: float = Field(
        600, ge=0, le=86_400, title="Time limit in seconds", description="No new candidate is started after it"
    )


class TuneCommand(TuneParams, StoreFlag, Command):
    """Measure how this host runs a model best, and write the choice for `tag`."""

    name: ClassVar[str] = "tune"

    model: Model = Field(description="a model version: the folder that holds frozen/ and int8/")
    data: LabelledData = Field(description="labelled data that F1 is measured on: the dev part of the model's snapshot")
    max_f1_loss: Share = Field(0.005, description="maximum F1 loss of a candidate against FP32")
    publish: Annotated[str | None, Flag("V")] = Field(
        None, description="also put the choice into the store, for this version"
    )


class BenchmarkParams(ConfigModel):
    """What a benchmark measures."""

    batch_sizes: Sizes = Field("1,32,64,128", title="Batch sizes", description="Comma-separated numbers of sentences")
    precisions: Annotated[tuple[Line, ...], Field(max_length=20), BeforeValidator(_split_commas), Flag("NAME")] = Field(
        (),
        title="Precisions",
        description=f"Some of {', '.join(PRECISIONS)}; by default, all that the host can run",
        examples=list(PRECISIONS),
    )
    rounds: Rounds = Field(3, title="Timed rounds", description="The median of the rounds counts")
    n_sentences: Count = Field(256, title="Sentences timed in a round")
    max_slowdown: Share | None = Field(
        None,
        title="Maximum slowdown",
        description="Fail if an engine has lost a larger share of its speed since the previous run; empty: never",
    )


class BenchmarkCommand(BenchmarkParams, Command):
    """Measure words/s, latency and F1 for each precision and batch size, and draw a table and charts."""

    name: ClassVar[str] = "benchmark"

    model: Annotated[tuple[Path, ...], Flag("DIR", also=("--model_path",))] = Field(
        description="frozen and INT8 models"
    )
    data: LabelledData = Field(description="a Kaggle CSV, its zip file, or CoNLL")
    previous: Annotated[tuple[Path, ...], Flag("JSON")] = Field(
        (), description="benchmark.json of earlier runs to compare with"
    )
    output: Folder = Field(description="the report folder to create")
