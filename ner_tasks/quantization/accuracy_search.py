"""Accuracy-aware quantization: default first, and if it loses too much, other ways until one is good enough.

Calibrated on calibration text, judged on the dev part; the gate on the test part comes later and knows nothing of it.
Why not INC's own `autotune`: docs/decisions/0011-own-search-for-accuracy.md.
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
from ner_tasks.data.corpus import LabelledSentence
from ner_tasks.errors import ConfigInvalid, DataRejected, GateNotPassed
from ner_tasks.evaluation import metrics
from ner_tasks.files.yaml_files import StrictModel, read_yaml
from ner_tasks.inference.tagger import Tagger
from ner_tasks.model.model_folder import ModelManifest
from ner_tasks.quantization.quantize import QuantizeConfig, Quantizer, SmoothQuantConfig

DEFAULT_CONFIG = Path(__file__).parent.parent / "config" / "quantize_accuracy.yaml"
Approach = Literal["calibration", "smooth_quant", "fallback"]
_N_FOR_SENSITIVITY = 256  # sentences; the order of the layers settles long before


class Criterion(StrictModel):
    absolute: Annotated[float, Field(ge=0, le=1)] | None = None
    relative: Annotated[float, Field(ge=0, le=1)] | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.absolute is None) == (self.relative is None):
            raise ValueError("expected either absolute or relative")
        return self

    def max_loss(self, fp32_f1: float) -> float:
        return self.absolute if self.absolute is not None else (self.relative or 0.0) * fp32_f1


class ExitPolicy(StrictModel):
    max_trials: PositiveInt = 12
    timeout: NonNegativeInt = 1800


class AccuracyConfig(StrictModel):
    """What an accuracy YAML may say; `config/quantize_accuracy.yaml` explains each key."""

    accuracy_criterion: Criterion = Criterion(absolute=0.003)
    exit_policy: ExitPolicy = ExitPolicy()
    approaches: tuple[Approach, ...] = ("calibration", "smooth_quant", "fallback")

    @classmethod
    def read(cls, path: Path) -> "AccuracyConfig":
        """Settings from a YAML file.

        Raises:
            InputMissing: no such file.
            ConfigInvalid: not YAML, an unknown key, or a value out of bounds.
        """
        return read_yaml(cls, path, kind="a quantization YAML", expected=f"the keys of {DEFAULT_CONFIG.name}")

    def losing_at_most(self, f1: float) -> "AccuracyConfig":
        """The same with another criterion."""
        if not 0 <= f1 <= 1:
            raise ConfigInvalid(f"found max_f1_loss={f1}, expected a number from 0 to 1")
        return self.model_copy(update={"accuracy_criterion": Criterion(absolute=f1)})


@dataclass(frozen=True)
class Trial:
    """One way that was tried: its settings, and what it was worth on the dev part."""

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
    calibration: Sequence[Sequence[str]],
    dev: Sequence[LabelledSentence],
    target: Path,
    config: QuantizeConfig,
    accuracy: AccuracyConfig,
    *,
    n_threads: int,
    clock: Callable[[], float] = time.monotonic,
) -> ModelManifest:
    """Quantize a frozen model so that it loses no more entity F1 on the dev part than it may.

    Args:
        model_path: a frozen model.
        calibration: words of each calibration sentence.
        dev: what each trial is judged by.
        target: the model folder to make; its manifest lists all trials.
        config: the default quantization.
        accuracy: how much may be lost, and what is tried.
        n_threads: threads of the models.
        clock: seconds.

    Raises:
        ConfigInvalid: `model_path` is not a frozen model.
        DataRejected: no calibration text, no dev part.
        GateNotPassed: nothing that was tried is good enough.
        StorageFull: no room; nothing is left behind.
    """
    if not dev:
        raise DataRejected("found no sentence, expected some to judge trials by, in the dev part")
    began, trials = clock(), list[Trial]()
    judge = _Judge(Quantizer(model_path, calibration), model_path, dev, accuracy, n_threads=n_threads, clock=clock)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.trials-") as scratch:
        for number, (name, way) in enumerate(judge.ways(config), start=1):
            trials.append(judge.tried(number, name, way, Path(scratch) / str(number)))
            if trials[-1].passed:
                tried: dict[str, Any] = {"trial": number, "trials": [asdict(one) for one in trials]}
                return judge.quantizer.write(way, target, metrics={**judge.figures, **tried})
            out_of_time = 0 < accuracy.exit_policy.timeout <= clock() - began
            if number == accuracy.exit_policy.max_trials or out_of_time:
                break
    best = min(trials, key=lambda one: one.loss)
    found = f"a loss of {best.loss:.4f} by {best.name} as the least of {len(trials)} trials"
    most = f"at most {judge.max_loss:.4f} of entity F1 on dev"
    raise GateNotPassed(f"found {found}, expected {most}, quantizing {model_path}")


class _Judge:
    """Tries ways to quantize one model against its FP32 graph, on the dev part."""

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
        self._fp32_f1, _ = self._scored(self._fp32)
        self.max_loss = accuracy.accuracy_criterion.max_loss(self._fp32_f1)
        told = f"FP32 has entity F1 {self._fp32_f1:.4f} on {len(dev)} dev sentences"
        print(f"{told}; INT8 may lose {self.max_loss:.4f}", flush=True)

    @property
    def figures(self) -> dict[str, float]:
        return {"dev_f1_of_fp32": round(self._fp32_f1, 5), "max_loss": round(self.max_loss, 5)}

    def ways(self, config: QuantizeConfig) -> Iterator[tuple[str, QuantizeConfig]]:
        """The ways to try, one by one: what comes later is only worked out if it is asked for."""
        some = self._words[:: max(len(self._words) // _N_FOR_SENSITIVITY, 1)]
        return _ways(self.quantizer, config, self._accuracy.approaches, self._fp32, some)

    def tried(self, number: int, name: str, way: QuantizeConfig, folder: Path) -> Trial:
        """Quantize one way, and score it; a line of it goes to the log."""
        began = self._clock()
        manifest = self.quantizer.write(way, folder)
        f1, words_per_s = self._scored(Tagger.load(folder, n_threads=self._n_threads))
        trial = Trial(
            number,
            name,
            way.model_dump(mode="json"),
            manifest.metrics["quantize"]["n_int8_matmul"],
            f1=round(f1, 5),
            loss=round(self._fp32_f1 - f1, 5),
            words_per_s=round(words_per_s, 1),
            passed=self._fp32_f1 - f1 <= self.max_loss,
            seconds=round(self._clock() - began, 1),
        )
        _tell(trial, self._accuracy.exit_policy.max_trials)
        _let_go()
        return trial

    def _scored(self, tagger: Tagger) -> tuple[float, float]:
        """Entity F1, and words per second."""
        began = self._clock()
        tags = [answer.tags for answer in tagger.tag(self._words)]
        seconds = max(self._clock() - began, 1e-9)
        return metrics.score_tags(self._gold, tags).overall.f1, sum(map(len, self._words)) / seconds


def _ways(
    quantizer: Quantizer,
    config: QuantizeConfig,
    approaches: Sequence[Approach],
    fp32: Tagger,
    sentences: Sequence[Sequence[str]],
) -> Iterator[tuple[str, QuantizeConfig]]:
    """The ways to try, one by one: what comes later is only worked out if it is asked for."""
    yield "default", config
    for approach in approaches:
        if approach == "calibration":
            more = config.calibration.model_copy(update={"sampling_size": 4 * config.calibration.sampling_size})
            yield "four times the calibration text", config.model_copy(update={"calibration": more})
        elif approach == "smooth_quant":
            smooth = {"graph": "inc", "smooth_quant": SmoothQuantConfig()}
            yield "SmoothQuant", config.model_copy(update=smooth)
        else:
            layers = _by_sensitivity(quantizer, config, fp32, sentences)
            n = 1
            while n < len(layers):  # with all of them nothing would be INT8
                kept = (*config.keep_fp32, *(layer_pattern(layer) for layer in layers[:n]))
                yield f"FP32 for {', '.join(layers[:n])}", config.model_copy(update={"keep_fp32": kept})
                n *= 2


def _by_sensitivity(
    quantizer: Quantizer, config: QuantizeConfig, fp32: Tagger, sentences: Sequence[Sequence[str]]
) -> list[str]:
    """INT8 layers, first the one that by itself moves the logits most away from those of FP32."""
    right = np.concatenate([one.logits for one in fp32.logits(sentences)])  # [words, K]
    layers = quantizer.layers(config)
    moved: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for layer in layers:
            others = tuple(layer_pattern(other) for other in layers if other != layer)
            # in our graph, whichever was asked for: INC's would have to be calibrated for each layer anew
            only = {"graph": "fused", "smooth_quant": None, "keep_fp32": (*config.keep_fp32, *others)}
            alone = config.model_copy(update=only)
            quantizer.write(alone, Path(scratch) / "alone")
            tagger = Tagger.load(Path(scratch) / "alone", n_threads=1)
            logits = np.concatenate([one.logits for one in tagger.logits(sentences)])  # [words, K]
            moved[layer] = float(np.square(logits - right).mean())
            del tagger
            _let_go()
    order = sorted(layers, key=lambda layer: -moved[layer])
    print("layers by what they cost: " + ", ".join(f"{layer} {moved[layer]:.2e}" for layer in order[:8]), flush=True)
    return order


def _let_go() -> None:
    """Give back the graphs of models that are done with: each trial would keep a few hundred megabytes."""
    gc.collect()
    hardware.release_freed_memory()


def layer_pattern(layer: str) -> str:
    """A pattern of `keep_fp32` for one layer, such as `block_5/down`, whatever numbers Keras has put behind the names."""
    return ".*/" + "/".join(rf"{re.escape(part)}(_\d+)?" for part in layer.split("/")) + "/.*"


def _tell(trial: Trial, max_trials: int) -> None:
    verdict = "good enough" if trial.passed else "too much"
    print(
        f"trial {trial.number} of at most {max_trials}, {trial.name}: entity F1 {trial.f1:.4f}, a loss of "
        f"{trial.loss:.4f}, {verdict}; {trial.n_int8_matmul} INT8 MatMuls, {trial.words_per_s:,.0f} words/s",
        flush=True,
    )
