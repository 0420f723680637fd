"""Exports of labelling tools: the spans under whatever name, what stands beside them, spaces at their ends."""

import json
from pathlib import Path

import pytest

from ner_tasks.data.corpus import open_rows, read_labelled
from ner_tasks.data.readers.conversions import Conversions
from ner_tasks.data.readers.rows import BAD_SPAN, BROKEN_ROW

TEXT = "Ann Lee saw Rome."
WANTED = [("Ann", "B-per"), ("Lee", "I-per"), ("saw", "O"), ("Rome", "B-geo"), (".", "O")]
PLACES = [{"start": 0, "end": 7, "text": "Ann Lee", "labels": ["per"]}, {"start": 12, "end": 16, "labels": ["geo"]}]
PAIRS = [[0, 7, "per"], [12, 16, "geo"]]
MIN = {"id": 1, "annotator": 1, "annotation_id": 7, "created_at": "2024-03-04T00:00:00Z", "lead_time": 1.0}


def exported(folder: Path, tasks: object, name: str = "export.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(tasks), encoding="utf-8")
    return path


def lines(folder: Path, *tasks: object) -> Path:
    path = folder / "export.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in tasks), encoding="utf-8")
    return path


def tagged(path: Path) -> list[tuple[str, str]]:
    return [pair for one in read_labelled(path) for pair in zip(one.words, one.tags, strict=True)]


def converted(path: Path) -> list[str]:
    conversions = Conversions()
    list(open_rows(path, conversions)[1])
    return conversions.lines()


def problems(path: Path) -> list[tuple[str, str]]:
    return [(row.reason, row.problem) for row in open_rows(path)[1] if row.problem]


def label_studio(*results: dict, key: str = "annotations", **data: object) -> dict:
    return {"id": 1, "data": data or {"text": TEXT}, key: [{"result": list(results)}]}


def result(span: dict, kind: str = "labels") -> dict:
    return {"type": kind, "value": span}


BOTH = [result(one) for one in PLACES]
TASKS = {
    "JSON_MIN, control ner": {**MIN, "text": TEXT, "ner": PLACES},
    "JSON_MIN, control of any name": {**MIN, "text": TEXT, "my entities!": PLACES},
    "JSON_MIN, two controls": {**MIN, "text": TEXT, "people": PLACES[:1], "places": PLACES[1:]},
    "JSON_MIN, choices and ratings beside": {**MIN, "text": TEXT, "label": "Positive", "stars": 4, "ner": PLACES},
    "JSON_MIN, text of another name": {**MIN, "letter": TEXT, "ner": PLACES},
    "JSON_MIN, two strings": {**MIN, "from": "Oslo", "letter": TEXT, "ner": [{**PLACES[1], "text": "Rome"}, PLACES[0]]},
    "Label Studio, old name": label_studio(*BOTH, key="completions"),
    "Label Studio, choices and relations beside": label_studio(
        *BOTH, {"type": "relation", "from_id": "a", "to_id": "b"}, result({"choices": ["x"]}, "choices")
    ),
    "Label Studio, hypertext": label_studio(
        *(
            result(
                {"start": "/p[1]", "end": "/p[1]", "globalOffsets": {"start": s, "end": e}, "hypertextlabels": [one]}
            )
            | {"type": "hypertextlabels"}
            for s, e, one in PAIRS
        )
    ),
    "Label Studio, text of another name": label_studio(*BOTH, body=TEXT, n=3),
    "doccano": {"id": 1, "text": TEXT, "label": PAIRS, "Comments": []},
    "doccano, labels": {"text": TEXT, "labels": PAIRS},
    "doccano, data": {"data": TEXT, "label": PAIRS},
    "doccano, relations and classes": {
        "text": TEXT,
        "entities": [{"id": 1, "start_offset": s, "end_offset": e, "label": label} for s, e, label in PAIRS],
        "relations": [{"id": 1, "from_id": 1, "to_id": 2, "type": "in"}],
        "cats": ["letter"],
    },
    "doccano, annotations with names": {
        "text": TEXT,
        "annotations": [{"start_offset": s, "end_offset": e, "label": label, "user": 1} for s, e, label in PAIRS],
    },
    "spaCy": {"text": TEXT, "entities": PAIRS},
    "spaCy, a pair": [TEXT, {"entities": PAIRS}],
    "spaCy, a document": {
        "text": TEXT,
        "ents": [{"start": s, "end": e, "label": label} for s, e, label in PAIRS],
        "sents": [{"start": 0, "end": 17}],
        "tokens": [{"id": 0, "start": 0, "end": 3, "tag": "NNP", "label": "nsubj"}],
    },
    "Prodigy": {
        "text": TEXT,
        "tokens": [{"text": "Ann", "start": 0, "end": 3, "id": 0}],
        "spans": [{"start": s, "end": e, "token_start": 0, "label": label} for s, e, label in PAIRS],
        "answer": "accept",
    },
    "Presidio": {
        "full_text": TEXT,
        "spans": [{"start_position": s, "end_position": e, "entity_type": label} for s, e, label in PAIRS],
    },
}


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS.keys())
@pytest.mark.parametrize("form", ["list", "lines", "one", "indented"])
def test_the_spans_are_found_in_every_form(tmp_path: Path, task: object, form: str) -> None:
    path = exported(tmp_path, [task, task] if form == "list" else task)
    if form == "lines":
        path = lines(tmp_path, task, task)
    elif form == "indented":
        path.write_text(json.dumps(task, indent=2))

    assert tagged(path) == WANTED * (2 if form in ("list", "lines") else 1)


def test_an_export_with_its_classes_around_it_is_read(tmp_path: Path) -> None:
    assert tagged(exported(tmp_path, {"classes": ["per"], "annotations": [TASKS["spaCy, a pair"], None]})) == WANTED


def test_what_is_left_out_beside_spans_is_counted(tmp_path: Path) -> None:
    task = TASKS["Label Studio, choices and relations beside"]

    assert converted(lines(tmp_path, task, task)) == [
        "relation beside spans, left out: 2 results",
        "choices beside spans, left out: 2 results",
    ]
    assert converted(lines(tmp_path, TASKS["doccano, relations and classes"])) == [
        "relations beside spans, left out: 1 items",
        "cats beside spans, left out: 1 items",
    ]


def test_a_task_of_json_min_in_which_nothing_was_marked_has_no_entities(tmp_path: Path) -> None:
    path = lines(tmp_path, {**MIN, "text": TEXT, "ner": PLACES}, {**MIN, "text": "Nobody came."})

    assert tagged(path)[5:] == [("Nobody", "O"), ("came", "O"), (".", "O")]
    assert converted(path) == ["annotated without a list of spans, read as texts without entities: 1 tasks"]


def test_sentences_stay_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = lines(tmp_path, {**MIN, "text": "Nobody came."}, {**MIN, "text": TEXT, "ner": PLACES})

    assert [word for word, _ in tagged(path)][:2] == ["Nobody", "came"]


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"text": TEXT}, "found keys text"),
        ({**MIN, "text": TEXT}, "found keys id, annotator"),
        ({**MIN, "text": TEXT, "ner": [{"start": 0, "end": 7, "text": "Ann Lee"}]}, "found places without labels"),
        ({**MIN, "text": TEXT, "ner": [{**PLACES[0], "labels": []}]}, "and one label"),
        ({"text": TEXT, "annotations": [{"start_offset": 0, "end_offset": 7, "label": 3}]}, "and one label"),
        ({**MIN, "from": "x", "letter": TEXT, "ner": PLACES}, "found keys id, annotator"),
        ({"text": TEXT, "label": ["positive"]}, "found span positive"),
        ({"text": TEXT, "tokens": [{"start": 0, "end": 3, "label": "NNP"}]}, "found keys text, tokens"),
    ],
    ids=[
        "text alone",
        "nothing marked anywhere",
        "no label",
        "an empty label",
        "a label's number",
        "two texts",
        "a class",
        "words",
    ],
)
def test_a_task_whose_spans_cannot_be_named_is_set_aside(tmp_path: Path, task: dict, message: str) -> None:
    ((reason, problem),) = problems(lines(tmp_path, task))

    assert reason == BROKEN_ROW
    assert message in problem


def test_what_an_annotator_did_not_accept_is_left_out(tmp_path: Path) -> None:
    prodigy = TASKS["Prodigy"]
    path = lines(tmp_path, prodigy, {**prodigy, "answer": "reject"}, {**prodigy, "answer": "ignore"})

    assert tagged(path) == WANTED
    assert converted(path) == ["2 of 3 tasks are not annotated and are left out: 2 tasks"]


SPACED = "  Ann  Lee\nsaw Rome ."


def spaced(start: int, end: int, mention: str | None) -> dict:
    return {**MIN, "text": SPACED, "ner": [{"start": start, "end": end, "text": mention, "labels": ["per"]}]}


@pytest.mark.parametrize(
    ("start", "end", "mention"),
    [
        (2, 10, "Ann  Lee"),
        (2, 10, "Ann Lee"),
        (0, 11, "  Ann  Lee\n"),
        (2, 11, "Ann Lee"),
        (2, 11, "Ann  Lee\\n"),
        (1, 10, " Ann Lee"),
    ],
    ids=["as it is", "collapsed", "spaces at both ends", "a trimmed mention", "a line feed as letters", "in front"],
)
def test_spaces_in_spans_and_mentions_do_not_matter(tmp_path: Path, start: int, end: int, mention: str) -> None:
    assert tagged(lines(tmp_path, spaced(start, end, mention)))[:3] == [
        ("Ann", "B-per"),
        ("Lee", "I-per"),
        ("saw", "O"),
    ]


def test_spaces_that_are_cut_off_and_mentions_that_are_collapsed_are_counted(tmp_path: Path) -> None:
    assert converted(lines(tmp_path, spaced(2, 11, "Ann Lee"), spaced(2, 10, "Ann  Lee"))) == [
        "mentions that differ from the text in their spaces only, taken as equal: 1 spans",
        "spaces at the ends of spans, cut off: 1 spans",
    ]


def test_a_mention_of_other_words_sets_its_text_aside(tmp_path: Path) -> None:
    assert {reason for reason, _ in problems(lines(tmp_path, spaced(2, 10, "AnnLee")))} == {BAD_SPAN}


def plain(start: int, end: int) -> dict:
    return {"text": TEXT, "label": [[start, end, "per"]]}


def test_spaces_are_cut_off_without_mentions_where_the_file_shows_that_its_offsets_are_right(tmp_path: Path) -> None:
    path = lines(tmp_path, *[plain(0, 7)] * 9, plain(0, 8))

    assert tagged(path)[-5:-3] == [("Ann", "B-per"), ("Lee", "I-per")]
    assert converted(path) == ["spaces at the ends of spans, cut off: 1 spans"]


def test_offsets_that_are_one_off_are_not_taken_for_spaces(tmp_path: Path) -> None:
    """Ends that count the last character in: `Vitamin D` ends behind `Vitamin ` and must not become `Vitamin`."""
    tasks = [
        {"text": f"Take Vitamin {name} now.", "label": [[5, 12 + len(name), "drug"]]} for name in ("D", "B12", "C4")
    ]
    rows = problems(lines(tmp_path, *tasks * 5))

    assert len(rows) == 15
    assert {reason for reason, _ in rows} == {BAD_SPAN}


def test_a_span_given_twice_is_taken_once(tmp_path: Path) -> None:
    path = lines(tmp_path, {"text": TEXT, "label": [*PAIRS, PAIRS[0]], "entities": PAIRS})

    assert tagged(path) == WANTED
    assert converted(path) == ["spans given twice, taken once: 3 spans"]


def test_line_ends_of_windows_count_as_the_mentions_say(tmp_path: Path) -> None:
    text = "Dear team,\r\n\r\nAnn Lee came."
    as_two = {"text": text, "ner": [{"start": 14, "end": 21, "text": "Ann Lee", "labels": ["per"]}]}
    as_one = {"text": text, "ner": [{"start": 12, "end": 19, "text": "Ann Lee", "labels": ["per"]}]}

    for task in (as_two, as_one):
        assert ("Ann", "B-per") in tagged(lines(tmp_path, task))
