"""A rule-based tagger in place of a model, for tests of everything around a model."""

import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from ner_tasks.entities import ScoredSpan, bio_to_spans


@dataclass(frozen=True)
class Answer:
    tags: tuple[str, ...]
    entities: tuple[ScoredSpan, ...]
    n_pieces: int
    n_windows: int
    n_unknown: int = 0


class RuleTagger:
    """Tags a run of capitalised words as a person; refuses the word `poison` as a broken model would."""

    version = "rule-1"

    def __init__(self):
        self.n_words_of_calls: list[int] = []

    def tag(self, sentences):
        self.n_words_of_calls.append(sum(map(len, sentences)))
        return [self._tag(words) for words in sentences]

    def _tag(self, words):
        if "poison" in words:
            raise ValueError("cannot digest\nthis")
        tags, before = [], "O"
        for word in words:
            before = "O" if not word[0].isupper() else "I-per" if before != "O" else "B-per"
            tags.append(before)
        # a short name is less sure than a long one
        entities = [ScoredSpan(span, 1 - 1 / (2 + len(words[span.start]))) for span in bio_to_spans(tags)]
        return Answer(tuple(tags), tuple(entities), len(words) + 2, 1, words.count("unknown"))


class DyingTagger(RuleTagger):
    """Ends its process by a signal, as the kernel does when memory is short, at one of its calls."""

    def __init__(self, dies_at: int) -> None:
        super().__init__()
        self._dies_at = dies_at

    def tag(self, sentences):
        if len(self.n_words_of_calls) == self._dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().tag(sentences)


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
