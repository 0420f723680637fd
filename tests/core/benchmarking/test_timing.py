"""Engines are timed side by side, in turns: a pass over all sentences, and each call on its own."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ner_tasks import hardware
from ner_tasks.benchmarking import comparison, timing
from ner_tasks.benchmarking.timing import Load, Timing
from ner_tasks.data import corpus
from ner_tasks.evaluation import canary
from ner_tasks.evaluation.entity_counts import EntityCounts
from tests import tiny


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "test.csv"
    corpus.write_kaggle_csv(path, tiny.sentences(40, seed=7))
    return path


@pytest.mark.slow
def test_int8_is_compared_with_fp32_in_f1_and_speed(frozen: Path, int8: Path, data: Path, tmp_path: Path) -> None:
    output = tmp_path / "compared"
    report = comparison.compare_quantized(frozen, int8, data, n_sentences=40, rounds=2, n_threads=2, output=output)
    assert report["fp32"]["overall"]["n_gold"] == report["int8"]["overall"]["n_gold"] == 80
    assert abs(report["f1_loss"]) < 0.05
    assert report["losses"]["overall"]["loss"] == pytest.approx(report["f1_loss"])
    assert report["agreement"] > 0.9
    assert 0 < report["size_share"] < 2
    assert EntityCounts.read(output / comparison.COUNTS).score().f1 == report["int8"]["overall"]["f1"]
    assert canary.run_canary(int8, output / comparison.CANARY, n_threads=1)["n_other_tags"] == 0
    speed = report["speed"]
    assert speed["int8_over_stock"] == pytest.approx(speed["int8"] / speed["stock_fp32"], rel=1e-3)
    # INT8 graphs compute padding in attention only: 128 pieces instead of 24 cost little.
    assert 0.5 < speed["bucketed_over_padded"] < 5
    assert [(row["engine"], row["padded_to"]) for row in report["timings"]] == [
        ("stock_fp32", "bucket"),
        ("onednn_fp32", "bucket"),
        ("int8", "bucket"),
        ("int8", 128),
    ]


@pytest.mark.slow
def test_a_benchmark_leaves_its_rows_a_page_and_two_charts(
    frozen: Path, int8: Path, data: Path, tmp_path: Path
) -> None:
    options = {"batch_sizes": [1, 8], "n_sentences": 20, "rounds": 1, "n_threads": 2}
    at = datetime(2026, 11, 21, 3, tzinfo=UTC)
    report = comparison.run_benchmark([frozen, int8], data, tmp_path / "out", at=at, **options)
    engines = {row["engine"] for row in report["rows"]}
    assert {"stock FP32", "oneDNN FP32", "INT8"} <= engines
    assert ("oneDNN BF16" in engines) == hardware.has_bf16()
    assert [(row["batch_size"], row["n_calls_timed"]) for row in report["rows"] if row["engine"] == "INT8"] == [
        (1, 20),
        (8, 3),
    ]
    for row in report["rows"]:
        assert 0 < row["p50_ms"] <= row["p95_ms"] <= row["p99_ms"]
        assert 0 < row["words_per_s_min"] <= row["words_per_s"] <= row["words_per_s_max"]
    assert report["changes"] == []
    names = {"benchmark.json", "table.md", "plot.png", "plot.svg", "latency.png", "latency.svg"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names


@pytest.mark.slow
def test_only_the_precisions_that_were_asked_for_are_timed_and_set_beside_the_last_time(
    frozen: Path, int8: Path, data: Path, tmp_path: Path
) -> None:
    options = {"batch_sizes": [8], "n_sentences": 16, "rounds": 1, "n_threads": 2, "precisions": ["INT8"]}
    earlier: list[dict] = []
    for day in (20, 21):
        at = datetime(2026, 11, day, tzinfo=UTC)
        output = tmp_path / str(day)
        earlier.append(comparison.run_benchmark([frozen, int8], data, output, at=at, **options, earlier=earlier))
    assert [row["engine"] for run in earlier for row in run["rows"]] == ["INT8", "INT8"]
    (change,) = earlier[1]["changes"]
    assert (change["now"], change["before"]) == tuple(run["rows"][0]["words_per_s"] for run in reversed(earlier))


class Recorder:
    """Notes what it is called with, in place of a tagger."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.max_windows: list[int] = []

    def tag(self, sentences: list, limits: object) -> None:
        self.calls.append([words[0] for words in sentences])
        self.max_windows.append(limits.max_windows)


SENTENCES = [[letter, "."] for letter in "abcde"]


def test_real_time_is_one_sentence_after_the_other() -> None:
    tagger = Recorder()
    assert timing.time_pass(tagger, SENTENCES, Load(batch_size=1))["n_calls"] == 5
    assert timing.time_pass(tagger, SENTENCES, Load(batch_size=2))["n_calls"] == 3
    assert tagger.calls == [["a"], ["b"], ["c"], ["d"], ["e"], ["a", "b", "c", "d", "e"]]


def test_in_real_time_the_calls_are_those_of_the_pass() -> None:
    tagger = Recorder()
    turn = timing.time_pass(tagger, SENTENCES, Load(batch_size=1, each_call=True))
    assert (len(tagger.calls), len(turn["calls_s"])) == (5, 5)
    assert sum(turn["calls_s"]) == turn["seconds"]
    assert tagger.max_windows == [1] * 5


def test_each_call_holds_one_full_batch_and_the_last_is_filled_up_from_the_beginning() -> None:
    tagger = Recorder()
    turn = timing.time_pass(tagger, SENTENCES, Load(batch_size=2, each_call=True))
    assert tagger.calls == [["a", "b", "c", "d", "e"], ["a", "b"], ["c", "d"], ["e", "a"]]
    assert len(turn["calls_s"]) == 3
    # more windows than sentences are still one batch
    assert tagger.max_windows[0] == 2
    assert min(tagger.max_windows[1:]) > 2


def test_a_batch_of_more_sentences_than_there_are_goes_round_and_is_full() -> None:
    (batch,) = timing.fill_batches(SENTENCES, 12)
    assert "".join(words[0] for words in batch) == "abcdeabcdeab"


@pytest.mark.parametrize(
    ("n", "percent", "expected"),
    [(100, 50, 50), (100, 95, 95), (100, 99, 99), (10, 99, 10), (3, 50, 2), (1, 50, 1)],
)
def test_a_percentile_is_a_time_that_was_measured(n: int, percent: int, expected: int) -> None:
    values = list(range(n, 0, -1))
    assert timing.percentile(values, percent) == expected


def test_words_per_second_are_the_median_round_with_the_slowest_and_the_fastest() -> None:
    row = Timing("INT8", Load(8), seconds=(4.0, 1.0, 2.0), n_words=100, n_calls=1).as_dict()
    assert (row["words_per_s"], row["words_per_s_min"], row["words_per_s_max"]) == (50, 25, 100)
    assert "p50_ms" not in row  # no call was timed on its own


def test_calls_of_all_rounds_count_together() -> None:
    row = Timing("INT8", Load(8), (1.0, 1.0), n_words=1, n_calls=2, calls_s=(0.001, 0.002, 0.003, 0.004)).as_dict()
    assert (row["p50_ms"], row["p99_ms"], row["n_calls_timed"]) == (2, 4, 4)
