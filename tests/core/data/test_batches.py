"""Several batches become one snapshot: whose word counts, where each sentence came from, and that no part leaks."""

import contextlib
import csv
import json
import random
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from ner_tasks.data.batches import find_sources
from ner_tasks.data.corpus import read_labelled
from ner_tasks.data.quotas import PARTS
from ner_tasks.data.snapshot import open_snapshot, read_known_parts
from ner_tasks.data.validation.build_snapshot import build_snapshot
from ner_tasks.data.validation.config import DatasetConfig
from ner_tasks.errors import ArtifactBroken, DataRejected
from ner_tasks.files import atomic

PLACES = ("Rome", "Oslo", "Lima", "Cairo", "Quito")
PEOPLE = ("Ann", "Bob", "Cleo", "Dan", "Eve")
SMALL = DatasetConfig(block_sentences=4)

Sentence = tuple[list[str], list[str]]


def sentences(n: int = 300, seed: int = 0) -> list[Sentence]:
    """`n` different sentences about the same people and places."""
    rng = random.Random(seed)
    return [
        (
            [rng.choice(PEOPLE), "saw", rng.choice(PLACES), "on", "day", f"{seed}-{at}", "."],
            ["B-per", "O", "B-geo", "O", "O", "O", "O"],
        )
        for at in range(n)
    ]


def put(store: Path, batch: str, made: list[Sentence], name: str = "ner.tsv") -> Path:
    folder = store / batch
    folder.mkdir(parents=True, exist_ok=True)
    blocks = ("".join(f"{w}\t{t}\n" for w, t in zip(*one, strict=True)) for one in made)
    (folder / name).write_text("\n".join(blocks))
    return folder


def relabelled(made: list[Sentence], **changes: str) -> list[Sentence]:
    return [(words, [changes.get(tag[2:], tag) if tag != "O" else tag for tag in tags]) for words, tags in made]


def snapshot(store: Path, target: Path, config: DatasetConfig = SMALL, previous: Path | None = None) -> dict:
    return build_snapshot(find_sources(sorted(store.iterdir())), target, config, previous=previous)


def texts(folder: Path) -> dict[str, set[tuple[str, ...]]]:
    return {part: {one.words for one in read_labelled(folder / f"{part}.csv")} for part in PARTS}


def tags_of(folder: Path, words: list[str]) -> set[tuple[str, ...]]:
    every = (one for part in PARTS for one in read_labelled(folder / f"{part}.csv"))
    return {one.tags for one in every if one.words == tuple(words)}


def reasons(folder: Path) -> Counter[tuple[str, str]]:
    with (folder / "quarantined.csv").open(encoding="utf-8", newline="") as file:
        return Counter({(row["file"], row["sentence"], row["reason"]) for row in csv.DictReader(file)})


def test_all_batches_are_in_the_snapshot_and_each_sentence_says_where_it_came_from(tmp_path: Path):
    put(tmp_path / "in", "2026-01-a", sentences(seed=1))
    put(tmp_path / "in", "2026-02-b", sentences(40, seed=2), "one.tsv")
    put(tmp_path / "in", "2026-02-b", sentences(30, seed=3), "two.tsv")
    manifest = snapshot(tmp_path / "in", tmp_path / "out")

    assert [(one["batch"], one["n_sentences"]) for one in manifest["sources"]] == [
        ("2026-01-a", 300),
        ("2026-02-b", 40),
        ("2026-02-b", 30),
    ]
    assert [one["sha256"] for one in manifest["sources"]] == [
        atomic.sha256_of(Path(one["key"])) for one in manifest["sources"]
    ]
    with (tmp_path / "out" / "origins.csv").open(encoding="utf-8", newline="") as file:
        origins = list(csv.DictReader(file))
    for part in PARTS:
        here = [one for one in origins if one["part"] == part]
        written = read_labelled(tmp_path / "out" / f"{part}.csv")
        assert [one["number"] for one in here] == [str(at) for at in range(1, len(written) + 1)]
        for told, sentence in zip(here, written, strict=True):
            path, _, line = told["origin"].rpartition(":")
            assert path.partition("/")[0] == told["batch"]
            first = (tmp_path / "in" / path).read_text().split("\n")[int(line) - 1]
            assert first.split("\t")[0] == sentence.words[0]


def test_the_same_text_with_the_same_labels_is_kept_once(tmp_path: Path):
    made = sentences()
    put(tmp_path / "in", "a", made)
    put(tmp_path / "in", "b", made[:50])

    assert snapshot(tmp_path / "in", tmp_path / "out")["n_copies"] == 50


@pytest.mark.runbook("retraining", "snapshot: many conflicting-labels")
def test_batches_that_contradict_each_other_lose_both_sentences(tmp_path: Path):
    made = sentences()
    put(tmp_path / "in", "a", made)
    put(tmp_path / "in", "b", [*sentences(100, seed=9), *relabelled(made[:3], geo="B-per")])
    manifest = snapshot(tmp_path / "in", tmp_path / "out")

    assert manifest["quarantined"] == {"conflicting-labels": 6}
    assert set(reasons(tmp_path / "out")) == {
        *((("a/ner.tsv", f"Sentence: {at + 1}", "conflicting-labels")) for at in range(3)),
        *((("b/ner.tsv", f"Sentence: {at + 101}", "conflicting-labels")) for at in range(3)),
    }


@pytest.mark.runbook("retraining", "snapshot: many conflicting-labels")
def test_a_correction_wins_over_what_it_corrects_and_the_newest_over_the_others(tmp_path: Path):
    made = sentences()
    put(tmp_path / "in", "2026-03-a", made)
    put(tmp_path / "in", "review-2026-01", relabelled(made[:4], geo="B-per"))
    put(tmp_path / "in", "review-2026-02", [*relabelled(made[:2], geo="O"), *made[2:3]])
    manifest = snapshot(tmp_path / "in", tmp_path / "out")

    assert tags_of(tmp_path / "out", made[0][0]) == {("B-per", "O", "O", "O", "O", "O", "O")}
    assert tags_of(tmp_path / "out", made[2][0]) == {tuple(made[2][1])}
    assert tags_of(tmp_path / "out", made[3][0]) == {("B-per", "O", "B-per", "O", "O", "O", "O")}
    assert [one["n_superseded"] for one in manifest["sources"]] == [3, 3, 0]
    assert manifest["n_superseded"] == 6
    assert manifest["quarantined"] == {}
    n_kept = sum(part["n_sentences"] for part in manifest["parts"].values())
    assert manifest["n_sentences"] == n_kept + manifest["n_superseded"] + manifest["n_copies"]


def test_a_correction_that_is_itself_broken_changes_nothing(tmp_path: Path):
    made = sentences()
    put(tmp_path / "in", "a", made)
    put(tmp_path / "in", "review-1", [*sentences(20, seed=5), (made[0][0], ["I-geo", *["O"] * 6])])
    manifest = snapshot(tmp_path / "in", tmp_path / "out")

    assert manifest["quarantined"] == {"orphan-inside-tag": 1}
    assert tags_of(tmp_path / "out", made[0][0]) == {tuple(made[0][1])}


def test_the_version_is_that_of_the_contents_and_of_nothing_else(tmp_path: Path):
    made = sentences()
    put(tmp_path / "in", "a", made)
    first = snapshot(tmp_path / "in", tmp_path / "first")
    again = snapshot(tmp_path / "in", tmp_path / "again", previous=tmp_path / "first")
    put(tmp_path / "in", "b", sentences(1, seed=7))
    grown = snapshot(tmp_path / "in", tmp_path / "grown")

    assert first["version"] == again["version"] != grown["version"]
    assert (first["previous"], again["previous"]) == (None, first["version"])


@pytest.mark.parametrize("seed", range(5))
def test_no_text_ever_leaves_its_part_while_batches_arrive_and_go(tmp_path: Path, seed: int):
    rng = random.Random(seed)
    pool = [sentences(80, seed=at) for at in range(6)]
    first: dict[tuple[str, ...], str] = {}
    previous = None
    for turn in range(5):
        store = tmp_path / f"in-{turn}"
        for at in sorted(rng.sample(range(6), 4)):
            made = [*pool[at], *rng.sample(pool[(at + 1) % 6], 20)]
            rng.shuffle(made)
            put(store, f"batch-{rng.randrange(9)}{at}", made)
        config = DatasetConfig(block_sentences=3, seed=turn)
        snapshot(store, tmp_path / f"out-{turn}", config, previous)
        previous = tmp_path / f"out-{turn}"
        for part, part_texts in texts(previous).items():
            assert {first.setdefault(words, part) for words in part_texts} <= {part}
    assert set(first.values()) == set(PARTS)
    assert len(read_known_parts(previous)) == len(first)


def test_without_the_snapshot_before_a_text_can_change_sides(tmp_path: Path):
    """What the rule is for: the same texts, split with another seed, without and with a memory."""
    put(tmp_path / "in", "a", sentences())
    snapshot(tmp_path / "in", tmp_path / "old")
    other = DatasetConfig(block_sentences=4, seed=1)
    snapshot(tmp_path / "in", tmp_path / "forgetful", other)
    snapshot(tmp_path / "in", tmp_path / "mindful", other, previous=tmp_path / "old")

    assert texts(tmp_path / "old")["test"] & texts(tmp_path / "forgetful")["train"]
    assert texts(tmp_path / "old") == texts(tmp_path / "mindful")


@pytest.mark.runbook("retraining", "snapshot: (keeps-its-part)")
def test_a_test_sentence_that_slipped_into_training_is_caught_by_the_gate(tmp_path: Path, monkeypatch):
    from ner_tasks.data.validation import build_snapshot

    put(tmp_path / "in", "a", sentences())
    snapshot(tmp_path / "in", tmp_path / "old")
    sound = build_snapshot.split_corpus

    def leaky(made, config, **options):
        return sound(made, replace(config, seed=1), **{**options, "known": {}})

    monkeypatch.setattr(build_snapshot, "split_corpus", leaky)
    with pytest.raises(DataRejected, match=r"test -> train.*expected each text in the part that it was in before"):
        snapshot(tmp_path / "in", tmp_path / "new", previous=tmp_path / "old")


@pytest.mark.parametrize("name", ["train.csv", "test.csv", "calibration.csv", "texts.csv", "origins.csv"])
def test_a_snapshot_that_was_edited_is_found_wherever_it_is_opened(tmp_path: Path, name: str):
    put(tmp_path / "in", "a", sentences())
    snapshot(tmp_path / "in", tmp_path / "old")
    path = tmp_path / "old" / name
    path.write_bytes(path.read_bytes().replace(b"a", b"A", 1))
    line = rf"found {name} of snapshot [0-9a-f]{{12}} changed since it was made .*, expected [0-9a-f]{{12}}, at "
    with pytest.raises(ArtifactBroken, match=line):
        open_snapshot(tmp_path / "old")
    with pytest.raises(ArtifactBroken, match=line):
        snapshot(tmp_path / "in", tmp_path / "new", previous=tmp_path / "old")
    if name in ("train.csv", "test.csv", "calibration.csv"):
        with pytest.raises(ArtifactBroken, match=line):
            read_labelled(path)


def test_an_edit_that_signs_itself_is_found_by_the_version(tmp_path: Path):
    put(tmp_path / "in", "a", sentences())
    snapshot(tmp_path / "in", tmp_path / "old")
    path = tmp_path / "old" / "train.csv"
    path.write_bytes(path.read_bytes().replace(b"B-geo", b"B-per", 1))
    manifest = json.loads((tmp_path / "old" / "snapshot.json").read_text())
    manifest["files"]["train.csv"] = atomic.sha256_of(path)
    (tmp_path / "old" / "snapshot.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtifactBroken, match="found other labels or checksums than version"):
        open_snapshot(tmp_path / "old")


def shuffled(made: list[Sentence], seed: int = 0) -> list[Sentence]:
    """The entities' labels dealt anew among them: still sound BIO, but wrong."""
    rng = random.Random(seed)
    labels = [tag for _, tags in made for tag in tags if tag != "O"]
    rng.shuffle(labels)
    dealt = iter(labels)
    return [(words, [next(dealt) if tag != "O" else tag for tag in tags]) for words, tags in made]


def moved(made: list[Sentence]) -> list[Sentence]:
    """Each sentence's tags moved on by one word, as a shifted column does."""
    return [(words, [tags[-1], *tags[:-1]]) for words, tags in made]


BAD_BATCHES = {
    "labels shuffled": (shuffled(sentences(200, seed=5)), "labelled as elsewhere (word-agreement)"),
    "labels moved by a word": (moved(sentences(200, seed=5)), "labelled as elsewhere (word-agreement)"),
    "labels swapped": (
        relabelled(sentences(200, seed=5), geo="B-per", per="B-geo"),
        "labelled as elsewhere (word-agreement)",
    ),
    "30 % corrupt rows": (
        [(words, ["geo" if at % 10 < 3 else tag for tag in tags]) for at, (words, tags) in enumerate(sentences(50, 5))],
        "found 1 of 2 (50.00%) break the rule, such as b: 0.3, expected at most 20% of each batch in quarantine",
    ),
}
SINCE = {
    "other labels": (
        relabelled(sentences(200, seed=5), geo="B-disease", per="B-chemical"),
        "such as chemical (b): new, disease (b): new, expected the labels that were there before (known-labels)",
    ),
    "another subject": (
        [([f"w{at}{n}" for n in range(5)], ["B-geo", *["O"] * 4]) for at in range(200)],
        "new words unseen before: at most 60% (unseen-words)",
    ),
    "one label only": (
        [(["Rome", "on", "day", f"x{at}"], ["B-geo", "O", "O", "O"]) for at in range(200)],
        "distance of label shares from those before: at most 30% (label-drift)",
    ),
}


def both(tmp_path: Path, bad: list[Sentence]) -> None:
    put(tmp_path / "in", "a", sentences())
    snapshot(tmp_path / "in", tmp_path / "old")
    put(tmp_path / "in", "b", bad)


@pytest.mark.runbook("retraining", "snapshot: (known-labels)")
@pytest.mark.runbook("retraining", "snapshot: (unseen-words), (label-drift), (own-labels)")
@pytest.mark.parametrize(("bad", "message"), (BAD_BATCHES | SINCE).values(), ids=(BAD_BATCHES | SINCE).keys())
def test_a_batch_unlike_what_was_accepted_is_refused_in_one_line(tmp_path: Path, bad, message):
    both(tmp_path, bad)
    with pytest.raises(DataRejected) as caught:
        snapshot(tmp_path / "in", tmp_path / "new", previous=tmp_path / "old")

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "2 files of 2 batches" in str(caught.value)
    assert not (tmp_path / "new").exists()
    assert open_snapshot(tmp_path / "old")["version"]


@pytest.mark.runbook("retraining", "snapshot: (batch-quarantined-share)")
@pytest.mark.parametrize("kind", ["labels shuffled", "labels moved by a word", "labels swapped", "30 % corrupt rows"])
def test_a_bad_batch_is_caught_beside_good_ones_before_anything_was_accepted(tmp_path: Path, kind: str):
    bad, message = BAD_BATCHES[kind]
    put(tmp_path / "in", "a", sentences(600))
    put(tmp_path / "in", "b", bad)
    with pytest.raises(DataRejected) as caught:
        snapshot(tmp_path / "in", tmp_path / "new")

    assert message in str(caught.value)
    assert " a: " not in str(caught.value)


@pytest.mark.runbook("retraining", "snapshot: (word-agreement)")
def test_shuffled_labels_are_caught_in_a_batch_that_is_all_there_is(tmp_path: Path):
    put(tmp_path / "in", "only", shuffled(sentences()))
    with pytest.raises(DataRejected, match="word-agreement"):
        snapshot(tmp_path / "in", tmp_path / "new")


def test_a_batch_with_other_labels_than_the_rest_is_refused_before_anything_was_accepted(tmp_path: Path):
    put(tmp_path / "in", "a", sentences())
    put(tmp_path / "in", "b", relabelled(sentences(50, seed=5), geo="B-disease", per="B-chemical"))
    with pytest.raises(DataRejected, match=r"b: 1\.0, expected entities with labels that no other batch has"):
        snapshot(tmp_path / "in", tmp_path / "new")


@pytest.mark.runbook("retraining", "snapshot: (known-labels)")
def test_a_label_that_has_gone_since_is_refused(tmp_path: Path):
    put(tmp_path / "in", "a", sentences())
    snapshot(tmp_path / "in", tmp_path / "old")
    put(tmp_path / "in", "a", relabelled(sentences(), per="O"))
    with pytest.raises(DataRejected, match="such as per: gone"):
        snapshot(tmp_path / "in", tmp_path / "new", previous=tmp_path / "old")


@pytest.mark.runbook("retraining", "snapshot: (known-labels)")
@pytest.mark.runbook("retraining", "snapshot: (unseen-words), (label-drift), (own-labels)")
@pytest.mark.parametrize("kind", ["another subject", "one label only"])
def test_drift_that_somebody_accepts_is_noted_and_parts_stay(tmp_path: Path, kind: str):
    both(tmp_path, SINCE[kind][0])
    config = DatasetConfig(block_sentences=4, accept_drift=True)
    snapshot(tmp_path / "in", tmp_path / "new", config, previous=tmp_path / "old")
    validation = json.loads((tmp_path / "new" / "validation.json").read_text())
    broken = [one for suite in validation["suites"] for one in suite["expectations"] if not one["ok"]]

    assert [one["when_broken"] for one in broken] == ["noted: drift was accepted"] * len(broken)
    assert broken
    before, after = texts(tmp_path / "old"), texts(tmp_path / "new")
    assert all(before[part] <= after[part] for part in PARTS)


@pytest.mark.runbook("retraining", "snapshot: (word-agreement)")
def test_more_of_the_same_passes(tmp_path: Path):
    both(tmp_path, sentences(200, seed=5))
    manifest = snapshot(tmp_path / "in", tmp_path / "new", previous=tmp_path / "old")

    assert manifest["quarantined"] == {}


def test_corrections_may_differ_from_all_before_but_not_be_broken(tmp_path: Path):
    both(tmp_path, sentences(10, seed=5))
    put(tmp_path / "in", "review-1", relabelled(sentences(100, seed=6), geo="B-per"))
    snapshot(tmp_path / "in", tmp_path / "new", previous=tmp_path / "old")
    put(tmp_path / "in", "review-1", relabelled(sentences(100, seed=6), geo="gep"))
    with pytest.raises(DataRejected, match=r"review-1: 1\.0, expected at most 20% of each batch in quarantine"):
        snapshot(tmp_path / "in", tmp_path / "newer", previous=tmp_path / "new")


@pytest.mark.parametrize("bad", [sentences(50, seed=5), shuffled(sentences(200, seed=5))], ids=["passed", "refused"])
def test_data_docs_of_every_suite_are_written_and_fetch_nothing(tmp_path: Path, bad: list[Sentence]):
    both(tmp_path, [*bad, (["a", "b", "c"], ["<script>alert(1)</script>", "<b onclick=steal()>", "gep!"])])
    sources = find_sources(sorted((tmp_path / "in").iterdir()))
    with contextlib.suppress(DataRejected):
        build_snapshot(sources, tmp_path / "new", SMALL, previous=tmp_path / "old", docs=tmp_path / "docs")
    pages = {
        path.relative_to(tmp_path / "docs").parts[1 if path.name != "index.html" else 0]: path.read_text()
        for path in (tmp_path / "docs").rglob("*.html")
    }

    assert {"index.html", "rows", "copies", "sentences", "labels", "labels-before", "batches-word-agreement"} <= set(
        pages
    )
    assert ("snapshot-rows" in pages) is ((tmp_path / "new").is_dir())
    assert "batches-word-agreement" in pages["index.html"]
    for page in pages.values():
        assert not re.search(r"""<(script|img|iframe)|<link[^>]+//|url\(['"]?https?:|@import""", page)
        assert "Content-Security-Policy" in page
        assert "alert(1)" not in page and "onclick" not in page
    assert "gep!" in pages["rows"]
