"""A run that was killed and goes on answers as one that was not: what a file has used of its limits is kept."""

import json
import multiprocessing
import signal

import pytest

from ner_tasks.documents import Limits
from ner_tasks.tagging import batcher, journal
from ner_tasks.tagging.batcher import TagConfig
from ner_tasks.tagging.shard import tag_documents
from tests.rules import DyingTagger, RuleTagger, lines

MOST = 80


@pytest.fixture
def tag(tmp_path, monkeypatch):
    """Tag two files of many documents each, killed at some calls of the model on the way; documents and rejects."""
    monkeypatch.setattr(batcher, "BATCH_WORDS", 8)
    monkeypatch.setattr(journal, "_CHECKPOINT_S", 0.0)
    # 8 words each and some of them twice; one that the model refuses, one with too many entities
    texts = [f"rosa number {n % 9} was seen in the clinic." for n in range(14)]
    texts[3], texts[5] = "a poison was found in the old clinic.", "Ann Bob left. " * 3
    for name in ("a.jsonl", "b.jsonl"):
        records = (json.dumps({"id": n, "text": f"{name[0]} {text}"}) for n, text in enumerate(texts))
        (tmp_path / name).write_text("\n".join(records))
    (tmp_path / "c.txt").write_text("rosa " * MOST)

    def _tag(output, dies_at):
        documents = [(name, tmp_path / name) for name in ("a.jsonl", "b.jsonl", "c.txt")]
        limits = Limits(max_words=MOST, max_entities=2)
        fork = multiprocessing.get_context("fork")
        for call in dies_at:
            process = fork.Process(target=_run, args=(documents, tmp_path / output, limits, DyingTagger(call)))
            process.start()
            process.join()
            assert process.exitcode == -signal.SIGKILL
        _run(documents, tmp_path / output, limits, RuleTagger())
        answers = [answer["document"] for answer in lines(tmp_path / output / "documents.jsonl")]
        rejects = [(one["document"], one["reason"]) for one in lines(tmp_path / output / "rejected.jsonl")]
        return answers, rejects

    return _tag


def _run(documents, output, limits, tagger):
    tag_documents(documents, tagger=tagger, output=output, config=TagConfig(limits, version="c1"))


def test_words_of_a_file_that_were_counted_before_a_kill_are_not_counted_anew(tag):
    whole = tag("whole", [])
    reasons = [reason for _, reason in whole[1]]
    assert {"too-many-words", "tagging-failed", "too-many-entities"} == set(reasons)
    for first in range(1, 12, 2):
        assert tag(f"once-{first}", [first]) == whole
    assert tag("often", [3] * 4) == whole
