"""The tagger: sentences of words in, a tag and a probability for every word out.

One engine runs every kind of model: a trained model is frozen in memory first, so that what is evaluated is
what will run.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from ner_tasks import hardware
from ner_tasks.entities import TextEntity
from ner_tasks.errors import ArtifactBroken
from ner_tasks.inference import text_tagging
from ner_tasks.inference.int8_without_vnni import adapt_to_host
from ner_tasks.model import model_folder
from ner_tasks.model.decoding import Transitions, viterbi_decode
from ner_tasks.model.graph_operations import check_operations
from ner_tasks.model.graph_outputs import INPUTS, select_output
from ner_tasks.model.model_folder import ModelManifest
from ner_tasks.model.tokenization import Window, WordTokenizer, make_batches, make_windows

# int32 piece ids and shape ids [B, T] -> float32 logits [B, T, K]
Engine = Callable[[NDArray[np.int32], NDArray[np.int32]], NDArray[np.float32]]
# a window of a sentence and the logits [words, K] of its words
Reading = tuple[Window, NDArray[np.float32]]


@dataclass(frozen=True)
class TaggedSentence:
    """Answer for one sentence: a tag and its probability for each word, and what reading it took."""

    tags: tuple[str, ...]
    scores: tuple[float, ...]
    n_pieces: int
    n_windows: int
    n_unknown: int = 0  # of the pieces, those that stand for what the vocabulary cannot write


@dataclass(frozen=True)
class SentenceLogits:
    """Logits [words, K] of one sentence, and what reading it took."""

    logits: NDArray[np.float32]
    n_pieces: int
    n_windows: int
    n_unknown: int = 0

    @classmethod
    def of(cls, reading: Sequence[Reading], *, n_words: int, n_tags: int, unk_id: int) -> "SentenceLogits":
        """Those of a sentence from its windows, each word read where it is most central."""
        if n_words == 0:
            return cls(np.zeros((0, n_tags), np.float32), 0, 0)
        logits = reading[0][1] if len(reading) == 1 else merge_windows(reading, n_words)  # [words, K]
        n_pieces = sum(len(window) for window, _ in reading)
        return cls(logits, n_pieces, len(reading), sum(window.piece_ids.count(unk_id) for window, _ in reading))


@dataclass(frozen=True)
class BatchingConfig:
    """How windows are put into batches.

    Attributes:
        max_windows: most windows in a batch.
        max_pieces: most pieces in a batch, padding included.
        length: least length of a batch, in pieces; 128 is the reference kit's way, 0 ours.
        step: lengths are rounded up to a multiple of this.
    """

    max_windows: int = 512
    max_pieces: int = 2048
    length: int = 0
    step: int = 2


class Tagger:
    """A model, loaded once, that tags any number of sentences of any length.

    Args:
        engine: computes logits.
        pieces: the model's vocabulary.
        manifest: the model's labels, window length, temperature and transitions.
        n_streams: batches that the engine computes at the same time.
        limits: how windows are put into batches where a call does not say.
        engine_of_few: computes logits of sentences that come one by one; None: `engine` does.
    """

    def __init__(
        self,
        engine: Engine,
        pieces: WordTokenizer,
        manifest: ModelManifest,
        *,
        n_streams: int = 1,
        limits: BatchingConfig = BatchingConfig(),
        engine_of_few: Engine | None = None,
    ):
        self._limits = limits
        self._engine, self._pieces, self.manifest = engine, pieces, manifest
        self._engine_of_few = engine_of_few or engine
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
        limits: BatchingConfig = BatchingConfig(),
    ) -> "Tagger":
        """Open a model folder of any kind, its checksums verified.

        Args:
            folder: a trained, frozen or INT8 model.
            n_threads: batches at the same time, each on a thread of its own, which takes less time than all threads on
                one batch: none waits for another at the end of each operation. Their number changes no answer.
                None: one for each processor that this process may use.
            bf16: compute in bfloat16 where oneDNN can.
            limits: how windows are put into batches where a call does not say.

        Raises:
            InputMissing: no model there.
            ArtifactBroken: damaged.
        """
        folder, n_threads = Path(folder), n_threads or hardware.count_cpus()
        manifest = model_folder.read_manifest(folder)
        pieces = WordTokenizer(folder / model_folder.TOKENIZER)
        session = make_session(_graph_of(folder, manifest), bf16=bf16)
        engine, few = make_engine(session), make_engine(session, few=True)
        # The first run makes what all others use, by way of several copies of the graph, a sixth of the process.
        engine(np.full((1, 2), pieces.pad_id, np.int32), np.zeros((1, 2), np.int32))
        hardware.release_freed_memory()
        return cls(engine, pieces, manifest, n_streams=n_threads, limits=limits, engine_of_few=few)

    @property
    def version(self) -> str:
        """Version in the registry, or what identifies a model that is in none."""
        weights = next(iter(self.manifest.files.values()), "unsigned")
        return str(self.manifest.lineage.get("version") or f"{self.manifest.kind}-{weights[:12]}")

    def find_entities(self, texts: Sequence[str]) -> list[list[TextEntity]]:
        """Find the entities of whole texts, which are split into sentences and words as the nightly run splits them.

        Args:
            texts: any strings. All their words are held in memory: for folders of documents use the command `tag`.

        Returns:
            The entities of each text, in its order.

        Raises:
            TypeError: `texts` is a single string.
        """
        return text_tagging.find_entities(texts, self.tag)

    def tag(self, sentences: Sequence[Sequence[str]], limits: BatchingConfig | None = None) -> list[TaggedSentence]:
        """Tag sentences, each of any length; the answers are in the order of the sentences."""
        return self.answers(self.logits(sentences, limits))

    def logits(self, sentences: Sequence[Sequence[str]], limits: BatchingConfig | None = None) -> list[SentenceLogits]:
        """What the model makes of each sentence, before temperature and tags."""
        limits = limits or self._limits
        windows = list(make_windows(sentences, self._pieces, max_pieces=self.manifest.max_pieces))
        readings: list[list[Reading]] = [[] for _ in sentences]
        engine = self._engine_of_few if limits.max_windows == 1 else self._engine
        batches = make_batches(windows, pad_id=self._pieces.pad_id, **asdict(limits))
        computed = self._streams.map(lambda batch: engine(batch.piece_ids, batch.shape_ids), batches)
        for batch, logits in zip(batches, computed, strict=True):  # [B, T, K]
            for row, window in enumerate(batch.windows):
                readings[window.sentence].append((window, logits[row, window.first_pieces]))  # [words, K]
        n_tags = len(self._label_set.tags)
        return [
            SentenceLogits.of(reading, n_words=len(words), n_tags=n_tags, unk_id=self._pieces.unk_id)
            for words, reading in zip(sentences, readings, strict=True)
        ]

    def answers(
        self,
        found: Sequence[SentenceLogits],
        *,
        temperature: float | None = None,
        transitions: Transitions | None = None,
    ) -> list[TaggedSentence]:
        """Tags and scores from logits, at the model's own temperature and transitions unless others are given."""
        at = self.manifest.temperature if temperature is None else temperature
        paths = viterbi_decode(
            [one.logits for one in found], self._label_set, self._transitions if transitions is None else transitions
        )
        return self._scored(found, paths, at)

    def _scored(
        self, found: Sequence[SentenceLogits], paths: Sequence[NDArray[np.intp]], temperature: float
    ) -> list[TaggedSentence]:
        """Each sentence's tags, and the probability of each at a temperature, which changes no tag."""
        if not found:
            return []
        logits, ids = np.concatenate([one.logits for one in found]), np.concatenate(paths)  # [words, K], [words]
        shifted = np.exp((logits - logits.max(axis=1, keepdims=True)) / np.float32(temperature))
        scores = (shifted[np.arange(len(ids)), ids] / shifted.sum(axis=1)).astype(float).tolist()  # [words]
        tags = [self._label_set.tags[tag_id] for tag_id in ids.tolist()]
        ends = np.cumsum([len(path) for path in paths]).tolist()
        return [
            TaggedSentence(tuple(tags[start:end]), tuple(scores[start:end]), one.n_pieces, one.n_windows, one.n_unknown)
            for one, start, end in zip(found, [0, *ends], ends, strict=False)
        ]


def merge_windows(reading: Sequence[Reading], n_words: int) -> NDArray[np.float32]:
    """Logits [words, K] of a sentence in several windows: each word's come from the window with most context."""
    merged = np.zeros((n_words, reading[0][1].shape[1]), np.float32)
    context = np.full(n_words, -1)
    for window, logits in reading:
        words = np.arange(window.start, window.end)
        # The sentence's own start and end are no cut: nothing is missing there.
        left = words - window.start if window.start else np.full(len(words), n_words)
        right = window.end - 1 - words if window.end < n_words else np.full(len(words), n_words)
        seen = np.minimum(left, right)
        better = seen > context[window.start : window.end]
        merged[words[better]] = logits[better]
        context[words[better]] = seen[better]
    return merged


def make_session(graph_def: tf.compat.v1.GraphDef, *, bf16: bool = False) -> tf.compat.v1.Session:
    """A session that holds a graph's weights, for the engines that run it; each run takes one thread, its caller's.

    Args:
        graph_def: a graph with `graph_outputs.INPUTS`.
        bf16: compute an FP32 graph in bfloat16 where oneDNN can.
    """
    names = {node.name for node in graph_def.node}
    outputs = {select_output(names, bf16=hardware.has_bf16(), few=few) for few in (False, True)}
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(tf.compat.v1.graph_util.extract_sub_graph(graph_def, sorted(outputs)), name="")
    # below zero: operations run in the thread that calls, so that each stream keeps to one core
    config = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=-1)
    config.experimental.optimize_for_static_graph = True  # no further copy of it is kept
    rewrites = config.graph_options.rewrite_options
    # A graph with routes is fused already: Grappler would look at it for four seconds, and change nothing.
    rewrites.disable_meta_optimizer = len(outputs) > 1
    if bf16:
        rewrites.auto_mixed_precision_onednn_bfloat16 = rewrites.ON
    return tf.compat.v1.Session(graph=graph, config=config)


def make_engine(session: tf.compat.v1.Session, *, few: bool = False) -> Engine:
    """An engine that runs the session's graph by the route that suits this host.

    Args:
        session: of a graph.
        few: for sentences that come one by one. Its scores may differ from the other's in the third digit.
    """
    names = {operation.name for operation in session.graph.get_operations()}
    output = select_output(names, bf16=hardware.has_bf16(), few=few)
    run: Engine = session.make_callable(f"{output}:0", feed_list=[f"{name}:0" for name in INPUTS])
    return run


def read_graph(path: Path) -> tf.compat.v1.GraphDef:
    """A frozen graph from its file.

    Raises:
        ArtifactBroken: not a graph, or one that holds operations which no graph of ours has.
    """
    graph_def = tf.compat.v1.GraphDef()
    try:
        graph_def.ParseFromString(path.read_bytes())
    except DecodeError as error:
        raise ArtifactBroken(f"found {error}, expected a TensorFlow graph, in {path}") from None
    check_operations(graph_def, path)
    return graph_def


def _graph_of(folder: Path, manifest: ModelManifest) -> tf.compat.v1.GraphDef:
    if manifest.kind == "trained":
        from ner_tasks.model import freezing

        return freezing.build_inference_graph(freezing.load_trained(folder, manifest))
    return adapt_to_host(read_graph(folder / model_folder.GRAPH))
