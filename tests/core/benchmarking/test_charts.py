"""A benchmark is shown as a page and as two charts."""

from dataclasses import replace

from ner_tasks.benchmarking import charts, history
from tests.benchmark_figures import report


def page(now, *earlier):
    return charts.render_page(now, history.compare_with_history(now, earlier))


def test_the_table_shows_each_engine_over_the_first():
    text = charts.render_table(report(stock=100, int8=250)["rows"])
    assert "| 32 | stock FP32 | 100 | 90 to 110 | 1.00x | 1.00 | 2.00 | 3.00 | 0.9000 |" in text
    assert "| 32 | INT8 | 250 | 225 to 275 | 2.50x | 1.00 | 2.00 | 3.00 | 0.9000 |" in text


def test_each_batch_size_has_its_own_first():
    text = charts.render_table(report(stock_1=10, stock_32=100, int8_1=15, int8_32=250)["rows"])
    assert [line.split(" | ")[4] for line in text.splitlines()[2:]] == ["1.00x", "1.00x", "1.50x", "2.50x"]


def test_the_page_says_on_what_and_how_it_was_measured():
    text = page(report(stock=100, int8=250))
    assert "64 sentences of test.csv, 3 interleaved rounds, 2 threads, 4 CPUs of AMD EPYC (R) 7763 (VNNI)." in text
    assert "each row here has at least 6 calls" in text


def test_the_page_says_by_which_figure_it_was_compared():
    text = page(report(stock=50, int8=100), report(20, stock=100, int8=250))
    line = (
        "- INT8 at batch size 32: 2.00x stock FP32, before 2.50x stock FP32 (2026-11-20T03:00:00.000000+00:00), -20.0%"
    )
    assert line in text.splitlines()
    assert "- stock FP32 at batch size 32: 50 words/s, before 100 words/s" in text
    assert "-50.0%; reference for the other engines" in text


def test_the_page_names_the_version_that_it_was_compared_with():
    now = report(int8=100)
    (change,) = history.compare_with_history(now, [report(20, int8=100)])
    assert "(version v1, 2026-11-20" in charts.render_page(now, [replace(change, version="v1")])


def test_the_page_says_if_there_was_nothing_to_compare_with():
    assert "there is no earlier run" in page(report(int8=100))


def test_both_charts_show_every_engine_with_its_f1(tmp_path):
    # an engine without a bar at one of the sizes, and only one call
    charts.plot_benchmark(report(stock_1=10, stock_32=100, int8_32=250)["rows"], tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"plot.png", "plot.svg", "latency.png", "latency.svg"}
    assert all(path.stat().st_size > 1000 for path in tmp_path.iterdir())
    drawn = charts._iter_groups(report(stock_1=10, stock_32=100, int8_32=250)["rows"])
    assert [(label, len(at)) for label, at, _, _ in drawn] == [("stock FP32, F1 0.9000", 2), ("INT8, F1 0.9000", 1)]


def test_the_learning_curves_are_drawn_with_and_without_averaged_weights(tmp_path):
    curve = [{"step": step, "loss": 1 / step, "learning_rate": 1e-3 / step} for step in (25, 50, 75)]
    for name, more in (("plain", {}), ("averaged", {"dev_f1_averaged": 0.6})):
        (tmp_path / name).mkdir()
        charts.plot_learning_curve([{"step": 80, "dev_f1": 0.5, **more}], curve, tmp_path / name)
        assert (tmp_path / name / "learning.png").read_bytes().startswith(b"\x89PNG")
    texts = [(tmp_path / name / "learning.svg").read_text() for name in ("plain", "averaged")]
    assert ["averaged weights" in text for text in texts] == [False, True]
