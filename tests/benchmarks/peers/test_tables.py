"""The pages say what was measured, how, and what did not run."""

from benchmarks.peers.tables import graph_page, spread, text_page

FORM = {"variant": "dynamic", "max_windows": 64, "max_pieces": 2**31, "encoding": "tokenizers"}
RESULTS = {
    "host": {"cpu": "A CPU", "n_cpus": 2, "n_threads": 2, "vnni": True, "bf16": False},
    "versions": {"onnxruntime": "1.0"},
    "rounds": 5,
    "shape": "minilm",
    "model": "abc",
    "baseline": "ours-int8",
    "failed": {"openvino-fp32-latency": "found no openvino, expected it installed, in here"},
    "left_out": {"ours-bf16": "the CPU has neither AVX512_BF16 nor AMX_BF16"},
    "engines": {"onnxruntime-int8": {"text": {"form": FORM}, "graph": {"peak_mib": 210.4}}},
}
RATE = {"median": 4200.0, "least": 4100.0, "most": 4350.0}
ROW = {
    "engine": "onnxruntime-int8",
    "rate": RATE,
    "ratios": {"ours-int8": {"median": 1.5, "least": 1.4, "most": 1.62}},
    "f1": 0.84123,
    "peak_mib": 230.6,
}


def page_of_text():
    text = {"rows": [ROW], "n_words": 22000, "n_documents": 128, "per_document": 8, "n_scored": 4057}
    return text_page({**RESULTS, "text": text})


def test_a_row_has_rate_ratio_with_spread_f1_and_memory():
    row = "| onnxruntime-int8 | 4,200 (4,100 .. 4,350) | 1.50x (1.40x .. 1.62x) | 0.8412 | 231 |"
    assert row in page_of_text().splitlines()


def test_what_did_not_run_is_named_with_its_reason():
    page = page_of_text()
    assert "- `openvino-fp32-latency` did not run: found no openvino, expected it installed, in here" in page
    assert "- `ours-bf16` is left out: the CPU has neither AVX512_BF16 nor AMX_BF16" in page


def test_the_form_in_which_a_peer_ran_is_told():
    assert "- `onnxruntime-int8`: dynamic, batches of at most 64 windows, tokenizers" in page_of_text()


def test_the_page_of_the_graph_has_a_table_for_each_load_with_its_unit():
    page = graph_page({**RESULTS, "graph": {"32x128": [ROW], "1x32, latency": [ROW]}})
    assert "## 32x128\n\n| engine | pieces/s | ours-int8 / it |" in page
    assert "## 1x32, latency\n\n| engine | ms a call | ours-int8 / it |" in page
    assert "Peak memory in MiB: onnxruntime-int8 210." in page


def test_small_figures_keep_two_places_and_no_figure_is_a_dash():
    assert spread({"median": 2.375, "least": 2.0, "most": 3.0}, plain=True) == "2.38 (2.00 .. 3.00)"
    assert spread(None) == "-"
