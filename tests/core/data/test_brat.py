"""A zip of brat's texts and annotations: contiguous spans are read, all else is left out and counted."""

import zipfile
from pathlib import Path

import pytest

from ner_tasks.data import corpus
from ner_tasks.data.corpus import open_rows, read_labelled
from ner_tasks.data.readers.conversions import Conversions
from ner_tasks.data.readers.rows import BAD_SPAN, BROKEN_ROW
from ner_tasks.errors import DataRejected

TEXT = "Ann Lee saw Rome.\n"
SPANS = "T1\tper 0 7\tAnn Lee\nT2\tgeo 12 16\tRome\n"
WANTED = [("Ann", "B-per"), ("Lee", "I-per"), ("saw", "O"), ("Rome", "B-geo"), (".", "O")]


def pack(folder: Path, files: dict[str, str | bytes]) -> Path:
    path = folder / "brat.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tagged(path: Path) -> list[tuple[str, str]]:
    return [pair for one in read_labelled(path) for pair in zip(one.words, one.tags, strict=True)]


def problems(path: Path) -> list[tuple[str, str]]:
    return [(row.reason, row.problem) for row in open_rows(path)[1] if row.problem]


def converted(path: Path) -> list[str]:
    conversions = Conversions()
    list(open_rows(path, conversions)[1])
    return conversions.lines()


def test_spans_become_tags(tmp_path: Path) -> None:
    assert tagged(pack(tmp_path, {"a/1.txt": TEXT, "a/1.ann": SPANS})) == WANTED


def test_line_ends_of_windows_and_a_byte_order_mark_change_nothing(tmp_path: Path) -> None:
    text, spans = (f"\ufeff{content}".replace("\n", "\r\n").encode() for content in (TEXT, SPANS))
    assert tagged(pack(tmp_path, {"1.txt": text, "1.ann": spans})) == WANTED


def test_an_empty_annotation_file_says_that_there_is_no_entity_and_a_text_without_one_is_left_out(
    tmp_path: Path,
) -> None:
    path = pack(tmp_path, {"1.txt": "Nothing here.", "1.ann": "", "2.txt": TEXT, "__MACOSX/._1.ann": "x"})
    assert tagged(path) == [("Nothing", "O"), ("here", "O"), (".", "O")]
    assert converted(path) == ["without an annotation file, left out: 1 texts"]


def test_of_overlapping_spans_the_longest_is_read_and_what_has_several_parts_is_left_out(tmp_path: Path) -> None:
    spans = SPANS + (
        "T3\tper 0 3\tAnn\nT4\tper 4 7\tLee\nT5\tgeo 12 16\tRome\nT6\tper 0 3;12 16\tAnn Rome\n"
        "E1\tper:T1\nR1\tnear Arg1:T1 Arg2:T2\t\nA1\tSure T1\n#1\tNotes T1\tok\n*\tEquiv T1 T2\n"
    )
    path = pack(tmp_path, {"1.txt": TEXT, "1.ann": spans})
    assert tagged(path) == WANTED
    assert converted(path) == [
        "in several parts, left out: 1 spans",
        "other annotations than spans, left out: 5 lines",
        "that overlap a longer one, left out: 3 spans",
    ]


@pytest.mark.parametrize(
    ("spans", "reason", "problem"),
    [
        ("T1\tper 0 6\tAnn Le\n", BAD_SPAN, "expected it to begin and end with a word"),
        ("T1\tper 1 8\tAnn Lee\n", BAD_SPAN, "found"),
        ("T1\tper 900 999999999999\tAnn\n", BAD_SPAN, "found"),
        ("T1\tper 7 0\tAnn Lee\n", BAD_SPAN, "found"),
        ("T1 per 0 7 Ann Lee\n", BROKEN_ROW, "expected T1<tab>label start end<tab>text, in document 1"),
        ("T1\tper\n", BROKEN_ROW, "found 'T1\\tper', expected T1<tab>label"),
    ],
)
def test_an_invalid_span_sets_its_sentences_aside(tmp_path: Path, spans: str, reason: str, problem: str) -> None:
    path = pack(tmp_path, {"1.txt": TEXT, "1.ann": spans, "2.txt": TEXT, "2.ann": SPANS})
    ((found, line),) = problems(path)
    assert found == reason and problem in line
    good = [row for row in open_rows(path)[1] if not row.problem]
    assert [(row.word, row.tag) for row in good] == WANTED


def test_a_document_that_is_not_utf_8_is_set_aside(tmp_path: Path) -> None:
    path = pack(tmp_path, {"1.txt": b"Ann L\xe9e.", "1.ann": "", "2.txt": TEXT, "2.ann": SPANS})
    assert problems(path) == [(BROKEN_ROW, "found byte 0xe9, expected UTF-8, in document 1")]


def test_annotations_without_their_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataRejected, match=r"found a/1\.ann alone, expected a/1\.txt beside it, in brat\.zip"):
        open_rows(pack(tmp_path, {"a/1.ann": SPANS}))


def test_a_damaged_or_huge_zip_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = pack(tmp_path, {"1.txt": TEXT * 2000, "1.ann": SPANS})
    monkeypatch.setattr(corpus, "MAX_BYTES", 1000)
    with pytest.raises(DataRejected, match="found 0 MiB, expected at most 0 MiB"):
        open_rows(path)
    monkeypatch.undo()
    data = bytearray(path.read_bytes())
    data[60] ^= 255
    path.write_bytes(data)
    with pytest.raises(DataRejected, match="found a damaged or locked zip"):
        open_rows(path)
