"""Entities shown in their text: readable with and without colours, harmless whatever the text."""

import io
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError
from rich.console import Console

from ner_tasks import display
from ner_tasks.display import find_densest, find_stretches, make_excerpt, neutralize, split_pieces, spread_indexes


def entity(text: str, mention: str, label: str = "per") -> dict:
    start = text.index(mention)
    return {"start": start, "end": start + len(mention), "label": label, "mention": mention, "score": 0.9}


def printed(shown, *, is_terminal: bool) -> str:
    file = io.StringIO()
    Console(file=file, force_terminal=is_terminal, color_system="standard" if is_terminal else None, width=500).print(
        shown
    )
    return file.getvalue()


TEXT = "Dear Mr. Smith,\nRosa Delgado of Tampa wrote."


def test_without_a_terminal_an_entity_stands_in_brackets_with_its_label():
    shown = make_excerpt(TEXT, [entity(TEXT, "Rosa Delgado"), entity(TEXT, "Tampa", "geo")])
    assert str(shown) == "Dear Mr. Smith, [Rosa Delgado|per] of [Tampa|geo] wrote."
    assert printed(shown, is_terminal=False) == str(shown) + "\n"


def test_on_a_terminal_an_entity_is_coloured_and_labelled():
    shown = printed(make_excerpt(TEXT, [entity(TEXT, "Rosa Delgado")]), is_terminal=True)
    assert "\x1b[" in shown
    assert "[Rosa" not in shown
    assert " per" in shown


def test_an_excerpt_lies_where_the_entities_are_densest():
    text = "Ann came. " + "Nothing to see here. " * 100 + "Bob met Cid and Dan in Rome. " + "Nothing more. " * 100
    names = [entity(text, name) for name in ("Ann", "Bob", "Cid", "Dan", "Rome")]
    shown = str(make_excerpt(text, names, n_characters=120))
    assert all(f"[{name}|per]" in shown for name in ("Bob", "Cid", "Dan", "Rome"))
    assert shown.startswith("… ")
    assert shown.endswith(" …")
    assert len(shown) < 200


def test_a_document_without_entities_shows_its_beginning():
    assert str(make_excerpt("One two. " * 100, [], n_characters=20)) == "One two. One two. One …"
    assert str(make_excerpt("", [])) == ""


def test_an_excerpt_does_not_begin_inside_a_word():
    text = "From: Leon Serrano, to whom it may concern"
    assert str(make_excerpt(text, [entity(text, "Leon Serrano")], n_characters=16)).startswith(
        "From: [Leon Serrano|per]"
    )


@given(st.text(alphabet="ab \n.", max_size=200), st.data())
def test_an_excerpt_holds_a_whole_entity_if_there_is_one(text, data):
    bounds = data.draw(st.lists(st.integers(0, len(text)), max_size=8, unique=True).map(sorted))
    entities = [
        {"start": start, "end": end, "label": "x"} for start, end in zip(bounds[::2], bounds[1::2], strict=False)
    ]
    start, end = find_densest(text, entities, n_characters=30)
    assert 0 <= start <= end <= len(text)
    if entities:
        assert any(start <= entity["start"] and entity["end"] <= end for entity in entities)


@pytest.mark.parametrize("is_terminal", [False, True])
def test_text_cannot_steer_the_terminal(is_terminal):
    text = "Rosa \x1b[2J\x1b]0;owned\x07 [bold red]markup[/] \x9b31m \u202eesrever\r\nEnd \ud800"
    shown = printed(make_excerpt(text, [entity(text, "Rosa")]), is_terminal=is_terminal)
    assert not any(active in shown for active in ("\x1b[2J", "\x1b]", "\x07", "\x9b", "\u202e", "\r", "\ud800"))
    assert "[bold red]markup[/]" in shown


def test_overlapping_entities_do_not_repeat_text():
    entities = [{"start": 0, "end": 8, "label": "a"}, {"start": 5, "end": 13, "label": "b"}]
    assert str(make_excerpt("New York City is.", entities)) == "[New York|a] City is."


SPANS = st.lists(st.integers(0, 400), max_size=40, unique=True).map(sorted)


def spans_in(text: str, bounds: list[int]) -> list[dict]:
    inside = [bound for bound in bounds if bound <= len(text)]
    return [{"start": a, "end": b, "label": "x"} for a, b in zip(inside[::2], inside[1::2], strict=False)]


@given(st.text(alphabet="ab \n.", max_size=400), SPANS)
def test_stretches_are_in_order_bounded_and_hold_their_entities_whole(text, bounds):
    entities = spans_in(text, bounds)
    stretches = find_stretches(text, entities, context=10, longest=60, most=1000)
    ends = [0, *(bound for stretch in stretches for bound in stretch), len(text)]
    assert ends == sorted(ends)
    assert stretches
    assert all(end - start <= 60 + 2 * 40 for start, end in stretches)
    for entity in entities:
        held = [start for start, end in stretches if start <= entity["start"] and entity["end"] <= end]
        # with the context of both sides and a word each, a longer one may be cut
        assert held or entity["end"] - entity["start"] + 2 * (10 + 40) > 60


def test_of_many_stretches_some_are_taken_from_the_whole_document():
    text = "Ann met Bob in Rome. " + "Nothing happened there. " * 50
    entities = [{"start": at, "end": at + 3, "label": "per"} for at in range(0, 20 * len(text), len(text))]
    stretches = find_stretches(text * 20, entities, most=4)
    assert len(stretches) == 4
    assert stretches[0][0] < 5 * len(text) and stretches[-1][0] > 15 * len(text)


def test_a_long_document_without_entities_shows_its_beginning():
    assert find_stretches("One two. " * 1000, [], longest=20) == [(0, 21)]
    assert find_stretches("", []) == [(0, 0)]


@given(st.text(alphabet="ab \n.\u202e", max_size=200), SPANS, st.data())
def test_pieces_hold_each_character_once(text, bounds, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    pieces = list(split_pieces(text, spans_in(text, bounds), start, end))
    assert "".join(piece for piece, _ in pieces) == neutralize(text[start:end])
    assert all(piece for piece, _ in pieces)
    for piece, entity in pieces:
        if entity:
            assert piece in neutralize(text[entity["start"] : entity["end"]])


@given(st.integers(0, 3000), st.integers(1, 50))
def test_what_is_shown_of_much_is_spread_evenly(n_items, most):
    indexes = spread_indexes(n_items, most)
    assert len(indexes) == min(n_items, most)
    gaps = [after - before for before, after in pairwise(indexes)]
    assert all(0 <= index < n_items for index in indexes)
    assert not gaps or (min(gaps) >= 1 and max(gaps) - min(gaps) <= 1)


def test_a_template_escapes_and_an_undefined_value_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "page.html.jinja").write_text(
        "{% if n %}\n{{ n | number }} {{ text }} {{ text | inert }}\n{% endif %}\n"
    )
    page = display.make_template_environment(tmp_path).get_template("page.html.jinja")
    assert page.render(n=12345, text="<b>\x1b[1m") == "12\u202f345 &lt;b&gt;\x1b[1m &lt;b&gt;\ufffd[1m\n"
    with pytest.raises(UndefinedError):
        page.render(n=1)
