"""Models of every encoder family are trained, frozen, quantized and used."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from benchmarks.encoders.comparison import load_model, write_checkpoint
from ner_tasks import hardware
from ner_tasks.errors import ArtifactBroken, ConfigInvalid, EncoderUnsupported
from ner_tasks.inference.int8_without_vnni import adapt_to_host
from ner_tasks.inference.tagger import Tagger
from ner_tasks.model import freezing, model_folder
from ner_tasks.model.graph_outputs import INPUTS, OUTPUT, ROUTES
from ner_tasks.model.token_classifier import TokenClassifier
from ner_tasks.quantization.graph_weights import GraphWeights, Range, layer_path
from ner_tasks.quantization.int8_graph import build_int8_graph
from ner_tasks.training import initialization, loop
from tests import tiny
from tests.core.conftest import quantized
from tests.core.quantization.test_int8_graph import packed_inputs
from tests.tiny_families import FIXTURES, NAMES, make_family_encoder, make_tokenizer

CONFIG = loop.TrainConfig(epochs=3, learning_rate=3e-3, dropout=0.0, max_pieces=32)


def run(graph: tf.compat.v1.GraphDef, outputs: list[str], inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    with tf.Graph().as_default() as imported:
        tf.import_graph_def(graph, name="")
    with tf.compat.v1.Session(graph=imported) as session:
        return session.run(outputs, {f"{name}:0": value for name, value in inputs.items()})


def measure_ranges(frozen: tf.compat.v1.GraphDef, inputs: dict[str, np.ndarray]) -> dict[str, Range]:
    """The ranges of the inputs of all dense layers on these inputs, as INC measures them."""
    matmuls = {
        layer_path(node.name).partition("/MatMul")[0]: node.input[0] for node in frozen.node if node.op == "MatMul"
    }
    values = run(frozen, [f"{name}:0" for name in matmuls.values()], inputs)
    return {layer: Range(float(value.min()), float(value.max())) for layer, value in zip(matmuls, values, strict=True)}


def with_shapes(model: TokenClassifier) -> TokenClassifier:
    random = np.random.default_rng(3)
    model.shapes.embeddings.assign(0.3 * random.standard_normal(model.shapes.embeddings.shape))
    return model


@pytest.mark.parametrize("name", sorted(path.stem for path in FIXTURES.glob("*.json")))
def test_the_int8_graph_of_a_family_computes_what_its_fp32_graph_does(name: str, tmp_path: Path) -> None:
    model = with_shapes(load_model(write_checkpoint(FIXTURES / f"{name}.json", tmp_path / name)))
    frozen, random = freezing.build_inference_graph(model), np.random.default_rng(1)
    piece_ids = random.integers(5, 100, (16, 40)).astype(np.int32)
    piece_ids[0, 20:] = piece_ids[5, 39:] = model.pad_id
    inputs = dict(zip(INPUTS, (piece_ids, random.integers(1, 9, piece_ids.shape).astype(np.int32)), strict=True))
    ranges = measure_ranges(frozen, inputs)
    assert ("project" in ranges) == (name == "electra")
    is_real = piece_ids != model.pad_id
    exact = run(frozen, [f"{OUTPUT}:0"], inputs)[0][is_real]
    weights = GraphWeights.from_graph(frozen, model.sizes)
    int8 = adapt_to_host(build_int8_graph(weights, ranges, model.sizes, pad_id=model.pad_id))
    fp32 = build_int8_graph(weights, {}, model.sizes, pad_id=model.pad_id)
    # What float16 rounds off the embeddings is left.
    packed = {**inputs, **packed_inputs(is_real, np.arange(is_real.sum()))}
    np.testing.assert_allclose(run(fp32, [f"{OUTPUT}:0"], packed)[0], exact, atol=6e-3)
    for route in ROUTES:
        if route.attention == "bfloat16" and not hardware.has_bf16():
            continue
        quantized_logits = run(int8, [f"{route.output}:0"], packed)[0]
        assert np.abs(quantized_logits - exact).mean() < 0.04 * np.abs(exact).mean()


def train(encoder: Path, folder: Path, config: loop.TrainConfig = CONFIG) -> Path:
    parts = {"train": tiny.sentences(400), "dev": tiny.sentences(60, seed=1)}
    target = folder / "trained"
    loop.train_model(
        parts, encoder=encoder, target=target, checkpoints=folder / "checkpoints", config=config, lineage={}
    )
    return target


@pytest.mark.slow
@pytest.mark.parametrize("name", ["distilbert", "roberta", "xlm-roberta", "mpnet", "electra"])
def test_a_family_goes_from_checkpoint_to_int8(name: str, tmp_path: Path) -> None:
    trained = train(make_family_encoder(tmp_path / "encoder", name), tmp_path)
    manifest = model_folder.read_manifest(trained)
    assert manifest.encoder["model_type"] == name
    assert manifest.metrics["train"]["dev_f1"] > 0.9
    freezing.freeze_model(trained, tmp_path / "frozen")
    int8 = quantized(tmp_path / "frozen", tmp_path / "int8")
    sentences = [sentence.words for sentence in tiny.sentences(60, seed=7)]
    answers = [Tagger.load(folder, n_threads=2).tag(sentences) for folder in (trained, tmp_path / "frozen", int8)]
    assert answers[0] == answers[1]
    tags = [[tag for sentence in each for tag in sentence.tags] for each in answers]
    assert np.mean([one == other for one, other in zip(tags[0], tags[2], strict=True)]) > 0.98


def start(encoder: Path, folder: Path, config: loop.TrainConfig = CONFIG) -> loop.TrainingRun:
    parts = {"train": tiny.sentences(40), "dev": tiny.sentences(10, seed=1)}
    return loop.TrainingRun(parts, encoder, folder / "checkpoints", config)


def test_a_window_longer_than_the_positions_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    encoder = make_family_encoder(tmp_path / "encoder", "roberta")
    with pytest.raises(ConfigInvalid, match="found max_pieces 65, expected at most 64, the positions of the encoder"):
        start(encoder, tmp_path, CONFIG.model_copy(update={"max_pieces": 65}))
    assert not (tmp_path / "checkpoints").exists()
    start(encoder, tmp_path, CONFIG.model_copy(update={"max_pieces": 64}))


def test_the_tokenizer_of_another_encoder_is_refused(tmp_path: Path) -> None:
    encoder = make_family_encoder(tmp_path / "encoder", "roberta")
    make_tokenizer("bert").save(str(encoder / "tokenizer.json"))
    with pytest.raises(
        ArtifactBroken, match="found padding at piece 0 of the tokenizer, expected it at 1, the pad_token"
    ):
        start(encoder, tmp_path)


def test_a_tokenizer_with_more_pieces_than_the_encoder_is_refused(tmp_path: Path) -> None:
    encoder = make_family_encoder(tmp_path / "encoder", "bert", vocab_size=50)
    with pytest.raises(ArtifactBroken, match=r"found \d+ pieces in the tokenizer, expected at most 50"):
        start(encoder, tmp_path)


def test_a_checkpoint_of_another_family_is_refused_with_the_families_that_work(tmp_path: Path) -> None:
    encoder = make_family_encoder(tmp_path / "encoder", "bert", model_type="t5")
    every = ", ".join(NAMES[:2])
    with pytest.raises(EncoderUnsupported, match=f"found model_type 't5', expected one of {every}"):
        start(encoder, tmp_path)


def test_an_encoder_that_no_graph_can_hold_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(initialization, "MAX_WEIGHTS", 10_000)
    with pytest.raises(EncoderUnsupported, match="found an encoder of 0 million weights, expected at most 0 million"):
        start(make_family_encoder(tmp_path / "encoder", "bert"), tmp_path)
