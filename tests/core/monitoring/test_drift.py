"""Is a night of the usual kind? Nights are made by a seeded generator whose truth is known."""

import json
import random
from pathlib import Path

import pytest

from ner_tasks.cli import app
from ner_tasks.errors import ArtifactBroken, ConfigInvalid, InputMissing
from ner_tasks.files import atomic
from ner_tasks.monitoring.drift import DEFAULT_CONFIG, DriftConfig, compare_night, make_drift_report
from ner_tasks.tagging.statistics import RateSums, compute_statistics, read_sums
from tests import answers

CONFIG = DriftConfig.read()
RATES = {"per": 0.02, "geo": 0.01, "tim": 0.004}
_WORD = "word "


def night(path: Path, seed: int, *, n: int = 150, rates=RATES, sure: float = 12, words: float = 5, rejected=0) -> dict:
    """Statistics of a night; entities come in clusters, and its documents are of any length."""
    chance = random.Random(seed)
    lines = []
    for index in range(n):
        n_words = max(5, int(chance.lognormvariate(words, 0.8)))
        entities = []
        for label, rate in rates.items():
            # of some documents the label is a theme
            n_of_label = sum(chance.random() < rate * chance.choice((0.2, 1, 1.8)) for _ in range(n_words))
            entities += [(label, chance.betavariate(sure, 1)) for _ in range(n_of_label)]
        line = answers.answer(f"{index}.txt", "x")
        line["entities"] = [{"start": 0, "end": 1, "label": label, "score": score} for label, score in entities]
        line["receipt"] |= {
            "n_words": n_words,
            "n_sentences": max(1, n_words // 20),
            "n_pieces": int(1.3 * n_words) + 2,
        }
        lines.append(line)
    answers.write(path, lines)
    return compute_statistics(path, {"n_documents": n + rejected, "rejected": {"empty": rejected} if rejected else {}})


@pytest.fixture(scope="module")
def usual(tmp_path_factory) -> list[dict]:
    folder = tmp_path_factory.mktemp("nights")
    return [night(folder / "documents.jsonl", seed, rejected=3) for seed in range(40)]


def alerts(now: dict, before: list[dict], config: DriftConfig = CONFIG) -> list[str]:
    findings, _ = compare_night(now, before, config)
    return [one.measure for one in findings if one.alert]


def test_the_sums_of_a_night_are_those_of_its_answers(tmp_path):
    lines = [
        answers.answer("a", "Maria left Boston .", {"Maria": "per", "Boston": "geo"}, score=0.95),
        answers.answer("b", "She wrote .", score=0.4),
        answers.answer("c", "Chen and Olga met .", {"Chen": "per", "Olga": "per"}, score=0.4),
    ]
    said = compute_statistics(
        answers.write(tmp_path / "documents.jsonl", lines), {"n_documents": 5, "rejected": {"empty": 2}}
    )
    assert (said["n_documents"], said["n_tagged"], said["n_words"], said["n_entities"]) == (5, 3, 12, 4)
    assert read_sums(said, "entities/per") == RateSums(3, 3, 12, 5, 14, 50)
    assert read_sums(said, "entities/geo") == RateSums(3, 1, 12, 1, 4, 50)
    assert read_sums(said, "entities/art") == RateSums(3, 0, 12, 0, 0, 50)
    assert read_sums(said, "confidence/mean").x == pytest.approx(2 * 0.95 + 2 * 0.4)
    assert read_sums(said, "confidence/below_0.5").x == 2
    assert read_sums(said, "documents/without_entities").x == 1
    assert read_sums(said, "rejected/empty") == RateSums(5, 2, 5, 2, 2, 5)
    assert said["scores"] == {"q05": 0.41, "q10": 0.41, "q50": 0.41}


def test_unknown_pieces_are_counted_where_the_receipts_tell(tmp_path):
    line = answers.answer("a", "Maria left .")
    line["receipt"]["n_unknown"] = 2
    said = compute_statistics(answers.write(tmp_path / "d.jsonl", [line]), {"n_documents": 1, "rejected": {}})
    assert read_sums(said, "pieces/unknown").x == 2
    assert (
        "pieces/unknown"
        not in compute_statistics(
            answers.write(tmp_path / "d.jsonl", [answers.answer("a", "Maria left .")]),
            {"n_documents": 1, "rejected": {}},
        )["measures"]
    )


PLANTED = {
    "a label twice as often": ({"rates": {**RATES, "geo": 0.02}}, "entities/geo"),
    "a label gone": ({"rates": {"per": 0.02, "geo": 0.01}}, "entities/tim"),
    "a label never seen before": ({"rates": {**RATES, "art": 0.01}}, "entities/art"),
    "a model less sure": ({"sure": 5}, "confidence/mean"),
    "documents half as long": ({"words": 4.3}, "documents/log_words"),
    "rejects": ({"rejected": 60}, "rejected/empty"),
}


@pytest.mark.parametrize(("change", "measure"), PLANTED.values(), ids=PLANTED)
@pytest.mark.parametrize("seed", [100, 101, 102])
def test_planted_drift_is_found(usual, tmp_path, change, measure, seed):
    assert measure in alerts(night(tmp_path / "documents.jsonl", seed, **{"rejected": 3, **change}), usual[:14])


def test_nights_of_the_same_kind_hardly_ever_raise_an_alarm(usual):
    chance = random.Random(0)
    raised = 0
    for _ in range(200):
        one, *others = chance.sample(usual, 1 + chance.randint(CONFIG.min_nights, CONFIG.max_nights))
        raised += bool(alerts(one, others))
    # the chance is that of the config; 2 % is what it may look like over 200 of 40 nights
    assert raised / 200 <= 0.02


def test_nights_that_have_always_differed_from_each_other_raise_none_where_documents_alone_would(tmp_path):
    chance = random.Random(1)
    nights = []
    for seed in range(24):
        factor = chance.lognormvariate(0, 0.35)
        rates = {label: rate * factor for label, rate in RATES.items()}
        nights.append(night(tmp_path / "documents.jsonl", seed, rates=rates))
    raised = sum(bool(alerts(one, [other for other in nights if other is not one][:14])) for one in nights)
    assert raised <= 1


def test_one_odd_document_is_no_drift(usual, tmp_path):
    path = tmp_path / "documents.jsonl"
    night(path, 200)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[0]["entities"] = [{"start": 0, "end": 1, "label": "geo", "score": 0.95} for _ in range(400)]
    lines[0]["receipt"]["n_words"] = 900
    now = compute_statistics(answers.write(path, lines), {"n_documents": len(lines), "rejected": {}})
    geo = read_sums(now, "entities/geo")
    assert geo.x / geo.w > 1.5 * RATES["geo"]
    assert "entities/geo" not in alerts(now, usual[:14])


def test_what_is_sure_but_small_is_no_alarm(usual, tmp_path):
    now = night(tmp_path / "documents.jsonl", 300, n=3000, rates={**RATES, "per": 0.0235}, rejected=60)
    (per,) = [one for one in compare_night(now, usual, CONFIG)[0] if one.measure == "entities/per"]
    assert per.p < 0.01 and per.change < 0.25 and not per.alert


@pytest.mark.runbook("nightly-tagging", "drift reports expected at least 5")
@pytest.mark.parametrize(
    ("n_before", "n", "why"), [(4, 150, "found 4 previous nights by this model"), (14, 19, "found 19 documents")]
)
def test_too_little_is_not_judged_and_says_so(usual, tmp_path, n_before, n, why):
    said = make_drift_report(night(tmp_path / "d.jsonl", 1, n=n, rates={"per": 0.5}), usual[:n_before], CONFIG)
    assert (said["judged"], said["alerts"]) == (False, [])
    assert said["why_not"].startswith(why)


def test_a_rare_label_is_not_judged(usual, tmp_path):
    rates = {**RATES, "art": 0.0002}
    findings, _ = compare_night(night(tmp_path / "d.jsonl", 2, rates=rates), usual[:14], CONFIG)
    assert {one.p for one in findings if one.measure == "entities/art"} == {None}


def test_an_empty_night_is_not_judged(usual, tmp_path):
    now = night(tmp_path / "d.jsonl", 1, n=0)
    assert now["scores"]["q50"] is None
    assert make_drift_report(now, usual[:14], CONFIG)["judged"] is False


WRONG = {
    "an unknown key": ("max_nigths: 3", "max_nigths"),
    "a family without a limit": ("least_change: {entities: 0.1}", "least_change has entities and not"),
    "limits that contradict each other": ("min_nights: 9\nmax_nights: 7", "min_nights 9 is greater than"),
    "no YAML": ("a: [", "expected YAML"),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_yaml_is_refused(tmp_path, text, message):
    path = tmp_path / "drift.yaml"
    whole = DEFAULT_CONFIG.read_text()
    changed = {line.split(":")[0] for line in text.splitlines()}
    kept = (
        ""
        if "least_change" in text
        else "\n".join(line for line in whole.splitlines() if line.split(":")[0] not in changed)
    )
    path.write_text(kept + "\n" + text + "\n")
    with pytest.raises(ConfigInvalid, match=message):
        DriftConfig.read(path)
    with pytest.raises(InputMissing):
        DriftConfig.read(tmp_path / "none.yaml")


def test_the_verb_reports_the_alerts_first(usual, tmp_path, capsys):
    paths = []
    for index, one in enumerate([night(tmp_path / "d.jsonl", 9, rates={**RATES, "geo": 0.03}), *usual[:14]]):
        paths.append(tmp_path / f"{index}.json")
        atomic.write_json(paths[-1], one)
    flags = ["drift", "--night", paths[0], "--before", *paths[1:], "--report", tmp_path / "r.json"]
    assert app.main([str(flag) for flag in flags]) == 0
    said = atomic.read_json(tmp_path / "r.json")["result"]
    assert said["findings"][0]["measure"] == "entities/geo" and said["findings"][0]["alert"]
    assert said["alerts"][0].startswith("found entities/geo at ")
    assert said["alerts"][0] in capsys.readouterr().out


DAMAGED = {
    "cut": '{"n_documents": 15',
    "a list": "[]",
    "no measures": '{"n_documents": 1, "n_tagged": 1, "scores": {}}',
    "measures of words": '{"n_documents": 1, "n_tagged": 1, "scores": {}, "measures": {"pieces/per_word": {"w": "x"}}}',
    "no number": '{"n_documents": 1, "n_tagged": 1, "scores": {}, "measures": {"pieces/per_word": {"w": NaN}}}',
}


@pytest.mark.runbook("nightly-tagging", "notice: an earlier night is not compared with, <day> is")
@pytest.mark.parametrize("damaged", DAMAGED.values(), ids=DAMAGED)
def test_damaged_statistics_of_an_earlier_night_cost_a_notice_and_those_of_the_night_an_error(
    usual, tmp_path, capsys, damaged
):
    paths = [tmp_path / f"{index}.json" for index in range(8)]
    for path, one in zip(paths, usual, strict=False):
        atomic.write_json(path, one)
    paths[2].write_text(damaged)
    paths[3].unlink()
    report = tmp_path / "r.json"
    flags = ["drift", "--night", paths[0], "--before", *paths[1:], "--report", report]
    assert app.main([str(flag) for flag in flags]) == 0
    said = atomic.read_json(report)["result"]
    assert (said["n_nights_before"], said["judged"]) == (5, True)
    notices = [line for line in capsys.readouterr().out.splitlines() if "notice" in line]
    assert [str(path) in notice for path, notice in zip(paths[2:4], notices, strict=True)] == [True, True]
    flags = ["drift", "--night", paths[2], "--before", *paths[4:], "--report", report]
    assert app.main([str(flag) for flag in flags]) == ArtifactBroken.exit_code
