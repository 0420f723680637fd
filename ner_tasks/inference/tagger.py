"""Tagger: assigns a tag and a score to every word of a sentence.

All kinds of models run on the same engine; a trained model is frozen in memory first, so that evaluation and inference
run the same graph.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ner_tasks import hardware
from ner_tasks.entities import ScoredSpan, TextEntity, WordSpan, bio_to_spans
from ner_tasks.inference import text_tagging
from ner_tasks.inference.int8_without_vnni import adapt_to_host
from ner_tasks.inference.runners import DEFAULT_LIMITS, BatchingConfig, GraphRunner, make_runner
from ner_tasks.inference.sessions import load_graph, make_session
from ner_tasks.model import model_folder
from ner_tasks.model.decoding import Transitions, viterbi_decode
from ner_tasks.model.model_folder import ModelManifest
from ner_tasks.model.posterior import span_posteriors
from ner_tasks.model.tensorflow_protos import GraphDef
from ner_tasks.model.tokenization import Window, WordTokenizer, make_windows
from ner_tasks.segmentation import AUTO

# a window of a sentence and the logits [words, K] of its words
WindowLogits = tuple[Window, NDArray[np.float32]]


@dataclass(frozen=True)
class TaggedSentence:
    """Prediction for one sentence.

    Attributes:
        tags: BIO tag of each word.
        scores: probability of the tag of each word by itself, 0 to 1.
        entities: entities of the tags with their scores, in order.
        n_pieces: number of pieces over all windows.
        n_windows: number of windows.
        n_unknown: number of pieces that are [UNK].
    """

    tags: tuple[str, ...]
    scores: tuple[float, ...]
    entities: tuple[ScoredSpan, ...]
    n_pieces: int
    n_windows: int
    n_unknown: int = 0


@dataclass(frozen=True)
class SentenceLogits:
    """Logits [words, K] of one sentence; the other attributes are those of `TaggedSentence`."""

    logits: NDArray[np.float32]
    n_pieces: int
    n_windows: int
    n_unknown: int = 0

    @classmethod
    def from_windows(cls, parts: Sequence[WindowLogits], *, n_words: int, n_tags: int, unk_id: int) -> "SentenceLogits":
        """Combine the windows of a sentence, see `merge_windows`.

        Args:
            parts: windows of the sentence in order, with their logits.
            n_words: number of words in the sentence.
            n_tags: K.
            unk_id: piece id of [UNK].
        """
        if n_words == 0:
            return cls(np.zeros((0, n_tags), np.float32), 0, 0)
        logits = parts[0][1] if len(parts) == 1 else merge_windows(parts, n_words)  # [words, K]
        n_pieces = sum(len(window) for window, _ in parts)
        return cls(logits, n_pieces, len(parts), sum(window.piece_ids.count(unk_id) for window, _ in parts))


class Tagger:
    """A loaded model that tags sentences of any length.

    Args:
        runner: runs the graph.
        pieces: tokenizer of the model.
        manifest: labels, window length, temperature and transitions of the model.
        n_streams: number of batches computed in parallel.
        limits: default batching.
        runner_for_few: runs the graph on single sentences; None for `runner`.
    """

    def __init__(
        self,
        runner: GraphRunner,
        pieces: WordTokenizer,
        manifest: ModelManifest,
        *,
        n_streams: int = 1,
        limits: BatchingConfig = DEFAULT_LIMITS,
        runner_for_few: GraphRunner | None = None,
    ):
        self._limits = limits
        self._runner, self._pieces, self.manifest = runner, pieces, manifest
        self._runner_for_few = runner_for_few or runner
        self._streams = ThreadPoolExecutor(n_streams, "stream")
        self._label_set = manifest.label_set
        self._transitions = np.array(manifest.transitions, np.float32) if manifest.transitions else None

    @classmethod
    def load(
        cls,
        folder: Path | str,
        *,
        n_threads: int | None = None,
        bf16: bool = False,
        limits: BatchingConfig = DEFAULT_LIMITS,
    ) -> "Tagger":
        """Load a model folder of any kind and verify its checksums.

        Args:
            folder: trained, frozen or INT8 model.
            n_threads: number of batches computed in parallel, each on one thread, which is faster than several threads
                per batch; does not change predictions. None: one for each CPU that this process may use.
            bf16: compute in bfloat16 where oneDNN supports it.
            limits: default batching.

        Raises:
            InputMissing: there is no model folder.
            ArtifactBroken: the model is damaged.
        """
        folder, n_threads = Path(folder), n_threads or hardware.count_cpus()
        manifest = model_folder.read_manifest(folder)
        pieces = WordTokenizer(folder / model_folder.TOKENIZER)
        session = make_session(_load_graph(folder, manifest), bf16=bf16)
        runner, few = make_runner(session), make_runner(session, few=True)
        # The first run makes temporary copies of the graph, a sixth of the memory of the process; free them at once.
        windows = list(make_windows([["a"]], pieces, max_pieces=manifest.max_pieces))
        for batch in runner.make_batches(windows, pad_id=pieces.pad_id, limits=limits):
            runner.run(batch)
        hardware.release_freed_memory()
        return cls(runner, pieces, manifest, n_streams=n_threads, limits=limits, runner_for_few=few)

    @property
    def version(self) -> str:
        """Version in the registry; for other models their kind and the start of a checksum."""
        weights = next(iter(self.manifest.files.values()), "unsigned")
        return str(self.manifest.lineage.get("version") or f"{self.manifest.kind}-{weights[:12]}")

    def find_entities(self, texts: Sequence[str], language: str = AUTO) -> list[list[TextEntity]]:
        """Find the entities of each text, in its order; texts are split into sentences and words as the nightly run does.

        Args:
            texts: any strings. All their words are held in memory: for folders of documents use the command `tag`.
            language: a code such as `es`, or `auto`, which detects it for each text; unclear ones are English.

        Raises:
            TypeError, ConfigInvalid: `texts` is a single string, or `language` no such setting.
        """
        return text_tagging.find_entities(texts, self.tag, language)

    def tag(self, sentences: Sequence[Sequence[str]], limits: BatchingConfig | None = None) -> list[TaggedSentence]:
        """Tag sentences.

        Args:
            sentences: words of each sentence, of any number.
            limits: batching; None for the default of the tagger.

        Returns:
            Predictions in the order of the sentences.
        """
        return self.decode(self.compute_logits(sentences, limits))

    def compute_logits(
        self, sentences: Sequence[Sequence[str]], limits: BatchingConfig | None = None
    ) -> list[SentenceLogits]:
        """Compute the logits of each sentence; arguments as for `tag`."""
        limits = limits or self._limits
        windows = list(make_windows(sentences, self._pieces, max_pieces=self.manifest.max_pieces))
        parts: list[list[WindowLogits]] = [[] for _ in sentences]
        runner = self._runner_for_few if limits.max_windows == 1 else self._runner
        batches = runner.make_batches(windows, pad_id=self._pieces.pad_id, limits=limits)
        run = map if len(batches) == 1 else self._streams.map  # a thread costs more than it gives
        for of_batch, logits in run(runner.run, batches):  # [words, K]
            at = 0
            for window in of_batch:
                parts[window.sentence].append((window, logits[at : (at := at + len(window.first_pieces))]))
        n_tags = len(self._label_set.tags)
        return [
            SentenceLogits.from_windows(of_sentence, n_words=len(words), n_tags=n_tags, unk_id=self._pieces.unk_id)
            for words, of_sentence in zip(sentences, parts, strict=True)
        ]

    def decode(
        self,
        sentence_logits: Sequence[SentenceLogits],
        *,
        temperature: float | None = None,
        entity_temperature: float | None = None,
        transitions: Transitions | None = None,
    ) -> list[TaggedSentence]:
        """Decode logits to tags, entities and scores.

        Args:
            sentence_logits: logits of each sentence.
            temperature: divisor of the logits for the scores of words, above 0; None for that of the model.
            entity_temperature: divisor of the scores of paths for the scores of entities, above 0; None for that of the
                model.
            transitions: weighted log-probabilities [K + 1, K]; None for those of the model.
        """
        if not sentence_logits:
            return []
        logits = [one.logits for one in sentence_logits]
        steps = self._transitions if transitions is None else transitions
        paths = viterbi_decode(logits, self._label_set, steps)
        tags = [tuple(self._label_set.tags[tag_id] for tag_id in path.tolist()) for path in paths]
        scores = _score_words(logits, paths, self.manifest.temperature if temperature is None else temperature)
        spans, at = [bio_to_spans(one) for one in tags], entity_temperature or self.manifest.entity_temperature
        if at is None:
            entity_scores = [_least_word_scores(*one) for one in zip(spans, scores, strict=True)]
        else:
            entity_scores = span_posteriors(logits, spans, self._label_set, steps, temperature=at)
        return [
            TaggedSentence(
                tags[index],
                scores[index],
                tuple(map(ScoredSpan, spans[index], entity_scores[index])),
                one.n_pieces,
                one.n_windows,
                one.n_unknown,
            )
            for index, one in enumerate(sentence_logits)
        ]


def _score_words(
    logits: Sequence[NDArray[np.float32]], paths: Sequence[NDArray[np.intp]], temperature: float
) -> list[tuple[float, ...]]:
    """Return the probability of each word's tag at a temperature, for each sentence."""
    all_logits, ids = np.concatenate(logits), np.concatenate(paths)  # [words, K], [words]
    shifted = np.exp((all_logits - all_logits.max(axis=1, keepdims=True)) / np.float32(temperature))
    scores = (shifted[np.arange(len(ids)), ids] / shifted.sum(axis=1)).astype(float).tolist()  # [words]
    ends = np.cumsum([len(path) for path in paths]).tolist()
    return [tuple(scores[start:end]) for start, end in zip([0, *ends], ends, strict=False)]


def _least_word_scores(spans: Sequence[WordSpan], word_scores: Sequence[float]) -> list[float]:
    """Score the entities of a model without a temperature for them, as releases up to 0.2.0 did.

    The score is the minimum over the words and the next word, whose tag ends the entity.
    """
    return [min(word_scores[span.start : span.end + 1]) for span in spans]


def merge_windows(parts: Sequence[WindowLogits], n_words: int) -> NDArray[np.float32]:
    """Merge overlapping windows of a sentence: each word takes the logits of the window with most context for it.

    Args:
        parts: windows of the sentence in order, with their logits.
        n_words: number of words in the sentence.

    Returns:
        Logits [words, K].
    """
    merged = np.zeros((n_words, parts[0][1].shape[1]), np.float32)
    context = np.full(n_words, -1)
    for window, logits in parts:
        words = np.arange(window.start, window.end)
        # No context is missing at the start and the end of the sentence itself.
        left = words - window.start if window.start else np.full(len(words), n_words)
        right = window.end - 1 - words if window.end < n_words else np.full(len(words), n_words)
        seen = np.minimum(left, right)
        better = seen > context[window.start : window.end]
        merged[words[better]] = logits[better]
        context[words[better]] = seen[better]
    return merged


def _load_graph(folder: Path, manifest: ModelManifest) -> Any:
    if manifest.kind == "trained":
        from ner_tasks.model import freezing

        frozen = freezing.build_inference_graph(freezing.load_trained(folder, manifest))
        return GraphDef.FromString(frozen.SerializeToString())
    return adapt_to_host(load_graph(folder / model_folder.GRAPH))
