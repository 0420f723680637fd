"""What was measured is what will run: the same files, and in a fresh process the same answers."""

import json
import shutil

import pytest

from ner_tasks.cli import app
from ner_tasks.errors import ArtifactBroken, InputMissing
from ner_tasks.evaluation import canary
from ner_tasks.evaluation.predict import tag_agreement
from ner_tasks.model import model_folder
from tests import tiny


@pytest.fixture(scope="module")
def asked(int8, tmp_path_factory):
    path = tmp_path_factory.mktemp("canary") / "canary.json"
    canary.write_canary(int8, tiny.sentences(200, seed=5), path, n_threads=2)
    return path


def flip(path):
    """Change one bit in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_the_same_artifact_gives_the_same_answers_again(int8, asked, tmp_path):
    code = app.main(["canary", "--model", str(int8), "--canary", str(asked), "--report", str(tmp_path / "r.json")])
    assert code == 0
    result = json.loads((tmp_path / "r.json").read_text())["result"]
    assert (result["n_sentences"], result["n_other_tags"]) == (canary.N_SENTENCES, 0)
    assert result["largest_difference"] < 1e-6


def test_other_answers_are_counted(int8, asked, tmp_path):
    record = json.loads(asked.read_text())
    record["answers"][0]["tags"][:2] = ["O", "O"]
    record["answers"][1]["scores"][0] -= 0.25
    (tmp_path / "c.json").write_text(json.dumps(record))
    result = canary.run_canary(int8, tmp_path / "c.json", n_threads=1)
    assert result["n_other_tags"] == 2
    assert result["largest_difference"] == pytest.approx(0.25, abs=1e-5)


@pytest.mark.runbook("quantization", "compare: ArtifactBroken; int8_gate: a fresh process")
@pytest.mark.parametrize("kind", ["trained", "frozen", "int8"])
def test_one_flipped_bit_of_any_model_is_found(kind, request, asked, tmp_path):
    shutil.copytree(request.getfixturevalue(kind), tmp_path / kind)
    for name in model_folder.read_manifest(tmp_path / kind).files:
        kept = (tmp_path / kind / name).read_bytes()
        flip(tmp_path / kind / name)
        with pytest.raises(ArtifactBroken, match=r"expected sha256 .*" + name):
            canary.run_canary(tmp_path / kind, asked, n_threads=1)
        (tmp_path / kind / name).write_bytes(kept)


@pytest.mark.runbook("quantization", "compare: ArtifactBroken; int8_gate: a fresh process")
def test_a_sound_model_that_is_not_the_one_that_was_measured_is_refused(frozen, asked):
    with pytest.raises(ArtifactBroken, match=r"found another graph\.pb, expected the one that was measured"):
        canary.run_canary(frozen, asked, n_threads=1)


def test_a_canary_that_is_none_is_told(int8, tmp_path):
    with pytest.raises(InputMissing, match="expected the canary that `compare-quantized` writes"):
        canary.run_canary(int8, tmp_path / "none.json", n_threads=1)
    (tmp_path / "c.json").write_text("{}")
    with pytest.raises(ArtifactBroken, match=r"expected a canary, in .*c\.json"):
        canary.run_canary(int8, tmp_path / "c.json", n_threads=1)


def test_agreement_is_of_the_words_in_entities_of_either():
    assert tag_agreement([("B-geo", "O", "O", "O")], [("B-geo", "O", "B-per", "O")]) == 0.5
    assert tag_agreement([("O",)], [("O",)]) == 1.0
