"""All engines read the same documents: whole, in blocks, and with offsets that cut out what was found."""

import pytest

from benchmarks.peers import documents
from benchmarks.peers.documents import find_entities, make_documents
from ner_tasks.errors import ConfigInvalid

SENTENCES = [("Maria", "left", "Boston", str(number), ".") for number in range(20)]


def capitals(sentences):
    """A rule in the place of a model: each word with a capital is an entity."""
    return [
        (index, at, at + 1, "per")
        for index, words in enumerate(sentences)
        for at, word in enumerate(words)
        if word[0].isupper()
    ]


def test_eight_sentences_make_a_document_and_what_is_left_over_makes_none():
    texts = make_documents(SENTENCES, 20)
    assert len(texts) == 2
    assert texts[0].startswith("Maria left Boston 0. Maria left Boston 1.")


def test_fewer_sentences_than_a_document_has_are_refused():
    with pytest.raises(ConfigInvalid, match="found fewer than 8 sentences"):
        make_documents(SENTENCES, 7)


def test_entities_are_found_in_every_document_and_their_offsets_cut_them_out():
    texts = make_documents(SENTENCES, 20)
    entities, n_words = find_entities(texts, capitals)
    assert [texts[document][start:end] for document, start, end, _ in entities] == ["Maria", "Boston"] * 16
    assert n_words == 16 * 5


def test_blocks_change_nothing_but_what_is_tagged_at_once(monkeypatch):
    texts, sizes = make_documents(SENTENCES, 20), []

    def counted(sentences):
        sizes.append(len(sentences))
        return capitals(sentences)

    whole = find_entities(texts, capitals)
    monkeypatch.setattr(documents, "BLOCK_WORDS", 15)
    assert find_entities(texts, counted) == whole
    assert sizes == [3, 3, 3, 3, 3, 1]
