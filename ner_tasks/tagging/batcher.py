"""Sentences of many documents gathered into full batches, and their answers given back to the documents.

Answers are written in the order of the files, whatever was tagged when: a document waits until its last sentence is
answered, and those behind it wait for it.
"""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from ner_tasks.documents import Answer, CannotRead, Document, Ignored, Limits, Rejected
from ner_tasks.errors import GateNotPassed, NerTasksError, redact_error
from ner_tasks.segmentation import Word, iter_sentences
from ner_tasks.tagging.answer_ledger import AnswerLedger
from ner_tasks.tagging.journal import Journal
from ner_tasks.tagging.receipts import DocumentInProgress, InboxFile, SentenceAnswer

# Enough words for length-sorted batches to waste little; enough characters for documents that are mostly spaces.
BATCH_WORDS, BATCH_CHARACTERS = 60_000, 4_000_000
# A batch of words that no person writes, of a thousand pieces each, would be a hundred times as large.
_BATCH_WORD_CHARACTERS = 10 * BATCH_WORDS
# What a document that waits for its turn takes besides its text, in characters.
_WAITING_CHARACTERS = 1_000


class SentenceTagger(Protocol):
    """Tags sentences of words, in order, whole; see `inference.tagger.Tagger`."""

    @property
    def version(self) -> str: ...
    def tag(self, sentences: Sequence[Sequence[str]]) -> Sequence[SentenceAnswer]: ...


@dataclass(frozen=True)
class TagConfig:
    """How documents are tagged.

    Attributes:
        limits: how much of a document is read.
        keep_text: whether answers hold the text and the mentions, or only their offsets and the text's hash.
        version: stands for all that an answer follows from besides the text and the model.
    """

    limits: Limits = field(default_factory=Limits)
    keep_text: bool = True
    version: str = ""


# a document, the words of one of its sentences, and their texts
_Sentence = tuple[DocumentInProgress, list[Word], list[str]]


class Batcher:
    """One run over all documents: the batch being filled, the one at the model, and what waits for its answers in the
    order of the files.
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
        self._model = model
        self._waiting: deque[DocumentInProgress | tuple[InboxFile, Rejected | Ignored]] = deque()
        self._texts: dict[str, DocumentInProgress] = {}  # that wait to be tagged, by hash
        self._batch: list[_Sentence] = []
        self._at_model: tuple[list[_Sentence], Future[Sequence[SentenceAnswer]]] | None = None
        self._n_batch_words = self._n_batch_characters = self._n_word_characters = 0
        self._n_file_words = journal.tally.n_words_of_file  # of the file that an earlier try was killed in
        self._file_began = clock()

    def end_file(self) -> None:
        """A file is read to its end: what its documents may take is counted anew for the next one."""
        self._n_file_words = 0
        self._file_began = self._clock()

    def add(self, file: InboxFile, found: Answer) -> None:
        """Take one document, tagging whenever a batch is full."""
        self._n_batch_characters += _WAITING_CHARACTERS
        if not isinstance(found, Document):
            self._waiting.append((file, found))
        else:
            self._read(
                DocumentInProgress.of(file, found, model_version=self._tagger.version, config=self._config.version)
            )
        if self._n_batch_characters >= BATCH_CHARACTERS:
            self.finish()

    def finish(self) -> None:
        """Tag what is in the batch, and write all documents: not one waits for more sentences."""
        self._hand_over()
        self._take_back()
        self._write_all()
        self._n_batch_characters = 0

    def _read(self, reading: DocumentInProgress) -> None:
        self._n_batch_characters += len(reading.document.text)
        reading.copy_of = self._texts.get(reading.key.text_sha256)
        if reading.copy_of or self._answer_to(reading):
            self._waiting.append(reading)
        elif excess := self._excess_of(reading.document.text):
            self._waiting.append((reading.file, Rejected(reading.document.name, excess.reason, str(excess))))
        else:
            self._waiting.append(reading)
            self._texts[reading.key.text_sha256] = reading
            self._cut(reading)
            self._n_file_words += reading.n_words
        reading.is_cut = True

    def _cut(self, reading: DocumentInProgress) -> None:
        """Put the sentences of a document into batches, as far as it comes."""
        text = reading.document.text
        for spans in iter_sentences(text):
            words = [text[start:end] for start, end in spans]
            self._batch.append((reading, spans, words))
            reading.sentence(spans)
            self._n_batch_words += len(spans)
            self._n_word_characters += sum(map(len, words))
            if self._n_batch_words >= BATCH_WORDS or self._n_word_characters >= _BATCH_WORD_CHARACTERS:
                self._hand_over()
                self._write_all()
                if reading.failure:
                    return
                if overtime := self._overtime():
                    reading.failure = overtime
                    del self._texts[reading.key.text_sha256]  # in another file, the same text has its time
                    return

    def _excess_of(self, text: str) -> CannotRead | None:
        """What is wrong with a file in which a document of this text comes next."""
        most, n_before = self._config.limits.max_words, self._n_file_words
        # a word has a character, at least: to be counted are those of long texts alone
        if n_before + len(text) > most and n_before + sum(map(len, iter_sentences(text))) > most:
            return CannotRead("too-many-words", f"found more than {most} words in its file, expected at most that many")
        return self._overtime()

    def _overtime(self) -> CannotRead | None:
        most = self._config.limits.file_seconds
        if self._clock() - self._file_began <= most:
            return None
        return CannotRead("too-slow", f"found that its file takes more than {most:g} s, expected at most that")

    def _hand_over(self) -> None:
        """Give the batch to the model, once it has answered the one before."""
        self._take_back()
        batch, self._batch, self._n_batch_words, self._n_word_characters = self._batch, [], 0, 0
        if batch:
            self._at_model = batch, self._model.submit(self._tag, batch)

    def _take_back(self) -> None:
        """Wait for the model, and book its answers."""
        if self._at_model is None:
            return
        (batch, answers), self._at_model = self._at_model, None
        self._book_or_bisect(batch, answers.result)

    def _tag(self, batch: Sequence[_Sentence]) -> Sequence[SentenceAnswer]:
        began = self._clock()
        try:
            return self._tagger.tag([words for _, _, words in batch])
        finally:
            self._journal.tally.model_s += self._clock() - began

    def _book_or_bisect(self, batch: Sequence[_Sentence], answers_of: Callable[[], Sequence[SentenceAnswer]]) -> None:
        """Book a batch's answers; if there are none, halve it by documents until the one at fault is alone."""
        try:
            answers = answers_of()
        except (NerTasksError, MemoryError):
            raise  # the model's or the machine's fault, not a document's
        except Exception as error:  # noqa: BLE001 - whatever it is, the documents that are not at fault are to be tagged
            readings = list({id(reading): reading for reading, _, _ in batch}.values())
            if len(readings) == 1:
                readings[0].failure = error
                return
            first = {id(reading) for reading in readings[: len(readings) // 2]}
            halves = ([sentence for sentence in batch if (id(sentence[0]) in first) is side] for side in (True, False))
            for half in halves:
                self._book_or_bisect(half, lambda half=half: self._tag(half))  # type: ignore[misc]
            return
        most = self._config.limits.max_entities
        for (reading, spans, _), answer in zip(batch, answers, strict=True):
            reading.take(spans, answer)
            if len(reading.entities) > most:
                found = f"found more than {most} entities, expected at most that many"
                reading.failure = CannotRead("too-many-entities", found)

    def _write_all(self) -> None:
        """Write what waits, up to a document of which sentences are still to come or at the model."""
        while self._waiting:
            waiting = self._waiting[0]
            if isinstance(waiting, DocumentInProgress):
                if not waiting.is_done:
                    break
                self._write(waiting)
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
            said = f"found {redact_error(failure)}, expected tags"
            self._reject(reading.file, Rejected(reading.document.name, "tagging-failed", said), n_words)
        elif tagged:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            fresh = reading.answer(keep_text=self._config.keep_text, tagged_at=now)
            self._journal.write(reading.file.position, fresh, n_words=n_words)
        elif answer := self._answer_to(reading):
            self._journal.write(reading.file.position, reading.named(answer))
            self._journal.tally.n_reused += 1
        else:
            raise GateNotPassed(f"found no answer, expected that of the same text, for {reading.document.name[:200]!r}")

    def _reject(self, file: InboxFile, rejected: Rejected, n_words: int = 0) -> None:
        line = {"document": rejected.document, "file": file.name, **asdict(rejected)}
        self._journal.reject(file.position, line, n_words=n_words)

    def _answer_to(self, reading: DocumentInProgress) -> dict[str, Any] | None:
        """The answer that this text has been given before, in this run or an earlier one."""
        ledgers: list[Journal | AnswerLedger] = [self._journal, *self._earlier]
        return next((answer for ledger in ledgers if (answer := ledger.find(reading.key))), None)
