"""Hyperparameter search with Optuna within a time budget; resumes after a kill.

Each trial trains on a share of the train part and is scored on the dev part. A trial below the median of the others
after the same number of epochs is pruned. The first trial uses the base settings, so the result is never worse.
"""

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from ner_tasks.data.corpus import LabelledSentence
from ner_tasks.errors import ConfigInvalid
from ner_tasks.files import atomic, replacement
from ner_tasks.fingerprint import make_version
from ner_tasks.training.checkpoints import TrainingProgress
from ner_tasks.training.config import TrainConfig
from ner_tasks.training.loop import Parts, TrainingRun
from ner_tasks.training.soft_labels import read_checksum

_BATCH_SIZES = (16, 32, 64)
_STUDY = "study.log"


@dataclass(frozen=True)
class SearchBudget:
    """Limits of a search.

    Attributes:
        minutes: total time of all trials, those before a kill included; above 0.
        n_trials: maximum number of trials, at least 1.
        train_share: share of the train part that each trial trains on, above 0, at most 1.
    """

    minutes: float
    n_trials: int = 30
    train_share: float = 0.25

    def __post_init__(self) -> None:
        if self.minutes <= 0 or self.n_trials < 1:
            limits = f"{self.minutes} minutes and {self.n_trials} trials"
            raise ConfigInvalid(f"found {limits}, expected more than 0 and at least 1, for a search")
        if not 0 < self.train_share <= 1:
            raise ConfigInvalid(f"found train_share = {self.train_share}, expected above 0, at most 1")


class _OutOfTimeError(Exception):
    """Stops the running trial when the time budget is used up."""


def search_config(
    parts: Parts,
    *,
    encoder: Path,
    folder: Path,
    base: TrainConfig,
    budget: SearchBudget,
    soft_labels: Path | None = None,
) -> dict[str, Any]:
    """Search for the training settings with the best dev F1.

    Args:
        parts: labelled sentences under `train` and `dev`.
        encoder: as for `loop.train_model`.
        folder: folder for the study and the running trial; of this search only.
        base: settings of the first trial; the settings that are not searched keep these values.
        budget: limits of the search.
        soft_labels: as for `loop.train_model`.

    Returns:
        `config` for `train`, its `dev_f1` (None if no trial finished), and all `trials`.

    Raises:
        Busy: another process uses the same folder.
    """
    with atomic.exclusive(folder / "lock"):
        return _Search(parts, encoder, folder, base, budget, soft_labels).run()


class _Search:
    def __init__(
        self,
        parts: Parts,
        encoder: Path,
        folder: Path,
        base: TrainConfig,
        budget: SearchBudget,
        soft_labels: Path | None,
    ):
        self.parts = {"train": sample_share(parts["train"], budget.train_share, seed=base.seed), "dev": parts["dev"]}
        # epochs of the full train part, which the resulting settings are for
        self.encoder, self.folder, self.budget, self.soft_labels = encoder, folder, budget, soft_labels
        self.base = base.for_data(len(parts["train"]))
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        # other settings or another share start another study in the same file
        name = make_version(
            {
                "base": self.base.model_dump(),
                "share": budget.train_share,
                "n": len(self.parts["train"]),
                "soft_labels": read_checksum(soft_labels) if soft_labels else None,
            }
        )
        try:
            self.study = _open_study(folder / _STUDY, name)
        except (ValueError, TypeError, LookupError, AttributeError, AssertionError, OSError, RecursionError) as error:
            reason = f"found {type(error).__name__}, expected a study"
            print(f"notice: deleted a damaged search and restarted: {reason}, at {folder / _STUDY}", flush=True)
            replacement.discard(folder / _STUDY)
            self.study = _open_study(folder / _STUDY, name)
        # with the same seed a resumed search would suggest the same settings again
        self.study.sampler = optuna.samplers.TPESampler(seed=base.seed + len(self.study.trials))

    def run(self) -> dict[str, Any]:
        self._enqueue_first()
        spent = sum(self._duration_s(trial) for trial in self._ended_trials())
        self.deadline = time.monotonic() + 60 * self.budget.minutes - spent
        left = self.budget.n_trials - len(self._ended_trials())
        if left > 0 and time.monotonic() < self.deadline:
            self.study.optimize(
                self._run_trial, n_trials=left, timeout=self.deadline - time.monotonic(), catch=(_OutOfTimeError,)
            )
        return self._result()

    def _enqueue_first(self) -> None:
        """Enqueue the base settings in a new study, the interrupted trial in a resumed one."""
        for trial in self.study.get_trials(states=(TrialState.RUNNING,)):
            self.study.tell(trial.number, state=TrialState.FAIL)
            if set(trial.params) == set(self._base_params()):
                print(f"resuming trial {trial.number}: {trial.params}", flush=True)
                self.study.enqueue_trial(trial.params)
        if not self.study.trials:
            self.study.enqueue_trial(self._base_params())

    def _base_params(self) -> dict[str, Any]:
        names = ("learning_rate", "batch_size", "epochs", "dropout", "word_dropout", "label_smoothing")
        return {name: getattr(self.base, name) for name in names}

    def _suggest_config(self, trial: optuna.Trial) -> TrainConfig:
        base = self.base
        suggested = {
            "learning_rate": trial.suggest_float(
                "learning_rate", base.learning_rate / 4, base.learning_rate * 4, log=True
            ),
            "batch_size": trial.suggest_categorical("batch_size", sorted({*_BATCH_SIZES, base.batch_size})),
            "epochs": trial.suggest_int("epochs", 1, base.epochs + 2),
            "dropout": trial.suggest_float("dropout", 0.0, max(0.3, base.dropout)),
            "word_dropout": trial.suggest_float("word_dropout", 0.0, max(0.3, base.word_dropout)),
            "label_smoothing": trial.suggest_float("label_smoothing", 0.0, max(0.15, base.label_smoothing)),
        }
        return base.model_copy(update=suggested)

    def _run_trial(self, trial: optuna.Trial) -> float:
        """Train with the suggested settings and return the dev F1."""
        config = self._suggest_config(trial)
        folder = self.folder / f"trial-{make_version(config.model_dump())}"

        def watch(done: TrainingProgress) -> None:
            if time.monotonic() > self.deadline:
                raise _OutOfTimeError
            if done.history and done.history[-1]["step"] == done.step:
                trial.report(done.best_f1, len(done.history))
                if trial.should_prune():
                    raise optuna.TrialPruned

        print(f"trial {trial.number}: {trial.params}", flush=True)
        try:
            done = TrainingRun(self.parts, self.encoder, folder, config, self.soft_labels).fit(watch)
        except (optuna.TrialPruned, _OutOfTimeError):
            shutil.rmtree(folder)
            raise
        shutil.rmtree(folder)
        print(f"trial {trial.number}: dev entity F1 {done.best_f1:.4f}", flush=True)
        return done.best_f1

    def _ended_trials(self) -> list[optuna.trial.FrozenTrial]:
        return self.study.get_trials(states=(TrialState.COMPLETE, TrialState.PRUNED))

    def _duration_s(self, trial: optuna.trial.FrozenTrial) -> float:
        return trial.duration.total_seconds() if trial.duration else 0.0

    def _result(self) -> dict[str, Any]:
        complete = self.study.get_trials(states=(TrialState.COMPLETE,))
        best = max(complete, key=lambda trial: trial.value or 0.0, default=None)
        if best is None:
            print("no trial finished in time: keeping the base settings", flush=True)
        trials = [
            {
                "number": trial.number,
                "state": trial.state.name.lower(),
                "params": trial.params,
                "dev_f1": trial.value,
                "by_epoch": trial.intermediate_values,
                "seconds": round(self._duration_s(trial), 1),
            }
            for trial in self.study.trials
            if trial.state != TrialState.WAITING
        ]
        config = self.base.model_copy(update=best.params if best else {}).model_dump()
        return {"config": config, "dev_f1": best.value if best else None, "trials": trials}


def _open_study(path: Path, name: str) -> optuna.Study:
    """Open or create the study in a journal file, without a last line that a kill left incomplete."""
    if path.exists():
        content = path.read_bytes()
        with path.open("r+b") as file:
            file.truncate(content.rfind(b"\n") + 1)
    with atomic.space_for(path):
        return optuna.create_study(
            study_name=name,
            storage=JournalStorage(JournalFileBackend(str(path))),
            direction="maximize",
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(n_startup_trials=3),
        )


def sample_share(sentences: Sequence[LabelledSentence], share: float, *, seed: int) -> list[LabelledSentence]:
    """Draw a random share of the sentences, at least one, in their original order.

    Args:
        sentences: at least one.
        share: above 0, at most 1.
        seed: seed of the draw.
    """
    n = max(1, round(share * len(sentences)))
    return [sentences[index] for index in sorted(np.random.default_rng(seed).permutation(len(sentences))[:n])]
