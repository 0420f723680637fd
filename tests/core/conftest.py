"""Models made once for all tests: a tiny encoder, and what training, freezing and quantizing make of it."""

import os
from pathlib import Path

import pytest

from ner_tasks import host

# TensorFlow reads these when it is imported, which some test does first.
os.environ.update(host.tensorflow_env(n_threads=2, onednn=True))

from tests import tiny


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make_tiny_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="session")
def trained(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from ner_tasks import training

    folder = tmp_path_factory.mktemp("models")
    training.train(
        {"train": tiny.sentences(400), "dev": tiny.sentences(60, seed=1)},
        encoder=encoder,
        target=folder / "trained",
        checkpoints=folder / "checkpoints",
        config=training.TrainConfig(epochs=3, learning_rate=3e-3, dropout=0.0, max_pieces=32),
        lineage={"version": "tiny-1"},
    )
    return folder / "trained"


@pytest.fixture(scope="session")
def frozen(trained: Path) -> Path:
    from ner_tasks import freezing

    freezing.freeze(trained, trained.with_name("frozen"))
    return trained.with_name("frozen")


@pytest.fixture(scope="session")
def int8(frozen: Path) -> Path:
    from ner_tasks import quantization

    words = [sentence.words for sentence in tiny.sentences(64, seed=2)]
    quantization.quantize(frozen, words, frozen.with_name("int8"), quantization.QuantizeConfig())
    return frozen.with_name("int8")
