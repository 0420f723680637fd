"""Entities that score below a threshold are not given, and are counted by label."""

from pathlib import Path

import pytest

from ner_tasks.documents import Limits
from ner_tasks.enrichment.policy import EntityPolicy
from ner_tasks.errors import ConfigInvalid
from ner_tasks.steps.tagging import TagCommand
from ner_tasks.tagging import merge, planning
from ner_tasks.tagging.batcher import TagConfig
from ner_tasks.tagging.shard import tag_documents
from tests.rules import RuleTagger, lines


def least(min_score: float | None = None, by_label: str = "") -> EntityPolicy:
    return EntityPolicy.load().with_scores(min_score, by_label)


def tag(folder: Path, texts: dict[str, str], policy: EntityPolicy, **options: object) -> dict:
    """Tag texts; the score of an entity of `RuleTagger` grows with the length of its first word: 0.8 for three letters."""
    documents = []
    for name, text in texts.items():
        (folder / name).write_text(text)
        documents.append((name, folder / name))
    config = TagConfig(Limits(), policy=policy, version=policy.version)
    return tag_documents(documents, tagger=RuleTagger(), output=folder / "tagged", config=config, **options)


TEXTS = {"a.txt": "we met Rosa Delgado and Ann.", "b.txt": "we met Ann."}


def test_an_entity_below_the_threshold_is_not_given_but_counted(tmp_path: Path) -> None:
    manifest = tag(tmp_path, TEXTS, least(0.81))
    one, other = lines(tmp_path / "tagged/documents.jsonl")
    assert [entity["mention"] for entity in one["entities"]] == ["Rosa Delgado"]
    assert (one["receipt"]["dropped"], other["entities"], other["receipt"]["dropped"]) == ({"per": 1}, [], {"per": 1})
    assert (manifest["entities"], manifest["dropped"], manifest["n_entities"]) == ({"per": 1}, {"per": 2}, 1)
    assert merge.sum_manifests([manifest, manifest])["dropped"] == {"per": 4}


def test_an_entity_at_the_threshold_is_given(tmp_path: Path) -> None:
    assert tag(tmp_path, TEXTS, least(0.8))["dropped"] == {}


def test_a_label_s_own_threshold_replaces_the_one_for_all(tmp_path: Path) -> None:
    assert tag(tmp_path, TEXTS, least(0.99, "per=0.0"))["dropped"] == {}
    assert tag(tmp_path, TEXTS, least(0.0, "per=0.99"))["dropped"] == {"per": 3}


def test_reused_answers_count_what_they_dropped(tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    tag(tmp_path / "first", TEXTS, least(0.81))
    again = tag(tmp_path / "second", TEXTS, least(0.81), answered=[tmp_path / "first/tagged"])
    assert (again["n_reused"], again["dropped"]) == (2, {"per": 2})


def test_answers_with_other_thresholds_are_not_reused() -> None:
    versions = {
        planning.answers_version(Limits(), keep_text=True, language="en", policy=policy, precision={})
        for policy in (least(), least(0.2), least(0.1, "per=0.2"))
    }
    assert len(versions) == 3


def test_an_entity_between_review_and_publish_is_given_and_marked(tmp_path: Path) -> None:
    own = tmp_path / "policy.yaml"
    own.write_text("labels:\n  per:\n    publish: 0.82\n    review: 0.7\n")
    manifest = tag(tmp_path, TEXTS, EntityPolicy.load(own))
    one, other = lines(tmp_path / "tagged/documents.jsonl")
    assert [(entity["mention"], entity.get("decision")) for entity in one["entities"] + other["entities"]] == [
        ("Rosa Delgado", None),
        ("Ann", "review"),
        ("Ann", "review"),
    ]
    assert (manifest["review"], manifest["dropped"], manifest["entities"]) == ({"per": 2}, {}, {"per": 3})


def test_a_mention_on_a_list_is_given_or_dropped_whatever_its_score(tmp_path: Path) -> None:
    own = tmp_path / "policy.yaml"
    own.write_text("all:\n  publish: 0.82\nlabels:\n  per:\n    allow: [ann]\n    deny: [rosa *]\n")
    tag(tmp_path, TEXTS, EntityPolicy.load(own))
    one, other = lines(tmp_path / "tagged/documents.jsonl")
    assert [entity["mention"] for entity in one["entities"] + other["entities"]] == ["Ann", "Ann"]
    assert one["receipt"]["dropped"] == {"per": 1}


def test_the_manifest_of_an_older_shard_dropped_nothing(tmp_path: Path) -> None:
    manifest = tag(tmp_path, TEXTS, least(0.81))
    older = {name: value for name, value in manifest.items() if name != "dropped"}
    assert merge.sum_manifests([older, manifest])["dropped"] == {"per": 2}


def test_a_label_that_the_model_does_not_have_is_named() -> None:
    with pytest.raises(ConfigInvalid, match="found label 'prs', expected one of geo, per, in the policy of entities"):
        least(0.1, "prs=0.5").check_labels(["geo", "per"])


@pytest.mark.parametrize(
    "text", ["per", "per=", "per=2", "per=-1", "per=0.5,", "per=nan", "per=0.5\n", "=0.5", "a b=1"]
)
def test_what_is_no_list_of_thresholds_is_refused(text: str) -> None:
    with pytest.raises(ConfigInvalid, match="min_label_scores"):
        TagCommand.parse({"model": "m", "output": "o", "min_label_scores": text})


@pytest.mark.parametrize("score", [-0.1, 1.1, "much"])
def test_a_minimum_score_is_a_probability(score: object) -> None:
    with pytest.raises(ConfigInvalid, match="found min_score = "):
        TagCommand.parse({"model": "m", "output": "o", "min_score": score})
