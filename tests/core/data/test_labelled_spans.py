"""Label Studio and doccano exports: what becomes words and tags, and what is set aside and why."""

import json
import zipfile
from pathlib import Path

import pytest

from ner_tasks.data.corpus import open_rows, read_labelled
from ner_tasks.data.readers.rows import BAD_SPAN, BROKEN_ROW
from ner_tasks.errors import DataRejected

TEXT = "Ann Lee saw Rome. She didn't stay in Oslo."
ROME = {"start": 12, "end": 16, "text": "Rome", "labels": ["geo"]}
ANN = {"start": 0, "end": 7, "text": "Ann Lee", "labels": ["per"]}


def label_studio(*spans: dict, text: str = TEXT, **task: object) -> dict:
    result = [{"type": "labels", "from_name": "label", "to_name": "text", "value": span} for span in spans]
    return {"id": 1, "data": {"text": text}, "annotations": [{"result": result}], "predictions": [], **task}


def doccano(*spans: list, text: str = TEXT) -> dict:
    return {"id": 1, "text": text, "label": list(spans), "Comments": []}


def lines(folder: Path, *tasks: object, name: str = "export.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(f"{task if isinstance(task, str) else json.dumps(task)}\n" for task in tasks))
    return path


def problems(path: Path) -> list[tuple[str, str]]:
    return [(row.reason, row.problem) for row in open_rows(path)[1] if row.problem]


WANTED = [
    (("Ann", "Lee", "saw", "Rome", "."), ("B-per", "I-per", "O", "B-geo", "O")),
    (("She", "did", "n't", "stay", "in", "Oslo", "."), ("O",) * 7),
]
FORMS = {
    "Label Studio, a list": ("export.json", json.dumps([label_studio(ROME, ANN)])),
    "Label Studio, a task a line": ("export.jsonl", json.dumps(label_studio(ROME, ANN))),
    "Label Studio, minimal": ("export.json", json.dumps([{"text": TEXT, "label": [ROME, ANN]}])),
    "doccano": ("export.jsonl", json.dumps(doccano([12, 16, "geo"], [0, 7, "per"]))),
    "doccano with relations": (
        "all.jsonl",
        json.dumps(
            {
                "text": TEXT,
                "entities": [
                    {"id": 1, "label": "per", "start_offset": 0, "end_offset": 7},
                    {"id": 2, "label": "geo", "start_offset": 12, "end_offset": 16},
                ],
                "relations": [],
            }
        ),
    ),
}


@pytest.mark.parametrize(("name", "text"), FORMS.values(), ids=FORMS.keys())
def test_each_form_gives_the_words_that_the_nightly_run_would_cut(tmp_path: Path, name: str, text: str):
    (tmp_path / name).write_text(text)

    assert [(one.words, one.tags) for one in read_labelled(tmp_path / name)] == WANTED


def test_an_export_may_come_in_a_zip(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "project.zip", "w") as archive:
        archive.writestr("all.jsonl", json.dumps(doccano([12, 16, "geo"], [0, 7, "per"])))

    assert [(one.words, one.tags) for one in read_labelled(tmp_path / "project.zip")] == WANTED


@pytest.mark.parametrize(
    ("span", "message"),
    [
        ([13, 16, "geo"], "found span [13, 16) 'ome', expected it to begin and end with a word"),
        ([11, 16, "geo"], "found span [11, 16) ' Rome'"),
    ],
    ids=["half a word", "a space too many"],
)
def test_a_span_off_the_bounds_of_words_sets_its_sentence_aside_and_no_other(tmp_path: Path, span, message):
    path = lines(tmp_path, doccano(span))

    assert [(reason, message in problem) for reason, problem in problems(path)] == [(BAD_SPAN, True)]
    assert [row.word for row in open_rows(path)[1] if not row.problem] == list(WANTED[1][0])


def test_a_span_over_two_sentences_sets_both_aside(tmp_path: Path):
    assert len(problems(lines(tmp_path, doccano([12, 21, "geo"])))) == 2


def test_overlapping_spans_are_set_aside(tmp_path: Path):
    rows = problems(lines(tmp_path, doccano([0, 7, "per"], [4, 7, "per"])))

    assert rows == [(BAD_SPAN, "found span [0, 7) 'Ann Lee' overlapping another, expected spans apart")]


@pytest.mark.parametrize(
    "span",
    [[38, 99, "geo"], [-3, 4, "per"], [7, 7, "per"], [7, 3, "per"], [7, 8, "per"]],
    ids=["behind the text", "before it", "empty", "backwards", "a space"],
)
def test_a_span_that_cannot_be_makes_its_whole_text_doubtful(tmp_path: Path, span):
    assert [reason for reason, _ in problems(lines(tmp_path, doccano(span)))] == [BAD_SPAN] * 2


def test_offsets_that_were_counted_in_another_way_are_found_by_the_text_of_the_mention(tmp_path: Path):
    shifted = {**ROME, "start": 13, "end": 17}
    rows = problems(lines(tmp_path, label_studio(shifted)))

    assert rows[0][1] == "found 'ome.' at [13, 17), expected the mention 'Rome'"


def test_a_task_that_nobody_has_annotated_is_left_out_and_counted(tmp_path: Path, capsys):
    path = lines(
        tmp_path,
        label_studio(ROME, ANN),
        label_studio(annotations=[]),
        label_studio(annotations=[{"was_cancelled": True}]),
    )

    assert len(read_labelled(path)) == 2
    assert "2 of 3 tasks are not annotated" in capsys.readouterr().out


def test_an_annotated_task_without_spans_teaches_that_there_is_none(tmp_path: Path):
    assert {tag for one in read_labelled(lines(tmp_path, label_studio())) for tag in one.tags} == {"O"}


UNREADABLE = {
    "not JSON": ("{broken", "found no JSON object"),
    "a number": ("3", "found no JSON object"),
    "no text": (json.dumps({"label": []}), "found keys label"),
    "no label": (json.dumps({"text": "x"}), "found keys text"),
    "a span of two": (json.dumps(doccano([0, 3])), "found span [0, 3], expected whole numbers"),
    "a span with two labels": (json.dumps(label_studio({**ROME, "labels": ["geo", "org"]})), "and one label"),
    "offsets that are text": (json.dumps(doccano(["0", "3", "per"])), "expected whole numbers"),
    "annotators who differ": (
        json.dumps(label_studio(annotations=[{"result": []}, label_studio(ROME)["annotations"][0]])),
        "found 2 annotations that differ",
    ),
}


@pytest.mark.parametrize(("line", "message"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_task_that_cannot_be_read_is_set_aside_and_the_next_one_read(tmp_path: Path, line: str, message: str):
    path = lines(tmp_path, line, doccano([12, 16, "geo"]))
    (reason, problem), *others = problems(path)

    assert (reason, others) == (BROKEN_ROW, [])
    assert message in problem
    assert {row.word for row in open_rows(path)[1]} >= {"Rome", "Oslo"}


def test_a_list_that_breaks_off_refuses_the_file(tmp_path: Path):
    (tmp_path / "export.json").write_text(json.dumps([label_studio(ROME)])[:-5])
    with pytest.raises(DataRejected, match="found a list that is not JSON"):
        list(open_rows(tmp_path / "export.json")[1])


def test_the_strict_reader_names_the_line_of_the_first_bad_span(tmp_path: Path):
    with pytest.raises(DataRejected, match=r"begin and end with a word of one sentence, at export\.jsonl:2"):
        read_labelled(lines(tmp_path, doccano(), doccano([13, 16, "geo"])))
