"""Documents in, answers out: entities with exact offsets, a receipt for each document, rejects with reasons.

Streams: sentences are gathered across documents until they make a full batch, so that small documents are tagged as
fast as large ones, and a document of any length is never held as words. The tagger is an argument; nothing here
knows TensorFlow.
"""

import json
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, TextIO

from ner_tasks import atomic
from ner_tasks.documents import Document, Limits, Rejected, read_documents
from ner_tasks.errors import GateNotPassed, NerTasksError
from ner_tasks.nights import DOCUMENTS, MANIFEST, REJECTED
from ner_tasks.progress import progress
from ner_tasks.spans import Entity, spans_of
from ner_tasks.text import Word, iter_sentences

# Enough words for length-sorted batches to waste little; enough characters for documents that are mostly spaces.
_BATCH_WORDS, _BATCH_CHARACTERS = 20_000, 4_000_000


class Answer(Protocol):
    """What the tagger says about one sentence, see `inference.TaggedSentence`."""

    @property
    def tags(self) -> Sequence[str]: ...
    @property
    def scores(self) -> Sequence[float]: ...
    @property
    def n_pieces(self) -> int: ...
    @property
    def n_windows(self) -> int: ...


class SentenceTagger(Protocol):
    """Tags sentences of words, in order, whole; see `inference.Tagger`."""

    @property
    def version(self) -> str: ...
    def tag(self, sentences: Sequence[Sequence[str]]) -> Sequence[Answer]: ...


@dataclass
class _Open:
    """A document of which some sentences may not be tagged yet."""

    document: Document
    entities: list[Entity] = field(default_factory=list)
    n_sentences: int = 0
    n_words: int = 0
    n_pieces: int = 0
    n_windows: int = 0
    n_characters_read: int = 0
    failure: Exception | None = None


@dataclass(frozen=True)
class _Sentence:
    owner: _Open
    spans: list[Word]
    words: list[str]


def tag_documents(
    documents: Iterable[tuple[str, Path]],
    *,
    tagger: SentenceTagger,
    output: Path,
    limits: Limits,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """Tag files and write the answers as a whole folder.

    Args:
        documents: name and place of each file, in the order of the answers; may be a generator.
        tagger: the model.
        output: folder to make: `documents.jsonl`, `rejected.jsonl`, and `manifest.json` last. Replaced if it is there.
        limits: how much of a document is read.
        clock: seconds, for the manifest's rate.

    Returns:
        The manifest. An inbox without documents gives one that says so; see `check_yield` for one without answers.

    Raises:
        GateNotPassed: a receipt does not add up: a word that was read has no tag.
        StorageFull: no space for the answers; nothing is left behind.
    """
    began = clock()
    total = len(documents) if isinstance(documents, Sized) else None
    with (
        atomic.staged_folder(output) as stage,
        (stage / DOCUMENTS).open("w", encoding="utf-8", newline="\n") as answers,
        (stage / REJECTED).open("w", encoding="utf-8", newline="\n") as rejects,
        progress("tagging", total=total, unit="files") as shown,
    ):
        run = _Run(tagger, answers, rejects)
        for name, path in documents:
            for found in read_documents(path, name, limits):
                run.reject(found) if isinstance(found, Rejected) else run.add(found)
            shown.advance()
        run.finish()
        manifest = run.manifest(clock() - began)
        answers.flush()
        rejects.flush()
        atomic.write_json(stage / MANIFEST, manifest)
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


class _Run:
    """One run over all documents: the batch being filled, the documents it touches, the counts."""

    def __init__(self, tagger: SentenceTagger, answers: TextIO, rejects: TextIO):
        self._tagger, self._answers, self._rejects = tagger, answers, rejects
        self._waiting: deque[_Open] = deque()
        self._batch: list[_Sentence] = []
        self._n_batch_words = self._n_batch_characters = 0
        self._rejected: Counter[str] = Counter()
        self._entities: Counter[str] = Counter()
        self._n_tagged = self._n_words = self._n_partly_read = 0

    def add(self, document: Document) -> None:
        """Take a document's sentences into the batch, tagging whenever it is full."""
        owner = _Open(document)
        self._waiting.append(owner)
        self._n_batch_characters += len(document.text)
        for spans in iter_sentences(document.text):
            self._batch.append(_Sentence(owner, spans, [document.text[start:end] for start, end in spans]))
            owner.n_sentences += 1
            owner.n_words += len(spans)
            self._n_batch_words += len(spans)
            if self._n_batch_words >= _BATCH_WORDS:
                self._tag()
                if owner.failure:
                    break
        if self._n_batch_characters >= _BATCH_CHARACTERS:
            self.finish()

    def finish(self) -> None:
        """Tag what is in the batch, and write all documents: not one waits for more sentences."""
        self._tag()
        while self._waiting:
            self._write(self._waiting.popleft())
        self._n_batch_characters = 0

    def reject(self, rejected: Rejected) -> None:
        self._rejected[rejected.reason] += 1
        _write_line(self._rejects, asdict(rejected))

    def manifest(self, elapsed_s: float) -> dict[str, Any]:
        n_rejected = self._rejected.total()
        return {
            "n_documents": self._n_tagged + n_rejected,
            "n_tagged": self._n_tagged,
            "n_rejected": n_rejected,
            "n_partly_read": self._n_partly_read,
            "rejected": dict(sorted(self._rejected.items())),
            "n_words": self._n_words,
            "n_entities": self._entities.total(),
            "entities": dict(sorted(self._entities.items())),
            "words_per_s": round(self._n_words / elapsed_s, 1) if elapsed_s > 0 else 0.0,
            "model_version": self._tagger.version,
            "elapsed_s": round(elapsed_s, 3),
        }

    def _tag(self) -> None:
        """Tag the batch and write every document but the last, which may have more sentences to come."""
        batch, self._batch, self._n_batch_words = self._batch, [], 0
        if batch:
            self._tag_or_bisect(batch)
        while len(self._waiting) > 1:
            self._write(self._waiting.popleft())

    def _tag_or_bisect(self, batch: Sequence[_Sentence]) -> None:
        """Tag sentences; if that fails, halve them by documents until the one at fault is alone."""
        try:
            answers = self._tagger.tag([sentence.words for sentence in batch])
        except (NerTasksError, MemoryError):
            raise  # the model's or the machine's fault, not a document's
        except Exception as error:  # noqa: BLE001 - whatever it is, the documents that are not at fault are to be tagged
            owners = list({id(sentence.owner): sentence.owner for sentence in batch}.values())
            if len(owners) == 1:
                owners[0].failure = error
                return
            first = {id(owner) for owner in owners[: len(owners) // 2]}
            self._tag_or_bisect([sentence for sentence in batch if id(sentence.owner) in first])
            self._tag_or_bisect([sentence for sentence in batch if id(sentence.owner) not in first])
            return
        for sentence, answer in zip(batch, answers, strict=True):
            _take(sentence, answer)

    def _write(self, owner: _Open) -> None:
        document = owner.document
        if owner.failure:
            failure = f"found {type(owner.failure).__name__}: {' '.join(str(owner.failure).split())[:300]}"
            self.reject(Rejected(document.name, "tagging-failed", f"{failure}, expected tags"))
            return
        _write_line(
            self._answers,
            {
                "document": document.name,
                "sha256": document.sha256,
                "text": document.text,
                "entities": [asdict(entity) for entity in owner.entities],
                "receipt": _receipt(owner, self._tagger.version),
            },
        )
        self._n_tagged += 1
        self._n_words += owner.n_words
        self._n_partly_read += bool(document.unread)
        self._entities.update(entity.label for entity in owner.entities)


def _take(sentence: _Sentence, answer: Answer) -> None:
    """Book one sentence's answer to its document."""
    owner, spans, text = sentence.owner, sentence.spans, sentence.owner.document.text
    if not len(answer.tags) == len(answer.scores) == len(spans):
        raise GateNotPassed(
            f"found {len(answer.tags)} tags, expected {len(spans)}, for a sentence of {owner.document.name[:200]!r}"
        )
    owner.n_pieces += answer.n_pieces
    owner.n_windows += answer.n_windows
    owner.n_characters_read += sum(end - start for start, end in spans)
    for span in spans_of(answer.tags):
        start, end = spans[span.start].start, spans[span.end - 1].end
        score = round(float(min(answer.scores[span.start : span.end])), 4)
        owner.entities.append(Entity(start, end, span.label, text[start:end], score))


def _receipt(owner: _Open, version: str) -> dict[str, Any]:
    """What was read of a document. The share counts characters in tagged words, against the text itself."""
    document = owner.document
    n_characters = sum(map(len, document.text.split()))
    if owner.n_characters_read != n_characters:
        raise GateNotPassed(
            f"found {owner.n_characters_read} characters in tagged words, expected {n_characters}, in {document.name[:200]!r}"
        )
    return {
        "n_characters": len(document.text),
        "n_sentences": owner.n_sentences,
        "n_words": owner.n_words,
        "n_pieces": owner.n_pieces,
        "n_windows": owner.n_windows,
        "read_share": 1.0,
        "model_version": version,
        "encoding": document.encoding,
        "unread": list(document.unread),
    }


def _write_line(file: TextIO, value: Mapping[str, Any]) -> None:
    line = json.dumps(value, ensure_ascii=False)
    if not line.isascii() and any("\ud800" <= char <= "\udfff" for char in value["document"]):
        line = json.dumps(value)  # a file name that is not UTF-8 survives as an escape
    file.write(line + "\n")
