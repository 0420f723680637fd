"""Names like a mention: what is offered to people, and what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_tasks.enrichment.vocabulary.near_matches import are_opposites, count_edits, halve, respell, reword, spell_alike

SHORT = st.text(alphabet="abc", max_size=8)


def count_plainly(word, other):
    """Insertions, removals, replacements and swaps of neighbours, by the textbook's whole table."""
    table = {(row, 0): row for row in range(len(word) + 1)} | {(0, column): column for column in range(len(other) + 1)}
    for row in range(1, len(word) + 1):
        for column in range(1, len(other) + 1):
            costs = [table[row - 1, column] + 1, table[row, column - 1] + 1]
            costs.append(table[row - 1, column - 1] + (word[row - 1] != other[column - 1]))
            if row > 1 < column and word[row - 2 : row] == other[column - 2 : column][::-1]:
                costs.append(table[row - 2, column - 2] + 1)
            table[row, column] = min(costs)
    return table[len(word), len(other)]


@given(SHORT, SHORT, st.integers(0, 3))
def test_edits_are_counted_up_to_a_bound(word, other, most):
    edits = count_plainly(word, other)
    assert count_edits(word, other, most) == (edits if edits <= most else None)


@given(st.text(alphabet="abcd", min_size=5, max_size=12), st.data())
def test_one_wrong_letter_leaves_the_beginning_or_the_end(word, data):
    place = data.draw(st.integers(0, len(word) - 1))
    wrong = data.draw(st.sampled_from([word[:place] + word[place + 1 :], word[:place] + "x" + word[place:]]))
    head, tail = halve(word)
    assert wrong.startswith(head) or wrong.endswith(tail)


@pytest.mark.parametrize(
    ("word", "other"),
    [
        ("hypertension", "hypotension"),
        ("symptomatic", "asymptomatic"),
        ("tachycardia", "bradycardia"),
        ("unstable", "stable"),
        ("inactive", "active"),
        ("preoperative", "postoperative"),
    ],
)
def test_opposites_are_known(word, other):
    assert are_opposites(word, other) and are_opposites(other, word)
    assert spell_alike(word, [other]) == []


def test_a_misspelling_is_no_opposite():
    assert spell_alike("hypertnsion", ["hypertension", "hypotension", "hypertrophy"]) == ["hypertension"]


def test_known_words_and_short_ones_are_never_changed():
    known = {"hepatitis", "diabetes", "type"}
    spellings = {"diabtes": ["diabetes"]}

    def find(word):
        return None if word in known else spellings.get(word, [])

    assert list(respell("hepatitis b", find)) == ["hepatitisb"]
    assert "type 1 diabetes" in respell("type 1 diabtes", find)


def test_only_long_words_without_a_negation_are_left_out():
    assert set(reword("hepatitis b virus not found")) == {
        "b found hepatitis not virus",
        "b found not virus",
        "b found hepatitis not",
        "b hepatitis not virus",
    }
    assert list(reword("breast cancer")) == ["breast cancer"]
    assert list(reword("cancer")) == []
    assert list(reword("word " * 100)) == []
