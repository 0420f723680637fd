"""Killed anywhere, a run goes on where it was: each document is answered once, as if nothing had happened."""

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ner_tasks.errors import Busy, StorageFull
from ner_tasks.files import atomic
from ner_tasks.tagging import batcher, journal
from ner_tasks.tagging.batcher import TagConfig
from ner_tasks.tagging.shard import tag_documents
from tests.rules import RuleTagger, lines


@pytest.fixture(autouse=True)
def often(monkeypatch):
    """Small batches, and a checkpoint after each."""
    monkeypatch.setattr(batcher, "BATCH_WORDS", 40)
    monkeypatch.setattr(journal, "_CHECKPOINT_S", 0.0)


@pytest.fixture
def inbox(tmp_path) -> list[tuple[str, Path]]:
    """Documents of every kind: alone, many to a file, large, bad, and twice the same."""
    folder = tmp_path / "inbox"
    folder.mkdir()
    many = [json.dumps({"id": n, "text": f"Rosa Number{n} saw Dr. Lee."}) for n in range(40)]
    files = {f"{n:02d}.txt": f"Document {n} is from Rosa. She left on day {n}." for n in range(30)}
    files |= {"30.jsonl": "\n".join([*many[:20], "{bad", *many[20:]]), "31.txt": "", "32.txt": files["03.txt"]}
    files |= {"33.txt": "A Large One. " * 300, "34.exe": "MZ", "35.txt": "The End."}
    for name, text in files.items():
        (folder / name).write_text(text)
    return [(name, folder / name) for name in sorted(files)]


def read_answers(output: Path) -> tuple[list[dict], list[dict]]:
    """The answers but for the time of day, and the rejects."""
    answers = lines(output / "documents.jsonl")
    for answer in answers:
        del answer["receipt"]["tagged_at"]
    return answers, lines(output / "rejected.jsonl")


def tag(inbox, output, tagger=None, **options):
    return tag_documents(inbox, tagger=tagger or RuleTagger(), output=output, config=TagConfig(), **options)


class DyingTagger(RuleTagger):
    """Ends the process, as far as a test can, at its n-th batch."""

    def __init__(self, n_batches: int):
        super().__init__()
        self.n_batches = n_batches

    def tag(self, sentences):
        if len(self.n_words_of_calls) == self.n_batches:
            raise KeyboardInterrupt
        return super().tag(sentences)


def test_wherever_it_is_killed_the_next_try_ends_as_if_undisturbed(inbox, tmp_path):
    undisturbed = RuleTagger()
    whole = tag(inbox, tmp_path / "whole", undisturbed)
    for n_batches in range(len(undisturbed.n_words_of_calls)):
        output = tmp_path / f"killed-{n_batches}"
        with pytest.raises(KeyboardInterrupt):
            tag(inbox, output, DyingTagger(n_batches))
        assert not output.exists()
        second = RuleTagger()
        manifest = tag(inbox, output, second)
        assert read_answers(output) == read_answers(tmp_path / "whole")
        assert {n: v for n, v in manifest.items() if "_s" not in n} == {n: v for n, v in whole.items() if "_s" not in n}
        # what was whole before the kill is not tagged again: all but the document it was at
        before = sum(undisturbed.n_words_of_calls[:n_batches])
        assert sum(second.n_words_of_calls) <= sum(undisturbed.n_words_of_calls) - before + 1_300
        assert not list(tmp_path.glob(".killed*"))


def test_half_done_work_on_other_inputs_or_by_another_model_is_thrown_away(inbox, tmp_path, capsys):
    class Other(RuleTagger):
        version = "rule-2"

    for tagger, inputs in ((RuleTagger(), "changed"), (Other(), "")):
        with pytest.raises(KeyboardInterrupt):
            tag(inbox, tmp_path / "out", DyingTagger(5))
        tag(inbox, tmp_path / "out", tagger, inputs=inputs)
        assert "going on" not in capsys.readouterr().out
        assert {answer["receipt"]["model_version"] for answer in read_answers(tmp_path / "out")[0]} == {tagger.version}


def test_the_same_text_is_tagged_once_and_answered_under_each_name(tmp_path):
    (tmp_path / "a.txt").write_text("Rosa Delgado left.")
    files = [(f"{n}.txt", tmp_path / "a.txt") for n in range(100)] + [("poison.txt", tmp_path / "poison")] * 3
    (tmp_path / "poison").write_text("poison")
    tagger = RuleTagger()
    manifest = tag(files, tmp_path / "out", tagger)
    answers, rejected = read_answers(tmp_path / "out")
    assert [answer["document"] for answer in answers] == [f"{n}.txt" for n in range(100)]
    assert all(answer["entities"] == answers[0]["entities"] for answer in answers)
    assert [reject["reason"] for reject in rejected] == ["tagging-failed"] * 3
    assert (manifest["n_tagged"], manifest["n_reused"]) == (100, 99)
    assert sum(tagger.n_words_of_calls) < 20


def test_a_late_document_adds_only_itself(inbox, tmp_path):
    tag(inbox, tmp_path / "first")
    (tmp_path / "late.txt").write_text("Late Lucy came.")
    second = RuleTagger()
    manifest = tag(
        [*inbox, ("late.txt", tmp_path / "late.txt")], tmp_path / "second", second, answered=[tmp_path / "first"]
    )
    assert sum(second.n_words_of_calls) == 4
    assert manifest["n_reused"] == manifest["n_tagged"] - 1
    answers, rejected = read_answers(tmp_path / "second")
    assert (answers[:-1], rejected) == read_answers(tmp_path / "first")


def test_another_model_reuses_nothing(inbox, tmp_path):
    class Other(RuleTagger):
        version = "rule-2"

    tag(inbox, tmp_path / "first")
    assert (
        tag(inbox, tmp_path / "second", Other(), answered=[tmp_path / "first"])["n_reused"] == 1
    )  # the one twice there


def test_without_texts_hashes_and_offsets_stand_for_them(inbox, tmp_path):
    tag(inbox, tmp_path / "kept")
    config = TagConfig(keep_text=False)
    tag_documents(inbox, tagger=RuleTagger(), output=tmp_path / "hashed", config=config)
    assert b"Rosa" not in (tmp_path / "hashed/documents.jsonl").read_bytes()
    for with_text, without in zip(
        read_answers(tmp_path / "kept")[0], read_answers(tmp_path / "hashed")[0], strict=True
    ):
        del with_text["text"]
        for entity in with_text["entities"]:
            del entity["mention"]
        assert with_text == without


def test_two_runs_at_once_do_not_mix(inbox, tmp_path):
    with atomic.exclusive(tmp_path / ".out.work/lock"), pytest.raises(Busy, match="found another process at work"):
        tag(inbox, tmp_path / "out")
    tag(inbox, tmp_path / "out")


def test_a_full_disk_ends_the_run_and_the_next_one_goes_on(inbox, tmp_path, monkeypatch):
    tag(inbox, tmp_path / "whole")
    sync, calls = os.fsync, iter(range(1000))

    def full(file):
        if next(calls) == 9:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(file)

    monkeypatch.setattr(journal.os, "fsync", full)
    with pytest.raises(StorageFull, match="expected room for checkpoint.json"):
        tag(inbox, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    second = RuleTagger()
    tag(inbox, tmp_path / "out", second)
    assert read_answers(tmp_path / "out") == read_answers(tmp_path / "whole")


def test_what_lies_behind_the_checkpoint_or_is_missing_before_it_is_not_believed(inbox, tmp_path):
    tag(inbox, tmp_path / "whole")
    for damage in (
        lambda path: path.write_bytes(path.read_bytes() + b'{"half'),
        lambda path: path.write_bytes(path.read_bytes()[:-10]),
    ):
        with pytest.raises(KeyboardInterrupt):
            tag(inbox, tmp_path / "out", DyingTagger(8))
        damage(tmp_path / ".out.work/documents.jsonl")
        tag(inbox, tmp_path / "out")
        assert read_answers(tmp_path / "out") == read_answers(tmp_path / "whole")
        shutil.rmtree(tmp_path / "out")


_SLOWLY = """
import sys, time
from pathlib import Path
from tests.rules import RuleTagger
from ner_tasks.tagging import batcher, journal, shard
batcher.BATCH_WORDS, journal._CHECKPOINT_S = 40, 0.0
class Slow(RuleTagger):
    def tag(self, sentences):
        time.sleep(0.02)
        return super().tag(sentences)
inbox = [(path.name, path) for path in sorted(Path(sys.argv[1]).iterdir())]
shard.tag_documents(inbox, tagger=Slow(), output=Path(sys.argv[2]), config=batcher.TagConfig())
"""


@pytest.mark.slow
def test_after_kills_at_random_moments_every_document_is_answered_once(inbox, tmp_path):
    tag(inbox, tmp_path / "whole")
    root = Path(__file__).parents[3]
    env = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", _SLOWLY, str(inbox[0][1].parent), str(tmp_path / "out")]
    moments, n_kills = random.Random(7), 0
    for _ in range(200):
        child = subprocess.Popen(command, env=env)
        try:
            assert child.wait(0.3 + moments.random()) == 0
            break
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.wait()
            n_kills += 1
    assert n_kills > 0
    assert read_answers(tmp_path / "out") == read_answers(tmp_path / "whole")
