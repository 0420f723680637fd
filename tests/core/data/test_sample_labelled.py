"""The bundled labelled sample: made by its generator, in the form of the Kaggle file, with a few bad rows."""

from collections import Counter
from itertools import groupby
from pathlib import Path

import pytest

from ner_tasks.data.corpus import open_rows
from ner_tasks.data.readers.rows import LabelledRow
from ner_tasks.labels import LabelSet
from sample import labelled_sentences, note_templates, slots, templates, vocabulary

SAMPLE = labelled_sentences.OUTPUT
LABELS = LabelSet(("art", "dis", "eve", "geo", "gpe", "nat", "org", "per", "tim"))


@pytest.fixture(scope="module")
def rows() -> list[LabelledRow]:
    return list(open_rows(SAMPLE)[1])


def test_the_file_in_the_repository_is_what_the_generator_writes():
    assert SAMPLE.read_bytes() == labelled_sentences.build()


def test_the_file_has_the_form_of_the_kaggle_file():
    data = SAMPLE.read_bytes()

    assert data.startswith(b"Sentence #,Word,POS,Tag\r\nSentence: 1,")
    assert data.count(b"\n") == data.count(b"\r\n")
    with pytest.raises(UnicodeDecodeError):
        data.decode("utf-8")
    assert "é" in data.decode("cp1252")
    assert len(data) < 1.5e6


def test_the_word_none_is_in_it(rows: list[LabelledRow]):
    assert any(row.word == "None" for row in rows)


def test_all_nineteen_tags_occur_often_enough_to_learn(rows: list[LabelledRow]):
    counts = Counter(row.tag for row in rows)

    assert len(LABELS.tags) == 19
    assert all(counts[tag] >= 15 for tag in LABELS.tags), counts
    assert all(counts[f"B-{label}"] >= 200 for label in LABELS.labels), counts


def test_it_has_two_thousand_different_sentences(rows: list[LabelledRow]):
    texts = {tuple(row.word for row in group) for _, group in groupby(rows, key=lambda row: row.sentence)}

    assert len(texts) >= 2000


def test_no_template_names_a_slot_that_does_not_exist():
    known = slots.SLOTS.keys() | slots.FILLERS.keys()
    groups = [value for module in (templates, note_templates) for value in vars(module).values()]
    for template in [each for group in groups if isinstance(group, tuple) for each in group]:
        assert set(slots.GAP.findall(template)) <= known, template


def test_what_says_that_a_finding_is_denied_or_suspected_is_no_part_of_it(rows: list[LabelledRow]):
    cues = {
        "no",
        "not",
        "denies",
        "without",
        "negative",
        "possible",
        "probable",
        "likely",
        "history",
        "a",
        "an",
        "mother",
    }
    tagged = Counter(row.word.lower() for row in rows if row.tag.endswith("-dis"))

    assert len(tagged) > 100
    assert cues & tagged.keys() == set()


def test_every_name_can_be_written_in_cp1252():
    for name, values in vars(vocabulary).items():
        if isinstance(values, tuple):
            assert all(value.encode("cp1252") and value == " ".join(value.split()) for value in values), name


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("St. Luke's paid $1,240.50.", ["St.", "Luke", "'s", "paid", "$", "1,240.50", "."]),
        ('"No," said Dr. O\'Brien of the U.S.', ['"', "No", ",", '"', "said", "Dr.", "O'Brien", "of", "the", "U.S."]),
        ("a follow-up at 06:30 (ok)!", ["a", "follow-up", "at", "06:30", "(", "ok", ")", "!"]),
        ("Keystone Health Insurance Inc., a plan", ["Keystone", "Health", "Insurance", "Inc.", ",", "a", "plan"]),
        ("Henry B. Quinn has Hepatitis C.", ["Henry", "B.", "Quinn", "has", "Hepatitis", "C", "."]),
        ("Total: 3.5 percent; José", ["Total", ":", "3.5", "percent", ";", "José"]),
    ],
)
def test_text_is_cut_into_words_like_the_kaggle_file(text: str, words: list[str]):
    assert vocabulary.words_of(text) == words


def test_the_generator_writes_where_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    target = tmp_path / "new" / "small.csv"
    monkeypatch.setattr("sys.argv", ["sample", "--output", str(target), "--n_sentences", "200", "--seed", "3"])

    labelled_sentences.main()

    assert target.read_bytes() == labelled_sentences.build(3, 200)
    assert target.read_bytes() != labelled_sentences.build(4, 200)
