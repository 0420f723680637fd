"""Words in columns as tools and data sets write them: separators, comments, numbers, names of columns."""

from pathlib import Path

import pytest

from ner_tasks.data.corpus import open_rows, read_labelled, write_kaggle_csv
from ner_tasks.data.readers.conversions import Conversions
from ner_tasks.data.readers.rows import BROKEN_ROW
from ner_tasks.errors import DataRejected


def written(folder: Path, text: str | bytes, name: str = "a.conll") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def sentences(path: Path) -> list[list[tuple[str, str]]]:
    return [list(zip(one.words, one.tags, strict=True)) for one in read_labelled(path)]


def converted(path: Path) -> list[str]:
    conversions = Conversions()
    list(open_rows(path, conversions)[1])
    return conversions.lines()


def problems(path: Path) -> list[tuple[int, str, str]]:
    return [(row.line, row.reason, row.problem) for row in open_rows(path)[1] if row.problem]


INVISIBLE = ["\u00a0", "\u2009", "\u202f", "\u3000", "\u0085", "\u2028", "\u2029", "\x0b", "\x0c", "\x1c", "\x1f"]


@pytest.mark.parametrize("character", INVISIBLE, ids=[f"U+{ord(one):04X}" for one in INVISIBLE])
@pytest.mark.parametrize("separator", [" ", "\t", "  \t", "   "], ids=["space", "tab", "both", "spaces"])
def test_only_space_and_tab_part_columns_and_only_line_feeds_part_lines(
    tmp_path: Path, character: str, separator: str
) -> None:
    words = [f"clinic{character}north", f"0{character}", f"{character}0", "x"]
    text = "".join(f"{word}{separator}NN{separator}O\n" for word in words)

    assert sentences(written(tmp_path, text)) == [[(word, "O") for word in words]]


@pytest.mark.parametrize("character", INVISIBLE, ids=[f"U+{ord(one):04X}" for one in INVISIBLE])
def test_such_words_survive_the_way_into_a_snapshot(tmp_path: Path, character: str) -> None:
    read = read_labelled(written(tmp_path, f"a{character}b O\nc{character} O\n"))
    write_kaggle_csv(tmp_path / "train.csv", read)

    assert [one.words for one in read_labelled(tmp_path / "train.csv")] == [one.words for one in read]


SAME = "Ann B-PER\nLee I-PER\n\nin O\nRome B-LOC\n"
WAYS = {
    "CRLF": SAME.replace("\n", "\r\n"),
    "CR": SAME.replace("\n", "\r"),
    "CRLF written in text mode": SAME.replace("\n", "\r\r\n"),
    "spaces at the ends of lines": SAME.replace("\n", "  \n"),
    "spaces and tabs on blank lines": SAME.replace("\n\n", "\n \t \n"),
    "tabs": SAME.replace(" ", "\t"),
    "tabs to align columns": SAME.replace(" ", "\t\t"),
    "a tab behind every line": SAME.replace(" ", "\tNN\t")
    .replace("-PER\n", "-PER\t\n")
    .replace("O\n", "O\t\n")
    .replace("LOC\n", "LOC\t\n"),
    "columns between": SAME.replace(" ", " NN B-NP "),
    "a byte order mark": "\ufeff" + SAME,
    "two files with byte order marks, joined": "\ufeff" + SAME.replace("\nin", "\n\ufeffin"),
    "documents": "-DOCSTART- -X- O\n" + SAME.replace("\n\n", "\n\n-DOCSTART- -X- O\n\n"),
    "documents and no blank line": SAME.replace("\n\n", "\n-DOCSTART- O\n"),
    "comments of CoNLL-U": "# sent_id = 1\n# text = Ann Lee O\n" + SAME.replace("\n\n", "\n\n# text = in O\n"),
    "ids of MultiCoNER": "\n# id 00-11\tdomain=train\n" + SAME.replace("\n\n", "\n\n# id 01\tdomain=train\n"),
    "comments and no blank line": SAME.replace("\n\n", "\n# id 2\n"),
    "comments of another kind": "#\n#begin document (x); part 000\n# of 1996, by hand\n" + SAME + "\n#end document\n",
    "numbers of words": "1 Ann B-PER\n2 Lee I-PER\n\n1 in O\n2 Rome B-LOC\n3 . O\n".replace("3 . O\n", ""),
    "names of columns": "Token NER\n" + SAME,
}


@pytest.mark.parametrize("text", [text for name, text in WAYS.items() if name != "numbers of words"])
def test_the_same_sentences_in_many_ways(tmp_path: Path, text: str) -> None:
    wanted = [[("Ann", "B-PER"), ("Lee", "I-PER")], [("in", "O"), ("Rome", "B-LOC")]]

    assert sentences(written(tmp_path, text)) == wanted


def test_comments_are_counted(tmp_path: Path) -> None:
    assert converted(written(tmp_path, WAYS["ids of MultiCoNER"])) == ["comments, left out: 2 lines"]


@pytest.mark.parametrize("separator", [" ", "\t"])
@pytest.mark.parametrize("tag", ["O", "B-PER"])
def test_the_word_number_sign_with_its_tag_stays_a_word(tmp_path: Path, separator: str, tag: str) -> None:
    text = "".join(separator.join(row) + "\n" for row in [("#", "NN", tag), ("1", "CD", "O"), ("#", "NN", tag)])

    assert sentences(written(tmp_path, text)) == [[("#", tag), ("1", "O"), ("#", tag)]]


def test_a_word_that_begins_with_a_number_sign_stays_a_word(tmp_path: Path) -> None:
    assert sentences(written(tmp_path, "#flu O\nhits O\n#Rome B-LOC\n"))[0][2] == ("#Rome", "B-LOC")


def test_a_number_sign_that_lost_its_tag_sets_its_sentence_aside(tmp_path: Path) -> None:
    rows = problems(written(tmp_path, "room NN O\n# NN\n5 CD O\n"))

    assert rows == [(2, BROKEN_ROW, "found 2 columns, expected 3 as in most lines")]


def test_a_comment_that_ends_like_a_tag_is_no_word(tmp_path: Path) -> None:
    text = "# text = O\na NN B-NP O\nb NN I-NP O\n"

    assert sentences(written(tmp_path, text)) == [[("a", "O"), ("b", "O")]]


NUMBERED = "1\tAnn\tB-PER\n2\tLee\tI-PER\n3\tis\tO\n\n1\tin\tO\n2\tRome\tB-LOC\n"


def test_a_first_column_with_the_numbers_of_words_is_passed_over(tmp_path: Path) -> None:
    path = written(tmp_path, NUMBERED)

    assert [[word for word, _ in one] for one in sentences(path)] == [["Ann", "Lee", "is"], ["in", "Rome"]]
    assert converted(path) == ["first column with the numbers of the words, passed over: 5 words"]


def test_ranges_and_empty_nodes_of_conll_u_are_no_words(tmp_path: Path) -> None:
    text = NUMBERED.replace("3\tis", "3-4\tisn't\tO\n3\tis").replace("\n\n1", "\n4\tn't\tO\n4.1\tgone\tO\n\n1")

    assert [word for word, _ in sentences(written(tmp_path, text))[0]] == ["Ann", "Lee", "is", "n't"]


def test_numbers_that_are_words_stay_words(tmp_path: Path) -> None:
    text = "1 CD O\n2 CD O\n3 CD O\n4 CD O\n\nAnn NN B-PER\n"

    assert [word for word, _ in sentences(written(tmp_path, text))[0]] == ["1", "2", "3", "4"]


def test_a_row_of_other_columns_than_most_is_named(tmp_path: Path) -> None:
    text = "Ann NN O\nNew York NN B-LOC\nin NN O\n\nRome NN\nx NN O\n"

    assert problems(written(tmp_path, text)) == [
        (2, BROKEN_ROW, "found 4 columns, expected 3 as in most lines"),
        (5, BROKEN_ROW, "found 2 columns, expected 3 as in most lines"),
    ]


def test_two_columns_with_tags_of_the_same_labels_are_not_chosen_between(tmp_path: Path) -> None:
    text = "Bank B-ORG O\nof I-ORG O\nRome I-ORG B-LOC\n\nin O O\nOslo B-LOC O\n"

    with pytest.raises(DataRejected, match=r"found tags of the same labels in columns 2 and 3, expected one column of"):
        read_labelled(written(tmp_path, text))


def test_chunks_beside_the_tags_are_another_matter(tmp_path: Path) -> None:
    assert sentences(written(tmp_path, "Bank NN B-NP B-ORG\nis VB B-VP O\n")) == [[("Bank", "B-ORG"), ("is", "O")]]


def test_a_word_of_a_no_break_space_alone_shows_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataRejected, match=r"found an empty word, expected a word, at a\.conll:2"):
        read_labelled(written(tmp_path, "a O\n\u00a0 O\n"))
