"""Engines are timed side by side, in turns, and what cannot run is refused."""

from pathlib import Path

import pytest

from ner_tasks import benchmarking, charts, comparison, corpus, host
from ner_tasks.benchmarking import Engine, Load
from ner_tasks.errors import ConfigInvalid
from tests import tiny


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "test.csv"
    corpus.write_kaggle_csv(path, tiny.sentences(40, seed=7))
    return path


@pytest.mark.slow
def test_int8_is_compared_with_fp32_in_f1_and_speed(frozen: Path, int8: Path, data: Path) -> None:
    found = comparison.compare(frozen, int8, data, n_sentences=40, rounds=2, n_threads=2)
    assert found["fp32"]["overall"]["n_gold"] == found["int8"]["overall"]["n_gold"] == 80
    assert abs(found["f1_loss"]) < 0.05
    speed = found["speed"]
    assert speed["int8_over_stock"] == pytest.approx(speed["int8"] / speed["stock_fp32"], rel=1e-3)
    # 128 pieces where 24 would do: no machine is noisy enough to hide it.
    assert speed["bucketed_over_padded"] > 1
    assert [(row["engine"], row["padded_to"]) for row in found["timings"]] == [
        ("stock_fp32", "bucket"),
        ("onednn_fp32", "bucket"),
        ("int8", "bucket"),
        ("int8", 128),
    ]


@pytest.mark.slow
def test_a_benchmark_leaves_its_rows_a_table_and_a_chart(frozen: Path, int8: Path, data: Path, tmp_path: Path) -> None:
    found = comparison.benchmark(
        [frozen, int8], data, tmp_path / "out", batch_sizes=[1, 8], n_sentences=16, rounds=1, n_threads=2
    )
    engines = {row["engine"] for row in found["rows"]}
    assert {"stock FP32", "oneDNN FP32", "INT8"} <= engines
    assert ("oneDNN BF16" in engines) == host.has_bf16()
    assert len(found["rows"]) == 2 * len(engines)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "benchmark.json",
        "table.md",
        "plot.png",
        "plot.svg",
    }


def test_int8_without_onednn_is_refused_before_anything_runs(int8: Path) -> None:
    with pytest.raises(ConfigInvalid, match="found oneDNN off, expected on for an INT8 model"):
        benchmarking.check_runnable(Engine("x", str(int8), onednn=False))


def test_bf16_on_a_cpu_without_it_is_refused(frozen: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "cpu_flags", lambda: frozenset({"avx2"}))
    with pytest.raises(ConfigInvalid, match="found a CPU without AVX512_BF16"):
        benchmarking.check_runnable(Engine("x", str(frozen), bf16=True))
    assert [engine.name for engine in benchmarking.engines_of(frozen)] == ["stock FP32", "oneDNN FP32"]


def test_real_time_is_one_sentence_after_the_other() -> None:
    class Recorder:
        def __init__(self) -> None:
            self.calls: list[int] = []

        def tag(self, sentences: list, limits: object) -> None:
            self.calls.append(len(sentences))

    tagger = Recorder()
    sentences = [["a", "b"]] * 5
    assert benchmarking.timed(tagger, sentences, Load(batch_size=1))["n_calls"] == 5
    assert benchmarking.timed(tagger, sentences, Load(batch_size=2))["n_calls"] == 3
    assert tagger.calls == [1] * 5 + [5]


def test_the_table_shows_each_engine_over_the_first() -> None:
    row = {"batch_size": 32, "call_ms": 1.0, "f1": 0.9}
    text = charts.table(
        [{**row, "engine": "stock", "words_per_s": 100.0}, {**row, "engine": "INT8", "words_per_s": 250.0}]
    )
    assert "| 32 | INT8 | 250 | 1.00 | 2.50x | 0.9000 |" in text
