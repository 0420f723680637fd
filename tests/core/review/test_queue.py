"""Which sentences a person is asked to read, and the files that labelling tools read."""

import json
from xml.etree import ElementTree

import pytest

from ner_tasks.errors import ConfigInvalid
from ner_tasks.review.labelling_tools import write_queue
from ner_tasks.review.queue import ReviewConfig, build_queue
from tests.answers import answer, without_text, write


def asked(folder, lines, *, other=None, **options):
    beside = write(folder / "other.jsonl", other) if other is not None else None
    config = ReviewConfig(**{"random_share": 0.0, **options})
    return build_queue(write(folder / "documents.jsonl", lines), config, other=beside)


def unsure(name, score, mention="Tampa"):
    return answer(name, f"She left {mention} on day {name} .", {mention: "geo"}, score=score)


def test_the_least_sure_come_first_and_the_sure_not_at_all(tmp_path):
    lines = [unsure(str(index), score, f"Town{index}") for index, score in enumerate((0.7, 0.99, 0.3, 0.5))]
    queue = asked(tmp_path, lines)
    assert [item.document for item in queue.items] == ["2", "3", "0"]
    assert {item.why for item in queue.items} == {"unsure"}
    assert [item.document for item in asked(tmp_path, lines, n_most=2).items] == ["2", "3"]


def test_what_two_models_are_sure_of_and_disagree_about_comes_before_what_one_is_unsure_of(tmp_path):
    text = "She met Jackson in Tampa ."
    lines = [unsure("a", 0.2), answer("b", text, {"Jackson": "geo", "Tampa": "geo"}, score=0.95)]
    other = answer("b", text, {"Jackson": "per", "Tampa": "geo"}, score=0.97)
    other["receipt"]["model_version"] = "v2"
    queue = asked(tmp_path, lines, other=[other])
    first, second = queue.items
    assert (first.document, first.why, first.about) == ("b", "disagreement", ("jackson", "geo"))
    assert (first.model, first.other_model) == ("v1", "v2")
    assert [entity["label"] for entity in first.other_entities] == ["per", "geo"]
    assert (second.document, second.other_model) == ("a", None)
    assert queue.labels == {"geo", "per"}


def test_a_mention_that_only_the_other_model_finds_is_a_disagreement(tmp_path):
    text = "She left Tampa ."
    (item,) = asked(tmp_path, [answer("a", text)], other=[answer("a", text, {"Tampa": "geo"})]).items
    assert (item.why, item.about, item.entities) == ("disagreement", ("tampa", "geo"), ())


def test_another_text_under_the_same_name_is_not_compared(tmp_path):
    old, new = answer("a", "She left Tampa ."), answer("a", "He left Tampa .", {"Tampa": "geo"})
    assert asked(tmp_path, [old], other=[{**new, "sha256": old["sha256"]}]).items == []


@pytest.mark.runbook("review", "fewer sentences than n_most")
def test_the_same_mention_is_asked_about_a_few_times_and_no_sentence_twice(tmp_path):
    lines = [unsure(str(index), 0.4 + index / 100) for index in range(10)]
    twice = [answer(f"copy {index}", "He left Austin .", {"Austin": "geo"}, score=0.3) for index in range(3)]
    queue = asked(tmp_path, lines + twice, n_same=2)
    assert [item.document for item in queue.items] == ["copy 0", "0", "1"]
    assert queue.found == {"unsure": 13}


def test_chance_picks_sentences_that_nothing_else_does_and_the_same_ones_each_time(tmp_path):
    lines = [answer(str(index), f"Nothing was found on day {index} .") for index in range(100)]
    queues = [asked(tmp_path, [*lines, unsure("x", 0.1)], n_most=10, random_share=0.5, seed=seed) for seed in (0, 0, 1)]
    picked = [[item.document for item in queue.items] for queue in queues]
    assert [item.why for item in queues[0].items] == ["unsure", *["chance"] * 5]
    assert picked[0] == picked[1] != picked[2]


def test_a_sentence_has_all_its_entities_at_its_own_characters(tmp_path):
    text = "Maria wrote . \n\nShe met Rosa in Tampa and Ohio .\n\nThe end ."
    line = answer("a", text, {"Maria": "per", "Rosa": "per", "Tampa": "geo", "Ohio": "geo"}, score=0.95)
    line["entities"][2]["score"] = 0.4
    (item,) = asked(tmp_path, [line]).items
    assert text[item.start :].startswith(item.text)
    assert [(item.text[e["start"] : e["end"]], e["label"]) for e in item.entities] == [
        ("Rosa", "per"),
        ("Tampa", "geo"),
        ("Ohio", "geo"),
    ]


def test_a_document_without_its_text_is_counted_and_nothing_is_asked_of_it(tmp_path):
    queue = asked(tmp_path, [without_text(unsure("a", 0.2)), unsure("b", 0.3)])
    assert ([item.document for item in queue.items], queue.n_without_text) == (["b"], 1)


@pytest.mark.parametrize("wrong", [{"n_most": 0}, {"max_score": 1.5}, {"random_share": -0.1}, {"n_same": 0}])
def test_a_wrong_setting_is_refused_with_its_bounds(wrong):
    with pytest.raises(ConfigInvalid, match="expected n_most"):
        ReviewConfig(**wrong)


def exported(folder, queue):
    write_queue(queue.items, queue.labels, folder, day="2026-11-22")
    tasks = json.loads((folder / "label-studio.json").read_text(encoding="utf-8"))
    lines = (folder / "doccano.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    return tasks, [json.loads(line) for line in lines]


def test_both_tools_get_each_sentence_with_what_was_found_and_where_it_stands(tmp_path):
    text = "She met 💉 Jackson in Tampa ."
    line = answer("a.txt", text, {"Jackson": "geo", "Tampa": "geo"}, score=0.6)
    other = answer("a.txt", text, {"Jackson": "per"}, score=0.9)
    other["receipt"]["model_version"] = "v2"
    (task,), (example,) = exported(tmp_path / "queue", asked(tmp_path, [line], other=[other]))
    assert task["data"] == {"text": text, "document": "a.txt", "day": "2026-11-22"}
    assert [one["model_version"] for one in task["predictions"]] == ["v1", "v2"]
    for prediction in task["predictions"]:
        for region in prediction["result"]:
            value = region["value"]
            assert task["data"]["text"][value["start"] : value["end"]] == value["text"]
    assert task["predictions"][1]["result"][0]["value"]["labels"] == ["per"]
    assert example["label"] == [[10, 17, "geo"], [21, 26, "geo"]]
    for meta in (task["meta"], example):
        assert (meta["document"], meta["day"], meta["model"], meta["why"]) == (
            "a.txt",
            "2026-11-22",
            "v1",
            "disagreement",
        )
    interface = ElementTree.parse(tmp_path / "queue" / "label-studio.xml").getroot()
    assert [label.get("value") for label in interface.iter("Label")] == ["geo", "per"]
    names = {region["from_name"] for one in task["predictions"] for region in one["result"]}
    assert names == {interface.find("Labels").get("name")}


def test_hostile_text_keeps_its_offsets(tmp_path):
    text = "A\ud83d \u2028 b <b>\"&' Tampa ."
    line = answer('<a "&>.txt', text, {"Tampa": 'g"<o'}, score=0.3)
    (task,), (example,) = exported(tmp_path / "queue", asked(tmp_path, [line]))
    start, end, label = example["label"][0]
    assert (example["text"][start:end], label) == ("Tampa", 'g"<o')
    assert task["predictions"][0]["result"][0]["value"]["text"] == "Tampa"


def test_an_empty_queue_is_two_empty_files(tmp_path):
    assert exported(tmp_path / "queue", asked(tmp_path, [unsure("a", 0.99)])) == ([], [])
