"""Every hostile file gets an answer in time, and the files around it are read."""

import time

import pytest

from ner_tasks.documents import Document, Limits, Rejected, read_documents
from ner_tasks.documents.sandbox.sandbox import read_in_sandbox
from tests import hostile

SECONDS = 20  # of the processor; the slowest takes a tenth of it


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return hostile.make(tmp_path_factory.mktemp("hostile"), 8, n_fuzzed=240, large_mib=24, bomb_mib=210)


def test_the_set_is_large_and_each_name_is_there_once(files):
    names = [path.name for _, path, _ in files]
    assert len(names) == len(set(names))
    assert sum(expected is None for *_, expected in files) >= 300
    assert {name for name, *_ in files} >= hostile.HARMFUL


def test_the_same_seed_damages_alike():
    import random

    def twice() -> list[tuple[str, bytes]]:
        return list(hostile.fuzzed(random.Random(1), 20))

    assert [name for name, _ in twice()] == [name for name, _ in twice()]


def test_each_hostile_file_is_answered_in_time_and_each_good_one_is_read(files):
    wrong = []
    for name, path, expected in files:
        if name in hostile.HARMFUL:
            continue
        began = time.process_time()
        answers = list(read_documents(path, name))
        took = time.process_time() - began
        names = [answer.name if isinstance(answer, Document) else answer.document for answer in answers]
        if not answers or len(names) != len(set(names)) or took > SECONDS:
            wrong.append((name, len(answers), took))
        wrong += [(name, a.message) for a in answers if isinstance(a, Rejected) and not a.message.startswith("found ")]
        wrong += [(name, "a secret") for a in answers if isinstance(a, Document) and "root:" in a.text]
        if expected and not any(isinstance(answer, Document) and expected in answer.text for answer in answers):
            wrong.append((name, answers))
    assert wrong == []


def test_in_the_sandbox_each_file_has_an_answer_and_harmful_ones_fail_alone(files):
    requests = [(name, path) for name, path, _ in files]
    answers = {index: [] for index in range(len(files))}
    ended = []
    for index, answer in read_in_sandbox(requests, Limits(seconds=SECONDS, memory_mib=1_500)):
        if answer is None:
            ended.append(index)
        else:
            answers[index].append(answer)
    assert ended == list(range(len(files)))
    assert [files[index][0] for index, found in answers.items() if not found] == []
    for index, (name, _, expected) in enumerate(files):
        if expected:
            assert any(isinstance(answer, Document) and expected in answer.text for answer in answers[index]), name
        if name in hostile.HARMFUL:
            assert [type(answer) for answer in answers[index]] == [Rejected], name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("flat.zip", "bomb"),
        ("bomb.txt.gz", "too-large"),
        ("bomb.jsonl.gz", "bomb"),
        ("many.zip", "too-many"),
        ("many.tar", "too-many"),
        ("bomb.docx", "too-large"),
        ("says-4-eib.tar", "bomb"),
        ("flate.pdf", "bomb"),
        ("token.txt", "too-large"),
        ("field.csv", "too-large"),
        ("deep.jsonl", "bad-line"),
        ("nul.txt", "not-text"),
    ],
)
def test_a_bomb_is_called_what_it_is(files, name, reason):
    (path,) = [path for called, path, _ in files if called == name]
    found = [answer.reason for answer in read_documents(path, name) if isinstance(answer, Rejected)]
    assert reason in found


@pytest.mark.parametrize("name", ["far.xlsx", "deep-100000.html"])
def test_what_is_only_far_away_or_deep_down_is_read(files, name):
    (path,) = [path for called, path, _ in files if called == name]
    (document,) = read_documents(path, name)
    assert isinstance(document, Document)
    assert ("words" in document.text, document.unread) == (name.startswith("deep"), ())
