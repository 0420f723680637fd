"""Twenty processes that promote and roll back at once: the pointer is a complete, sound version at every moment."""

import json
import os
import subprocess
import sys
import threading

import pytest

from ner_tasks import artifacts
from ner_tasks.registry import HISTORY, POINTER, Registry
from ner_tasks.store import open_store
from ner_tasks.versions.promotions import Promotion, before

N_EACH = 10


@pytest.fixture(params=["folder", "s3"])
def where(request, tmp_path):
    if request.param == "folder":
        return str(tmp_path / "store")
    return f"s3://{request.getfixturevalue('s3').bucket}/ner"


@pytest.fixture
def registry(where, tmp_path):
    return Registry(open_store(where, cache=tmp_path / "cache"))


def add(registry, tmp_path, version):
    for kind in ("trained", "int8"):
        folder = tmp_path / "made" / kind
        folder.mkdir(parents=True, exist_ok=True)
        for name in (artifacts.WEIGHTS, artifacts.GRAPH, artifacts.TOKENIZER):
            (folder / name).write_text(version)
        artifacts.sign(folder, artifacts.ModelManifest(kind=kind, labels=("geo",), encoder={}, max_pieces=8))
        registry.put(version, kind, folder)
    registry.register(version, {"snapshot": "s1"})


def watch(registry, done, seen, wrong):
    """Read the pointer as a night would, again and again."""
    while not done.is_set():
        try:
            version, path = registry.resolve()
            registry.details(version)
            artifacts.open_model(path)
            seen.append(version)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test fails for it
            wrong.append(repr(error))


@pytest.mark.slow
def test_at_every_moment_the_pointer_names_a_sound_version_and_each_move_has_its_line(registry, where, tmp_path):
    before_it = [f"old-{number}" for number in range(N_EACH + 1)]
    new = [f"new-{number}" for number in range(N_EACH)]
    for version in (*before_it, *new):
        add(registry, tmp_path, version)
    for version in before_it:
        registry.promote(version, "int8", by="test", metrics={})
    done, seen, wrong = threading.Event(), [], []
    watcher = threading.Thread(target=watch, args=(registry, done, seen, wrong))
    watcher.start()
    environment = {**os.environ, "NER_STORE": where, "NER_SCRATCH": str(tmp_path / "scratch"), "NER_THREADS": "1"}
    moves = [["promote", "--version", version] for version in new] + [["rollback"]] * N_EACH
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "ner_tasks", *move, "--by", f"{move[0]}-{number}"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for number, move in enumerate(moves)
    ]
    try:
        ended = [(process.communicate(timeout=300)[0], process.returncode) for process in processes]
    finally:
        done.set()
        watcher.join()
    assert [output for output, code in ended if code] == []
    assert wrong == []
    assert len(seen) > 5

    lines = [Promotion(**json.loads(line)) for line in registry.store.read_lines(HISTORY)][len(before_it) :]
    assert sorted(line.by for line in lines) == sorted(f"{move[0]}-{number}" for number, move in enumerate(moves))
    assert Promotion(**registry.store.read_json(POINTER)) == lines[-1]
    history = registry.history()
    for number in range(len(before_it), len(history)):
        line = history[number]
        assert line.previous == history[number - 1].version
        if line.action == "rollback":
            assert line.version == before(history[:number]).version
