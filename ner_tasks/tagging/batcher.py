"""Collects sentences of many documents into full batches, and assigns the model's answers back to the documents.

Answers are written in the order of the files, regardless of the order in which sentences are tagged: each document
waits for the documents before it.
"""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from ner_tasks.documents import Answer, CannotRead, Document, Ignored, Limits, Rejected
from ner_tasks.enrichment.policy import EntityPolicy
from ner_tasks.enrichment.rules import EnrichmentRules
from ner_tasks.errors import GateNotPassed, NerTasksError, redact_error
from ner_tasks.segmentation import AUTO, Word, choose_language, iter_sentences
from ner_tasks.tagging.answer_ledger import AnswerLedger
from ner_tasks.tagging.journal import Journal
from ner_tasks.tagging.receipts import DocumentInProgress, InboxFile
from ner_tasks.tagging.sentence_cache import CachedAnswer, SentenceCache, SentenceTagger

# Enough words that length-sorted batches need little padding; characters bound documents that are mostly spaces.
BATCH_WORDS, BATCH_CHARACTERS = 60_000, 4_000_000
# Bounds batches of artificial words, which may have a thousand word pieces each.
_BATCH_WORD_CHARACTERS = 10 * BATCH_WORDS
# Overhead of a waiting document besides its text, in characters.
_WAITING_CHARACTERS = 1_000


@dataclass(frozen=True)
class TagConfig:
    """Settings of tagging.

    Attributes:
        limits: limits on size and reading time of documents.
        keep_text: whether answers contain the text and the mentions, or only offsets and a hash of the text.
        policy: which entities are given.
        rules: what entities are given besides label and score.
        language: setting of the documents' language, see `segmentation.choose_language`.
        version: version of everything that an answer depends on besides the text and the model.
    """

    limits: Limits = field(default_factory=Limits)
    keep_text: bool = True
    policy: EntityPolicy = field(default_factory=EntityPolicy.load)
    rules: EnrichmentRules = field(default_factory=EnrichmentRules)
    language: str = AUTO
    version: str = ""


@dataclass(frozen=True)
class ReadFile:
    """A file that was read to its end.

    Attributes:
        file: the file of the inbox.
        n_bytes: its size.
        read_s: seconds of CPU that reading took.
    """

    file: InboxFile
    n_bytes: int
    read_s: float


# a document, the words of one of its sentences, and their texts
_Sentence = tuple[DocumentInProgress, list[Word], list[str]]


class Batcher:
    """One run over all documents: a batch being filled, a batch at the model, and documents waiting for answers.

    Args:
        tagger: the model.
        journal: where answers are written.
        earlier: ledgers of earlier answers that may be reused.
        config: settings.
        clock: returns seconds.
        model: executor that runs the model.
    """

    def __init__(
        self,
        tagger: SentenceTagger,
        journal: Journal,
        earlier: Sequence[AnswerLedger],
        config: TagConfig,
        clock: Callable[[], float],
        model: Executor,
    ):
        self._tagger, self._journal, self._earlier, self._config, self._clock = tagger, journal, earlier, config, clock
        self._model, self._cache = model, SentenceCache(tagger)
        self._waiting: deque[DocumentInProgress | ReadFile | tuple[InboxFile, Rejected | Ignored]] = deque()
        self._texts: dict[str, DocumentInProgress] = {}  # documents that wait for the model, by hash of the text
        self._batch: list[_Sentence] = []
        self._at_model: tuple[list[_Sentence], Future[Sequence[CachedAnswer]]] | None = None
        self._n_batch_words = self._n_batch_characters = self._n_word_characters = 0
        self._n_file_words = journal.tally.n_words_of_file  # words already tagged before a restart
        self._file_began = clock()

    def end_file(self, read: ReadFile | None = None) -> None:
        """Finish a file: resets the counters of the limits per file.

        Args:
            read: what reading it took, if that was measured; counted after its documents.
        """
        if read:
            self._waiting.append(read)
        self._n_file_words = 0
        self._file_began = self._clock()

    def add(self, file: InboxFile, answer: Answer) -> None:
        """Add one document, or what the reader returned in its place; tags whenever a batch is full.

        Args:
            file: the file of the inbox.
            answer: a document, or its rejection, or an ignored file.
        """
        self._n_batch_characters += _WAITING_CHARACTERS
        if not isinstance(answer, Document):
            self._waiting.append((file, answer))
        else:
            self._add_document(
                DocumentInProgress.from_document(
                    file,
                    answer,
                    model_version=self._tagger.version,
                    config=self._config.version,
                    language=choose_language(self._config.language, answer.text),
                    rules=self._config.rules,
                )
            )
        if self._n_batch_characters >= BATCH_CHARACTERS:
            self.finish()

    def finish(self) -> None:
        """Tag the last batch and write all documents."""
        self._submit_batch()
        self._collect_answers()
        self._write_all()
        self._n_batch_characters = 0

    def _add_document(self, reading: DocumentInProgress) -> None:
        self._n_batch_characters += len(reading.document.text)
        reading.copy_of = self._texts.get(reading.key.text_sha256)
        if reading.copy_of or self._find_answer(reading):
            self._waiting.append(reading)
        elif excess := self._check_limits(reading.document.text):
            self._waiting.append((reading.file, Rejected(reading.document.name, excess.reason, str(excess))))
        else:
            self._waiting.append(reading)
            self._texts[reading.key.text_sha256] = reading
            self._queue_sentences(reading)
            self._n_file_words += reading.n_words
        reading.is_cut = True

    def _queue_sentences(self, reading: DocumentInProgress) -> None:
        """Add the sentences of a document to batches, until it fails or exceeds its time."""
        text = reading.document.text
        for spans in iter_sentences(text, reading.language):
            words = [text[start:end] for start, end in spans]
            self._batch.append((reading, spans, words))
            reading.count_sentence(spans)
            self._n_batch_words += len(spans)
            self._n_word_characters += sum(map(len, words))
            if self._n_batch_words >= BATCH_WORDS or self._n_word_characters >= _BATCH_WORD_CHARACTERS:
                self._submit_batch()
                self._write_all()
                if reading.failure:
                    return
                if timeout := self._check_time():
                    reading.failure = timeout
                    del self._texts[reading.key.text_sha256]  # in another file, the same text gets the full time
                    return

    def _check_limits(self, text: str) -> CannotRead | None:
        """Return the limit per file that a document of this text would exceed, if any."""
        most, n_before = self._config.limits.max_words, self._n_file_words
        # a word has at least one character, so only words of long texts need counting
        if n_before + len(text) > most and n_before + sum(map(len, iter_sentences(text))) > most:
            return CannotRead("too-many-words", f"found more than {most} words in the file, expected at most that many")
        return self._check_time()

    def _check_time(self) -> CannotRead | None:
        most = self._config.limits.file_seconds
        if self._clock() - self._file_began <= most:
            return None
        return CannotRead("too-slow", f"found that tagging the file takes more than {most:g} s, expected less")

    def _submit_batch(self) -> None:
        """Submit the batch to the model, after the previous one has been answered."""
        self._collect_answers()
        batch, self._batch, self._n_batch_words, self._n_word_characters = self._batch, [], 0, 0
        if batch:
            self._at_model = batch, self._model.submit(self._tag, batch)

    def _collect_answers(self) -> None:
        """Wait for the model and store its answers."""
        if self._at_model is None:
            return
        (batch, answers), self._at_model = self._at_model, None
        self._store_or_bisect(batch, answers.result)

    def _tag(self, batch: Sequence[_Sentence]) -> Sequence[CachedAnswer]:
        began = self._clock()
        try:
            return self._cache.tag([words for _, _, words in batch])
        finally:
            self._journal.tally.model_s += self._clock() - began

    def _store_or_bisect(self, batch: Sequence[_Sentence], tag: Callable[[], Sequence[CachedAnswer]]) -> None:
        """Store a batch's answers; if tagging fails, bisect by documents until the failing one is isolated."""
        try:
            answers = tag()
        except (NerTasksError, MemoryError):
            raise  # a fault of the model or the machine, not of a document
        except Exception as error:  # noqa: BLE001 - any error: the other documents must still be tagged
            readings = list({id(reading): reading for reading, _, _ in batch}.values())
            if len(readings) == 1:
                readings[0].failure = error
                return
            first = {id(reading) for reading in readings[: len(readings) // 2]}
            halves = ([sentence for sentence in batch if (id(sentence[0]) in first) is side] for side in (True, False))
            for half in halves:
                self._store_or_bisect(half, lambda half=half: self._tag(half))  # type: ignore[misc]
            return
        most = self._config.limits.max_entities
        for (reading, spans, _), (answer, is_repeated) in zip(batch, answers, strict=True):
            reading.add_answer(spans, answer, self._config.policy, is_repeated=is_repeated)
            if len(reading.entities) > most:
                message = f"found more than {most} entities, expected at most that many"
                reading.failure = CannotRead("too-many-entities", message)

    def _write_all(self) -> None:
        """Write waiting documents up to the first one that is not completely tagged."""
        while self._waiting:
            waiting = self._waiting[0]
            if isinstance(waiting, DocumentInProgress):
                if not waiting.is_done:
                    break
                self._write(waiting)
            elif isinstance(waiting, ReadFile):
                self._journal.tally.add_read(*waiting.file, waiting.n_bytes, waiting.read_s)
            elif isinstance(waiting[1], Rejected):
                self._reject(waiting[0], waiting[1])
            else:
                self._journal.ignore(waiting[0].position, {"file": waiting[0].name, **asdict(waiting[1])})
            self._waiting.popleft()
        self._journal.checkpoint()

    def _write(self, reading: DocumentInProgress) -> None:
        tagged = self._texts.get(reading.key.text_sha256) is reading
        if tagged:
            del self._texts[reading.key.text_sha256]
        failure, n_words = (reading.copy_of or reading).failure, reading.n_words
        if isinstance(failure, CannotRead):
            self._reject(reading.file, Rejected(reading.document.name, failure.reason, str(failure)), n_words)
        elif failure:
            message = f"found {redact_error(failure)}, expected tags"
            self._reject(reading.file, Rejected(reading.document.name, "tagging-failed", message), n_words)
        elif tagged:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            fresh = reading.make_answer(keep_text=self._config.keep_text, tagged_at=now)
            self._journal.write(
                reading.file.position, fresh, n_words=n_words, n_words_repeated=reading.n_words_repeated
            )
        elif answer := self._find_answer(reading):
            self._journal.write(reading.file.position, reading.complete_answer(answer))
            self._journal.tally.n_reused += 1
        else:
            raise GateNotPassed(f"found no answer, expected that of the same text, for {reading.document.name[:200]!r}")

    def _reject(self, file: InboxFile, rejected: Rejected, n_words: int = 0) -> None:
        line = {"document": rejected.document, "file": file.name, **asdict(rejected)}
        self._journal.reject(file.position, line, n_words=n_words)

    def _find_answer(self, reading: DocumentInProgress) -> dict[str, Any] | None:
        """Find the answer to the same text in this run or an earlier one."""
        ledgers: list[Journal | AnswerLedger] = [self._journal, *self._earlier]
        return next((answer for ledger in ledgers if (answer := ledger.find(reading.key))), None)
