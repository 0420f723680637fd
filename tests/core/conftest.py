"""Models made once for all tests: a tiny encoder, and what training, freezing and quantizing make of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ner_tasks import hardware
from ner_tasks.data import corpus

# TensorFlow reads these when it is imported, which some test does first.
os.environ.update(hardware.tensorflow_env(n_threads=2, onednn=True))

from tests import tiny


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make_tiny_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="session")
def trained(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from ner_tasks.training import loop

    folder = tmp_path_factory.mktemp("models")
    loop.train_model(
        {"train": tiny.sentences(400), "dev": tiny.sentences(60, seed=1)},
        encoder=encoder,
        target=folder / "trained",
        checkpoints=folder / "checkpoints",
        config=loop.TrainConfig(epochs=3, learning_rate=3e-3, dropout=0.0, max_pieces=32),
        lineage={"version": "tiny-1"},
    )
    return folder / "trained"


@pytest.fixture(scope="session")
def frozen(trained: Path) -> Path:
    from ner_tasks.model import freezing

    freezing.freeze_model(trained, trained.with_name("frozen"))
    return trained.with_name("frozen")


@pytest.fixture(scope="session")
def int8(frozen: Path) -> Path:
    return quantized(frozen, frozen.with_name("int8"))


def quantized(frozen: Path, target: Path, config: str = "") -> Path:
    """Quantize in a process of its own, as Airflow does: INC reads its ranges from the process's real stderr."""
    data, settings = target.with_suffix(".csv"), target.with_suffix(".yaml")
    corpus.write_kaggle_csv(data, tiny.sentences(400, seed=2))
    settings.write_text(config)
    flags = ["--data", data, "--model", frozen, "--config_file", settings, "--output", target]
    command = [sys.executable, "-m", "ner_tasks", "quantize", *map(str, flags)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return target
