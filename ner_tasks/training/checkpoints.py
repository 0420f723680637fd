"""Checkpoints: a training run that resumes from one ends with bit-identical weights."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from safetensors import SafetensorError, safe_open

from ner_tasks.errors import ArtifactBroken, ConfigInvalid
from ner_tasks.files import atomic, replacement
from ner_tasks.model.weights import write_weights

STATE = "state.safetensors"


@dataclass
class TrainingProgress:
    """Progress of a training run, which a checkpoint stores beside the variables.

    Attributes:
        step: number of steps completed.
        best_f1: best dev F1 so far; -1 before the first evaluation.
        best_epoch: epoch of `best_f1`, from 1; 0 before the first evaluation.
        history: figures of each epoch.
        curve: points of the learning curve: step, mean loss, learning rate.
        losses: sum and number of the losses since the last entry of `history`.
        since: sum and number of the losses since the last point of `curve`.
        train_s: seconds spent in training steps, over all attempts.
    """

    step: int = 0
    best_f1: float = -1.0
    best_epoch: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    curve: list[dict[str, float]] = field(default_factory=list)
    losses: tuple[float, int] = (0.0, 0)
    since: tuple[float, int] = (0.0, 0)
    train_s: float = 0.0


def save_checkpoint(
    folder: Path, done: TrainingProgress, variables: Sequence[keras.Variable | tf.Variable], *, identity: str
) -> None:
    """Write variables and progress to one file, so that they always match.

    Args:
        folder: checkpoint folder of this training run.
        done: progress.
        variables: all variables that later steps depend on, in a fixed order.
        identity: hash of data, settings and initial weights.

    Raises:
        StorageFull: no space left; the previous checkpoint stays.
    """
    with atomic.space_for(folder / STATE):
        values = {str(index): np.asarray(variable) for index, variable in enumerate(variables)}
        write_weights(folder / STATE, values, metadata={"progress": json.dumps(asdict(done)), "of": identity})


def restore_checkpoint(
    folder: Path, variables: Sequence[keras.Variable | tf.Variable], *, identity: str, best: Path
) -> TrainingProgress:
    """Load the last checkpoint into the variables and return its progress.

    A damaged checkpoint is deleted with a notice and leaves the variables unchanged.

    Args:
        folder: as for `save_checkpoint`.
        variables: as for `save_checkpoint`.
        identity: as for `save_checkpoint`.
        best: weights of the best epoch; required once an epoch has ended.

    Returns:
        Progress at the checkpoint; of a new run if there is no checkpoint.

    Raises:
        ConfigInvalid: the checkpoint belongs to another training run.
    """
    if not os.path.lexists(folder / STATE):
        return TrainingProgress()
    try:
        with safe_open(folder / STATE, "np") as state:
            metadata = state.metadata()
            if metadata["of"] != identity:
                raise ConfigInvalid(
                    f"found a checkpoint of other data or settings, expected one of this training run or none, in {folder}"
                )
            done = TrainingProgress(**json.loads(metadata["progress"]))
            # check everything before assigning anything
            for index, variable in enumerate(variables):
                if (shape := state.get_slice(str(index)).get_shape()) != list(variable.shape):
                    raise ArtifactBroken(f"found shape {shape} of variable {index}, expected {list(variable.shape)}")
            if done.best_epoch:
                with safe_open(best, "np"):
                    pass
            for index, variable in enumerate(variables):
                variable.assign(state.get_tensor(str(index)))
    except (SafetensorError, ArtifactBroken, OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        print(f"notice: deleted a damaged checkpoint and restarted: found {error}, in {folder}", flush=True)
        replacement.discard(folder / STATE)
        replacement.discard(best)
        return TrainingProgress()
    print(f"resuming from step {done.step}", flush=True)
    return done
