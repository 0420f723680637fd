"""How far a training is, kept so that a killed one goes on to the same weights as an undisturbed one, to the bit."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from safetensors import SafetensorError, safe_open

from ner_tasks import atomic
from ner_tasks.errors import ArtifactBroken, ConfigInvalid
from ner_tasks.tagger.model import write_weights

STATE = "state.safetensors"


@dataclass
class Progress:
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


def save(folder: Path, done: Progress, variables: Sequence[keras.Variable | tf.Variable], *, of: str) -> None:
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


def resume(folder: Path, variables: Sequence[keras.Variable | tf.Variable], *, of: str) -> Progress:
    """Set the variables to the last checkpoint's, if there is one; how far it was.

    Raises:
        ConfigInvalid: the checkpoint is another training's.
        ArtifactBroken: it is damaged.
    """
    if not (folder / STATE).is_file():
        return Progress()
    try:
        with safe_open(folder / STATE, "np") as state:
            said = state.metadata() or {}
            if said.get("of") != of:
                raise ConfigInvalid(
                    f"found half-done work of other data or settings, expected that of this training or none, in {folder}"
                )
            for index, variable in enumerate(variables):
                variable.assign(state.get_tensor(str(index)))
    except SafetensorError as error:
        raise ArtifactBroken(f"found {error}, expected a checkpoint, at {folder / STATE}") from None
    done = Progress(**json.loads(said["progress"]))
    print(f"going on from step {done.step}", flush=True)
    return done
