"""What is made before anything is timed, and the environment that every engine gets."""

import subprocess
import sys

import numpy as np
import pytest

from benchmarks.peers.engines import ENGINES
from benchmarks.peers.preparation import BASE, draw_weights, environment, run_step
from ner_tasks.worker_process import WorkerFailed

THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")


@pytest.mark.parametrize("engine", ENGINES, ids=[engine.name for engine in ENGINES])
def test_every_engine_has_the_same_threads_and_nothing_that_a_shell_has_set(engine, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "SSE41")
    env = environment(engine, n_threads=3)
    assert {env[name] for name in THREADS} == {"3"}
    assert "ONEDNN_MAX_CPU_ISA" not in env
    assert env["TF_ENABLE_ONEDNN_OPTS"] == ("0" if engine.name == "kit-fp32" else "1")


@pytest.mark.parametrize("module", ["worker", "tuning", "conversion"])
def test_the_peers_processes_need_nothing_that_their_environment_lacks(module):
    lacking = ("pydantic_settings", "tensorflow", "pandas", "boto3")
    code = f"import sys; sys.modules |= dict.fromkeys({lacking}); import benchmarks.peers.{module}"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert not ran.returncode, ran.stderr


def test_random_weights_have_the_sizes_of_bert_base():
    small = {
        "embeddings.word_embeddings.weight": (100, 32),
        "embeddings.LayerNorm.weight": (32,),
        "encoder.layer.0.intermediate.dense.weight": (64, 32),
        "encoder.layer.0.intermediate.dense.bias": (64,),
        "encoder.layer.1.intermediate.dense.weight": (64, 32),
        "encoder.layer.1.intermediate.dense.bias": (64,),
        "classifier.weight": (5, 32),
    }
    weights = dict(draw_weights(small, {32: 768, 64: 3072}, BASE["num_hidden_layers"], np.random.default_rng(0)))
    assert len(weights) == 3 + 2 * 12
    assert weights["encoder.layer.11.intermediate.dense.weight"].shape == (3072, 768)
    assert weights["embeddings.word_embeddings.weight"].shape == (100, 768)
    assert (weights["embeddings.LayerNorm.weight"] == 1).all()
    assert not weights["encoder.layer.3.intermediate.dense.bias"].any()


def test_a_step_that_fails_says_so_with_its_last_lines(tmp_path):
    log = tmp_path / "step.log"
    with pytest.raises(WorkerFailed, match="found exit 3 of .*, expected 0; found no onnx, in .*step.log"):
        run_step([sys.executable, "-c", "import sys; print('found no onnx'); sys.exit(3)"], log, {})
