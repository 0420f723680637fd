"""Search for better training settings within a time budget, by Optuna; killed, it goes on where it was.

Each trial trains on a share of the train part and is judged on the dev part. One that does worse than the median of the
others after as many epochs is ended. The first trial is the settings as they are: what is found is no worse than they.
"""

import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
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

_BATCH_SIZES = (16, 32, 64)
_STUDY = "study.log"


@dataclass(frozen=True)
class SearchBudget:
    """When a search ends.

    Attributes:
        minutes: of all trials together, those before a kill included.
        n_trials: most trials.
        train_share: share of the train part that a trial learns, more than 0 to 1.
    """

    minutes: float
    n_trials: int = 30
    train_share: float = 0.25

    def __post_init__(self) -> None:
        if self.minutes <= 0 or self.n_trials < 1:
            found = f"found {self.minutes} minutes and {self.n_trials} trials"
            raise ConfigInvalid(f"{found}, expected more than 0 and at least 1, for a search")
        if not 0 < self.train_share <= 1:
            raise ConfigInvalid(f"found train_share = {self.train_share}, expected more than 0 to 1")


class _OutOfTimeError(Exception):
    """Ends the trial that is at work when the budget is spent."""


def search_config(
    parts: Parts, *, encoder: Path, folder: Path, base: TrainConfig, budget: SearchBudget
) -> dict[str, Any]:
    """Look for the settings with the best dev F1.

    Args:
        parts: sentences under `train` and `dev`.
        encoder: as for `loop.train_model`.
        folder: keeps the study and the trial at work; of this search alone.
        base: the settings that are not searched, and the first ones to try.
        budget: when to end.

    Returns:
        `config` for `train`, its `dev_f1`, and all `trials`.

    Raises:
        Busy: another process searches in the same folder.
    """
    with atomic.exclusive(folder / "lock"):
        return _Search(parts, encoder, folder, base, budget).run()


class _Search:
    def __init__(self, parts: Parts, encoder: Path, folder: Path, base: TrainConfig, budget: SearchBudget):
        self.parts = {"train": sample_share(parts["train"], budget.train_share, seed=base.seed), "dev": parts["dev"]}
        # of all the data: that is what the settings found are for
        self.encoder, self.folder, self.base, self.budget = encoder, folder, base.for_data(len(parts["train"])), budget
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        # other settings, another share: another study, in the same file
        name = make_version({"base": asdict(self.base), "share": budget.train_share, "n": len(self.parts["train"])})
        try:
            self.study = _study(folder / _STUDY, name)
        except (ValueError, TypeError, LookupError, AttributeError, AssertionError, OSError, RecursionError) as error:
            found = f"found {type(error).__name__}, expected a study"
            print(f"notice: a damaged search is thrown away and begun anew: {found}, at {folder / _STUDY}", flush=True)
            replacement.discard(folder / _STUDY)
            self.study = _study(folder / _STUDY, name)
        # a search that goes on must not propose again what it has proposed before
        self.study.sampler = optuna.samplers.TPESampler(seed=base.seed + len(self.study.trials))

    def run(self) -> dict[str, Any]:
        self._take_up()
        spent = sum(self._seconds(trial) for trial in self._ended())
        self.deadline = time.monotonic() + 60 * self.budget.minutes - spent
        left = self.budget.n_trials - len(self._ended())
        if left > 0 and time.monotonic() < self.deadline:
            self.study.optimize(
                self._f1, n_trials=left, timeout=self.deadline - time.monotonic(), catch=(_OutOfTimeError,)
            )
        return self._result()

    def _take_up(self) -> None:
        """Begin with the settings as they are; after a kill, with the trial that was at work."""
        for trial in self.study.get_trials(states=(TrialState.RUNNING,)):
            self.study.tell(trial.number, state=TrialState.FAIL)
            if set(trial.params) == set(self._now()):
                print(f"going on with trial {trial.number}: {trial.params}", flush=True)
                self.study.enqueue_trial(trial.params)
        if not self.study.trials:
            self.study.enqueue_trial(self._now())

    def _now(self) -> dict[str, Any]:
        names = ("learning_rate", "batch_size", "epochs", "dropout", "word_dropout", "label_smoothing")
        return {name: getattr(self.base, name) for name in names}

    def _proposed(self, trial: optuna.Trial) -> TrainConfig:
        base = self.base
        return replace(
            base,
            learning_rate=trial.suggest_float(
                "learning_rate", base.learning_rate / 4, base.learning_rate * 4, log=True
            ),
            batch_size=trial.suggest_categorical("batch_size", sorted({*_BATCH_SIZES, base.batch_size})),
            epochs=trial.suggest_int("epochs", 1, base.epochs + 2),
            dropout=trial.suggest_float("dropout", 0.0, max(0.3, base.dropout)),
            word_dropout=trial.suggest_float("word_dropout", 0.0, max(0.3, base.word_dropout)),
            label_smoothing=trial.suggest_float("label_smoothing", 0.0, max(0.15, base.label_smoothing)),
        )

    def _f1(self, trial: optuna.Trial) -> float:
        config = self._proposed(trial)
        folder = self.folder / f"trial-{make_version(asdict(config))}"

        def watch(done: TrainingProgress) -> None:
            if time.monotonic() > self.deadline:
                raise _OutOfTimeError
            if done.history and done.history[-1]["step"] == done.step:
                trial.report(done.best_f1, len(done.history))
                if trial.should_prune():
                    raise optuna.TrialPruned

        print(f"trial {trial.number}: {trial.params}", flush=True)
        try:
            done = TrainingRun(self.parts, self.encoder, folder, config).fit(watch)
        except (optuna.TrialPruned, _OutOfTimeError):
            shutil.rmtree(folder)
            raise
        shutil.rmtree(folder)
        print(f"trial {trial.number}: dev entity F1 {done.best_f1:.4f}", flush=True)
        return done.best_f1

    def _ended(self) -> list[optuna.trial.FrozenTrial]:
        return self.study.get_trials(states=(TrialState.COMPLETE, TrialState.PRUNED))

    def _seconds(self, trial: optuna.trial.FrozenTrial) -> float:
        return trial.duration.total_seconds() if trial.duration else 0.0

    def _result(self) -> dict[str, Any]:
        complete = self.study.get_trials(states=(TrialState.COMPLETE,))
        best = max(complete, key=lambda trial: trial.value or 0.0, default=None)
        if best is None:
            print("no trial was completed in time: the settings stay as they are", flush=True)
        trials = [
            {
                "number": trial.number,
                "state": trial.state.name.lower(),
                "params": trial.params,
                "dev_f1": trial.value,
                "by_epoch": trial.intermediate_values,
                "seconds": round(self._seconds(trial), 1),
            }
            for trial in self.study.trials
            if trial.state != TrialState.WAITING
        ]
        config = asdict(replace(self.base, **(best.params if best else {})))
        return {"config": config, "dev_f1": best.value if best else None, "trials": trials}


def _study(path: Path, name: str) -> optuna.Study:
    """The study that is kept in a file; behind its last whole line, which a kill may have cut off, it goes on."""
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
    """A share of the sentences, at least one, by chance and in their order."""
    n = max(1, round(share * len(sentences)))
    return [sentences[index] for index in sorted(np.random.default_rng(seed).permutation(len(sentences))[:n])]
