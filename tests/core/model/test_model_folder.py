"""A model folder is opened whole and unchanged, or not at all."""

from pathlib import Path

import pytest

from ner_tasks.errors import ArtifactBroken, InputMissing
from ner_tasks.files import atomic
from ner_tasks.model import model_folder

MANIFEST = model_folder.ModelManifest("frozen", ("geo",), {"model_type": "bert"}, 128, lineage={"version": "v"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / model_folder.GRAPH).write_bytes(b"graph")
    (tmp_path / model_folder.TOKENIZER).write_bytes(b"pieces")
    model_folder.write_manifest(tmp_path, MANIFEST)
    return tmp_path


def test_what_was_signed_is_read_back(folder: Path) -> None:
    manifest = model_folder.read_manifest(folder)
    assert manifest.label_set.tags == ("O", "B-geo", "I-geo")
    assert manifest.files == {name: atomic.sha256_of(folder / name) for name in ("graph.pb", "tokenizer.json")}


@pytest.mark.parametrize("name", [model_folder.GRAPH, model_folder.TOKENIZER])
def test_a_changed_or_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"other")
    with pytest.raises(ArtifactBroken, match=f"expected sha256 .*{name}"):
        model_folder.read_manifest(folder)
    (folder / name).unlink()
    with pytest.raises(ArtifactBroken, match=f"found no file, expected sha256 .*{name}"):
        model_folder.read_manifest(folder)


def test_a_folder_without_a_manifest_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match=r"found no model\.json"):
        model_folder.read_manifest(tmp_path)


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"format": 9}, "found format 9, expected 1"),
        ({"kind": "onnx"}, "found kind 'onnx'"),
        ({"surprise": 1}, "unexpected keyword argument 'surprise'"),
        ({"temperature": 0.0}, "found temperature 0.0, expected a number above 0"),
        ({"temperature": "hot"}, "found temperature 'hot'"),
        ({"temperature": None}, "found temperature None"),
        ({"entity_temperature": -1.0}, "found entity_temperature -1.0, expected a number above 0"),
        ({"transitions": [[0.0]]}, "found transitions of another form, expected [0-9]+ rows of"),
        ({"transitions": "often"}, "found transitions of another form"),
    ],
)
def test_a_manifest_that_is_not_ours_is_refused(folder: Path, changed: dict, complaint: str) -> None:
    path = folder / model_folder.MANIFEST
    values = atomic.read_json(path)
    del values[model_folder.OWN]
    atomic.write_json(path, {**values, **changed})
    with pytest.raises(ArtifactBroken, match=complaint):
        model_folder.read_manifest(folder)


def test_a_model_from_before_there_was_a_temperature_is_read_at_1(folder: Path) -> None:
    path = folder / model_folder.MANIFEST
    values = atomic.read_json(path)
    del values["temperature"], values[model_folder.OWN]
    atomic.write_json(path, values)
    assert model_folder.read_manifest(folder).temperature == 1


def test_whichever_byte_of_a_model_folder_is_flipped_it_is_not_opened(folder: Path) -> None:
    assert model_folder.read_manifest(folder)
    opened = []
    for path in sorted(folder.iterdir()):
        sound = path.read_bytes()
        for index in range(len(sound)):
            for bit in (1, 0x80):
                path.write_bytes(sound[:index] + bytes([sound[index] ^ bit]) + sound[index + 1 :])
                try:
                    model_folder.read_manifest(folder)
                    opened.append((path.name, index, bit))
                except ArtifactBroken:
                    pass
        path.write_bytes(sound)
    assert opened == []
    assert model_folder.read_manifest(folder)
