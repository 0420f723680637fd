"""Kill a training at random steps and check that its model is bit-identical to an uninterrupted one.

    python -m tests.chaos.kill_training --kills 10

Runs `python -m ner_tasks train` as Airflow does, with a tiny encoder and all training options. The process is killed with
-9 at random moments, restarted each time, and finally left to finish. Not part of the test suite, which does the same with
two kills.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ner_tasks.data import corpus
from ner_tasks.files import atomic
from ner_tasks.model import model_folder
from ner_tasks.training.checkpoints import STATE

SETTINGS = {
    "epochs": 3,
    "patience": 3,
    "batch_size": 4,
    "checkpoint_steps": 5,
    "max_pieces": 32,
    "learning_rate": 1e-3,
    "ema_decay": 0.9,
    "crf_weight": 0.5,
    "layer_decay": 0.8,
    "oversampling": 0.2,
}
N_SENTENCES = 1200


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = drill(Path(folder), n_kills=args.kills, seed=args.seed)
    print(json.dumps(found))
    return 0 if found["same_bits"] and found["same_losses"] and len(found["kills"]) == args.kills else 1


def drill(folder: Path, *, n_kills: int, seed: int, n_sentences: int = N_SENTENCES) -> dict:
    """Train twice, once undisturbed; at which steps it went on, and whether the models are the same."""
    from tests import tiny

    chance = random.Random(seed)
    tiny.make_tiny_encoder(folder / "encoder")
    (folder / "snapshot").mkdir()
    for name, n in (("train", n_sentences), ("dev", 40)):
        corpus.write_kaggle_csv(folder / "snapshot" / f"{name}.csv", tiny.sentences(n, seed=len(name)))
    train(folder, "undisturbed").wait_whole()
    kills = list[int]()
    while len(kills) < n_kills:
        child = train(folder, "killed")
        step = child.kill_after(chance.uniform(0.0, 1.0))
        if step is None:
            break  # it was done before its turn to be killed came
        kills.append(step)
        print(f"killed after step {step}", flush=True)
    if not (folder / "killed" / model_folder.MANIFEST).is_file():
        train(folder, "killed").wait_whole()
    weights = [atomic.sha256_of(folder / name / model_folder.WEIGHTS) for name in ("undisturbed", "killed")]
    said = [model_folder.read_manifest(folder / name) for name in ("undisturbed", "killed")]
    losses = [[line["loss"] for line in manifest.metrics["train"]["history"]] for manifest in said]
    return {
        "kills": kills,
        "same_bits": weights[0] == weights[1] and said[0].transitions == said[1].transitions,
        "same_losses": losses[0] == losses[1],
    }


class train:  # noqa: N801 # reads as the verb that it runs
    """One process of `python -m ner_tasks train`."""

    def __init__(self, folder: Path, name: str):
        self.half = folder / f"half-{name}"
        paths = {"data": folder / "snapshot", "encoder": folder / "encoder", "output": folder / name}
        flags = {**SETTINGS, **paths, "checkpoint_path": self.half, "threads": 2}
        command = [sys.executable, "-m", "ner_tasks", "train"]
        command += [str(word) for flag, value in flags.items() for word in (f"--{flag}", value)]
        self.log = (folder / f"{name}.log").open("a")
        self.child = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT, env=os.environ)
        self.log_path = folder / f"{name}.log"

    def wait_whole(self) -> None:
        if self.child.wait():
            raise RuntimeError(
                f"found exit code {self.child.returncode}, expected 0: {self.log_path.read_text()[-2000:]}"
            )

    def kill_after(self, wait_s: float) -> int | None:
        """Kill it that long after its next checkpoint; the step of the last one, None if it was done already."""
        before = self._stamp()
        while self._stamp() == before and self.child.poll() is None:
            time.sleep(0.005)
        time.sleep(wait_s)
        if self.child.poll() is not None:
            self.wait_whole()
            return None
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()
        return self._step()

    def _stamp(self) -> int:
        return (self.half / STATE).stat().st_mtime_ns if (self.half / STATE).is_file() else 0

    def _step(self) -> int:
        from safetensors import safe_open

        with safe_open(self.half / STATE, "np") as state:
            return int(json.loads(state.metadata()["progress"])["step"])


if __name__ == "__main__":
    sys.exit(main())
