"""How far a training is, kept so that a killed one goes on to the same weights as an undisturbed one, to the bit."""

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
from ner_tasks.model.token_classifier import write_weights

STATE = "state.safetensors"


@dataclass
class TrainingProgress:
    """How far a training is; what a checkpoint keeps beside the variables.

    Attributes:
        step: steps done.
        best_f1: best dev F1 so far, of epoch `best_epoch`; the epochs count from 1.
        history: a line for each epoch.
        curve: loss and learning rate now and then, by step.
        losses: of the steps since the last line of `history`: their sum and number.
        since: the same since the last point of `curve`.
        train_s: time in steps, of all tries together.
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
    folder: Path, done: TrainingProgress, variables: Sequence[keras.Variable | tf.Variable], *, of: str
) -> None:
    """Write the variables and how far they are as one file, so that a kill can not part them.

    Args:
        folder: of this training's half-done work.
        done: how far.
        variables: every one that later steps depend on, in an order that is always the same.
        of: what identifies the training.
    """
    with atomic.space_for(folder / STATE):
        values = {str(index): np.asarray(variable) for index, variable in enumerate(variables)}
        write_weights(folder / STATE, values, metadata={"progress": json.dumps(asdict(done)), "of": of})


def restore_checkpoint(
    folder: Path, variables: Sequence[keras.Variable | tf.Variable], *, of: str, best: Path
) -> TrainingProgress:
    """Set the variables to the last checkpoint's, if there is a whole one; how far it was.

    Half-done work that is damaged is thrown away with a notice; the variables are as they were.

    Args:
        folder: as for `save`.
        variables: as for `save`.
        of: what identifies the training.
        best: weights of the best epoch so far, if one has ended; they go with the checkpoint.

    Raises:
        ConfigInvalid: the checkpoint is another training's.
    """
    if not os.path.lexists(folder / STATE):
        return TrainingProgress()
    try:
        with safe_open(folder / STATE, "np") as state:
            said = state.metadata()
            if said["of"] != of:
                raise ConfigInvalid(
                    f"found half-done work of other data or settings, expected that of this training or none, in {folder}"
                )
            done = TrainingProgress(**json.loads(said["progress"]))
            # all is looked at before anything is set
            for index, variable in enumerate(variables):
                if (shape := state.get_slice(str(index)).get_shape()) != list(variable.shape):
                    raise ArtifactBroken(f"found shape {shape} of variable {index}, expected {list(variable.shape)}")
            if done.best_epoch:
                with safe_open(best, "np"):
                    pass
            for index, variable in enumerate(variables):
                variable.assign(state.get_tensor(str(index)))
    except (SafetensorError, ArtifactBroken, OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        print(f"notice: damaged half-done work is thrown away and begun anew: found {error}, in {folder}", flush=True)
        replacement.discard(folder / STATE)
        replacement.discard(best)
        return TrainingProgress()
    print(f"going on from step {done.step}", flush=True)
    return done
