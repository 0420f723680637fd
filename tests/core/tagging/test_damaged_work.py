"""Half-done work and earlier answers that are damaged cost what they would have saved, and never the night."""

import json
import os
import shutil
import sqlite3

import pytest

from ner_tasks.tagging import batcher, journal
from ner_tasks.tagging.answer_ledger import AnswerLedger
from ner_tasks.tagging.batcher import TagConfig
from ner_tasks.tagging.shard import tag_documents
from tests.old_days import merge_shards
from tests.rules import RuleTagger, lines

TEXTS = [f"Rosa Delgado {number} left. They met Kay Tran {number}." for number in range(60)]


class Killed(BaseException):
    """Ends a run as a kill does: nothing is caught on its way."""


class Tagger(RuleTagger):
    def __init__(self, dies_at=None):
        super().__init__()
        self.n_calls, self.n_sentences, self._dies_at = 0, 0, dies_at

    def tag(self, sentences):
        self.n_calls += 1
        if self.n_calls == self._dies_at:
            raise Killed
        self.n_sentences += len(sentences)
        return super().tag(sentences)


@pytest.fixture
def tag(tmp_path, monkeypatch):
    """Tag the texts into a folder; what the answers say, without the times."""
    monkeypatch.setattr(batcher, "BATCH_WORDS", 50)
    monkeypatch.setattr(journal, "_CHECKPOINT_S", 0.0)
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    for number, text in enumerate(TEXTS):
        (inbox / f"{number:02d}.txt").write_text(text)
    (inbox / "empty.txt").write_text("")

    def _tag(name, tagger=None, answered=()):
        documents = [(path.name, path) for path in sorted(inbox.iterdir())]
        output = tmp_path / name
        tag_documents(
            documents, tagger=tagger or Tagger(), output=output, config=TagConfig(version="c1"), answered=answered
        )
        found = [*lines(output / "documents.jsonl"), *lines(output / "rejected.jsonl")]
        for answer in found:
            answer.get("receipt", {}).pop("tagged_at", None)
        assert not (tmp_path / f".{name}.work").exists()
        return found

    return _tag


def overwrite(path, *, at):
    """Overwrite a few bytes of a file, at a share of its length."""
    content = bytearray(path.read_bytes())
    begin = int(at * len(content))
    content[begin : begin + 40] = b"\xa5" * len(content[begin : begin + 40])
    path.write_bytes(content)


def cut(path, *, at):
    path.write_bytes(path.read_bytes()[: int(at * path.stat().st_size)])


def rewrite(path, change):
    path.write_text(json.dumps(change(json.loads(path.read_text()))))


def execute(path, statement):
    with sqlite3.connect(path) as database:
        database.execute(statement)


def be_folder(path):
    path.unlink()
    (path / "deep").mkdir(parents=True)


def be_pipe(path):
    path.unlink()
    os.mkfifo(path)


CHECKPOINT, DOCUMENTS, LEDGER = "checkpoint.json", "documents.jsonl", "ledger.sqlite"
OF_WORK = {
    "no JSON": lambda work: (work / CHECKPOINT).write_text("{"),
    "no text": lambda work: (work / CHECKPOINT).write_bytes(b"\xff\xfe"),
    "empty": lambda work: (work / CHECKPOINT).write_text(""),
    "a list": lambda work: (work / CHECKPOINT).write_text("[]"),
    "a number": lambda work: (work / CHECKPOINT).write_text("7"),
    "very deep": lambda work: (work / CHECKPOINT).write_text("[" * 100_000 + "]" * 100_000),
    "no tally": lambda work: rewrite(work / CHECKPOINT, lambda said: {"checkpoint": {}, "crc32": said["crc32"]}),
    "another number": lambda work: (work / CHECKPOINT).write_text(
        (work / CHECKPOINT).read_text().replace('"n_tagged": ', '"n_tagged": 1')
    ),
    "a folder": lambda work: be_folder(work / CHECKPOINT),
    "a pipe": lambda work: be_pipe(work / CHECKPOINT),
    "answers a pipe": lambda work: be_pipe(work / DOCUMENTS),
    "ledger a pipe": lambda work: be_pipe(work / LEDGER),
    "answers cut": lambda work: cut(work / DOCUMENTS, at=0.5),
    "answers gone": lambda work: (work / DOCUMENTS).unlink(),
    "answers changed": lambda work: overwrite(work / DOCUMENTS, at=0.3),
    "answers a folder": lambda work: be_folder(work / DOCUMENTS),
    "rejects gone": lambda work: (work / "rejected.jsonl").unlink(),
    "no ledger": lambda work: (work / LEDGER).unlink(),
    "ledger is none": lambda work: (work / LEDGER).write_bytes(b"no database" * 1000),
    "ledger cut": lambda work: cut(work / LEDGER, at=0.5),
    "ledger changed": lambda work: overwrite(work / LEDGER, at=0.9),
    "ledger points elsewhere": lambda work: execute(work / LEDGER, "UPDATE answers SET offset = offset - 1"),
    "ledger of other columns": lambda work: execute(work / LEDGER, "ALTER TABLE answers RENAME COLUMN config TO x"),
}


@pytest.mark.runbook("nightly-tagging", "notice: deleted damaged partial work and restarted")
@pytest.mark.parametrize("damage", OF_WORK.values(), ids=OF_WORK)
def test_damaged_half_done_work_is_begun_anew_with_one_notice(tag, tmp_path, capsys, damage):
    expected = tag("undisturbed")
    with pytest.raises(Killed):
        tag("tagged", Tagger(dies_at=8))
    damage(tmp_path / ".tagged.work")
    capsys.readouterr()
    tagger = Tagger()
    assert tag("tagged", tagger) == expected
    assert tagger.n_sentences == 2 * len(TEXTS)  # all of them
    notices = [line for line in capsys.readouterr().out.splitlines() if "notice" in line]
    assert len(notices) == 1 and "restarted" in notices[0]
    with AnswerLedger(tmp_path / "tagged", read_only=True) as ledger:
        assert ledger.compute_checksum() > 0


def test_whole_half_done_work_is_gone_on_from(tag, capsys):
    expected = tag("undisturbed")
    with pytest.raises(Killed):
        tag("tagged", Tagger(dies_at=8))
    tagger = Tagger()
    assert tag("tagged", tagger) == expected
    assert tagger.n_sentences < 2 * len(TEXTS)
    assert "resuming at file" in (said := capsys.readouterr().out) and "notice" not in said


OF_EARLIER = {
    "ledger a pipe": lambda day: be_pipe(day / LEDGER),
    "answers a pipe": lambda day: be_pipe(day / DOCUMENTS),
    "gone": shutil.rmtree,
    "no ledger": lambda day: (day / LEDGER).unlink(),
    "ledger is none": lambda day: (day / LEDGER).write_bytes(b"no database" * 1000),
    "ledger is empty": lambda day: (day / LEDGER).write_bytes(b""),
    "ledger cut": lambda day: cut(day / LEDGER, at=0.6),
    "ledger changed": lambda day: overwrite(day / LEDGER, at=0.5),
    "ledger of other types": lambda day: execute(day / LEDGER, "UPDATE answers SET offset = 'x', n_bytes = 1.5"),
    "ledger points outside": lambda day: execute(day / LEDGER, "UPDATE answers SET offset = -7"),
    "answers gone": lambda day: (day / DOCUMENTS).unlink(),
    "answers a folder": lambda day: be_folder(day / DOCUMENTS),
    "answers cut": lambda day: cut(day / DOCUMENTS, at=0.3),
    "answers misshapen": lambda day: (day / DOCUMENTS).write_text(
        (day / DOCUMENTS).read_text().replace('"entities"', '"entitiex"')
    ),
    "other texts": lambda day: (day / DOCUMENTS).write_text((day / DOCUMENTS).read_text().replace("left", "lefd")),
}


@pytest.mark.runbook("nightly-tagging", "notice: earlier answers are not reused, the answers of")
@pytest.mark.parametrize("damage", OF_EARLIER.values(), ids=OF_EARLIER)
def test_damaged_earlier_answers_cost_their_reuse_and_a_notice(tag, tmp_path, capsys, damage):
    expected = tag("earlier")
    tag("other")
    damage(tmp_path / "earlier")
    capsys.readouterr()
    tagger = Tagger()
    assert tag("tagged", tagger, answered=[tmp_path / "earlier"]) == expected
    assert tagger.n_sentences > 0
    notices = [line for line in capsys.readouterr().out.splitlines() if "notice" in line]
    assert len(notices) == 1 and "tagged again" in notices[0]
    assert not any(text in notices[0] for text in TEXTS)
    # whole ones beside it are still of use
    tagger = Tagger()
    assert tag("tagged", tagger, answered=[tmp_path / "earlier", tmp_path / "other"]) == expected
    assert tagger.n_sentences == 0


def test_what_a_failed_join_left_is_not_joined_to(tag, tmp_path):
    tag("shard")
    (tmp_path / "joined").mkdir()
    (tmp_path / "joined" / LEDGER).write_bytes(b"no database" * 1000)
    merge_shards([tmp_path / "shard"], tmp_path / "joined")
    with (
        AnswerLedger(tmp_path / "joined", read_only=True) as joined,
        AnswerLedger(tmp_path / "shard", read_only=True) as shard,
    ):
        assert joined.compute_checksum() == shard.compute_checksum()
