"""Which sentences a person is asked to read, and the files that labelling tools read."""

import json
from xml.etree import ElementTree

import pytest

from ner_tasks.enrichment.codes import Vocabulary
from ner_tasks.errors import ConfigInvalid
from ner_tasks.review.code_suggestions import CodeSuggestions
from ner_tasks.review.labelling_tools import write_queue
from ner_tasks.review.queue import ReviewConfig, build_queue
from tests.answers import answer, without_text, write


def asked(folder, lines, *, other=None, codes=None, **options):
    beside = write(folder / "other.jsonl", other) if other is not None else None
    config = ReviewConfig(**{"random_share": 0.0, **options})
    return build_queue(write(folder / "documents.jsonl", lines), config, other=beside, codes=codes)


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


def marked(name, score=0.6):
    line = unsure(name, score)
    line["entities"][0]["decision"] = "review"
    return line


def test_what_the_policy_marks_for_review_comes_before_what_the_model_is_unsure_of(tmp_path):
    lines = [unsure("a", 0.3, "Austin"), marked("b", 0.95)]
    assert [(item.document, item.why) for item in asked(tmp_path, lines).items] == [("b", "policy"), ("a", "unsure")]


def test_what_the_policy_marks_fills_the_queue_however_often_its_mention_is_there(tmp_path):
    lines = [unsure("a", 0.3, "Austin"), *(marked(str(number)) for number in range(9))]
    queue = asked(tmp_path, lines, n_same=2, n_most=6)
    assert [item.why for item in queue.items] == ["policy", "policy", "unsure", "policy", "policy", "policy"]
    assert len({item.text for item in queue.items}) == 6


def suggestions(folder, rows, **more):
    (folder / "v.csv").write_text(f"name,code,system\n{rows}")
    return CodeSuggestions(Vocabulary.open(folder / "v.csv"), **more)


def test_an_ambiguous_code_and_one_of_a_name_like_it_are_asked_about_with_their_candidates(tmp_path):
    lines = [
        unsure("a", 0.95, "Tampa"),
        unsure("b", 0.95, "Austn"),
        unsure("c", 0.95, "Boston"),
        unsure("d", 0.95, "Paris"),
    ]
    codes = suggestions(tmp_path, "Tampa,T1,X\nTampa,T2,X\nAustin,A1,X\nBoston,B1,X\n")
    first, second = asked(tmp_path, lines, codes=codes).items
    assert [(item.document, item.why, item.entities[0]["match"]) for item in (first, second)] == [
        ("a", "code", "ambiguous"),
        ("b", "code", "near"),
    ]
    assert [one["code"] for one in first.entities[0]["candidates"]] == ["T1", "T2"]
    assert second.entities[0]["candidates"] == [{"code": "A1", "system": "X", "name": "Austin"}]


def test_an_entity_with_a_code_or_of_a_label_that_is_not_looked_up_is_not_asked_about(tmp_path):
    coded = unsure("a", 0.95, "Tampa")
    coded["entities"][0] |= {"code": "T1", "code_system": "X"}
    codes = suggestions(tmp_path, "Tampa,T1,X\nTampa,T2,X\n")
    assert asked(tmp_path, [coded], codes=codes).items == []
    only_per = suggestions(tmp_path, "Tampa,T1,X\nTampa,T2,X\n", coded=frozenset({"per"}))
    assert asked(tmp_path, [unsure("b", 0.95, "Tampa")], codes=only_per).items == []


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
