"""What the pages draw: nights, versions, drift and thresholds as series over the same places."""

import math
from datetime import date, timedelta

import pytest

from ner_tasks.dashboard import nights, quality, versions
from ner_tasks.dashboard.charts import LIMIT, Series, VerticalLine, clean_values, find_changes
from ner_tasks.dashboard.reader import StoreReader
from ner_tasks.enrichment.policy import EntityPolicy, LabelRules, PolicyFile
from ner_tasks.store.folder import FolderStore
from tests.published import manifest_of

SCORE = {"f1": 0.8, "precision": 0.8, "recall": 0.8, "n_gold": 9}


def night(day, n=5, **said):
    return {**manifest_of(day, n), "words_per_s": 9.5, **said}


def test_values_that_are_no_measurements_are_missing():
    found = [0, 1.5, None, math.nan, math.inf, -math.inf, LIMIT, 2 * LIMIT, True, "7", -3]
    assert clean_values(found) == (0.0, 1.5, None, None, None, None, LIMIT, None, None, None, -3.0)


def test_a_rule_stands_before_each_place_where_the_model_changes():
    assert find_changes([None, "a", "a", None, "b", "b", "a"], "model {}") == (
        VerticalLine(3.5, "model b"),
        VerticalLine(5.5, "model a"),
    )
    assert find_changes([], "") == find_changes([None, None], "") == find_changes(["a"], "") == ()


def test_nights_are_drawn_over_all_days_so_that_a_day_without_one_is_a_gap():
    published = [night("2026-01-04", 7, model_version="v2"), night("2026-01-03"), night("2026-01-01")]
    del published[1]["n_partly_read"]
    documents, speed, minutes, rejected, partly, entities = nights.chart_nights(published)
    assert documents.places == ("2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04")
    assert documents.series[0].values == rejected.series[0].values == (5.0, None, 5.0, 7.0)
    assert speed.series[0].values == (9.5, None, 9.5, 9.5)
    assert minutes.series[0].values == (1.0 / 60, None, 1.0 / 60, 1.0 / 60) and entities.series == (
        Series("entities", (5.0, None, 5.0, 7.0)),
    )
    assert partly.series[0].values == (5.0, None, 0.0, 7.0)
    assert documents.rules == (VerticalLine(2.5, "model v2 from here on"),)
    assert nights.chart_nights([]) == []


@pytest.mark.parametrize(
    "days", [("2026-01-01", "not-a-day"), ("0001-01-01", "9999-12-31"), ("2026-01-01", "2026-01-01-late")]
)
def test_days_too_far_apart_or_of_another_form_are_drawn_side_by_side(days):
    assert nights.chart_nights([night(day) for day in reversed(days)])[0].places == days


def test_the_axis_of_days_is_bounded():
    first = date(2025, 1, 1)
    for n_days, n_places in ((nights.MAX_DAYS, nights.MAX_DAYS), (nights.MAX_DAYS + 1, 2)):
        days = [str(first + timedelta(days=n_days - 1)), str(first)]
        assert len(nights.chart_nights([night(day) for day in days])[0].places) == n_places


@pytest.fixture
def store(tmp_path):
    return FolderStore(tmp_path / "store")


def register(store, name, at, f1, labels, int8=None):
    score = {"overall": {"f1": f1}, "labels": {label: {"f1": value} for label, value in labels.items()}}
    store.write_json(f"models/{name}/version.json", {**score, "at": at, "snapshot": "s"})
    if int8:
        store.write_json(f"reports/models/{name}/compare.json", {"int8": int8, "speed": {"int8_over_stock": 3}})


def test_f1_is_drawn_from_the_oldest_version_to_the_newest_for_each_label_that_any_of_them_has(store):
    register(store, "v1", "2026-01-01T01:00:00", 0.7, {"per": 0.6})
    labels = {"per": {"f1": 0.61}, "geo": {"f1": 0.71}}
    register(store, "v2", "2026-01-08", 0.8, {"per": 0.65, "geo": 0.75}, {"overall": {"f1": 0.79}, "labels": labels})
    register(store, "v3", "2026-01-15", 0.9, {"geo": 0.95}, {"overall": {"f1": 0.89}})
    store.write_json("models/promoted.json", {"version": "v2", "kind": "int8", "by": "ada", "at": "2026-01-09"})
    listed = versions.list_versions(StoreReader(store))
    overall, geo, per = versions.chart_f1(listed)
    assert overall.places == ("v1", "v2", "v3") and overall.ticks == ("2026-01-01", "2026-01-08", "2026-01-15")
    assert [series.values for series in overall.series] == [(0.7, 0.8, 0.9), (None, 0.79, 0.89)]
    assert [series.values for series in geo.series] == [(None, 0.75, 0.95), (None, 0.71, None)]
    assert per.series[0].values == (0.6, 0.65, None)
    assert overall.rules == (VerticalLine(1, "v2 is promoted"),)
    assert (overall.is_label, per.is_label, per.name) == (False, True, "per")
    assert versions.chart_f1([]) == [] and versions.list_score_labels(listed) == ["geo", "per"]


def found(measure, now, *, alert=False):
    return {"measure": measure, "now": now, "usual": 4.0, "lowest": 3.0, "highest": 5.0, "alert": alert, "p": 0.1}


def drift(store, day, *findings, version="v1"):
    report = {"day": day, "model_version": version, "alerts": [], "accepted": False, "findings": list(findings)}
    store.write_json(f"reports/drift/{day}.json", report)


def test_drift_is_drawn_with_its_band_and_what_is_unusual_comes_first(store):
    drift(store, "2026-01-01", found("entities/a", 4.2), found("entities/b", 4.0), found("confidence/mean", 0.9))
    drift(store, "2026-01-02", found("entities/a", 4.1), found("entities/b", 9.0, alert=True))
    store.write_json(
        "reports/drift/2026-01-03.json", {"day": "2026-01-03", "model_version": "v2", "alerts": [], "accepted": False}
    )
    reports = quality.read_drift(StoreReader(store), most=9)
    b, a = quality.chart_drift(reports, of_labels=True)
    assert (b.name, a.name, b.is_label) == ("b", "a", True)
    assert a.places == ("2026-01-01", "2026-01-02", "2026-01-03")
    assert [series.values for series in b.series] == [(4.0, 9.0, None), (4.0, 4.0, None)]
    assert b.series[0].unusual == {1} and a.series[0].unusual == frozenset()
    assert (a.band.lowest, a.band.highest) == ((3.0, 3.0, None), (5.0, 5.0, None))
    assert a.rules == (VerticalLine(1.5, "model v2 from here on"),)
    (mean,) = quality.chart_drift(reports, of_labels=False)
    assert mean.name == "Mean score" and mean.series[0].values == (0.9, None, None)
    assert quality.chart_drift([], of_labels=True) == []


@pytest.mark.parametrize(
    ("measure", "name"),
    [
        ("rejected/broken", "Share rejected: broken"),
        ("confidence/below_0.5", "Share of scores below 0.5"),
        ("pieces/unknown", "Unknown word pieces per word"),
        ("something/new", "something/new"),
    ],
)
def test_other_measures_have_names_for_people(store, measure, name):
    drift(store, "2026-01-01", found(measure, 1.0))
    (chart,) = quality.chart_drift(quality.read_drift(StoreReader(store), most=1), of_labels=False)
    assert (chart.name, chart.is_label) == (name, False)


def test_a_drift_report_with_damaged_findings_is_left_out_and_said(store):
    drift(store, "2026-01-01", found("entities/a", "many"))
    drift(store, "2026-01-02", found("entities/a", 4.0))
    reader = StoreReader(store)
    assert [report["day"] for report in quality.read_drift(reader, most=9)] == ["2026-01-02"]
    assert "found a wrong findings.0.now" in reader.unreadable["reports/drift/2026-01-01.json"]


def rows(*given):
    return [
        {"min_score": index / 10, "n_given": n, "precision": 0.5 if n else 0.0, "recall": n / 10, "f1": 0.5}
        for index, n in enumerate(given)
    ]


def evaluation(**labels):
    tables = {"overall": rows(9, 5, 0), "labels": labels, "reliability": []}
    return {"overall": SCORE, "labels": {"per": SCORE}, "n_sentences": 9, "calibration": {"by_score": tables}}


def test_thresholds_are_drawn_with_the_scores_in_effect_and_no_precision_of_nothing(store):
    rules = PolicyFile(all=LabelRules(publish=0.1), labels={"per": LabelRules(publish=0.15, review=0.05)})
    charts = quality.chart_thresholds(evaluation(per=rows(9, 5, 0), geo=rows(3, 1, 1)), EntityPolicy(rules))
    overall, geo, per = charts
    assert [chart.name for chart in charts] == ["All labels", "geo", "per"]
    assert overall.places == ("0.0", "0.1", "0.2") and overall.rules == ()
    assert [series.values for series in per.series] == [(0.5, 0.5, None), (0.9, 0.5, 0.0)]
    assert [(pytest.approx(rule.at), rule.name) for rule in per.rules] == [
        (1.5, "published from 0.15 on"),
        (0.5, "reviewed from 0.05 on"),
    ]
    assert geo.rules == (VerticalLine(1.0, "published from 0.1 on"),)
    assert quality.chart_thresholds(evaluation(per=rows(1)), None)[1].rules == ()


def test_a_score_in_effect_beyond_the_thresholds_has_no_line():
    policy = EntityPolicy(PolicyFile(all=LabelRules(publish=0.99)))
    assert quality.chart_thresholds(evaluation(per=rows(9, 5, 0)), policy)[1].rules == ()


def test_an_evaluation_of_an_earlier_release_has_no_thresholds():
    old = {"overall": SCORE, "labels": {"per": SCORE}, "n_sentences": 9}
    assert quality.chart_thresholds(old, None) == []
    assert quality.chart_thresholds({**old, "calibration": {"temperature": 1.0}}, None) == []


def test_the_policy_says_from_which_scores_a_label_is_published_and_reviewed():
    policy = EntityPolicy(PolicyFile(all=LabelRules(publish=0.4, review=0.2), labels={"per": LabelRules(publish=0.6)}))
    assert (policy.scores("per"), policy.scores("geo")) == ((0.6, 0.2), (0.4, 0.2))
    assert EntityPolicy(PolicyFile(all=LabelRules(publish=0.4))).scores("geo") == (0.4, 0.4)
