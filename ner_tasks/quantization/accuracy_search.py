"""Accuracy-aware quantization: tries the default settings, then alternatives, until the F1 loss is small enough.

Calibrates on the calibration part and scores on the dev part; the test part stays reserved for the gate. On a dev part
with few entities, the differences between trials are noise: the default settings are used, and the gate decides.
docs/decisions/0011-own-search-for-accuracy.md explains why INC's `autotune` is not used.
"""

import gc
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from ner_tasks import hardware
from ner_tasks.data import part_sizes
from ner_tasks.data.corpus import LabelledSentence
from ner_tasks.data.parts import CalibrationText
from ner_tasks.errors import ConfigInvalid, DataRejected, GateNotPassed
from ner_tasks.evaluation import metrics
from ner_tasks.files.yaml_files import StrictModel, read_yaml
from ner_tasks.inference.tagger import Tagger
from ner_tasks.model.model_folder import ModelManifest
from ner_tasks.quantization.quantize import QuantizeConfig, Quantizer, SmoothQuantConfig

DEFAULT_CONFIG = Path(__file__).parent.parent / "config" / "quantize_accuracy.yaml"
Approach = Literal["calibration", "smooth_quant", "fallback"]
_N_FOR_SENSITIVITY = 256  # sentences; the order of the layers is stable with far fewer


class Criterion(StrictModel):
    """Maximum loss of entity F1, either `absolute` or `relative` to the F1 of FP32, 0 to 1."""

    absolute: Annotated[float, Field(ge=0, le=1)] | None = None
    relative: Annotated[float, Field(ge=0, le=1)] | None = None

    @model_validator(mode="after")
    def _check_exactly_one(self) -> Self:
        if (self.absolute is None) == (self.relative is None):
            raise ValueError("expected either absolute or relative")
        return self

    def max_loss(self, fp32_f1: float) -> float:
        """Return the maximum loss in points of F1, given the F1 of FP32."""
        return self.absolute if self.absolute is not None else (self.relative or 0.0) * fp32_f1


class ExitPolicy(StrictModel):
    """When to stop: maximum number of trials, and seconds after which no trial starts (0: no limit)."""

    max_trials: PositiveInt = 12
    timeout: NonNegativeInt = 1800


class AccuracyConfig(StrictModel):
    """Settings of the search; `config/quantize_accuracy.yaml` documents each key."""

    accuracy_criterion: Criterion = Criterion(absolute=0.003)
    exit_policy: ExitPolicy = ExitPolicy()
    approaches: tuple[Approach, ...] = ("calibration", "smooth_quant", "fallback")
    min_dev_entities: NonNegativeInt = part_sizes.MIN_ENTITIES

    @classmethod
    def read(cls, path: Path) -> "AccuracyConfig":
        """Read the settings from a YAML file.

        Raises:
            InputMissing: `path` does not exist.
            ConfigInvalid: not YAML, unknown key, or value out of bounds.
        """
        return read_yaml(cls, path, kind="a quantization YAML", expected=f"the keys of {DEFAULT_CONFIG.name}")

    def with_max_loss(self, f1: float) -> "AccuracyConfig":
        """Return a copy that allows an absolute loss of `f1`, 0 to 1.

        Raises:
            ConfigInvalid: `f1` is out of bounds.
        """
        if not 0 <= f1 <= 1:
            raise ConfigInvalid(f"found max_f1_loss={f1}, expected a number from 0 to 1")
        return self.model_copy(update={"accuracy_criterion": Criterion(absolute=f1)})


@dataclass(frozen=True)
class Trial:
    """Settings of one quantization and its result on the dev part.

    Attributes:
        number: trial number, from 1.
        name: short description of the settings, for people.
        config: quantization settings.
        n_int8_matmul: number of INT8 MatMuls in the graph.
        f1: entity F1, 0 to 1.
        loss: F1 of FP32 minus `f1`.
        words_per_s: tagging speed.
        passed: whether `loss` is within the criterion.
        seconds: duration of quantization and scoring.
    """

    number: int
    name: str
    config: dict[str, object]
    n_int8_matmul: int
    f1: float
    loss: float
    words_per_s: float
    passed: bool
    seconds: float


def search_accuracy(
    model_path: Path,
    calibration: CalibrationText,
    dev: Sequence[LabelledSentence],
    target: Path,
    config: QuantizeConfig,
    accuracy: AccuracyConfig,
    *,
    n_threads: int,
    clock: Callable[[], float] = time.monotonic,
) -> ModelManifest:
    """Quantize a frozen model so that its loss of entity F1 on the dev part stays within a limit.

    Args:
        model_path: frozen model folder.
        calibration: calibration text.
        dev: labelled sentences for scoring the trials.
        target: model folder to create; its manifest lists all trials.
        config: settings of the first trial.
        accuracy: maximum loss, alternatives to try, and when to stop.
        n_threads: number of threads of each model.
        clock: returns the time in seconds.

    Raises:
        ConfigInvalid: `model_path` is not a frozen model.
        DataRejected: no calibration sentence, or an empty dev part.
        GateNotPassed: no trial is within the limit.
        StorageFull: no space left; nothing is written.
    """
    if not dev:
        raise DataRejected("found no sentence, expected some to score the trials on, in the dev part")
    n_entities = part_sizes.count_entities(sentence.tags for sentence in dev)
    can_decide = n_entities >= accuracy.min_dev_entities
    if not can_decide:
        found = f"found {n_entities} entities in dev, expected at least {accuracy.min_dev_entities} to search by"
        part_sizes.print_small_part(f"{found}: the first settings are used, whatever they lose on dev")
    began, trials = clock(), list[Trial]()
    runner = _TrialRunner(
        Quantizer(model_path, calibration), model_path, dev, accuracy, n_threads=n_threads, clock=clock
    )
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.trials-") as scratch:
        for number, (name, candidate) in enumerate(runner.candidates(config), start=1):
            trials.append(runner.run(number, name, candidate, Path(scratch) / str(number)))
            if trials[-1].passed or not can_decide:
                evidence: dict[str, Any] = {
                    "trial": number,
                    "trials": [asdict(one) for one in trials],
                    "decided_on_dev": can_decide,
                }
                return runner.quantizer.write(candidate, target, metrics={**runner.figures, **evidence})
            out_of_time = 0 < accuracy.exit_policy.timeout <= clock() - began
            if number == accuracy.exit_policy.max_trials or out_of_time:
                break
    best = min(trials, key=lambda one: one.loss)
    smallest = f"a loss of {best.loss:.4f} with {best.name} as the smallest of {len(trials)} trials"
    limit = f"at most {runner.max_loss:.4f} of entity F1 on dev"
    raise GateNotPassed(f"found {smallest}, expected {limit}, quantizing {model_path}")


class _TrialRunner:
    """Quantizes one model with different settings and scores it against its FP32 graph on the dev part."""

    def __init__(
        self,
        quantizer: Quantizer,
        fp32: Path,
        dev: Sequence[LabelledSentence],
        accuracy: AccuracyConfig,
        *,
        n_threads: int,
        clock: Callable[[], float],
    ):
        self.quantizer, self._accuracy, self._n_threads, self._clock = quantizer, accuracy, n_threads, clock
        self._words, self._gold = [one.words for one in dev], [one.tags for one in dev]
        self._fp32 = Tagger.load(fp32, n_threads=n_threads)
        self._fp32_f1, _ = self._score(self._fp32)
        self.max_loss = accuracy.accuracy_criterion.max_loss(self._fp32_f1)
        score = f"entity F1 of FP32 on {len(dev)} dev sentences: {self._fp32_f1:.4f}"
        print(f"{score}; maximum loss of INT8: {self.max_loss:.4f}", flush=True)

    @property
    def figures(self) -> dict[str, float]:
        return {"dev_f1_of_fp32": round(self._fp32_f1, 5), "max_loss": round(self.max_loss, 5)}

    def candidates(self, config: QuantizeConfig) -> Iterator[tuple[str, QuantizeConfig]]:
        """Yield name and settings of each trial; the layer sensitivity is computed only when it is needed."""
        sample = self._words[:: max(len(self._words) // _N_FOR_SENSITIVITY, 1)]
        return _candidates(self.quantizer, config, self._accuracy.approaches, self._fp32, sample)

    def run(self, number: int, name: str, config: QuantizeConfig, folder: Path) -> Trial:
        """Quantize with `config` into `folder`, score the result and log a line."""
        began = self._clock()
        manifest = self.quantizer.write(config, folder)
        f1, words_per_s = self._score(Tagger.load(folder, n_threads=self._n_threads))
        trial = Trial(
            number,
            name,
            config.model_dump(mode="json"),
            manifest.metrics["quantize"]["n_int8_matmul"],
            f1=round(f1, 5),
            loss=round(self._fp32_f1 - f1, 5),
            words_per_s=round(words_per_s, 1),
            passed=self._fp32_f1 - f1 <= self.max_loss,
            seconds=round(self._clock() - began, 1),
        )
        _print_trial(trial, self._accuracy.exit_policy.max_trials)
        _free_memory()
        return trial

    def _score(self, tagger: Tagger) -> tuple[float, float]:
        """Return entity F1 and words per second."""
        began = self._clock()
        tags = [answer.tags for answer in tagger.tag(self._words)]
        seconds = max(self._clock() - began, 1e-9)
        return metrics.score_tags(self._gold, tags).overall.f1, sum(map(len, self._words)) / seconds


def _candidates(
    quantizer: Quantizer,
    config: QuantizeConfig,
    approaches: Sequence[Approach],
    fp32: Tagger,
    sentences: Sequence[Sequence[str]],
) -> Iterator[tuple[str, QuantizeConfig]]:
    yield "default", config
    for approach in approaches:
        if approach == "calibration":
            more = config.calibration.model_copy(update={"sampling_size": 4 * config.calibration.sampling_size})
            yield "four times the calibration text", config.model_copy(update={"calibration": more})
        elif approach == "smooth_quant":
            smooth = {"graph": "inc", "smooth_quant": SmoothQuantConfig()}
            yield "SmoothQuant", config.model_copy(update=smooth)
        else:
            layers = _rank_by_sensitivity(quantizer, config, fp32, sentences)
            n = 1
            while n < len(layers):  # at least one layer must become INT8
                kept = (*config.keep_fp32, *(layer_pattern(layer) for layer in layers[:n]))
                yield f"FP32 for {', '.join(layers[:n])}", config.model_copy(update={"keep_fp32": kept})
                n *= 2


def _rank_by_sensitivity(
    quantizer: Quantizer, config: QuantizeConfig, fp32: Tagger, sentences: Sequence[Sequence[str]]
) -> list[str]:
    """Rank the INT8 layers by the mean squared error of the logits with only that layer in INT8, largest first."""
    reference = np.concatenate([one.logits for one in fp32.compute_logits(sentences)])  # [words, K]
    layers = quantizer.layers(config)
    errors: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for layer in layers:
            others = tuple(layer_pattern(other) for other in layers if other != layer)
            # always in the fused graph: INC's own graph would have to be calibrated again for each layer
            only = {"graph": "fused", "smooth_quant": None, "keep_fp32": (*config.keep_fp32, *others)}
            alone = config.model_copy(update=only)
            quantizer.write(alone, Path(scratch) / "alone")
            tagger = Tagger.load(Path(scratch) / "alone", n_threads=1)
            logits = np.concatenate([one.logits for one in tagger.compute_logits(sentences)])  # [words, K]
            errors[layer] = float(np.square(logits - reference).mean())
            del tagger
            _free_memory()
    order = sorted(layers, key=lambda layer: -errors[layer])
    print("layers by squared error: " + ", ".join(f"{layer} {errors[layer]:.2e}" for layer in order[:8]), flush=True)
    return order


def _free_memory() -> None:
    """Free the memory of unused models; otherwise each trial keeps a few hundred megabytes."""
    gc.collect()
    hardware.release_freed_memory()


def layer_pattern(layer: str) -> str:
    """Return a `keep_fp32` pattern for one layer, such as `block_5/down`, with or without Keras' numeric suffixes."""
    return ".*/" + "/".join(rf"{re.escape(part)}(_\d+)?" for part in layer.split("/")) + "/.*"


def _print_trial(trial: Trial, max_trials: int) -> None:
    verdict = "passed" if trial.passed else "failed"
    print(
        f"trial {trial.number} of at most {max_trials}, {trial.name}: entity F1 {trial.f1:.4f}, loss "
        f"{trial.loss:.4f}, {verdict}; {trial.n_int8_matmul} INT8 MatMuls, {trial.words_per_s:,.0f} words/s",
        flush=True,
    )
