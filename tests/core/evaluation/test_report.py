"""Figures in depth: how sure, where low, what for what; a planted weakness shows where it was planted."""

import json
import time

import numpy as np
import pytest

from ner_tasks.data import corpus
from ner_tasks.data.corpus import LabelledSentence
from ner_tasks.entities import ScoredSpan, bio_to_spans
from ner_tasks.errors import ArtifactBroken, ConfigInvalid, GateNotPassed, InputMissing
from ner_tasks.evaluation import bootstrap, error_analysis, gates, metrics, report, report_page, slices
from ner_tasks.evaluation.entity_counts import EntityCounts
from ner_tasks.evaluation.policy import GatePolicy
from ner_tasks.inference.tagger import TaggedSentence
from ner_tasks.records import SizedSnapshot, read_file
from tests import tiny

OUT, GEO, PER, IPER = "O", "B-geo", "B-per", "I-per"


def sentence(words, tags):
    return LabelledSentence(tuple(words.split()), tuple(tags), "t:1")


def answer(tags, scores=None):
    """A prediction; `scores` are those of its entities."""
    spans = bio_to_spans(tags)
    entities = tuple(map(ScoredSpan, spans, scores or [0.9] * len(spans)))
    return TaggedSentence(tuple(tags), (0.9,) * len(tags), entities, len(tags), 1)


def spoilt(gold, share, *, label="geo", seed=0):
    """The gold tags with a share of one label's entities left out."""
    chance = np.random.default_rng(seed)
    return [tuple(OUT if tag.endswith(label) and chance.random() < share else tag for tag in tags) for tags in gold]


GOLD = [one.tags for one in tiny.sentences(400)]


def test_counts_give_the_figures_that_the_evaluation_gives():
    guess = spoilt(GOLD, 0.3)
    counts, scores = EntityCounts.from_tags(GOLD, guess), metrics.score_tags(GOLD, guess)
    assert counts.score() == scores.overall
    for index, label in enumerate(counts.labels):
        assert metrics.Score.from_counts(*counts.values[:, index].sum(axis=0).tolist()) == scores.by_label[label]


def test_counts_are_read_back_as_they_were_written(tmp_path):
    counts = EntityCounts.from_tags(GOLD, spoilt(GOLD, 0.3), data_sha256="ab")
    counts.write(tmp_path / "counts.json")
    again = EntityCounts.read(tmp_path / "counts.json")
    assert (again.labels, again.data_sha256) == (counts.labels, "ab")
    assert np.array_equal(again.values, counts.values)


def test_counts_that_are_none_are_told_by_their_file(tmp_path):
    with pytest.raises(InputMissing, match="expected the counts that `evaluate` writes"):
        EntityCounts.read(tmp_path / "none.json")
    (tmp_path / "other.json").write_text('{"format": 1, "n_sentences": 1, "labels": [], "counts": [[5, 5, 1, 1, 1]]}')
    with pytest.raises(ArtifactBroken, match=r"expected counts by sentence of format 1, in .*other\.json"):
        EntityCounts.read(tmp_path / "other.json")


def test_an_interval_holds_the_figure_and_narrows_with_more_sentences():
    widths = []
    for n in (40, 400):
        counts = EntityCounts.from_tags(GOLD[:n], spoilt(GOLD[:n], 0.3))
        low, high = bootstrap.bootstrap_intervals(counts)["overall"]
        assert low < counts.score().f1 < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_the_width_of_an_interval_is_that_of_the_sampling_error():
    """Recall of one entity a sentence is a mean of coin tosses, whose error is known."""
    gold, right = [(GEO,)] * 900, np.random.default_rng(3).random(900) < 0.8
    counts = EntityCounts.from_tags(gold, [(GEO,) if hit else (PER,) for hit in right])
    low, high = bootstrap.bootstrap_intervals(counts, n_resamples=4000)["overall"]
    share = right.mean()
    assert high - low == pytest.approx(2 * 1.96 * (share * (1 - share) / 900) ** 0.5, rel=0.06)


def test_the_same_seed_draws_the_same():
    counts = EntityCounts.from_tags(GOLD, spoilt(GOLD, 0.3))
    assert bootstrap.bootstrap_intervals(counts) == bootstrap.bootstrap_intervals(counts)
    assert bootstrap.bootstrap_intervals(counts) != bootstrap.bootstrap_intervals(counts, seed=1)


def test_a_label_that_no_draw_has_gets_no_interval():
    counts = EntityCounts.from_tags([(OUT,)], [(OUT,)]).with_labels(["geo"])
    assert bootstrap.bootstrap_intervals(counts)["labels"] == {"geo": None}


def test_a_loss_that_is_none_of_chance_has_a_small_p_and_the_other_labels_none():
    champion, challenger = EntityCounts.from_tags(GOLD, GOLD), EntityCounts.from_tags(GOLD, spoilt(GOLD, 0.1))
    losses = bootstrap.bootstrap_losses(champion, challenger)
    assert losses["labels"]["geo"]["loss"] > 0.03
    assert losses["labels"]["geo"]["p"] < 0.01
    assert losses["labels"]["per"] == {
        "champion": 1.0,
        "challenger": 1.0,
        "loss": 0.0,
        "interval": [0.0, 0.0],
        "p": 1.0,
        "n_gold": losses["labels"]["per"]["n_gold"],
    }


def test_two_models_that_err_by_chance_alike_differ_by_nothing_certain():
    one, other = (EntityCounts.from_tags(GOLD, spoilt(GOLD, 0.2, seed=seed)) for seed in (1, 2))
    low, high = bootstrap.bootstrap_losses(one, other)["overall"]["interval"]
    assert low < 0 < high


def test_counts_of_other_sentences_are_not_compared():
    one = EntityCounts.from_tags(GOLD, GOLD, data_sha256="a")
    with pytest.raises(ConfigInvalid, match="expected counts of the same labelled file"):
        bootstrap.bootstrap_losses(one, EntityCounts.from_tags(GOLD, GOLD, data_sha256="b"))


def test_a_thousand_draws_of_four_thousand_sentences_take_about_a_second():
    gold = GOLD * 10
    counts = EntityCounts.from_tags(gold, spoilt(gold, 0.2)).with_labels(["geo", "per", *"abcdef"])
    began = time.process_time()
    bootstrap.bootstrap_intervals(counts)
    assert time.process_time() - began < 5


def test_a_weakness_in_long_sentences_shows_in_their_slice():
    gold = [(GEO, *[OUT] * 4)] * 10 + [(GEO, *[OUT] * 30)] * 10
    guess = gold[:10] + [(OUT,) * 31] * 10
    scores = slices.score_by_length(EntityCounts.from_tags(gold, guess), [len(tags) for tags in gold])
    assert {name: figures["f1"] for name, figures in scores.items()} == {"1-10 words": 1.0, "31-50 words": 0.0}
    assert sum(figures["n_gold"] for figures in scores.values()) == 20


def test_a_mention_is_seen_with_its_label_with_another_or_not_at_all():
    train = [sentence("Boston", [GEO]), sentence("Jordan", [GEO])]
    test = [sentence("boston", [GEO]), sentence("Jordan", [PER]), sentence("Ohio", [GEO])]
    scores = slices.recall_by_seen(test, [(GEO,), (GEO,), (OUT,)], train)
    recall = {name: figures["recall"] for name, figures in scores.items()}
    assert recall == {"seen": 1.0, "seen under another label": 0.0, "unseen": 0.0}


def test_sentences_are_told_apart_by_the_batch_that_they_are_from(tmp_path):
    (tmp_path / "origins.csv").write_text("part,number,batch,origin\ntest,2,new,n:1\ntest,1,old,o:1\ntrain,1,old,o:9\n")
    batches = slices.read_batches(tmp_path, "test", 2)
    assert batches == ["old", "new"]
    scores = slices.score_by_batch(EntityCounts.from_tags([(GEO,), (GEO,)], [(GEO,), (OUT,)]), batches)
    assert {name: figures["f1"] for name, figures in scores.items()} == {"old": 1.0, "new": 0.0}
    with pytest.raises(ArtifactBroken, match="found 2 sentences of test, expected 3"):
        slices.read_batches(tmp_path, "test", 3)
    assert slices.read_batches(tmp_path / "older", "test", 2) is None


def test_what_is_taken_for_what_is_counted_whatever_its_bounds():
    gold = [(PER, IPER, OUT, GEO), (GEO, OUT), (OUT, OUT)]
    guess = [(PER, OUT, OUT, PER), (OUT, OUT), (OUT, GEO)]
    assert error_analysis.count_confusions(gold, guess) == {
        "geo": {"missed": 1, "per": 1},
        "per": {"per": 1},
        "spurious": {"geo": 1},
    }


def test_the_worst_sentences_come_by_errors_then_by_how_sure_the_model_was():
    sentences = [
        sentence("a b", [GEO, OUT]),
        sentence("a b", [GEO, OUT]),
        sentence("a b", [GEO, PER]),
        sentence("a", [OUT]),
    ]
    answers = [answer([PER, OUT], [0.6]), answer([PER, OUT], [0.8]), answer([OUT, OUT]), answer([OUT])]
    worst = error_analysis.find_worst_sentences(sentences, answers)
    assert [one["number"] for one in worst] == [2, 1, 3]
    assert [(one["n_wrong"], one["score"]) for one in worst] == [(2, 0.8), (2, 0.6), (2, 0.0)]
    assert len(error_analysis.find_worst_sentences(sentences, answers, n=1)) == 1


@pytest.fixture(scope="module")
def made(frozen, tmp_path_factory):
    """A report of a model on a snapshot's test part, whose text would do harm if the page let it."""
    snapshot = tmp_path_factory.mktemp("snapshot")
    corpus.write_kaggle_csv(snapshot / "train.csv", tiny.sentences(50))
    odd = sentence("<script>alert(1)</script> Boston", [GEO, PER])
    corpus.write_kaggle_csv(snapshot / "test.csv", [*tiny.sentences(100, seed=4), odd])
    rows = [f"test,{number},b{number % 2},x" for number in range(1, 102)]
    (snapshot / "origins.csv").write_text("part,number,batch,origin\n" + "\n".join(rows) + "\n")
    folder = snapshot.parent / "report"
    return report.evaluate_model(frozen, snapshot, n_threads=2, output=folder), folder


def test_a_report_has_every_part(made):
    evaluation, folder = made
    assert set(evaluation["slices"]) == {"length", "seen", "batch"}
    low, high = evaluation["intervals"]["overall"]
    assert low <= evaluation["overall"]["f1"] <= high
    assert evaluation["intervals"]["labels"].keys() == evaluation["labels"].keys()
    assert EntityCounts.read(folder / report.COUNTS).score().f1 == evaluation["overall"]["f1"]
    assert evaluation["worst"]


def test_the_page_shows_the_figures_and_runs_nothing(made):
    evaluation, folder = made
    text = (folder / report.PAGE).read_text(encoding="utf-8")
    assert f"{evaluation['overall']['f1']:.3f}" in text
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "http://" not in text


def test_the_report_and_its_page_say_which_parts_are_too_small_to_decide_by(frozen, tmp_path, capsys):
    snapshot = tmp_path / "snapshot"
    snapshot.mkdir()
    for name, n in (("train", 30), ("test", 20)):
        corpus.write_kaggle_csv(snapshot / f"{name}.csv", tiny.sentences(n, seed=n))
    sizes = {"train": (30, 60), "dev": (18, 39), "calibration": (64, 130), "test": (20, 40)}
    parts = {part: {"n_sentences": n, "n_entities": {"geo": of, "per": 0}} for part, (n, of) in sizes.items()}
    manifest = {"version": "s1", "labels": ["geo", "per"], "files": {}, "parts": parts}
    (snapshot / "snapshot.json").write_text(json.dumps(manifest))
    evaluation = report.evaluate_model(frozen, snapshot, n_threads=2, output=tmp_path / "report")
    assert [line[:24] for line in evaluation["small_parts"]] == ["found 39 entities in dev", "found 40 entities in tes"]
    page, log = (tmp_path / "report" / report.PAGE).read_text(encoding="utf-8"), capsys.readouterr().out
    for shown in (page, log):
        assert "found 39 entities in dev, expected at least 100" in shown
    assert "Too small to decide by:" in page
    file_only = report.evaluate_model(frozen, snapshot / "test.csv", n_threads=2)
    assert len(file_only["small_parts"]) == 1


def test_a_snapshot_that_lacks_a_part_is_damaged(tmp_path):
    parts = {part: {"n_sentences": 1, "n_entities": {}} for part in ("train", "dev", "test")}
    manifest = {"version": "s1", "labels": ["geo"], "files": {}, "parts": parts}
    (tmp_path / "snapshot.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtifactBroken, match="found no calibration, expected four parts"):
        read_file(tmp_path / "snapshot.json", SizedSnapshot)


def test_a_sentence_is_shown_whole_with_its_entities():
    words = ("Maria", "Chen", "left", "Ohio")
    assert report_page._split_at_entities(words, [[0, 2, "per"], [3, 4, "geo"]]) == [
        ("Maria Chen", "per"),
        ("left", None),
        ("Ohio", "geo"),
    ]
    assert report_page._split_at_entities(words, []) == [("Maria Chen left Ohio", None)]


def worse_on(label, share, n):
    """A champion that is right, and a challenger that misses a share of one label's entities; the gate's answer."""
    gold = [(GEO, PER) for _ in range(2000)] + [("B-nat",)] * n
    champion, challenger = (
        EntityCounts.from_tags(gold, gold),
        EntityCounts.from_tags(gold, spoilt(gold, share, label=label)),
    )
    losses = bootstrap.bootstrap_losses(champion, challenger)
    return gates.model_gate({"overall": {"f1": 0.99}, "losses": losses}, GatePolicy().model)


def test_a_challenger_that_is_worse_on_one_rare_label_is_refused_where_the_evidence_is_there():
    with pytest.raises(GateNotPassed, match=r"found F1 of nat 0\.\d+ against 1\.0000 of the promoted model") as refused:
        worse_on("nat", 0.25, n=40)
    assert "entity F1" not in str(refused.value)


def test_where_the_evidence_is_not_there_it_is_told():
    assert any("not enforced: " in line for line in worse_on("nat", 0.5, n=8).lines)
