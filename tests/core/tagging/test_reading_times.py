"""What reading took, and how much there was to read, is counted once for each file, by the format that its name says."""

import json
import multiprocessing
import signal
from functools import partial

import pytest

from ner_tasks.documents import read_here
from ner_tasks.records import ShardManifest, validate_record
from ner_tasks.tagging import batcher, journal, merge
from ner_tasks.tagging.batcher import TagConfig
from ner_tasks.tagging.shard import tag_documents
from tests.rules import DyingTagger, RuleTagger

TEXT = "Rosa was seen in the clinic."


@pytest.fixture
def inbox(tmp_path):
    """Files of three formats: twice the same text, some texts in one file, one that is rejected and one that is gone."""
    rows = "".join(json.dumps({"id": n, "text": f"Ann number {n} left."}) + "\n" for n in range(9))
    contents = {"a.txt": TEXT, "b.TXT": TEXT, "c.jsonl": rows, "d.pdf": "no pdf", "e": "Bob left.", "f.txt": TEXT[:-1]}
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
    return [(name, tmp_path / name) for name in (*contents, "gone.txt")]


def read_in(seconds, took, files, limits):
    """Reads as in a sandbox, and says that each file took so long."""
    for index, answer in read_here(files, limits):
        if answer is None:
            took[index] = seconds
        yield index, answer


def tag(inbox, output, tagger=None, answered=(), seconds=0.5):
    took = {}
    return tag_documents(
        inbox,
        tagger=tagger or RuleTagger(),
        output=output,
        config=TagConfig(version="c1"),
        answered=answered,
        read=partial(read_in, seconds, took),
        read_s=took,
    )


def test_each_format_has_its_files_bytes_seconds_and_words(inbox, tmp_path):
    manifest = tag(inbox, tmp_path / "out")
    assert manifest["formats"] == {
        "jsonl": {"n_files": 1, "n_bytes": inbox[2][1].stat().st_size, "read_s": 0.5, "n_words": 45},
        "other": {"n_files": 1, "n_bytes": 9, "read_s": 0.5, "n_words": 3},
        "pdf": {"n_files": 1, "n_bytes": 6, "read_s": 0.5, "n_words": 0},
        "text": {"n_files": 4, "n_bytes": 3 * len(TEXT) - 1, "read_s": 2.0, "n_words": 20},
    }
    assert sum(sums["n_words"] for sums in manifest["formats"].values()) == manifest["n_words"]
    assert validate_record(manifest, ShardManifest, "manifest") == manifest


def test_a_reused_answer_has_words_to_read_and_none_for_the_model(inbox, tmp_path):
    first = tag(inbox, tmp_path / "first")
    again = tag(inbox, tmp_path / "again", answered=[tmp_path / "first"])
    assert first["n_words_new"] == first["n_words"] - 7  # b.TXT has the text of a.txt
    assert (again["n_words_new"], again["formats"]) == (0, first["formats"])


def test_without_times_the_manifest_says_nothing_of_reading(inbox, tmp_path):
    config = TagConfig(version="c1")
    manifest = tag_documents(inbox, tagger=RuleTagger(), output=tmp_path / "out", config=config)
    assert manifest["formats"] == {}


def test_a_file_counts_once_in_a_run_that_was_killed_anywhere(inbox, tmp_path, monkeypatch):
    monkeypatch.setattr(batcher, "BATCH_WORDS", 4)
    monkeypatch.setattr(journal, "_CHECKPOINT_S", 0.0)
    whole, fork = tag(inbox, tmp_path / "whole"), multiprocessing.get_context("fork")
    for call in range(0, 11, 2):
        output = tmp_path / f"killed-{call}"
        process = fork.Process(target=tag, args=(inbox, output, DyingTagger(call)))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        killed = tag(inbox, output)
        assert [killed[name] for name in ("formats", "n_words_new")] == [whole["formats"], whole["n_words_new"]]


def test_manifests_add_up_with_those_of_earlier_releases(inbox, tmp_path):
    now = tag(inbox, tmp_path / "now", seconds=0.0004)
    before = {name: value for name, value in now.items() if name not in ("formats", "n_words_new")}
    total = merge.sum_manifests([now, before, now])
    assert total["formats"]["text"] == {name: 2 * value for name, value in now["formats"]["text"].items()}
    assert (total["n_words_new"], total["n_words"]) == (2 * now["n_words_new"], 3 * now["n_words"])
