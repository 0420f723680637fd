"""Which engines are compared, and among which forms the best of a peer is looked for."""

import pytest

from benchmarks.peers.engines import ENGINES, RIGHT_SIZED, list_variants, select_engines
from ner_tasks.errors import ConfigInvalid


def test_without_a_filter_all_engines_are_compared():
    assert select_engines([]) == list(ENGINES)


def test_patterns_choose_by_name_in_the_order_of_the_list():
    names = [engine.name for engine in select_engines(["openvino-int8-*", "ours-int8"])]
    assert names == ["ours-int8", "openvino-int8-latency", "openvino-int8-throughput"]


def test_a_pattern_that_matches_nothing_is_refused():
    with pytest.raises(
        ConfigInvalid, match="found 'tensorrt', expected names or patterns among ours-int8, .*, in ENGINES"
    ):
        select_engines(["ours-*", "tensorrt"])


def test_no_two_engines_have_one_name():
    assert len({engine.name for engine in ENGINES}) == len(ENGINES)


def test_the_graph_alone_is_compared_for_one_model_and_for_tuned_engines_only():
    at = [engine for engine in ENGINES if engine.runs_at("graph")]
    assert all(engine.has_full_model and engine.usage != "documented" for engine in at)
    assert {"ours-int8", "kit-int8", "openvino-int8-latency"} <= {engine.name for engine in at}


def test_the_right_sized_model_is_timed_in_both_tables_and_what_is_documented_in_one():
    at_text = {engine.name for engine in ENGINES if engine.runs_at("text")}
    documented = {engine.name for engine in ENGINES if engine.runs_at("documented")}
    assert at_text & documented == {RIGHT_SIZED, "ours-int8", "kit-int8", "kit-fp32"}
    assert "openvino-int8-throughput" in at_text - documented
    assert {name for name in documented if name.startswith("documented-")} == documented - at_text


def test_what_is_documented_has_no_form_to_search_for():
    assert not any(engine.is_tuned for engine in ENGINES if engine.usage == "documented")


@pytest.mark.parametrize("bf16", [False, True])
def test_every_peer_has_a_variant_and_bfloat16_is_tried_only_where_the_cpu_has_it(bf16):
    for engine in ENGINES:
        variants = list_variants(engine, bf16=bf16)
        assert variants
        assert engine.precision == "BF16" or bf16 or not any("bf16" in variant for variant in variants)
