"""A day of parts: what stops its publication, and what a kill, a race or a full disk leaves."""

import json

import pytest
from airflow.sdk.exceptions import AirflowFailException

from ner_tasks.errors import Busy, InputMissing, NerTasksError, StorageFull
from ner_tasks.files import atomic
from ner_tasks.store.folder import FolderStore
from ner_tasks.tagging import part as parts
from ner_tasks.tagging import publication
from tests.plugins.test_tagging import DAY, answers, arrive, check, plan, planned, promoted, publish, tag
from tests.published import answer, manifest_of, write_shard

__all__ = ["arrive", "promoted"]


@pytest.fixture
def tagged(promoted, store, fake, arrive, tmp_path):
    """A night whose one shard is tagged; returns the key of its record."""
    arrive(a="text", b="")
    answers(fake, tmp_path, tagged=["a.txt"], rejected=["b.txt"])
    tag(plan())
    return f"staging/tagged/{DAY}/{planned(store)['night']}/shard-00/manifest.json"


def key_of(store, record):
    return store.read_json(record)["part"]["key"]


def refuses(pattern):
    with pytest.raises(AirflowFailException, match=pattern):
        publish({"day": DAY})


def nothing_is_visible(store):
    return not store.exists(f"tagged/{DAY}") and not store.exists(f"rejected/{DAY}")


def test_a_part_names_its_files_with_their_sizes_and_digests(store, tagged):
    part = store.fetch(key_of(store, tagged))
    described = json.loads((part / "part.json").read_text())
    assert (described["first_file"], described["last_file"], described["number"]) == ("a.txt", "b.txt", 0)
    named = set(described["files"])
    assert named | {"part.json", "rejects"} == {path.name for path in part.iterdir()}
    parts.check_part(part, store.read_json(tagged)["part"])


def test_the_answers_of_a_shard_are_in_its_part_and_not_in_staging(store, tagged):
    assert [file.name for file in store.files(tagged.removesuffix("/manifest.json"))] == ["manifest.json"]


def test_a_part_with_another_part_json_stops_publication(store, tagged):
    key = key_of(store, tagged)
    store.write_json(f"{key}/part.json", {**store.read_json(f"{key}/part.json"), "n_tagged": 7})
    refuses(f"ArtifactBroken: found SHA-256 [0-9a-f]{{12}}, expected [0-9a-f]{{12}}, in .*{key}/part.json")
    assert nothing_is_visible(store)


@pytest.mark.parametrize("name", ["part.json", "documents.jsonl", "entities.sqlite"])
def test_a_part_that_lacks_a_file_stops_publication(store, tagged, name):
    store.remove_file(f"{key_of(store, tagged)}/{name}")
    refuses(f"InputMissing: found .*, expected .*/{name}$")
    assert nothing_is_visible(store)


def test_a_part_that_is_not_there_stops_publication(store, tagged):
    store.remove(key_of(store, tagged))
    refuses("InputMissing: found no part.json, expected the part that the shard's record names")
    assert nothing_is_visible(store)


@pytest.mark.parametrize("name", ["statistics.json", "sample.json", "rejected.jsonl"])
def test_a_file_that_publication_reads_is_compared_with_its_digest(store, tagged, name):
    path = store.root / key_of(store, tagged) / name
    path.write_bytes(path.read_bytes().swapcase())
    refuses("ArtifactBroken: found SHA-256 .*, expected .*, in ")
    assert nothing_is_visible(store)


def test_a_truncated_file_stops_publication(store, tagged):
    path = store.root / key_of(store, tagged) / "documents.jsonl"
    path.write_bytes(path.read_bytes()[:-5])
    refuses(r"ArtifactBroken: found \d+ bytes, expected \d+, in .*documents.jsonl")
    assert nothing_is_visible(store)


@pytest.mark.parametrize(
    ("field", "other"), [("model_version", "v0"), ("night", "n0"), ("day", "2026-11-21"), ("number", 1)]
)
def test_a_part_of_another_night_or_model_stops_publication(store, tagged, field, other):
    shard = store.read_json(tagged)
    described = {**store.read_json(f"{shard['part']['key']}/part.json"), field: other}
    store.write_json(f"{shard['part']['key']}/part.json", described)
    sha256 = atomic.sha256_of(store.fetch(f"{shard['part']['key']}/part.json"))
    store.write_json(tagged, {**shard, "part": {**shard["part"], "sha256": sha256}})
    refuses(f"ArtifactBroken: found a part of {field.replace('_', ' ')} {other}, expected ")
    assert nothing_is_visible(store)


def test_a_record_of_a_release_without_parts_has_its_shard_tagged_again(store, tagged, fake):
    store.write_json(tagged, {name: value for name, value in store.read_json(tagged).items() if name != "part"})
    tag([{"day": DAY, "index": 0}])
    assert fake.verbs == ["tag", "write-part"] * 2
    assert "part" in store.read_json(tagged)


def test_killed_between_part_and_record_the_retry_names_a_whole_part(store, tagged):
    store.remove_file(tagged)
    tag([{"day": DAY, "index": 0}])
    assert publish(check())["n_tagged"] == 1


def test_of_two_runs_that_tag_a_shard_at_once_the_first_record_counts(store, tagged, monkeypatch):
    first, swap = store.read_json(tagged), FolderStore.swap_json
    store.remove_file(tagged)

    def beaten(self, key, value, *, etag):
        self.write_json(key, first)
        swap(self, key, value, etag=etag)

    monkeypatch.setattr(FolderStore, "swap_json", beaten)
    assert tag([{"day": DAY, "index": 0}])[0]["n_documents"] == 2
    assert store.read_json(tagged) == first


def test_killed_before_the_manifest_nothing_is_published_and_the_retry_publishes(store, tagged, monkeypatch):
    night = check()
    with monkeypatch.context() as patch:
        patch.setattr(FolderStore, "swap_json", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            publish(night)
    assert not store.exists(f"tagged/{DAY}/manifest.json")
    assert publish(night)["n_tagged"] == 1


def test_killed_after_the_manifest_the_retry_finishes_without_publishing_again(store, tagged, monkeypatch):
    night = check()
    with monkeypatch.context() as patch:
        patch.setattr(publication, "remove_former_files", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            publish(night)
    etag = store.etag(f"tagged/{DAY}/manifest.json")
    assert publish(night)["n_tagged"] == 1
    assert store.etag(f"tagged/{DAY}/manifest.json") == etag
    assert list(store.files("staging")) == []


def test_of_two_runs_that_publish_a_night_at_once_one_does_and_both_are_green(store, tagged, monkeypatch):
    swap = FolderStore.swap_json

    def beaten(self, key, value, *, etag):
        swap(self, key, value, etag=etag)
        swap(self, key, value, etag=etag)

    monkeypatch.setattr(FolderStore, "swap_json", beaten)
    assert publish(check())["n_tagged"] == 1


def test_a_day_that_another_night_replaces_meanwhile_is_not_overwritten(store, tagged, monkeypatch):
    other = {"model_version": "v1", "night": "other", "parts": []}
    swap = FolderStore.swap_json

    def beaten(self, key, value, *, etag):
        self.write_json(key, other)
        swap(self, key, value, etag=etag)

    monkeypatch.setattr(FolderStore, "swap_json", beaten)
    with pytest.raises(Busy):
        publish(check())
    assert store.read_json(f"tagged/{DAY}/manifest.json") == other


def test_a_full_disk_while_a_part_is_written_leaves_none(tmp_path, fake, monkeypatch):
    answers(fake, tmp_path, tagged=["a.txt"])

    def full(*_):
        raise StorageFull("found 0 MiB free")

    monkeypatch.setattr(parts, "write_index", full)
    given = {"day": DAY, "night": "n", "number": 0, "model_version": "v1", "columns": {}}
    with pytest.raises(NerTasksError, match="found 0 MiB free"):
        parts.write_part(tmp_path / "made" / "tagged", tmp_path / "part", **given)
    assert not (tmp_path / "part").exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".part")] == []


def test_an_answer_folder_without_one_of_its_files_is_made_no_part_of(tmp_path):
    write_shard(tmp_path / "shard", [answer("a.txt", "Anna left")], [], manifest_of(DAY, 1))
    (tmp_path / "shard" / "ignored.jsonl").unlink()
    named = {"day": DAY, "night": "n", "number": 0, "model_version": "v1", "columns": {}}
    with pytest.raises(InputMissing, match="found nothing, expected a file, at .*ignored.jsonl"):
        parts.write_part(tmp_path / "shard", tmp_path / "part", **named)
    assert not (tmp_path / "part").exists()


def test_a_page_shows_documents_of_all_parts_in_proportion(monkeypatch):
    monkeypatch.setattr(publication, "N_SAMPLED", 10)
    assert publication._share_documents([50, 0, 30, 20]) == [5, 0, 3, 2]
    assert publication._share_documents([2, 1]) == [2, 1]
    assert publication._share_documents([]) == []


def test_no_step_of_publication_fetches_a_part(store, tagged, monkeypatch):
    night, read = check(), []
    monkeypatch.setattr(FolderStore, "fetch", lambda self, key: read.append(key) or self.path_of(key))
    publish(night)
    assert [key for key in read if key.startswith("parts/")] == []
