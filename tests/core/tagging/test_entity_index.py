"""Finding the documents of a day that name somebody or something."""

import json
import random
import sqlite3
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_tasks.errors import ArtifactBroken, InputMissing
from ner_tasks.tagging.entity_index import writer
from ner_tasks.tagging.entity_index.folding import MAX_FOLDED, MAX_STARTS, fold_mention, list_starts
from ner_tasks.tagging.entity_index.novelty import find_new_mentions
from ner_tasks.tagging.entity_index.ranking import Ranking
from ner_tasks.tagging.entity_index.reader import EntityIndex
from ner_tasks.tagging.entity_index.writer import write_entity_index


def answer(name, *mentions, text=None):
    """A line of documents.jsonl: each mention is a string, or one with label and other fields."""
    said, entities = "", []
    for one in mentions:
        mention, fields = (one, {}) if isinstance(one, str) else one
        entities.append({"start": len(said), "end": len(said) + len(mention), "label": "per", "score": 0.9, **fields})
        said += f"{mention}\n"
    receipt = {"n_words": 1, "items": {}, "unread": []}
    return {"document": name, "sha256": "0" * 64, "text": said, "entities": entities, "receipt": receipt}


def written(folder, *answers):
    folder.mkdir(exist_ok=True)
    (folder / "d.jsonl").write_text("".join(json.dumps(line) + "\n" for line in answers), encoding="utf-8")
    counts = write_entity_index(folder / "d.jsonl", folder / "entities.sqlite")
    assert sorted(path.name for path in folder.iterdir()) == ["d.jsonl", "entities.sqlite"], "nothing is left behind"
    return counts


def indexed(folder, *answers):
    written(folder, *answers)
    return EntityIndex(folder / "entities.sqlite")


def found(index, text, **options):
    return [(one.name, one.mention) for one in index.search(text, most=99, **options)]


def test_a_mention_is_found_by_its_beginning_whatever_its_case_and_accents(tmp_path):
    with indexed(tmp_path, answer("a", "José Łukasz"), answer("b", "JOSE LUKASZ"), answer("c", "Josef")) as index:
        for text in ("jose", "JOSÉ", "jose\u0301", "José  łu"):
            assert {name for name, _ in found(index, text)} >= {"a", "b"}, text
        assert found(index, "josé ") == found(index, "jose")
        assert found(index, "ose") == []


def test_a_mention_is_found_by_any_of_its_words(tmp_path):
    with indexed(tmp_path, answer("a", "Anna-Maria Smith"), answer("b", "Smith"), answer("c", "Blacksmith")) as index:
        assert found(index, "smith") == [("b", "Smith"), ("a", "Anna-Maria Smith")], "the whole mention first"
        assert found(index, "maria sm") == [("a", "Anna-Maria Smith")]


def test_a_row_says_label_assertion_section_and_how_often(tmp_path):
    denied, planned = {"assertion": ["negated"], "section": "history"}, {"assertion": [], "section": "plan"}
    fever = [("Fever", denied), ("fever", denied), ("fever", planned), ("Fever", {"label": "med"})]
    with indexed(tmp_path, answer("a", "Anna", *fever)) as index:
        rows = [(one.label, one.assertion, one.section, one.n, one.first) for one in index.search("fever", most=9)]
        assert sorted(rows, key=str) == [
            ("med", None, None, 1, 4),
            ("per", ("negated",), "history", 2, 1),
            ("per", (), "plan", 1, 3),
        ]
        assert [one.label for one in index.search("fever", most=9, label="med")] == ["med"]


def test_pages_follow_one_another_without_a_gap_and_without_repeating(tmp_path):
    answers = [answer(f"{number}", "Smith", "Anna Smith", "Smithson", "Otto Smith") for number in range(5)]
    with indexed(tmp_path, *answers) as index:
        whole, pages, after = index.search("smith", most=99), [], None
        while page := index.search("smith", most=3, after=after):
            pages += page
            after = page[-1].position
        assert pages == whole and len(whole) == 20
        for gone in ((99, 0, 0, 0), (1, 9, 0, 0), (1, 0, 10**15, 0)):
            index.search("smith", most=3, after=gone)  # a place of the answers that a day had before


def test_the_top_mentions_are_those_in_most_documents(tmp_path):
    answers = [answer("a", "Anna", "Anna", "Anna", "Otto", ("Rome", {"label": "geo"})), answer("b", "Otto", "OTTO")]
    with indexed(tmp_path, *answers) as index:
        assert index.labels() == ["geo", "per"]
        top = [(one.mention, one.n_documents, one.n_entities) for one in index.top("per", 9)]
        assert top == [("Otto", 2, 3), ("Anna", 1, 3)]
        assert [one.mention for one in index.top("per", 1)] == ["Otto"]


def test_mentions_of_texts_that_were_not_kept_are_not_indexed_and_the_documents_counted(tmp_path):
    hidden = {**answer("a", "Anna"), "text": None, "text_sha256": "1" * 64}
    counts = written(tmp_path, hidden, answer("b", "Anna"))
    assert counts == {"n_documents": 2, "n_without_text": 1, "n_mentions": 1}
    with EntityIndex(tmp_path / "entities.sqlite") as index:
        assert (index.n_documents, index.n_without_text) == (2, 1)
        assert found(index, "anna") == [("b", "Anna")]


def test_batches_make_the_same_index_as_one(tmp_path, monkeypatch):
    rng = random.Random(0)
    names = [f"{first} {last}" for first in ("Anna", "Otto", "Éva") for last in ("Ober", "Below", "O'Neill")]
    answers = [answer(f"{number}", *rng.choices(names, k=5)) for number in range(40)]
    whole = indexed(tmp_path / "whole", *answers)
    monkeypatch.setattr(writer, "_BATCH_ROWS", 7)
    parts = indexed(tmp_path / "parts", *answers)
    with whole, parts:
        for text in ("a", "o", "anna", "below"):
            assert whole.search(text, most=999) == parts.search(text, most=999) != []
        assert whole.top("per", 99) == parts.top("per", 99)


def test_the_ranking_keeps_the_best_of_each_label():
    ranking = Ranking(2)
    for label, n, mention in (("a", 1, 1), ("a", 3, 2), ("a", 3, 3), ("b", 1, 4), ("a", 3, 5)):
        ranking.add(label, n, mention)
    assert list(ranking) == [("a", 0, 2), ("a", 1, 3), ("b", 0, 4)]


hostile = st.text(st.characters(codec=None), min_size=1, max_size=40)


@given(mention=hostile, sought=hostile)
def test_no_mention_and_no_search_breaks_the_index(tmp_path_factory, mention, sought):
    with indexed(tmp_path_factory.mktemp("day"), answer("a", mention), answer("b", "other")) as index:
        index.search(sought, most=9)
        if fold_mention(mention):
            assert "a" in {name for name, _ in found(index, mention)}


@pytest.mark.parametrize("text", ["%", "_", "*", '"', "a OR b", "'; DROP TABLE mentions; --", "folded:x", "NEAR(a b)"])
def test_what_is_sought_is_text_and_no_query(tmp_path, text):
    with indexed(tmp_path, answer("a", f"{text} x"), answer("b", "other")) as index:
        assert [name for name, _ in found(index, text)] == ["a"]
        assert found(index, f"{text}nowhere") == []


@given(text=hostile)
def test_folding_a_folded_mention_does_not_change_it(text):
    folded = fold_mention(text)
    assert fold_mention(folded) == folded and len(folded) <= MAX_FOLDED


@given(text=st.text(st.characters(categories=["Lu", "Ll", "Zs", "Nd"]), max_size=60), at=st.integers(0, 60))
def test_the_beginning_of_a_mention_folds_to_the_beginning(text, at):
    text = unicodedata.normalize("NFC", text)
    assert fold_mention(text).startswith(fold_mention(text[:at]))


def test_letters_that_accents_do_not_make_stay_apart():
    assert fold_mention("ガ") != fold_mention("カ")
    assert fold_mention("กิน") != fold_mention("กน")
    assert fold_mention("Straße ﬁ Øre") == "strasse fi ore"
    assert fold_mention("O’Neill\0 \n x") == "o'neill x"


def test_mentions_of_any_length_make_a_small_index(tmp_path):
    lines = [
        answer(character * 100_000, *[f"{character}{number} " * 50_000 for number in range(9)]) for character in "aé"
    ]
    with indexed(tmp_path, *lines) as index:
        (one, *_) = index.search("a1", most=9)
        assert len(one.mention) <= 200 and len(one.name) <= 1000
        assert len(list_starts(fold_mention("a " * 99))) == MAX_STARTS
    assert (tmp_path / "entities.sqlite").stat().st_size < 300_000


def test_contexts_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "MAX_CONTEXTS", 3)
    line = answer("a", *[("fever", {"section": f"section {number}", "assertion": ["negated"]}) for number in range(9)])
    with indexed(tmp_path, line) as index:
        assert [one.section for one in index.search("fever", most=99)][-1] == "…"
        assert sum(one.n for one in index.search("fever", most=99)) == 9


def test_a_day_without_an_index_and_one_that_is_broken_are_told_apart(tmp_path):
    with pytest.raises(InputMissing, match="expected a day's entity index"):
        EntityIndex(tmp_path / "entities.sqlite")
    (tmp_path / "entities.sqlite").write_bytes(b"not a database, but long enough to look like one" * 50)
    with pytest.raises(ArtifactBroken, match="expected a day's entity index"):
        EntityIndex(tmp_path / "entities.sqlite")
    (tmp_path / "entities.sqlite").write_bytes(b"")
    with pytest.raises(ArtifactBroken, match="expected a day's entity index"):
        EntityIndex(tmp_path / "entities.sqlite")


def test_a_broken_line_of_the_answers_is_named_and_nothing_is_left(tmp_path):
    (tmp_path / "d.jsonl").write_text('{"document": "a"}\n')
    with pytest.raises(ArtifactBroken, match="line 1"):
        write_entity_index(tmp_path / "d.jsonl", tmp_path / "entities.sqlite")
    assert [path.name for path in tmp_path.iterdir()] == ["d.jsonl"]


def test_an_index_that_is_damaged_anywhere_answers_or_says_that_it_is_broken(tmp_path):
    names = [f"Zebulon {number:04d}" for number in range(1500)]
    path = tmp_path / "entities.sqlite"
    with indexed(tmp_path, *[answer(name, name, "Anna") for name in names]):
        whole = path.read_bytes()
    rng, broken = random.Random(0), []
    for _ in range(200):
        damaged = bytearray(whole)
        begin = rng.randrange(len(whole))
        damaged[begin : begin + 200] = rng.randbytes(len(damaged[begin : begin + 200]))
        path.write_bytes(damaged[: rng.choice([len(whole), begin])])
        try:
            with EntityIndex(path) as index:
                for text in ("zeb", "anna", rng.choice(names)):
                    assert all(isinstance(one.n, int) for one in index.search(text, most=2000))
                index.top("per", 50)
        except ArtifactBroken as error:
            broken.append(str(error))
    assert len(broken) > 50
    assert all("expected a day's entity index" in said and "Zebulon" not in said for said in broken)


@pytest.mark.parametrize(
    "wrong",
    [
        "mentions SET written = x'00'",
        "occurrences SET n = 'x'",
        "contexts SET section = x'00'",
        "about SET n_documents = 'x'",
    ],
)
def test_a_row_of_another_shape_is_no_result(tmp_path, wrong):
    with indexed(tmp_path, answer("a", "Anna")):
        pass
    with sqlite3.connect(tmp_path / "entities.sqlite") as database:
        database.execute(f"UPDATE {wrong}")
    database.close()
    with pytest.raises(ArtifactBroken, match="another shape"), EntityIndex(tmp_path / "entities.sqlite") as index:
        index.search("anna", most=9)


def test_what_is_new_is_what_no_earlier_day_names_under_this_label(tmp_path):
    written(tmp_path / "1", answer("a", "Anna", "Anna Smith"))
    written(tmp_path / "2", answer("a", "Otto"))
    today = [answer("a", "ANNA", "Smith", "Kay"), answer("b", "Kay", ("Otto", {"label": "org"}))]
    written(tmp_path / "3", *today)
    index, *earlier = (tmp_path / day / "entities.sqlite" for day in "312")
    new, damaged = find_new_mentions([index], [[day] for day in earlier], tmp_path)
    assert damaged == []
    assert new == {
        "n_days": 2,
        "labels": {
            "org": {"n_new": 1, "mentions": [{"mention": "Otto", "n_documents": 1, "n_entities": 1}]},
            "per": {
                "n_new": 2,
                "mentions": [
                    {"mention": "Kay", "n_documents": 2, "n_entities": 2},
                    {"mention": "Smith", "n_documents": 1, "n_entities": 1},
                ],
            },
        },
    }
    assert find_new_mentions([index], [], tmp_path)[0] == {"n_days": 0, "labels": {}}, "nothing to compare with"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2", "3"]


def test_a_mention_in_two_parts_of_the_day_is_one_and_known_from_any_part_of_an_earlier_day(tmp_path):
    for name, *answers in (
        ("1", answer("a", "Anna")),
        ("2", answer("b", "Otto")),
        ("3", answer("c", "Anna", "Kay")),
        ("4", answer("d", "Kay", "Otto"), answer("e", "Kay")),
    ):
        written(tmp_path / name, *answers)
    first, second, third, fourth = (tmp_path / day / "entities.sqlite" for day in "1234")
    new, _ = find_new_mentions([third, fourth], [[first, second]], tmp_path)
    mentions = [{"mention": "Kay", "n_documents": 3, "n_entities": 3}]
    assert new == {"n_days": 1, "labels": {"per": {"n_new": 1, "mentions": mentions}}}


def test_a_damaged_earlier_day_is_left_out_of_the_comparison_and_said(tmp_path):
    written(tmp_path / "1", *[answer(f"{number}", f"Anna {number}") for number in range(3000)])
    written(tmp_path / "2", answer("a", "Otto"))
    written(tmp_path / "3", answer("a", "Anna 7", "Otto"))
    index, first, second = (tmp_path / day / "entities.sqlite" for day in "312")
    first.write_bytes(first.read_bytes()[:50_000])
    new, damaged = find_new_mentions([index], [[first], [second]], tmp_path)
    assert (new["n_days"], [one["mention"] for one in new["labels"]["per"]["mentions"]]) == (1, ["Anna 7"])
    assert len(damaged) == 1 and "expected a day's entity index" in damaged[0]
    with pytest.raises(InputMissing):
        find_new_mentions([tmp_path / "none"], [[second]], tmp_path)
