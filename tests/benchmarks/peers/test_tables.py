"""The pages say what was measured, how, and what did not run."""

from benchmarks.peers.tables import documented_page, graph_page, spread, text_page

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
    "right_sized": None,
    "goals": [],
    "engines": {"onnxruntime-int8": {"text": {"form": FORM}, "graph": {"peak_mib": 210.4}}},
}
RATE = {"median": 4200.0, "least": 4100.0, "most": 4350.0}
ROW = {
    "engine": "onnxruntime-int8",
    "rate": RATE,
    "ratios": {"ours-int8": {"median": 1.5, "least": 1.4, "most": 1.62}},
    "f1": 0.84123,
    "latency_ms": {"median": 3.25, "least": 3.0, "most": 3.5},
    "latency_ratios": {"ours-int8": {"median": 0.9, "least": 0.8, "most": 1.0}},
    "peak_mib": 230.6,
}
READ = {"n_words": 22000, "n_scored": 4057, "n_singles": 200}
RIGHT_SIZED = {"model": "def", "n_layers": 4, "n_layers_full": 6, "weights_share": 0.6667}
SMALL = {
    **ROW,
    "engine": "ours-right-sized",
    "ratios": {"ours-int8": {"median": 0.6, "least": 0.6, "most": 0.6}},
}


def page_of_text(**more):
    text = {"rows": [ROW], "n_documents": 128, "per_document": 8, **READ}
    return text_page({**RESULTS, "text": text, **more})


def with_right_sized():
    row = {**ROW, "ratios": {**ROW["ratios"], "ours-right-sized": {"median": 2.5, "least": 2.4, "most": 2.6}}}
    return {"text": {"rows": [row, SMALL], "n_documents": 128, "per_document": 8, **READ}, "right_sized": RIGHT_SIZED}


def test_a_row_has_rate_ratio_f1_latency_its_ratio_and_memory():
    row = (
        "| onnxruntime-int8 | 4,200 (4,100 .. 4,350) | 1.50x (1.40x .. 1.62x) | 0.8412 | 3.25 (3.00 .. 3.50) "
        "| 0.90x (0.80x .. 1.00x) | 231 |"
    )
    assert row in page_of_text().splitlines()


def test_the_right_sized_model_is_a_column_of_the_same_weights_and_never_a_row():
    page = page_of_text(**with_right_sized())
    assert "| engine | words/s | ours-right-sized / it | ours-int8 / it | F1 | ms |" in page
    assert "| 2.50x (2.40x .. 2.60x) | 1.50x (1.40x .. 1.62x) |" in page
    assert "| ours-right-sized | 4,200" not in page
    assert (
        "`ours-right-sized`: version def, 4 of 6 layers, 67 % of their weights; all others run the full model." in page
    )
    assert "From documents, in the rounds of the same weights: 4,200 (4,100 .. 4,350) words/s, F1 0.8412" in page


def test_the_page_of_the_documentation_has_a_row_of_the_right_sized_model_and_says_what_each_was_given():
    page = documented_page(
        {**RESULTS, "right_sized": RIGHT_SIZED, "documented": {"rows": [ROW, SMALL], "n_texts": 1024, **READ}}
    )
    assert page.startswith("# Each tool as its documentation has it\n")
    assert "22,000 words in 1,024 strings of a sentence each" in page
    assert "| ours-right-sized | 4,200 (4,100 .. 4,350) | - | 0.60x (0.60x .. 0.60x) |" in page
    assert "ms: one sentence at a time, median (p50) of 200" in page


def test_a_goal_is_shown_with_what_was_asked_for_and_what_was_measured():
    goal = {
        "what": "right-sized, over x",
        "over": "openvino-int8-latency",
        "at_least": 1.6,
        "measured": {"median": 1.5, "least": 1.4, "most": 1.62},
        "f1_loss": 0.0012,
        "reached": False,
    }
    row = "| right-sized, over x | openvino-int8-latency | 1.6x | 1.50x (1.40x .. 1.62x) | 0.0012 | no |"
    assert row in page_of_text(goals=[goal]).splitlines()
    assert "## Goals" not in page_of_text()


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
