"""A goal is reached by the ratio to the fastest peer, and by a right-sized model only if it is as good."""

import pytest

from benchmarks.peers.engines import ENGINES
from benchmarks.peers.goals import GOALS, compare_with_goals


def spread(median):
    return {"median": median, "least": median, "most": median}


def row(engine, *, full, small, f1=0.84, latency=1.0):
    ratios = {"ours-int8": spread(full), "ours-right-sized": spread(small)}
    singles = {"ours-int8": spread(latency), "ours-right-sized": spread(latency)}
    return {"engine": engine, "ratios": ratios, "latency_ratios": singles, "f1": f1}


def rows(*, small_f1=0.839):
    return [
        row("ours-int8", full=1, small=1.5, f1=0.84),
        row("ours-right-sized", full=0.67, small=1, f1=small_f1),
        row("openvino-int8-latency", full=1.3, small=2.0, latency=0.7),
        row("openvino-int8-throughput", full=1.1, small=1.7, latency=0.9),
        row("onnxruntime-int8", full=1.4, small=2.1),
    ]


def reached(found):
    return {(goal["what"], goal["over"]): goal["reached"] for goal in found}


def test_the_fastest_peer_counts_and_it_may_be_another_one_for_single_sentences():
    assert reached(compare_with_goals(rows())) == {
        ("same weights, over OpenVINO INT8", "openvino-int8-throughput"): True,
        ("right-sized, over OpenVINO INT8 with the full model", "openvino-int8-throughput"): True,
        ("right-sized, over ONNX Runtime INT8", "onnxruntime-int8"): False,
        ("same weights, one sentence at a time, over OpenVINO INT8", "openvino-int8-latency"): False,
        ("right-sized, one sentence at a time, over OpenVINO INT8", "openvino-int8-latency"): False,
    }


@pytest.mark.parametrize(("f1", "sound"), [(0.8381, True), (0.8379, False), (0.85, True)])
def test_a_right_sized_model_that_loses_more_f1_reaches_no_goal(f1, sound):
    found = reached(compare_with_goals(rows(small_f1=f1)))
    assert found["right-sized, over OpenVINO INT8 with the full model", "openvino-int8-throughput"] is sound
    assert found["same weights, over OpenVINO INT8", "openvino-int8-throughput"] is True


def test_without_our_full_model_a_right_sized_one_reaches_nothing():
    found = compare_with_goals([one for one in rows() if one["engine"] != "ours-int8"])
    assert not any(goal["reached"] for goal in found if goal["ours"] == "ours-right-sized")


def test_goals_are_about_engines_that_there_are():
    from fnmatch import fnmatchcase

    for goal in GOALS:
        assert any(fnmatchcase(engine.name, goal.peers) and engine.runs_at("text") for engine in ENGINES), goal
