"""Twenty processes that promote and roll back at once: the pointer is a complete, sound version at every moment."""

import itertools
import json
import os
import random
import subprocess
import sys
import threading
import time

import pytest

from ner_tasks.model import model_folder
from ner_tasks.registry.promotions import Promotion, previous_promotion
from ner_tasks.registry.registry import Registry
from ner_tasks.store import keys, open_store

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
        for name in (model_folder.WEIGHTS, model_folder.GRAPH, model_folder.TOKENIZER):
            (folder / name).write_text(version)
        model_folder.write_manifest(
            folder, model_folder.ModelManifest(kind=kind, labels=("geo",), encoder={}, max_pieces=8)
        )
        registry.put(version, kind, folder)
    registry.register(version, {"snapshot": "s1"})


def move(where, tmp_path, arguments, by):
    """A process that moves the pointer."""
    environment = {**os.environ, "NER_STORE": where, "NER_SCRATCH": str(tmp_path / "scratch"), "NER_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "ner_tasks", *arguments, "--by", by],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def watch(registry, done, seen, wrong):
    """Read the pointer as a night would, again and again."""
    while not done.is_set():
        try:
            version, path = registry.resolve()
            registry.details(version)
            model_folder.read_manifest(path)
            seen.append(version)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test fails for it
            wrong.append(repr(error))


@pytest.mark.runbook("promoting-and-rolling-back", "Busy")
@pytest.mark.slow
@pytest.mark.parametrize("where", ["folder"], indirect=True)
def test_processes_that_are_killed_while_they_move_it_leave_a_sound_version_and_an_unbroken_history(
    registry, where, tmp_path
):
    versions = [f"v{number}" for number in range(12)]
    for version in versions:
        add(registry, tmp_path, version)
    registry.promote(versions[0], "int8", by="test", metrics={})
    rng, n_killed = random.Random(7), 0
    for round_ in range(60):
        moves = [["promote", "--version", version] for version in rng.sample(versions, 3)]
        processes = [move(where, tmp_path, arguments, f"{round_}") for arguments in [*moves, ["rollback"]]]
        time.sleep(rng.uniform(0.1, 0.5))
        for process in processes[:2]:
            process.kill()
        n_killed += sum(process.wait(60) == -9 for process in processes)
        for process in processes:
            process.communicate()
        registry.resolve()
        history = registry.history()
        assert history[-1] == registry.promoted()
        assert all(line.previous == before.version for before, line in itertools.pairwise(history))
        # how many are killed in time depends on the machine
        if n_killed > 10 and len(history) > 10:
            break
    assert n_killed > 10
    assert len(registry.history()) > 10


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
    moves = [["promote", "--version", version] for version in new] + [["rollback"]] * N_EACH
    processes = [move(where, tmp_path, arguments, f"{arguments[0]}-{number}") for number, arguments in enumerate(moves)]
    try:
        ended = [(process.communicate(timeout=300)[0], process.returncode) for process in processes]
    finally:
        done.set()
        watcher.join()
    assert [output for output, code in ended if code] == []
    assert wrong == []
    assert len(seen) > 5

    lines = [Promotion(**json.loads(line)) for line in registry.store.read_lines(keys.PROMOTION_HISTORY)][
        len(before_it) :
    ]
    assert sorted(line.by for line in lines) == sorted(
        f"{arguments[0]}-{number}" for number, arguments in enumerate(moves)
    )
    assert Promotion(**registry.store.read_json(keys.PROMOTED_MODEL)) == lines[-1]
    history = registry.history()
    for number in range(len(before_it), len(history)):
        line = history[number]
        assert line.previous == history[number - 1].version
        if line.action == "rollback":
            assert line.version == previous_promotion(history[:number]).version
