"""Two hundred hostile files among good ones: none ends the reading, none costs a good one, each bad one has a reason."""

import time
from collections import defaultdict

import pytest

from ner_tasks.documents import Document, Limits, Rejected
from ner_tasks.documents.apart import read_apart
from tests import hostile


@pytest.mark.slow
def test_hostile_files_hurt_nobody(tmp_path):
    files, texts = [], []
    for number, (name, content, text) in enumerate(hostile.files()):
        (tmp_path / str(number)).write_bytes(content)
        files.append((name, tmp_path / str(number)))
        texts.append(text)
    assert sum(text is None for text in texts) >= 200
    began = time.monotonic()
    limits = Limits(seconds=10, memory_mib=1024, max_unpacked_bytes=50 * 2**20)
    answers: dict[int, list[Document | Rejected]] = defaultdict(list)
    ended = []
    for index, answer in read_apart(files, limits):
        ended.append(index) if answer is None else answers[index].append(answer)
    assert ended == list(range(len(files)))
    for index, text in enumerate(texts):
        if text is not None:
            assert [answer.text for answer in answers[index]] == [text]
        assert answers[index], files[index][0]
        for answer in answers[index]:
            assert isinstance(answer, Document) or (answer.reason and answer.message.startswith("found "))
    print(f"{len(files)} files in {time.monotonic() - began:.0f} s")
    bombs = {name[4:]: answers[index][-1] for index, (name, _) in enumerate(files) if texts[index] is None}
    for name in ("flat.zip", "nested.zip", "zeros.txt.gz"):
        assert isinstance(bombs[name], Rejected) and bombs[name].reason in ("bomb", "too-large"), bombs[name]
    assert "root:" not in "".join(a.text for found in answers.values() for a in found if isinstance(a, Document))
