"""Answers in the formats of annotation tools: brat's standoff files and INCEpTION's UIMA CAS JSON."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_tasks.errors import ConfigInvalid
from ner_tasks.tagging.exports.brat import write_brat
from ner_tasks.tagging.exports.inception import NAMED_ENTITY, SENTENCE, TOKEN, write_inception
from tests.answers import answer, without_text, write
from tests.manual.brat_spans import read_spans

LETTER = answer("in/a.txt", "Rosa\nDelgado lives in Tampa. She left.", {"Rosa\nDelgado": "per", "Tampa": "geo"})
EMPTY = answer("b.txt", "Nothing here.")
WRITERS = pytest.mark.parametrize("export", [write_brat, write_inception], ids=["brat", "inception"])
Export = Callable[[Path, Path], dict[str, int]]


def files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes().decode("utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def at_first(line: dict, **fields) -> dict:
    first, *others = line["entities"]
    return {**line, "entities": [{**first, **fields}, *others]}


def test_brat_has_a_text_and_its_annotations_for_each_document(tmp_path: Path) -> None:
    counts = write_brat(write(tmp_path / "d.jsonl", [LETTER, EMPTY]), tmp_path / "brat")
    assert counts == {"n_documents": 2, "n_entities": 2}
    made = files(tmp_path / "brat")
    assert made.pop("names.jsonl").splitlines()[0] == ('{"file": "0000/0000000-in-a-txt", "document": "in/a.txt"}')
    assert made == {
        "0000/0000000-in-a-txt.txt": LETTER["text"],
        # a mention over two lines has two fragments
        "0000/0000000-in-a-txt.ann": (
            "T1\tper 0 4;5 12\tRosa Delgado\n#1\tAnnotatorNotes T1\tscore=0.9\n"
            "T2\tgeo 22 27\tTampa\n#2\tAnnotatorNotes T2\tscore=0.9\n"
        ),
        "0000/0000001-b-txt.txt": "Nothing here.",
        "0000/0000001-b-txt.ann": "",
        "annotation.conf": "[entities]\ngeo\nper\n\n[relations]\n\n[events]\n\n[attributes]\n",
    }


def test_brat_has_statuses_as_attributes_and_codes_as_references(tmp_path: Path) -> None:
    line = at_first(
        LETTER, assertion=["negated", "family"], section="plan", code="I10", code_system="ICD10CM", decision="review"
    )
    write_brat(write(tmp_path / "d.jsonl", [line]), tmp_path / "brat")
    made = files(tmp_path / "brat")
    assert made["0000/0000000-in-a-txt.ann"].splitlines()[1:5] == [
        "A10\tfamily T1",
        "A11\tnegated T1",
        "N1\tReference T1 ICD10CM:I10\tRosa Delgado",
        "#1\tAnnotatorNotes T1\tscore=0.9, section=plan, decision=review",
    ]
    assert made["annotation.conf"].endswith("[attributes]\nfamily\tArg:<ENTITY>\nnegated\tArg:<ENTITY>\n")


@given(st.text(max_size=80), st.data())
def test_brat_fragments_are_the_text_without_line_ends(
    tmp_path_factory: pytest.TempPathFactory, text: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    spans = [{"start": start, "end": end, "label": "per son", "score": 0.5}] if start < end else []
    folder = tmp_path_factory.mktemp("brat")
    write_brat(write(folder / "d.jsonl", [{**answer("a", text), "entities": spans}]), folder / "out")
    made = files(folder / "out")
    written, lines = made["0000/0000000-a.txt"], made["0000/0000000-a.ann"].split("\n")
    assert len(written) == len(text)
    assert len(lines) == 1 + 2 * len(spans)
    for line in lines[:-1:2]:
        _, place, mention = line.split("\t")
        parts = [tuple(map(int, part.split())) for part in place.removeprefix("per_son ").split(";")]
        assert " ".join(written[first:last] for first, last in parts) == mention
        assert (parts[0][0] >= start, parts[-1][1] <= end) == (True, True)


def test_what_brat_exports_can_be_learnt_from(tmp_path: Path) -> None:
    write_brat(write(tmp_path / "d.jsonl", [answer("a", "Ann came.", {"Ann": "per"})]), tmp_path / "brat")
    assert read_spans((tmp_path / "brat/0000/0000000-a.ann").read_text(), Counter()) == [(0, 3, "per")]


def annotations(folder: Path, kind: str) -> list[tuple[int, int, dict]]:
    """Begin, end and further features of the annotations of a type in the first document."""
    (path,) = (folder / "0000").glob("0000000-*.json")
    cas = json.loads(path.read_text(encoding="utf-8"))
    sofa, *others = cas["%FEATURE_STRUCTURES"]
    assert (sofa["%TYPE"], sofa["%ID"]) == ("uima.cas.Sofa", 1)
    assert cas["%VIEWS"]["_InitialView"] == {"%SOFA": 1, "%MEMBERS": [each["%ID"] for each in others]}
    assert {each["%TYPE"] for each in others} <= {*cas["%TYPES"], "uima.tcas.DocumentAnnotation"}
    known = ("%ID", "%TYPE", "@sofa", "begin", "end")
    return [
        (each["begin"], each["end"], {name: value for name, value in each.items() if name not in known})
        for each in others
        if each["%TYPE"] == kind
    ]


def test_inception_has_sentences_tokens_and_named_entities(tmp_path: Path) -> None:
    line = at_first(LETTER, code="I10", code_system="ICD10CM")
    counts = write_inception(write(tmp_path / "d.jsonl", [line, EMPTY]), tmp_path / "out")
    assert counts == {"n_documents": 2, "n_entities": 2}
    assert annotations(tmp_path / "out", NAMED_ENTITY) == [
        (0, 12, {"value": "per", "identifier": "ICD10CM:I10"}),
        (22, 27, {"value": "geo"}),
    ]
    assert annotations(tmp_path / "out", SENTENCE) == [(0, 4, {}), (5, 28, {}), (29, 38, {})]
    assert annotations(tmp_path / "out", TOKEN)[:2] == [(0, 4, {}), (5, 12, {})]
    assert annotations(tmp_path / "out", "uima.tcas.DocumentAnnotation") == [(0, 38, {"language": "en"})]


def test_inception_counts_utf_16_units(tmp_path: Path) -> None:
    line = answer("a", "😀 Rosa 😀 left.", {"Rosa": "per", "left": "x"})
    write_inception(write(tmp_path / "d.jsonl", [line]), tmp_path / "out")
    units = line["text"].encode("utf-16-le")
    found = annotations(tmp_path / "out", NAMED_ENTITY)
    assert [units[2 * start : 2 * end].decode("utf-16-le") for start, end, _ in found] == ["Rosa", "left"]


@WRITERS
def test_a_text_with_nul_or_half_a_surrogate_keeps_its_offsets(tmp_path: Path, export: Export) -> None:
    line = answer("\udce9\0/../b", "a\0b \ud800 Rosa", {"Rosa": "per"})
    export(write(tmp_path / "d.jsonl", [line]), tmp_path / "out")
    name = next(name for name in files(tmp_path / "out") if name.startswith("0000/0000000-b."))
    text = files(tmp_path / "out")[name]
    assert "\0" not in text
    if export is write_brat:
        assert files(tmp_path / "out")["0000/0000000-b.txt"] == "a b \ufffd Rosa"
        assert "T1\tper 6 10\tRosa\n" in files(tmp_path / "out")["0000/0000000-b.ann"]
    else:
        assert json.loads(text)["%FEATURE_STRUCTURES"][0]["sofaString"] == "a b \ufffd Rosa"


@WRITERS
def test_an_export_replaces_an_earlier_one_and_nothing_else(tmp_path: Path, export: Export) -> None:
    path = write(tmp_path / "d.jsonl", [LETTER, EMPTY])
    export(path, tmp_path / "out")
    export(write(path, [EMPTY]), tmp_path / "out")
    assert not [name for name in files(tmp_path / "out") if "in-a-txt" in name]
    with pytest.raises(ConfigInvalid, match="found other files, expected nothing or an earlier export, at "):
        export(path, tmp_path)
    assert path.is_file()
    (tmp_path / "empty").mkdir()
    assert export(path, tmp_path / "empty")["n_documents"] == 1


@WRITERS
def test_annotation_tools_need_the_text(tmp_path: Path, export: Export) -> None:
    path = write(tmp_path / "d.jsonl", [LETTER, without_text(LETTER)])
    with pytest.raises(ConfigInvalid, match="found answers without text, expected them with it to write "):
        export(path, tmp_path / "out")
    assert [each.name for each in tmp_path.iterdir()] == ["d.jsonl"]


@WRITERS
def test_a_folder_has_at_most_a_thousand_documents(
    tmp_path: Path, export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ner_tasks.tagging.exports.annotated_files.FOLDER_DOCUMENTS", 2)
    export(write(tmp_path / "d.jsonl", [EMPTY, EMPTY, EMPTY]), tmp_path / "out")
    assert {name.partition("/")[0] for name in files(tmp_path / "out") if "/" in name} == {"0000", "0001"}
