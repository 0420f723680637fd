import pytest

from ner_tasks import surrogates

LONE = "a\ud83d b"


def test_a_lone_surrogate_is_found_where_it_is():
    assert surrogates.find_surrogate(LONE) == 1
    assert surrogates.find_surrogate("a 😀 b") is None


def test_a_replaced_surrogate_keeps_the_offsets():
    assert surrogates.replace_surrogates(LONE) == "a\ufffd b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a\ud83d\ude00b", "a😀b"), (LONE, "a\ufffd b"), ("\ude00\ud83d", "\ufffd\ufffd"), ("plain 😀", "plain 😀")],
)
def test_pairs_become_characters_and_halves_are_replaced(text, expected):
    assert surrogates.join_surrogates(text) == expected


def test_an_escaped_surrogate_can_be_written():
    assert surrogates.escape_surrogates(LONE) == r"a\ud83d b"
