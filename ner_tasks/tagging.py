"""Documents in, answers out: entities with exact offsets, a receipt for each document, rejects with reasons.

Streams: sentences are gathered across documents until they make a full batch, so that small documents are tagged as
fast as large ones, and a document of any length is never held as words. A killed run goes on where its journal ends;
a text that was answered before, by the same model and configuration, is not tagged again. While the model is at work on
one batch, the next is being cut into sentences and the last written. The tagger is an argument; nothing here knows
TensorFlow.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from shutil import rmtree
from typing import Any, Protocol

from ner_tasks import atomic
from ner_tasks.documents import Document, Limits, Rejected, read_here
from ner_tasks.errors import GateNotPassed, NerTasksError
from ner_tasks.journal import Journal
from ner_tasks.ledger import Ledger
from ner_tasks.nights import MANIFEST
from ner_tasks.progress import progress
from ner_tasks.receipts import File, Reading, SentenceAnswer
from ner_tasks.text import Word, iter_sentences

# Enough words for length-sorted batches to waste little; enough characters for documents that are mostly spaces.
_BATCH_WORDS, _BATCH_CHARACTERS = 60_000, 4_000_000
# What a document that waits for its turn takes besides its text, in characters.
_WAITING_CHARACTERS = 1_000

# (index of the file, one of its documents), and (index, None) when a file is read to its end
Found = tuple[int, Document | Rejected | None]
Reader = Callable[[Iterable[tuple[str, Path]], Limits], Iterable[Found]]


class SentenceTagger(Protocol):
    """Tags sentences of words, in order, whole; see `inference.Tagger`."""

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


def tag_documents(
    documents: Iterable[tuple[str, Path]],
    *,
    tagger: SentenceTagger,
    output: Path,
    config: TagConfig,
    inputs: str = "",
    answered: Sequence[Path] = (),
    read: Reader = read_here,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """Tag files and write the answers as a whole folder.

    Args:
        documents: name and place of each file, in the order of the answers; may be a generator.
        tagger: the model.
        output: folder to make: `documents.jsonl`, `rejected.jsonl`, `ledger.sqlite`, and `manifest.json` last.
            Replaced if it is there. Half-done work lies beside it and is gone on from.
        config: how.
        inputs: stands for the documents' names and contents: half-done work on others is not gone on from.
        answered: folders of earlier answers, whose ledgers say what need not be tagged again.
        read: how files become documents.
        clock: seconds, for the manifest's rate.

    Returns:
        The manifest. An inbox without documents gives one that says so; see `check_yield` for one without answers.

    Raises:
        GateNotPassed: a receipt does not add up: a word that was read has no tag.
        StorageFull: no space for the answers; what was whole is kept for the next try.
        Busy: another process makes the same folder.
    """
    total = len(documents) if isinstance(documents, Sized) else None
    work = output.with_name(f".{output.name}.work")
    with ExitStack() as stack:
        stack.enter_context(atomic.exclusive(work / "lock"))
        earlier = [stack.enter_context(Ledger(folder, read_only=True)) for folder in answered]
        based_on = {"model_version": tagger.version, "config": config.version, "inputs": inputs}
        journal = stack.enter_context(Journal(work, based_on, clock))
        shown = stack.enter_context(progress("tagging", total=total, unit="files"))
        tally = journal.tally
        run = _Run(tagger, journal, earlier, config, clock, stack.enter_context(ThreadPoolExecutor(1, "model")))
        done, n_done = tally.file, tally.n_of_file
        if n_done:
            print(f"tagging: going on from file {done + 1}, answer {n_done + 1} of it", flush=True)
        shown.advance(done)
        names: dict[int, str] = {}
        for index, found in read(_from(documents, done, names), config.limits):
            if found is None:
                shown.advance()
                del names[index]
            elif index == 0 and n_done:
                n_done -= 1  # written before the kill
            else:
                run.add(File(done + index, names[index]), found)
        run.finish()
        with atomic.staged_folder(output) as stage:
            journal.move_to(stage)
            manifest = _manifest(journal, tagger.version, config)
            atomic.write_json(stage / MANIFEST, manifest)
        rmtree(work)
    if manifest["n_documents"] == 0:
        print("tagging: found no document, there was nothing to tag", flush=True)
    return manifest


def check_yield(manifest: Mapping[str, Any]) -> None:
    """Refuse the answers to documents of which not one could be tagged; that of no documents is in order.

    Raises:
        GateNotPassed: there were documents, and all were rejected.
    """
    if manifest["n_documents"] and not manifest["n_tagged"]:
        reasons = ", ".join(f"{reason} {n}" for reason, n in sorted(manifest["rejected"].items()))
        raise GateNotPassed(
            f"found {manifest['n_rejected']} rejected documents ({reasons}), expected at least one that can be tagged, "
            "among the inputs"
        )


def _from(documents: Iterable[tuple[str, Path]], first: int, names: dict[int, str]) -> Iterator[tuple[str, Path]]:
    """The documents behind the first ones; `names` holds those that a reader has asked for, by index."""
    for index, (name, path) in enumerate(islice(documents, first, None)):
        names[index] = name
        yield name, path


def _manifest(journal: Journal, model_version: str, config: TagConfig) -> dict[str, Any]:
    tally = journal.tally
    n_rejected = tally.rejected.total()
    return {
        "n_documents": tally.n_tagged + n_rejected,
        "n_tagged": tally.n_tagged,
        "n_rejected": n_rejected,
        "n_reused": tally.n_reused,
        "n_partly_read": tally.n_partly_read,
        "rejected": dict(sorted(tally.rejected.items())),
        "n_words": tally.n_words,
        "n_entities": tally.entities.total(),
        "entities": dict(sorted(tally.entities.items())),
        "words_per_s": round(tally.n_words / tally.elapsed_s, 1) if tally.elapsed_s > 0 else 0.0,
        "model_version": model_version,
        "config": config.version,
        "elapsed_s": round(tally.elapsed_s, 3),
        "model_s": round(tally.model_s, 3),
    }


# a document, the words of one of its sentences, and their texts
_Sentence = tuple[Reading, list[Word], list[str]]


class _Run:
    """One run over all documents: the batch being filled, the one at the model, and what waits for its answers in the
    order of the files.
    """

    def __init__(
        self,
        tagger: SentenceTagger,
        journal: Journal,
        earlier: Sequence[Ledger],
        config: TagConfig,
        clock: Callable[[], float],
        model: Executor,
    ):
        self._tagger, self._journal, self._earlier, self._config, self._clock = tagger, journal, earlier, config, clock
        self._model = model
        self._waiting: deque[Reading | tuple[File, Rejected]] = deque()
        self._texts: dict[str, Reading] = {}  # that wait to be tagged, by hash
        self._batch: list[_Sentence] = []
        self._at_model: tuple[list[_Sentence], Future[Sequence[SentenceAnswer]]] | None = None
        self._n_batch_words = self._n_batch_characters = 0

    def add(self, file: File, found: Document | Rejected) -> None:
        """Take one document, tagging whenever a batch is full."""
        self._n_batch_characters += _WAITING_CHARACTERS
        if isinstance(found, Rejected):
            self._waiting.append((file, found))
        else:
            self._read(Reading.of(file, found, model_version=self._tagger.version, config=self._config.version))
        if self._n_batch_characters >= _BATCH_CHARACTERS:
            self.finish()

    def finish(self) -> None:
        """Tag what is in the batch, and write all documents: not one waits for more sentences."""
        self._hand_over()
        self._take_back()
        self._write_all()
        self._n_batch_characters = 0

    def _read(self, reading: Reading) -> None:
        text = reading.document.text
        self._waiting.append(reading)
        self._n_batch_characters += len(text)
        reading.copy_of = self._texts.get(reading.key.text_sha256)
        if reading.copy_of or self._answer_to(reading):
            reading.is_cut = True
            return
        self._texts[reading.key.text_sha256] = reading
        for spans in iter_sentences(text):
            self._batch.append((reading, spans, [text[start:end] for start, end in spans]))
            reading.sentence(spans)
            self._n_batch_words += len(spans)
            if self._n_batch_words >= _BATCH_WORDS:
                self._hand_over()
                self._write_all()
                if reading.failure:
                    break
        reading.is_cut = True

    def _hand_over(self) -> None:
        """Give the batch to the model, once it has answered the one before."""
        self._take_back()
        batch, self._batch, self._n_batch_words = self._batch, [], 0
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
        for (reading, spans, _), answer in zip(batch, answers, strict=True):
            reading.take(spans, answer)

    def _write_all(self) -> None:
        """Write what waits, up to a document of which sentences are still to come or at the model."""
        while self._waiting:
            waiting = self._waiting[0]
            if isinstance(waiting, Reading):
                if not waiting.is_done:
                    break
                self._write(waiting)
            else:
                self._reject(*waiting)
            self._waiting.popleft()
        self._journal.checkpoint()

    def _write(self, reading: Reading) -> None:
        tagged = self._texts.pop(reading.key.text_sha256, None) if not reading.copy_of else None
        failure = (reading.copy_of or reading).failure
        if failure:
            said = f"found {type(failure).__name__}: {' '.join(str(failure).split())[:300]}"
            self._reject(reading.file, Rejected(reading.document.name, "tagging-failed", f"{said}, expected tags"))
        elif tagged:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            self._journal.write(reading.file.position, reading.answer(keep_text=self._config.keep_text, tagged_at=now))
        elif answer := self._answer_to(reading):
            self._journal.write(reading.file.position, reading.named(answer))
            self._journal.tally.n_reused += 1
        else:
            raise GateNotPassed(f"found no answer, expected that of the same text, for {reading.document.name[:200]!r}")

    def _reject(self, file: File, rejected: Rejected) -> None:
        self._journal.reject(file.position, {"document": rejected.document, "file": file.name, **asdict(rejected)})

    def _answer_to(self, reading: Reading) -> dict[str, Any] | None:
        """The answer that this text has been given before, in this run or an earlier one."""
        ledgers: list[Journal | Ledger] = [self._journal, *self._earlier]
        return next((answer for ledger in ledgers if (answer := ledger.find(reading.key))), None)
