"""What rules say of an entity is in its answer, and a change of rules never runs the model again."""

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from ner_tasks.documents import Limits
from ner_tasks.enrichment.config import EnrichmentConfig
from ner_tasks.enrichment.personal_data import surrogate_values
from ner_tasks.enrichment.policy import EntityPolicy
from ner_tasks.enrichment.rules import EnrichmentRules, hash_files
from ner_tasks.errors import ConfigInvalid, InputMissing
from ner_tasks.tagging import merge
from ner_tasks.tagging.batcher import TagConfig
from ner_tasks.tagging.conversion import convert_answers
from ner_tasks.tagging.shard import tag_documents
from tests.rules import RuleTagger, lines

# `RuleTagger` takes capitalised words for entities; here they stand for findings.
NOTE = """she has a Cough and denies Fever.

FAMILY HISTORY:
her mother had Asthma.
"""


def load(**settings: object) -> EnrichmentRules:
    return EnrichmentRules.load(EnrichmentConfig(**settings), ["per"])


def tag(
    folder: Path, rules: EnrichmentRules, *, note: str = NOTE, min_score: float = 0, **options: object
) -> tuple[dict, list[dict], RuleTagger]:
    folder.mkdir(exist_ok=True)
    (folder / "note.txt").write_text(note)
    policy = EntityPolicy.load().with_scores(min_score)
    tagger, config = RuleTagger(), TagConfig(Limits(), policy=policy, rules=rules, version="1")
    manifest = tag_documents(
        [("note.txt", folder / "note.txt")], tagger=tagger, output=folder / "tagged", config=config, **options
    )
    (answer,) = lines(folder / "tagged/documents.jsonl")
    return manifest, [entity for entity in answer["entities"] if entity["mention"].istitle()], tagger


def test_an_entity_names_its_section_and_whether_it_is_asserted(tmp_path: Path) -> None:
    manifest, entities, _ = tag(tmp_path, load(assertion_labels="per"))
    found = {entity["mention"]: (entity.get("section"), entity["assertion"]) for entity in entities}
    assert found["Cough"] == (None, [])
    assert found["Fever"] == (None, ["negated"])
    assert found["Asthma"] == ("family-history", ["family"])
    assert manifest["assertions"]["negated"] == 1
    assert merge.sum_manifests([manifest, manifest])["assertions"]["negated"] == 2


@pytest.mark.parametrize(
    ("note", "statuses"),
    [
        ("a history of Gout .\n\nshe has Gout today.\n", [[], []]),
        ("she has Gout today.\n\na history of Gout .\n", [[], []]),
        ("PAST MEDICAL HISTORY:\nGout .\n\nASSESSMENT:\nGout .\n", [[], []]),
        ("a history of Migraines .\n\nshe has Migraine today.\n", [[], []]),
        ("a history of Gout .\n\nno Gout today.\n", [["historical"], ["negated"]]),
        ("a history of Gout .\n\nher mother has Gout .\n", [["historical"], ["family"]]),
        ("a history of Gout .\n\na history of Gout .\n", [["historical"], ["historical"]]),
        ("a history of Gout .\n\nshe has Asthma today.\n", [["historical"], []]),
        ("her Gout has resolved.\n\nshe has Gout today.\n", [["historical"], []]),
        ("a history of Kidney Stones .\n\nshe has Kidney Stones today.\n", [["historical"], []]),
    ],
)
def test_a_disease_of_the_past_that_the_note_describes_as_present_is_present(
    tmp_path: Path, note: str, statuses: list[list[str]]
) -> None:
    rules = load(assertion_labels="per")
    _, entities, _ = tag(tmp_path / "fresh", rules, note=note)
    assert [entity["assertion"] for entity in entities] == statuses
    tag(tmp_path / "earlier", load(), note=note)
    _, reused, _ = tag(tmp_path / "later", rules, note=note, answered=[tmp_path / "earlier/tagged"])
    assert reused == entities


def test_a_mention_that_is_not_given_says_nothing_of_others(tmp_path: Path) -> None:
    note = "a history of Migraines .\n\nshe has Migraine today.\n"  # the longer word has the higher score
    _, entities, _ = tag(tmp_path, load(assertion_labels="per"), note=note, min_score=0.905)
    assert [(entity["mention"], entity["assertion"]) for entity in entities] == [("Migraines", ["historical"])]


def test_without_labels_of_findings_nothing_is_assessed(tmp_path: Path) -> None:
    manifest, entities, _ = tag(tmp_path, load())
    assert not any("assertion" in entity for entity in entities)
    assert manifest["assertions"] == {}


def test_rules_that_are_switched_off_leave_no_trace(tmp_path: Path) -> None:
    _, entities, _ = tag(tmp_path, load(sections=False))
    assert not any("section" in entity for entity in entities)


@pytest.mark.parametrize("before", [{}, {"sections": False}, {"assertion_labels": "per", "sections": False}])
def test_other_rules_give_other_fields_without_the_model(tmp_path: Path, before: dict) -> None:
    rules = load(assertion_labels="per")
    _, fresh, _ = tag(tmp_path / "fresh", rules)
    tag(tmp_path / "earlier", load(**before))
    manifest, reused, tagger = tag(tmp_path / "later", rules, answered=[tmp_path / "earlier/tagged"])
    assert (tagger.n_words_of_calls, manifest["n_reused"]) == ([], 1)
    assert reused == fresh
    assert manifest["assertions"]["negated"] == 1


def test_a_mention_with_one_code_gets_it(tmp_path: Path) -> None:
    csv = tmp_path / "codes.csv"
    csv.write_text("name,code,system\ncough,R05.9,ICD-10-CM\nfever,R50.9,ICD-10-CM\nfever,A01,OWN\n")
    _, entities, _ = tag(tmp_path, load(vocabulary=csv))
    found = {entity["mention"]: (entity.get("code"), entity.get("code_system")) for entity in entities}
    assert found["Cough"] == ("R05.9", "ICD-10-CM")
    assert found["Fever"] == (None, None)


@pytest.mark.parametrize("mode", ["label", "hash", "surrogate"])
def test_a_redacted_copy_holds_nothing_of_a_name(tmp_path: Path, mode: str) -> None:
    key = tmp_path / "key"
    key.write_text("0123456789abcdef")
    rules = load(redaction=mode, redaction_key_file=key)
    tag(tmp_path, rules)
    (answer,) = lines(tmp_path / "tagged/documents.jsonl")
    copy = answer["redacted"]["text"]
    assert "Asthma" not in copy  # `RuleTagger` calls it a person
    start, end, redacted_start, redacted_end = answer["redacted"]["offsets"][0]
    assert answer["personal_data"][0]["start"] == start < end
    assert copy[:redacted_start] == NOTE[:start]
    assert 0 < redacted_end <= len(copy)


def test_without_texts_only_the_redacted_copy_is_kept(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text(NOTE)
    config = TagConfig(Limits(), keep_text=False, rules=load(redaction="label"), version="1")
    tag_documents([("note.txt", tmp_path / "note.txt")], tagger=RuleTagger(), output=tmp_path / "tagged", config=config)
    (answer,) = lines(tmp_path / "tagged/documents.jsonl")
    assert "Asthma" not in (tmp_path / "tagged/documents.jsonl").read_text()
    assert ("text" in answer, answer["redacted"]["mode"]) == (False, "label")


def test_redacted_copies_are_a_column_and_a_file_of_their_own(tmp_path: Path) -> None:
    tag(tmp_path, load(redaction="label"))
    convert_answers([tmp_path / "tagged"], tmp_path / "copies.jsonl", to="redacted")
    (copy,) = lines(tmp_path / "copies.jsonl")
    assert set(copy) == {"document", "text_sha256", "mode", "text", "offsets"}
    convert_answers([tmp_path / "tagged"], tmp_path / "tables", to="parquet")
    (row,) = pq.read_table(tmp_path / "tables/documents.parquet").to_pylist()
    assert row["redacted_text"] == copy["text"]
    rows = pq.read_table(tmp_path / "tables/entities.parquet").to_pylist()
    assert "family-history" in {row["section"] for row in rows}


def test_without_redaction_there_are_no_copies_to_write(tmp_path: Path) -> None:
    tag(tmp_path, load())
    with pytest.raises(ConfigInvalid, match="found no redacted copy of 'note.txt', expected answers given with NER_"):
        convert_answers([tmp_path / "tagged"], tmp_path / "copies.jsonl", to="redacted")
    assert not (tmp_path / "copies.jsonl").exists()


def test_a_changed_redaction_does_not_run_the_model(tmp_path: Path) -> None:
    tag(tmp_path / "earlier", load())
    manifest, _, tagger = tag(tmp_path / "later", load(redaction="label"), answered=[tmp_path / "earlier/tagged"])
    (answer,) = lines(tmp_path / "later/tagged/documents.jsonl")
    assert (tagger.n_words_of_calls, manifest["personal_data"]["name"]) == ([], 4)
    assert "[NAME]" in answer["redacted"]["text"]
    _, _, tagger = tag(tmp_path / "without", load(), answered=[tmp_path / "later/tagged"])
    (answer,) = lines(tmp_path / "without/tagged/documents.jsonl")
    assert tagger.n_words_of_calls == []
    assert not {"redacted", "personal_data"} & set(answer)


@pytest.mark.parametrize("mode", ["surrogate", "label"])
def test_other_words_for_surrogates_make_the_copies_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    settings = {"redaction": mode, "redaction_key_file": tmp_path / "key"}
    (tmp_path / "key").write_text("0123456789abcdef")
    tag(tmp_path / "earlier", load(**settings))
    words = [f"Xylo{chr(97 + number)}" for number in range(26)]
    own = tmp_path / "own.yaml"
    own.write_text(yaml.safe_dump({"given_names": words, "family_names": words, "places": words}))
    monkeypatch.setattr(surrogate_values, "DEFAULT_SURROGATES", own)
    surrogate_values._load_ours.cache_clear()
    try:
        _, _, tagger = tag(tmp_path / "later", load(**settings), answered=[tmp_path / "earlier/tagged"])
    finally:
        surrogate_values._load_ours.cache_clear()
    (answer,) = lines(tmp_path / "later/tagged/documents.jsonl")
    (before,) = lines(tmp_path / "earlier/tagged/documents.jsonl")
    assert tagger.n_words_of_calls == []
    assert ("Xylo" in answer["redacted"]["text"]) is (mode == "surrogate")
    assert (answer["receipt"]["rules"] == before["receipt"]["rules"]) is (mode == "label")


@pytest.mark.parametrize("mode", ["hash", "surrogate"])
def test_hashes_and_surrogates_need_a_secret(mode: str) -> None:
    with pytest.raises(ConfigInvalid, match="found a key of 0 bytes, expected 16 or more"):
        load(redaction=mode)


def test_the_version_of_redaction_follows_its_secret_and_does_not_show_it(tmp_path: Path) -> None:
    versions = []
    for secret in ("0123456789abcdef", "fedcba9876543210"):
        (tmp_path / secret).write_text(secret)
        rules = load(redaction="hash", redaction_key_file=tmp_path / secret)
        versions.append(rules.version)
        assert secret not in repr(rules)
    assert versions[0] != versions[1]


def test_the_version_follows_the_rules_in_use_only(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("kinds:\n  plan:\n    - what we will do\n")
    versions = [
        load().version,
        load(sections=False).version,
        load(assertion_labels="per").version,
        replace(load(), findings=frozenset({"per"})).version,
    ]
    assert len(set(versions)) == 3
    assert versions[0] == versions[3]


def test_the_plan_of_a_night_follows_the_content_of_every_file(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("a: 1\n")
    config = EnrichmentConfig(sections_file=own)
    before = hash_files(config)
    own.write_text("a: 2\n")
    assert hash_files(config) != before != hash_files(EnrichmentConfig())


@pytest.mark.runbook("nightly-tagging", "plan_shards: InputMissing: found ..., expected a file of rules")
def test_a_file_of_rules_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match="expected a file of rules, at .*absent.csv"):
        hash_files(EnrichmentConfig(vocabulary=tmp_path / "absent.csv"))


@pytest.mark.runbook("nightly-tagging", "tag_shard: ConfigInvalid: found label ..., expected one of")
def test_a_label_that_the_model_does_not_have_is_refused() -> None:
    with pytest.raises(ConfigInvalid, match="found label 'dis', expected one of per, in assertion_labels=dis"):
        load(assertion_labels="dis")
