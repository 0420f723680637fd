"""A version says where it comes from, and its card shows that to people."""

import json
import subprocess

import pytest

from ner_tasks.cli.app import main
from ner_tasks.errors import ArtifactBroken, InputMissing
from ner_tasks.model import model_folder
from ner_tasks.registry import model_card, provenance
from ner_tasks.registry.registry import Registry
from ner_tasks.store import open_store

SCORE = {"precision": 0.81, "recall": 0.79, "f1": 0.8, "n_gold": 900, "n_predicted": 880, "n_correct": 711}
RARE = {**SCORE, "f1": 0.2, "n_gold": 12}
DETAILS = {"snapshot": "s1", "overall": SCORE, "labels": {"geo": SCORE, "art": RARE}, "gate": ["found F1 0.8"]}


@pytest.fixture(params=["folder", "s3"])
def registry(request, tmp_path):
    """A registered version with a trained and an INT8 model, promoted."""
    where = str(tmp_path / "store")
    if request.param == "s3":
        where = f"s3://{request.getfixturevalue('s3').bucket}/ner"
    registry = Registry(open_store(where, cache=tmp_path / "cache"))
    for kind in ("trained", "int8"):
        folder = tmp_path / "made" / kind
        folder.mkdir(parents=True)
        for name in (model_folder.WEIGHTS, model_folder.GRAPH, model_folder.TOKENIZER):
            (folder / name).write_text(kind)
        lineage = {"config": {"epochs": 3}, **provenance.collect_provenance(2)}
        manifest = model_folder.ModelManifest(
            kind=kind, labels=("geo", "art"), encoder={}, max_pieces=8, lineage=lineage
        )
        model_folder.write_manifest(folder, manifest)
        registry.put("v1", kind, folder)
    registry.register("v1", DETAILS)
    registry.promote("v1", "int8", by="ann", metrics={}, reason="a|b <i>")
    return registry


def test_a_registered_version_says_what_it_was_made_from_and_by(registry):
    said = registry.details("v1")
    assert {"snapshot", "overall", "labels", "code", "config", "parent", "environment"} <= said.keys()
    assert said["environment"]["libraries"]["tensorflow"].startswith("2.")
    assert said["environment"]["libraries"]["neural-compressor"]
    assert said["environment"].keys() >= {"python", "cpu", "n_threads"}
    assert len(said["code"]["version"]) == 12


def test_the_commit_is_the_one_that_is_checked_out_and_it_is_told_if_the_code_has_changed_since(tmp_path):
    repository = tmp_path / "checkout"
    repository.mkdir()
    git = ["git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@b"]
    (repository / "code.py").write_text("1")
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run([*git, *command], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    assert (provenance.describe_code(repository)["commit"], provenance.describe_code(repository)["changed_since"]) == (
        head,
        False,
    )
    (repository / "code.py").write_text("2")
    assert provenance.describe_code(repository)["changed_since"] is True


def test_without_a_checkout_of_its_own_or_without_git_there_is_no_commit_but_a_version_of_the_code(
    tmp_path, monkeypatch
):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "site-packages").mkdir()
    installed = provenance.describe_code(tmp_path / "site-packages")
    assert (installed["commit"], installed["changed_since"]) == (None, None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance.describe_code()["commit"] is None
    assert provenance.describe_code()["version"] == installed["version"]


def test_the_card_shows_origin_quality_use_and_files_and_shows_text_as_text(registry):
    registry.store.write_json(
        "reports/models/v1/compare.json",
        {
            "fp32": DETAILS,
            "int8": DETAILS,
            "f1_loss": 0.001,
            "speed": {"stock_fp32": 1000.5, "int8_over_stock": 3.5},
        },
    )
    key = model_card.publish_card(registry, "v1")
    page = registry.store.fetch(f"{key}.html").read_text()
    text = registry.store.fetch(f"{key}.md").read_text()
    for shown in (page, text):
        for expected in (
            "Quality of INT8",
            "Environment: libraries: tensorflow",
            "s1",
            "0.8000",
            "3.5000",
            "ann",
            "found F1",
        ):
            assert expected in shown
        assert "Unreliable (F1 below 0.6): art." in shown
        assert "Too few entities to measure (fewer than 50): art." in shown
        assert "<i>" not in shown
    assert "<script" not in page
    assert "a\\|b" in text
    rows = [line for line in text.splitlines() if line.startswith("| int8 | graph.pb")]
    assert model_folder.read_manifest(registry.fetch("v1", "int8")).files[model_folder.GRAPH] in rows[0]


def test_the_card_says_which_parts_are_too_small_to_decide_by(registry):
    sizes = {"train": (1500, 3000), "dev": (18, 39), "calibration": (64, 130), "test": (150, 300)}
    parts = {part: {"n_sentences": n, "n_entities": {"geo": of, "art": 0}} for part, (n, of) in sizes.items()}
    manifest = {"version": "s1", "labels": ["geo", "art"], "files": {}, "parts": parts}
    registry.store.write_json("snapshots/s1/snapshot.json", manifest)
    key = model_card.publish_card(registry, "v1")
    for suffix in ("md", "html"):
        shown = registry.store.fetch(f"{key}.{suffix}").read_text()
        assert "Too small to decide by: found 39 entities in dev, expected at least 100" in shown
        assert "1,500" in shown
        assert "in test, expected" not in shown


def test_a_version_whose_file_has_changed_gets_no_card(registry, tmp_path):
    changed = tmp_path / "changed"
    changed.write_text("inT8")
    registry.store.put_file(changed, "models/v1/int8/graph.pb")
    with pytest.raises(ArtifactBroken):
        model_card.publish_card(registry, "v1")


def test_the_verb_prints_the_card_and_says_where_it_lies(registry, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("NER_SCRATCH", str(tmp_path / "scratch"))
    where = registry.store.where().rstrip("/")
    report = tmp_path / "report.json"
    assert main(["card", "--version", "v1", "--store", where, "--report", str(report)]) == 0
    assert "# Model v1" in capsys.readouterr().out
    assert json.loads(report.read_text())["result"]["html"].endswith("reports/models/v1/card.html")


def test_a_version_whose_trained_model_is_gone_has_no_card(registry):
    registry.store.remove("models/v1/trained")
    with pytest.raises(InputMissing, match="found no trained model"):
        model_card.publish_card(registry, "v1")
