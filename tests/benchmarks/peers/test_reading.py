"""What stands around a peer's graph reads every word, whatever the batches and the encoding."""

import numpy as np
import pytest

from benchmarks.peers.engines import UNBOUNDED, Form
from benchmarks.peers.reading import PeerReader
from ner_tasks.labels import LabelSet
from ner_tasks.model.model_folder import ModelManifest
from ner_tasks.model.tokenization import WordTokenizer
from tests import tiny

LABELS = LabelSet(("geo", "per"))
SENTENCES = [
    ("Maria", "Chen", "left", "Boston", "."),
    (),
    ("a-b", "\u200b", "U.S."),
    ("Olga", "visited", "Denver", "17", "times", ",", "and", "wrote", "to", "John") * 12,
]
FORMS = [
    Form(),
    Form(encoding="tokenizers"),
    Form(max_windows=2, max_pieces=UNBOUNDED),
    Form(max_windows=1, max_pieces=16, encoding="tokenizers"),
]


@pytest.fixture(scope="module")
def tokenizer_file(tmp_path_factory):
    return tiny.make_tiny_encoder(tmp_path_factory.mktemp("encoder")) / "tokenizer.json"


def logits_of(piece_ids, shape_ids):
    """Scores that depend on a piece, its neighbours, its shape and its place: every window has scores of its own."""
    before, after = np.roll(piece_ids, 1, axis=1), np.roll(piece_ids, -1, axis=1)
    place = 11 * np.arange(piece_ids.shape[1])
    seed = (7 * piece_ids + 3 * shape_ids + before + 5 * after + place) % 97
    return np.sin(seed[..., None] * (1.0 + np.arange(len(LABELS.tags)))).astype(np.float32)


def compute(batches):
    return [logits_of(*batch) for batch in batches]


@pytest.fixture(scope="module")
def expected(tokenizer_file):
    """The best tag of each word by what the product's own tagger reads."""
    from ner_tasks.inference.runners import PaddedRunner
    from ner_tasks.inference.tagger import Tagger

    manifest = ModelManifest("frozen", LABELS.labels, {}, max_pieces=32)
    tagger = Tagger(PaddedRunner(logits_of), WordTokenizer(tokenizer_file), manifest)
    return [one.logits.argmax(axis=1).tolist() for one in tagger.compute_logits(SENTENCES)]


@pytest.mark.parametrize("form", FORMS, ids=["budget", "rust", "count", "one-by-one"])
def test_every_form_gives_the_entities_that_the_products_own_reading_gives(form, tokenizer_file, expected):
    from benchmarks.peers.spans import decode_spans

    found = PeerReader(tokenizer_file, LABELS.labels, 32, form).spans(SENTENCES, compute)
    ids = np.array([tag for sentence in expected for tag in sentence], np.intp)
    assert found == decode_spans(ids, [len(words) for words in SENTENCES], LABELS.labels)
    assert {sentence for sentence, *_ in found} == {0, 2, 3}


def test_no_sentence_gives_no_entity(tokenizer_file):
    assert PeerReader(tokenizer_file, LABELS.labels, 32, Form()).spans([], compute) == []
