"""Labelled files as people bring them: the Kaggle CSV, its zip, CoNLL columns, and what is wrong with them."""

import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ner_tasks.data.corpus import LabelledSentence, is_blank, open_rows, read_labelled, write_kaggle_csv
from ner_tasks.data.readers.rows import LabelledRow
from ner_tasks.errors import DataRejected, InputMissing

HEADER = "Sentence #,Word,POS,Tag"
TWO_SENTENCES = (
    "Sentence: 1,Ann,NNP,B-per",
    ",Lee,NNP,I-per",
    ",slept,VBD,O",
    "Sentence: 2,None,NN,O",
    ",saw,VBD,O",
    ",Café,NNP,B-org",
)


def kaggle(folder: Path, *rows: str, header: str = HEADER, encoding: str = "cp1252", name: str = "ner.csv") -> Path:
    path = folder / name
    path.write_bytes("".join(f"{row}\r\n" for row in (header, *rows)).encode(encoding))
    return path


def written(folder: Path, name: str, data: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def zipped(folder: Path, **files: bytes) -> Path:
    path = folder / "corpus.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def test_the_kaggle_csv_is_read_sentence_by_sentence(tmp_path: Path) -> None:
    first, second = read_labelled(kaggle(tmp_path, *TWO_SENTENCES))

    assert first == LabelledSentence(
        ("Ann", "Lee", "slept"), ("B-per", "I-per", "O"), "ner.csv:2", ("NNP", "NNP", "VBD")
    )
    assert second.words == ("None", "saw", "Café")
    assert second.origin == "ner.csv:5"


@pytest.mark.runbook("retraining", "snapshot: DataRejected about UTF-8 or cp1252")
@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-8-sig"])
def test_cp1252_and_utf8_with_or_without_a_mark_read_alike(tmp_path: Path, encoding: str) -> None:
    path = kaggle(tmp_path, "Sentence: 1,Café,NN,O", ",“quoted”,NN,O", encoding=encoding)

    assert read_labelled(path)[0].words == ("Café", "“quoted”")


@pytest.mark.parametrize("word", ["None", "NA", "null", "nan", "NaN", "N/A", "True", "1e5", "007"])
def test_a_word_that_looks_like_a_missing_value_or_a_number_stays_a_word(tmp_path: Path, word: str) -> None:
    assert read_labelled(kaggle(tmp_path, f"Sentence: 1,{word},NN,O"))[0].words == (word,)


def test_quoted_commas_and_quotes_are_words(tmp_path: Path) -> None:
    path = kaggle(tmp_path, 'Sentence: 1,"""",``,O', ',"10,000",CD,O', ',",",",",O')

    assert read_labelled(path)[0].words == ('"', "10,000", ",")


def test_a_number_that_is_repeated_on_every_row_goes_on_with_its_sentence(tmp_path: Path) -> None:
    path = kaggle(tmp_path, "Sentence: 1,a,X,O", "Sentence: 1,b,X,O", "Sentence: 2,c,X,O")

    assert [sentence.words for sentence in read_labelled(path)] == [("a", "b"), ("c",)]


def test_columns_are_found_by_name_and_pos_may_be_missing(tmp_path: Path) -> None:
    path = kaggle(tmp_path, "B-geo,Sentence: 1,Rome", header="Tag,Sentence #,Word")

    assert read_labelled(path) == [LabelledSentence(("Rome",), ("B-geo",), "ner.csv:2")]


def test_unix_line_ends_and_empty_lines_change_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, "ner.csv", f"{HEADER}\nSentence: 1,a,X,O\n\n,b,X,O\n\n")

    assert read_labelled(path)[0].words == ("a", "b")


def test_conll_columns_are_word_first_and_tag_last(tmp_path: Path) -> None:
    text = "-DOCSTART- -X- O O\n\nEU NNP B-NP B-ORG\nrejects VBZ B-VP O\n\n\nPeter NNP B-NP B-PER\n"
    first, second = read_labelled(written(tmp_path, "eng.conll", text))

    assert first == LabelledSentence(("EU", "rejects"), ("B-ORG", "O"), "eng.conll:3")
    assert second == LabelledSentence(("Peter",), ("B-PER",), "eng.conll:7")


def test_conll_sentences_are_numbered_without_gaps(tmp_path: Path):
    _, rows = open_rows(written(tmp_path, "a.conll", "\n\na O\n\n\n-DOCSTART- O\n\nb O\nc O\n\n"))

    assert [(row.sentence, row.word) for row in rows] == [(0, "a"), (1, "b"), (1, "c")]


def test_conll_with_tabs_may_have_spaces_in_a_word(tmp_path: Path) -> None:
    assert read_labelled(written(tmp_path, "a.tsv", "1 000\tO\nRome\tB-geo"))[0].words == ("1 000", "Rome")


def test_a_zip_is_read_through_and_named_in_the_origin(tmp_path: Path) -> None:
    data = kaggle(tmp_path, *TWO_SENTENCES).read_bytes()
    path = zipped(tmp_path, **{"ner_dataset.csv": data, "README.txt": b"hello", "__MACOSX/._ner_dataset.csv": b"junk"})

    assert read_labelled(path)[1].origin == "corpus.zip/ner_dataset.csv:5"


WORDS = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), min_size=1).filter(
    lambda text: not is_blank(text) and text == text.strip() and "\x00" not in text
)


@settings(deadline=None, max_examples=60)
@given(sentences=st.lists(st.lists(WORDS, min_size=1, max_size=5), min_size=1, max_size=5))
def test_what_is_written_is_read_back_word_for_word(
    tmp_path_factory: pytest.TempPathFactory, sentences: list[list[str]]
) -> None:
    path = tmp_path_factory.mktemp("round") / "trip.csv"
    write_kaggle_csv(path, [LabelledSentence(tuple(words), ("B-x",) * len(words), "") for words in sentences])

    assert [list(sentence.words) for sentence in read_labelled(path)] == sentences


def test_the_bytes_written_do_not_depend_on_where_sentences_came_from(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_kaggle_csv(tmp_path / name, [LabelledSentence(("x",), ("O",), f"{name}.csv:1")])

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


BAD_ROWS = {
    "an unknown form of tag": (
        ("Sentence: 1,a,X,geo",),
        "found tag 'geo', expected O, B-label or I-label, at ner.csv:2",
    ),
    "an empty tag": (("Sentence: 1,a,X,",), "found tag '', expected O, B-label or I-label, at ner.csv:2"),
    "an I- at the start": (
        ("Sentence: 1,a,X,I-geo",),
        "found I-geo after the sentence's start, expected B-geo or I-geo before it, at ner.csv:2",
    ),
    "an I- of another label": (
        ("Sentence: 1,a,X,B-per", ",b,X,I-geo"),
        "found I-geo after B-per, expected B-geo or I-geo before it, at ner.csv:3",
    ),
    "an I- across sentences": (
        ("Sentence: 1,a,X,B-geo", "Sentence: 2,b,X,I-geo"),
        "found I-geo after the sentence's start, expected B-geo or I-geo before it, at ner.csv:3",
    ),
    "too few columns": (("Sentence: 1,a,X,O", ",b,O"), "found 3 columns, expected 4, at ner.csv:3"),
    "too many columns": (("Sentence: 1,a,X,O,,",), "found 6 columns, expected 4, at ner.csv:2"),
    "an empty word": (("Sentence: 1, ,X,O",), "found an empty word, expected a word, at ner.csv:2"),
    "an open quote": (("Sentence: 1,a,X,O", ',"b,X,O', ",c,X,O"), "found a quote that is not closed, at ner.csv:3"),
    "no number": ((",a,X,O",), "found a row before the first sentence number, at ner.csv:2"),
    "no row": ((), "found no sentence, expected at least one, in "),
}


@pytest.mark.parametrize(("rows", "message"), BAD_ROWS.values(), ids=BAD_ROWS.keys())
def test_a_bad_row_is_named_with_its_file_and_line(tmp_path: Path, rows: tuple[str, ...], message: str) -> None:
    with pytest.raises(DataRejected) as caught:
        read_labelled(kaggle(tmp_path, *rows))

    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


BAD_FILES = {
    "empty": ("a.csv", b"", "found an empty file, expected labelled sentences"),
    "blank": ("a.csv", b"\r\n \r\n", "found an empty file, expected labelled sentences"),
    "wrong header": (
        "a.csv",
        b"id,text,label\r\n1,a,O\r\n",
        "found header 'id,text,label', expected 'Sentence #,Word,POS,Tag'",
    ),
    "no header": (
        "a.csv",
        b"Sentence: 1,a,X,O\r\n",
        "found header 'Sentence: 1,a,X,O', expected 'Sentence #,Word,POS,Tag'",
    ),
    "column twice": ("a.csv", b"Sentence #,Word,Word,Tag\r\n", "found header 'Sentence #,Word,Word,Tag'"),
    "semicolons": ("a.csv", b"Sentence #;Word;POS;Tag\r\n", "found header 'Sentence #;Word;POS;Tag'"),
    "utf-16": ("a.csv", f"{HEADER}\r\nSentence: 1,a,X,O".encode("utf-16"), "found UTF-16, expected UTF-8 or cp1252"),
    "utf-16 unmarked": ("a.csv", f"{HEADER}\r\n".encode("utf-16-le"), "found UTF-16, expected UTF-8 or cp1252"),
    "binary": ("a.csv", b"\x89PNG\r\n\x1a\n\x00", "found binary data (NUL bytes), expected UTF-8 or cp1252"),
    "not cp1252": (
        "a.csv",
        f"{HEADER}\r\nSentence: 1,".encode() + b"\x81,X,O",
        "found byte 0x81, expected UTF-8 or cp1252, at a.csv:2",
    ),
    "damaged utf-8": (
        "a.csv",
        f"{HEADER}\r\nSentence: 1,café,X,O\r\n,naïve,X,O\r\n,caf".encode() + b"\xc3,X,O",
        "found damaged UTF-8, expected UTF-8 or cp1252, at a.csv:4",
    ),
    "no tag": ("a.tsv", b"one\tO\ntwo\n", "found 1 column, expected a word and a tag, at a.tsv:2"),
    "docstart only": ("a.conll", b"-DOCSTART- O\n\n", "found no sentence, expected at least one"),
    "spreadsheet": ("a.xlsx", b"PK", "found a file that ends in '.xlsx', expected .csv, .zip, .tsv, .conll, .txt"),
    "not a zip": ("a.zip", b"hello", "found a damaged or locked zip (File is not a zip file), expected a readable one"),
}


@pytest.mark.runbook("retraining", "snapshot: DataRejected about UTF-8 or cp1252")
@pytest.mark.parametrize(("name", "data", "message"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_file_that_cannot_be_read_says_why_in_one_line(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    with pytest.raises(DataRejected) as caught:
        read_labelled(written(tmp_path, name, data))

    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_zip_with_two_labelled_files_is_not_guessed_at(tmp_path: Path) -> None:
    with pytest.raises(
        DataRejected, match=r"found 2 labelled files \(a.csv, b.csv\), expected exactly one, in .*corpus.zip"
    ):
        read_labelled(zipped(tmp_path, **{"a.csv": b"x", "b.csv": b"y"}))


def test_a_zip_without_a_labelled_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataRejected, match=r"found 0 labelled files \(none\), expected exactly one"):
        read_labelled(zipped(tmp_path, **{"README.md": b"x"}))


@pytest.mark.parametrize("share", [0.3, 0.6, 0.99])
def test_a_truncated_zip_is_refused(tmp_path: Path, share: float) -> None:
    path = zipped(tmp_path, **{"a.csv": kaggle(tmp_path, *TWO_SENTENCES * 50).read_bytes()})
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])

    with pytest.raises(DataRejected, match="found a damaged or locked zip"):
        read_labelled(path)


def test_a_zip_with_a_flipped_byte_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path, **{"a.csv": kaggle(tmp_path, *TWO_SENTENCES * 50).read_bytes()})
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 0xFF
    path.write_bytes(data)

    with pytest.raises(DataRejected, match="found a damaged or locked zip"):
        read_labelled(path)


def test_a_file_too_large_for_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ner_tasks.data.corpus.MAX_BYTES", 2**20)

    with pytest.raises(DataRejected, match="found 3 MiB, expected at most 1 MiB"):
        read_labelled(zipped(tmp_path, **{"a.csv": b"a" * 3 * 2**20}))


def test_a_missing_file_and_a_folder_are_input_missing(tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match="found nothing, expected a labelled file"):
        read_labelled(tmp_path / "none.csv")
    with pytest.raises(InputMissing, match="found a folder, expected a labelled file"):
        read_labelled(tmp_path)


def test_the_lenient_reader_goes_on_after_a_broken_row(tmp_path: Path) -> None:
    path = kaggle(tmp_path, "Sentence: 1,a,X,O", ',"b,X,O', ",c,X", ",d,X,I-geo", "Sentence: 2,e", ",f,X,O", "x,O")
    name, rows = open_rows(path)

    assert name == "ner.csv"
    assert list(rows) == [
        LabelledRow(2, 0, "a", "X", "O", ""),
        LabelledRow(3, 0, ',"b,X,O', "", "", "found a quote that is not closed"),
        LabelledRow(4, 0, ",c,X", "", "", "found 3 columns, expected 4"),
        LabelledRow(5, 0, "d", "X", "I-geo", ""),
        LabelledRow(6, 1, "Sentence: 2,e", "", "", "found 2 columns, expected 4"),
        LabelledRow(7, 1, "f", "X", "O", ""),
        LabelledRow(8, 1, "x,O", "", "", "found 2 columns, expected 4"),
    ]


@pytest.mark.parametrize(
    ("word", "blank"), [("", True), (" \t", True), ("\u200b", True), ("\ufeff", True), ("a", False), ("—", False)]
)
def test_a_word_that_shows_nothing_is_blank(word: str, blank: bool) -> None:
    assert is_blank(word) is blank
