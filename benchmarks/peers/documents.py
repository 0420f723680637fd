"""Turn labelled sentences into documents, and find the entities of documents, in the same way for every engine."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from benchmarks.peers.spans import Span
from benchmarks.prose import paragraphs, prose
from ner_tasks.errors import ConfigInvalid
from ner_tasks.segmentation import Word, iter_sentences

# Words that the nightly run gathers before it tags.
BLOCK_WORDS = 60_000

# document, start, end, label; characters [start, end)
Entity = tuple[int, int, int, str]
# tokenized sentences -> entities over words
FindSpans = Callable[[Sequence[Sequence[str]]], list[Span]]


def make_documents(sentences: Iterable[Sequence[str]], n_sentences: int) -> list[str]:
    """Return texts of eight sentences each.

    Raises:
        ConfigInvalid: there are fewer than eight sentences.
    """
    texts = [" ".join(group) for group in paragraphs([prose(words) for words in islice(sentences, n_sentences)])]
    if not texts:
        raise ConfigInvalid("found fewer than 8 sentences, expected at least 8, in the test part")
    return texts


def find_entities(texts: Sequence[str], find_spans: FindSpans) -> tuple[list[Entity], int]:
    """Return the entities of all texts, in their order, and the number of words.

    Sentences are gathered across documents to blocks, as in the nightly run.
    """
    entities: list[Entity] = []
    block: list[tuple[int, list[Word]]] = []
    words: list[list[str]] = []
    n_block_words = n_words = 0

    def finish() -> None:
        for sentence, start, end, label in find_spans(words):
            document, spans = block[sentence]
            entities.append((document, spans[start].start, spans[end - 1].end, label))
        block.clear()
        words.clear()

    for document, text in enumerate(texts):
        for spans in iter_sentences(text):
            block.append((document, spans))
            words.append([text[start:end] for start, end in spans])
            n_block_words += len(spans)
            n_words += len(spans)
            if n_block_words >= BLOCK_WORDS:
                finish()
                n_block_words = 0
    if block:
        finish()
    return entities, n_words
