"""Entities shown in their text: readable with and without colours, harmless whatever the text."""

import html.parser
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from ner_tasks.rendering import densest, excerpt, html_fragment


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
    shown = excerpt(TEXT, [entity(TEXT, "Rosa Delgado"), entity(TEXT, "Tampa", "geo")])
    assert str(shown) == "Dear Mr. Smith, [Rosa Delgado|per] of [Tampa|geo] wrote."
    assert printed(shown, is_terminal=False) == str(shown) + "\n"


def test_on_a_terminal_an_entity_is_coloured_and_labelled():
    shown = printed(excerpt(TEXT, [entity(TEXT, "Rosa Delgado")]), is_terminal=True)
    assert "\x1b[" in shown
    assert "[Rosa" not in shown
    assert " per" in shown


def test_an_excerpt_lies_where_the_entities_are_densest():
    text = "Ann came. " + "Nothing to see here. " * 100 + "Bob met Cid and Dan in Rome. " + "Nothing more. " * 100
    names = [entity(text, name) for name in ("Ann", "Bob", "Cid", "Dan", "Rome")]
    shown = str(excerpt(text, names, n_characters=120))
    assert all(f"[{name}|per]" in shown for name in ("Bob", "Cid", "Dan", "Rome"))
    assert shown.startswith("… ")
    assert shown.endswith(" …")
    assert len(shown) < 200


def test_a_document_without_entities_shows_its_beginning():
    assert str(excerpt("One two. " * 100, [], n_characters=20)) == "One two. One two. One …"
    assert str(excerpt("", [])) == ""


def test_an_excerpt_does_not_begin_inside_a_word():
    text = "From: Leon Serrano, to whom it may concern"
    assert str(excerpt(text, [entity(text, "Leon Serrano")], n_characters=16)).startswith("From: [Leon Serrano|per]")


@given(st.text(alphabet="ab \n.", max_size=200), st.data())
def test_an_excerpt_holds_a_whole_entity_if_there_is_one(text, data):
    bounds = data.draw(st.lists(st.integers(0, len(text)), max_size=8, unique=True).map(sorted))
    entities = [
        {"start": start, "end": end, "label": "x"} for start, end in zip(bounds[::2], bounds[1::2], strict=False)
    ]
    start, end = densest(text, entities, n_characters=30)
    assert 0 <= start <= end <= len(text)
    if entities:
        assert any(start <= entity["start"] and entity["end"] <= end for entity in entities)


@pytest.mark.parametrize("is_terminal", [False, True])
def test_text_cannot_steer_the_terminal(is_terminal):
    text = "Rosa \x1b[2J\x1b]0;owned\x07 [bold red]markup[/] \x9b31m \u202eesrever\r\nEnd \ud800"
    shown = printed(excerpt(text, [entity(text, "Rosa")]), is_terminal=is_terminal)
    assert not any(active in shown for active in ("\x1b[2J", "\x1b]", "\x07", "\x9b", "\u202e", "\r", "\ud800"))
    assert "[bold red]markup[/]" in shown


def test_overlapping_entities_do_not_repeat_text():
    entities = [{"start": 0, "end": 8, "label": "a"}, {"start": 5, "end": 13, "label": "b"}]
    assert str(excerpt("New York City is.", entities)) == "[New York|a] City is."


def test_text_on_a_page_is_escaped_and_every_character_is_there():
    text = 'Rosa <script>alert("x")</script> & <b>Ann\'s</b>\n</mark>end'
    fragment = html_fragment(text, [entity(text, "<b>Ann", '"><img>'), entity(text, "Rosa")])
    assert fragment.startswith('<mark class="ner" data-label="per">Rosa<small>per</small></mark>')
    seen = _Page()
    seen.feed(fragment)
    assert set(seen.tags) == {"mark", "small"}
    assert seen.text == text.replace("Rosa", "Rosaper").replace("<b>Ann", '<b>Ann"><img>')


class _Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text = [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text += data
