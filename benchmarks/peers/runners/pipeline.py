"""The Hugging Face pipeline as documented: words in, batches sorted by length, grouped entities out.

Only the words' shapes, and which pieces belong to one word, are passed in addition.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

import torch
from transformers import AutoTokenizer, TokenClassificationPipeline

from benchmarks.peers.models import HUGGING_FACE
from benchmarks.peers.reading import find_shape_id
from benchmarks.peers.runners import Job
from benchmarks.peers.runners.pytorch import PytorchRunner
from benchmarks.peers.spans import Span

_OVERLAP = 32  # pieces shared by two windows of a long sentence, as in the product


class ShapePipeline(TokenClassificationPipeline):
    """`token-classification` for a model with word shapes as segments."""

    def preprocess(self, sentence: list[str], **parameters: Any) -> Iterator[dict[str, Any]]:
        shapes = [find_shape_id(word) for word in sentence]
        for inputs in super().preprocess(sentence, **parameters):
            ids = [0 if word is None else shapes[word] for word in inputs["word_ids"]]
            inputs["token_type_ids"] = torch.tensor([ids])
            yield inputs

    def gather_pre_entities(self, *given: Any, word_ids: Any = None, **named: Any) -> list[dict[str, Any]]:
        # By default it treats each part of `U.S.` as a word.
        pieces: list[dict[str, Any]] = super().gather_pre_entities(*given, word_ids=word_ids, **named)
        for piece in pieces:
            piece["is_subword"] = word_ids[piece["index"]] == word_ids[piece["index"] - 1]
        return pieces


class PipelineRunner(PytorchRunner):
    """The pipeline from words to entities; at the graph level, its model alone."""

    def __init__(self, job: Job):
        super().__init__(job)
        tokenizer = AutoTokenizer.from_pretrained(job.model / HUGGING_FACE)
        self._batch_size = job.form.max_windows
        self._pipeline = ShapePipeline(
            model=self._model,
            tokenizer=tokenizer,
            device="cpu",
            aggregation_strategy="first",
            stride=_OVERLAP,
        )

    def spans(self, sentences: Sequence[Sequence[str]]) -> list[Span]:
        order = sorted((index for index, words in enumerate(sentences) if words), key=lambda at: len(sentences[at]))
        texts = [list(sentences[index]) for index in order]
        answers = self._pipeline(texts, is_split_into_words=True, batch_size=self._batch_size)
        spans: list[Span] = []
        for index, words, entities in zip(order, texts, answers, strict=True):
            starts = list(accumulate((len(word) + 1 for word in words), initial=0))
            word_at = {start: word for word, start in enumerate(starts)}
            for entity in entities:
                first = word_at[int(entity["start"])]
                last = max(word for word in range(first, len(words)) if starts[word] < int(entity["end"]))
                spans.append((index, first, last + 1, entity["entity_group"]))
        return sorted(spans)
