"""From a labelled file to a snapshot, or to a line that says why not."""

import csv
import json
import random
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from ner_tasks.data.batches import find_sources
from ner_tasks.data.corpus import read_labelled
from ner_tasks.data.quotas import PARTS
from ner_tasks.data.validation import build_snapshot
from ner_tasks.data.validation.config import DatasetConfig
from ner_tasks.errors import ConfigInvalid, DataRejected, InputMissing
from ner_tasks.files import atomic, schema
from sample import labelled_sentences

SMALL = DatasetConfig(block_sentences=4)
PLACES = ("Rome", "Oslo", "Lima", "Cairo", "Quito")


def build(source: Path, target: Path, config: DatasetConfig, **options: object) -> dict[str, object]:
    return build_snapshot.build_snapshot(find_sources([source]), target, config, **options)


def sound_rows(n: int = 300, seed: int = 0) -> list[list[str]]:
    """Lines of `n` different sentences, each with a place and a person of two words."""
    rng = random.Random(seed)
    made = []
    for at in range(n):
        rows = [
            "Ann,NNP,B-per",
            f"Lee{at},NNP,I-per",
            f"saw{rng.randrange(9)},VBD,O",
            f"{rng.choice(PLACES)},NNP,B-geo",
            ".,.,O",
        ]
        made.append([f"Sentence: {at + 1},{rows[0]}", *(f",{row}" for row in rows[1:])])
    return made


def kaggle(folder: Path, sentences: list[list[str]], name: str = "ner.csv") -> Path:
    path = folder / name
    lines = ["Sentence #,Word,POS,Tag", *(row for rows in sentences for row in rows)]
    path.write_bytes("".join(f"{line}\r\n" for line in lines).encode("cp1252"))
    return path


def spoilt(at: int, *rows: str) -> list[list[str]]:
    sentences = sound_rows()
    sentences[at] = list(rows)
    return sentences


def quarantined(folder: Path) -> list[dict[str, str]]:
    with (folder / "quarantined.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Snapshot of the bundled sample."""
    target = tmp_path_factory.mktemp("sample") / "snapshot"
    build(labelled_sentences.OUTPUT, target, DatasetConfig())
    return target


def test_the_bundled_sample_passes_with_every_kind_of_bad_row_set_aside(sample: Path):
    manifest = json.loads((sample / "snapshot.json").read_text())

    assert manifest["labels"] == ["art", "dis", "eve", "geo", "gpe", "nat", "org", "per", "tim"]
    assert set(manifest["quarantined"]) == {
        "broken-row",
        "conflicting-labels",
        "empty-word",
        "orphan-inside-tag",
        "unknown-tag",
    }
    assert 0.008 < sum(manifest["quarantined"].values()) / manifest["n_sentences"] < 0.02


def test_every_sentence_of_the_source_is_accounted_for(sample: Path):
    manifest = json.loads((sample / "snapshot.json").read_text())
    n_kept = sum(part["n_sentences"] for part in manifest["parts"].values())

    assert manifest["n_sentences"] == n_kept + sum(manifest["quarantined"].values()) + manifest["n_copies"]


def test_the_parts_can_be_read_by_the_strict_reader_and_hold_what_the_manifest_says(sample: Path):
    manifest = json.loads((sample / "snapshot.json").read_text())
    for part in PARTS:
        sentences = read_labelled(sample / f"{part}.csv")
        entities = Counter(tag[2:] for sentence in sentences for tag in sentence.tags if tag.startswith("B-"))
        assert manifest["parts"][part] == {
            "n_sentences": len(sentences),
            "n_words": sum(len(sentence.words) for sentence in sentences),
            "n_entities": {label: entities[label] for label in manifest["labels"]},
        }


def test_no_text_is_in_two_parts(sample: Path):
    texts = [sentence.words for part in PARTS for sentence in read_labelled(sample / f"{part}.csv")]

    assert len(texts) == len(set(texts))


def test_the_manifest_signs_every_other_file(sample: Path):
    files = json.loads((sample / "snapshot.json").read_text())["files"]

    assert files.keys() | {"snapshot.json"} == contents(sample).keys()
    assert all(atomic.sha256_of(sample / name) == sha256 for name, sha256 in files.items())


def test_the_validation_says_what_was_found_and_expected(sample: Path):
    validation = json.loads((sample / "validation.json").read_text())

    assert validation["ok"]
    assert validation["refusal"] is None
    names = [one["name"] for suite in validation["suites"] for one in suite["expectations"]]
    assert {"unknown-tag", "quarantined-share", "entities-per-label", "no-leak", "label-shares"} <= set(names)
    assert all(one["found"] and one["expected"] for suite in validation["suites"] for one in suite["expectations"])


def test_parts_of_speech_and_non_ascii_words_survive(sample: Path):
    text = "".join((sample / f"{part}.csv").read_text(encoding="utf-8") for part in PARTS)

    assert ",NNP,B-per" in text
    assert "é" in text
    assert ",None,NN,O" in text or "None,NN,O" in text


def test_the_same_file_and_configuration_give_the_same_bytes(tmp_path: Path):
    source = kaggle(tmp_path, sound_rows())
    for name in ("first", "second"):
        build(source, tmp_path / name, SMALL)

    assert contents(tmp_path / "first") == contents(tmp_path / "second")


def test_what_is_returned_is_what_the_manifest_says(tmp_path: Path):
    manifest = build(kaggle(tmp_path, sound_rows()), tmp_path / "snapshot", SMALL)

    assert schema.stamp(manifest) == json.loads((tmp_path / "snapshot" / "snapshot.json").read_text())
    assert manifest["n_copies"] == 0
    source = {"batch": "ner", "key": str(tmp_path / "ner.csv"), "sha256": atomic.sha256_of(tmp_path / "ner.csv")}
    assert manifest["sources"] == [{**source, "n_sentences": 300, "n_quarantined": 0, "n_superseded": 0}]


def test_a_zip_and_a_conll_file_make_the_same_parts_as_the_csv(tmp_path: Path):
    source = kaggle(tmp_path, sound_rows())
    with zipfile.ZipFile(tmp_path / "ner.zip", "w") as archive:
        archive.write(source, "ner.csv")
    sentences = read_labelled(source)
    blocks = ("".join(f"{w}\t{t}\n" for w, t in zip(s.words, s.tags, strict=True)) for s in sentences)
    (tmp_path / "ner.tsv").write_text("\n".join(blocks))
    for suffix in ("csv", "zip", "tsv"):
        build(tmp_path / f"ner.{suffix}", tmp_path / suffix, SMALL)

    texts = {
        suffix: [[s.words for s in read_labelled(tmp_path / suffix / f"{part}.csv")] for part in PARTS]
        for suffix in ("csv", "zip", "tsv")
    }
    assert texts["csv"] == texts["zip"] == texts["tsv"]


def test_growing_data_moves_no_sentence_out_of_the_test_part(tmp_path: Path):
    rows = sound_rows(600)
    build(kaggle(tmp_path, rows[:300], "old.csv"), tmp_path / "old", SMALL)
    build(kaggle(tmp_path, rows, "grown.csv"), tmp_path / "grown", SMALL)
    old, grown = ({s.words for s in read_labelled(tmp_path / name / "test.csv")} for name in ("old", "grown"))

    assert old
    assert old <= grown


BAD = {
    "too few columns": (("Sentence: 51,Rome,B-geo", ",x,X,O"), "broken-row", "found 3 columns, expected 4"),
    "too many columns": (("Sentence: 51,Rome,X,B-geo", ",a,b,X,O"), "broken-row", "found 5 columns, expected 4"),
    "open quote": (("Sentence: 51,Rome,X,B-geo", ',"x,X,O'), "broken-row", "found a quote that is not closed"),
    "misspelt label": (("Sentence: 51,Rome,X,B-gep", ",x,X,O"), "unknown-tag", "tag 'B-gep'"),
    "no prefix": (("Sentence: 51,Rome,X,geo", ",x,X,O"), "unknown-tag", "tag 'geo'"),
    "no tag": (("Sentence: 51,Rome,X,", ",x,X,O"), "unknown-tag", "tag ''"),
    "I- first": (("Sentence: 51,Rome,X,I-geo", ",x,X,O"), "orphan-inside-tag", "I-geo after the sentence's start"),
    "I- of another label": (("Sentence: 51,A,X,B-per", ",Rome,X,I-geo"), "orphan-inside-tag", "I-geo after B-per"),
    "no word": (("Sentence: 51,,X,O", ",x,X,O"), "empty-word", "a word that shows nothing: ''"),
    "too long": (("Sentence: 51,x,X,O", *[",x,X,O"] * 512), "too-long", "513 words"),
}


@pytest.fixture(scope="module")
def all_bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Snapshot of a file with each kind of bad sentence, ten sound ones apart."""
    folder = tmp_path_factory.mktemp("bad")
    sentences = sound_rows()
    for at, (rows, _, _) in enumerate(BAD.values(), start=1):
        sentences[10 * at] = [rows[0].replace("Sentence: 51", f"Sentence: {10 * at + 1}"), *rows[1:]]
    config = DatasetConfig(block_sentences=4, max_quarantined_share=0.05)
    build(kaggle(folder, sentences), folder / "snapshot", config)
    return folder


@pytest.mark.parametrize("kind", BAD)
def test_a_sentence_with_a_bad_row_goes_to_quarantine_whole(all_bad: Path, kind: str):
    rows, reason, problem = BAD[kind]
    number = 10 * (list(BAD).index(kind) + 1) + 1
    aside = [row for row in quarantined(all_bad / "snapshot") if row["sentence"] == f"Sentence: {number}"]
    source = (all_bad / "ner.csv").read_text().splitlines()

    assert [source[int(row["line"]) - 1].split(",", 1)[1] for row in aside] == [row.split(",", 1)[1] for row in rows]
    assert {row["reason"] for row in aside} == {reason}
    assert problem in [row["found"] for row in aside]


def test_only_the_bad_sentences_go_to_quarantine(all_bad: Path):
    manifest = json.loads((all_bad / "snapshot" / "snapshot.json").read_text())

    assert manifest["quarantined"] == Counter(reason for _, reason, _ in BAD.values())
    assert sum(part["n_sentences"] for part in manifest["parts"].values()) == 300 - len(BAD)


def test_a_sentence_with_two_faults_is_counted_once_under_the_first(tmp_path: Path):
    rows = ("Sentence: 51,Rome,X,I-geo", ",,X,O", ",x,O")
    manifest = build(kaggle(tmp_path, spoilt(50, *rows)), tmp_path / "snapshot", SMALL)

    assert manifest["quarantined"] == {"broken-row": 1}


def test_copies_are_kept_once_unless_their_tags_conflict(tmp_path: Path):
    sentences = sound_rows()
    readings = {60: ("Rome", "B-geo"), 90: ("Rome", "B-per"), 120: ("Rome", "B-geo")}  # conflict, all three
    readings |= {61: ("Oslo", "B-geo"), 91: ("Oslo", "B-gep")}  # misspelt: does not take the good copy with it
    readings |= {62: ("Lima", "B-geo"), 92: ("Lima", "B-geo")}  # equal
    for at, (word, tag) in readings.items():
        sentences[at] = [f"Sentence: {at + 1},{word},X,{tag}", ",won,X,O"]
    manifest = build(kaggle(tmp_path, sentences), tmp_path / "snapshot", SMALL)

    assert manifest["quarantined"] == {"conflicting-labels": 3, "unknown-tag": 1}
    assert manifest["n_copies"] == 1


def test_a_smaller_dev_part_leaves_more_to_learn_and_the_same_test_part(tmp_path: Path):
    source = kaggle(tmp_path, sound_rows(n=900))
    for name, share in (("more", 0.08), ("less", 0.03)):
        build(source, tmp_path / name, DatasetConfig(block_sentences=4, dev_share=share))
    parts = {
        name: {part: read_labelled(tmp_path / name / f"{part}.csv") for part in PARTS} for name in ("more", "less")
    }
    words = {name: {part: {one.words for one in of} for part, of in by_part.items()} for name, by_part in parts.items()}
    assert words["less"]["test"] == words["more"]["test"]
    # quotas keep the shares, so that a few blocks change from train to dev
    assert len(words["more"]["train"] - words["less"]["train"]) < 0.05 * len(words["more"]["train"])
    assert len(words["less"]["train"]) > len(words["more"]["train"])
    assert len(words["less"]["dev"]) < 0.6 * len(words["more"]["dev"])


def rare_label(n: int) -> list[list[str]]:
    sentences = sound_rows(400)
    for at in range(n):
        sentences[at * 40 + 5] = [f"Sentence: {at * 40 + 6},H5N{at},X,B-nat", ",spread,X,O"]
    return sentences


def test_a_label_of_the_data_with_fewer_than_five_entities_is_unknown(tmp_path: Path):
    manifest = build(kaggle(tmp_path, rare_label(4)), tmp_path / "snapshot", SMALL)

    assert manifest["labels"] == ["geo", "per"]
    assert manifest["quarantined"] == {"unknown-tag": 4}


def test_a_label_that_quarantine_makes_too_rare_is_dropped_as_well(tmp_path: Path):
    sentences = rare_label(5)
    sentences[5].append(",x,O")
    manifest = build(kaggle(tmp_path, sentences), tmp_path / "snapshot", SMALL)

    assert manifest["labels"] == ["geo", "per"]
    assert manifest["quarantined"] == {"broken-row": 1, "unknown-tag": 4}


def test_a_label_that_ends_in_a_line_feed_is_unknown_however_often_it_occurs(tmp_path: Path):
    path = tmp_path / "export.jsonl"
    labels = ["geo\n" if at % 50 == 7 else "geo" for at in range(300)]
    tasks = [{"text": f"Ann saw Rome {at}.", "label": [[8, 12, label]]} for at, label in enumerate(labels)]
    path.write_text("".join(f"{json.dumps(task)}\n" for task in tasks), encoding="utf-8")
    target = tmp_path / "snapshot"
    manifest = build(path, target, SMALL)

    assert manifest["labels"] == ["geo"]
    assert manifest["quarantined"] == {"unknown-tag": 6}
    assert {row["tag"] for row in quarantined(target)} >= {"B-geo\n"}
    assert sum(len(read_labelled(target / f"{part}.csv")) for part in PARTS) == 294


@pytest.mark.parametrize("name", ["export.jsonl", "train.csv"])
def test_the_strict_reader_refuses_a_label_that_ends_in_a_line_feed(tmp_path: Path, name: str):
    path = tmp_path / name
    if name.endswith(".csv"):
        path.write_text('Sentence #,Word,POS,Tag\n1,Rome,NNP,"B-geo\n"\n', encoding="utf-8")
    else:
        path.write_text(json.dumps({"text": "Rome", "label": [[0, 4, "geo\n"]]}) + "\n", encoding="utf-8")

    with pytest.raises(DataRejected):
        read_labelled(path)


@pytest.mark.runbook("retraining", "snapshot: too many sentences in quarantine")
def test_with_labels_given_any_other_tag_is_unknown(tmp_path: Path):
    config = DatasetConfig(labels=("per", "geo"), max_quarantined_share=0.03, block_sentences=4)
    manifest = build(kaggle(tmp_path, rare_label(8)), tmp_path / "snapshot", config)

    assert manifest["labels"] == ["per", "geo"]
    assert manifest["quarantined"] == {"unknown-tag": 8}


REFUSED = {
    "a given label without entities": (
        sound_rows,
        {"labels": ("geo", "per", "nat")},
        "found 1 of 3 (33.33%) break the rule, such as nat: 0, expected at least 5 entities of each label",
    ),
    "too much in quarantine": (
        lambda: [["Sentence: 1,Rome,X,I-geo"]] * 20 + sound_rows(),
        {},
        "of the sentences in quarantine (quarantined-share)",
    ),
    "too few sentences": (lambda: sound_rows(9), {}, "found 9, expected at least 10 sentences (enough-sentences)"),
    "no entity": (
        lambda: [[f"Sentence: {at},w{at},X,O"] for at in range(40)],
        {},
        "found 0, expected at least 1 label (some-label)",
    ),
    "too small to split": (lambda: sound_rows(3), {"min_sentences": 1, "min_label_entities": 1}, "which leave"),
}


@pytest.mark.parametrize(("make", "changes", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_data_that_is_refused_leaves_no_snapshot_but_its_evidence(tmp_path: Path, make, changes, message):
    target = tmp_path / "snapshot"
    source = tmp_path / "ner.csv"
    sentences = [[row.replace("Sentence: 1,", f"Sentence: x{at},") for row in rows] for at, rows in enumerate(make())]
    kaggle(tmp_path, sentences)
    with pytest.raises(DataRejected) as caught:
        build(source, target, DatasetConfig(**{"block_sentences": 4, **changes}))

    line = str(caught.value)
    assert message in line
    assert "\n" not in line
    assert str(source) in line
    assert line.endswith(f"details in {target}.refused")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ner.csv", "snapshot.refused"]
    validation = json.loads((tmp_path / "snapshot.refused" / "validation.json").read_text())
    assert (validation["ok"], validation["refusal"] in line) == (False, True)
    assert len(quarantined(tmp_path / "snapshot.refused")) == sum(validation["quarantined"].values())


def test_a_refusal_leaves_the_snapshot_that_was_there(tmp_path: Path):
    target = tmp_path / "snapshot"
    build(kaggle(tmp_path, sound_rows()), target, SMALL)
    before = contents(target)
    with pytest.raises(DataRejected):
        build(kaggle(tmp_path, sound_rows(5)), target, SMALL)

    assert contents(target) == before


def test_data_that_passes_removes_the_evidence_of_an_earlier_refusal(tmp_path: Path):
    target = tmp_path / "snapshot"
    with pytest.raises(DataRejected):
        build(kaggle(tmp_path, sound_rows(5)), target, SMALL)
    build(kaggle(tmp_path, sound_rows()), target, SMALL)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["ner.csv", "snapshot"]


UNREADABLE = {
    "wrong header": ("a.csv", b"id,text\r\n1,x\r\n", "found header 'id,text'"),
    "empty": ("a.csv", b"", "found an empty file"),
    "header only": ("a.csv", b"Sentence #,Word,POS,Tag\r\n", "found no sentence, expected at least 10"),
    "utf-16": ("a.csv", "Sentence #,Word,POS,Tag\r\n".encode("utf-16"), "found UTF-16, expected UTF-8 or cp1252"),
    "one sentence": (
        "a.csv",
        b"Sentence #,Word,POS,Tag\r\nSentence: 1,Rome,X,B-geo\r\n",
        "found 1, expected at least 10",
    ),
    "not a zip": ("a.zip", b"PK\x03\x04 and then nothing", "found a damaged or locked zip"),
}


@pytest.mark.parametrize(("name", "data", "message"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_source_that_is_no_labelled_file_is_refused_in_one_line(tmp_path: Path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataRejected) as caught:
        build(tmp_path / name, tmp_path / "snapshot", DatasetConfig())

    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "snapshot").exists()


def test_a_source_that_is_not_there_is_input_missing(tmp_path: Path):
    with pytest.raises(InputMissing):
        build(tmp_path / "none.csv", tmp_path / "snapshot", DatasetConfig())


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path):
    source = kaggle(tmp_path, sound_rows())
    source.write_bytes(b"\xef\xbb\xbf" + source.read_bytes())

    assert build(source, tmp_path / "snapshot", SMALL)["quarantined"] == {}


def test_a_leak_that_slipped_through_the_split_is_caught_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def leaky(*args, **kwargs):
        parts = sound_split(*args, **kwargs)
        return {**parts, "test": [*parts["test"], parts["train"][0]]}

    sound_split = build_snapshot.split_corpus
    monkeypatch.setattr(build_snapshot, "split_corpus", leaky)
    with pytest.raises(DataRejected, match=r"expected each text once in one part \(no-leak\)"):
        build(kaggle(tmp_path, sound_rows()), tmp_path / "snapshot", SMALL)


def test_a_label_that_only_the_test_part_has_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def unfair(sentences, *args, **kwargs):
        parts = sound_split(sentences, *args, **kwargs)
        moved = [sentence for sentence in parts["train"] if "B-nat" in sentence.tags]
        kept = [sentence for sentence in parts["train"] if "B-nat" not in sentence.tags]
        return {**parts, "train": kept, "test": [*parts["test"], *moved]}

    sound_split = build_snapshot.split_corpus
    monkeypatch.setattr(build_snapshot, "split_corpus", unfair)
    with pytest.raises(DataRejected, match=r"such as nat: 0, expected each label in train \(label-in-train\)"):
        build(kaggle(tmp_path, rare_label(8)), tmp_path / "snapshot", SMALL)


@pytest.mark.parametrize(
    "wrong",
    [
        {"labels": ()},
        {"labels": ("geo", "geo")},
        {"max_quarantined_share": 1.5},
        {"max_quarantined_share": float("nan")},
        {"min_label_entities": 0},
        {"max_words": 0},
        {"block_sentences": 0},
        {"dev_share": 0.0},
        {"dev_share": 0.6},
    ],
    ids=str,
)
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ConfigInvalid, match=r"^found "):
        DatasetConfig(**wrong)
