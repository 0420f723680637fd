"""The answers of a run while it writes them: whole up to its last checkpoint, whatever kills it.

    <folder>/documents.jsonl  rejected.jsonl  ignored.jsonl  ledger.sqlite     grow
    <folder>/checkpoint.json                                    how far they are whole, replaced in one step

Answers come in the order of the files, so how far a run is are two numbers: the file it is at, and how many
answers of it are written. What was written behind the last checkpoint is cut off and made again. Half-done work that
is damaged, which the checkpoint's checksums tell, is thrown away with a notice, and the run begins anew.
"""

import json
import os
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from ner_tasks.errors import ArtifactBroken, NerTasksError, StorageFull, redact_error
from ner_tasks.files import atomic, replacement
from ner_tasks.tagging.answer_ledger import DOCUMENTS, LEDGER, AnswerKey, AnswerLedger

REJECTED, IGNORED, CHECKPOINT = "rejected.jsonl", "ignored.jsonl", "checkpoint.json"
ANSWERS = (DOCUMENTS, REJECTED, IGNORED)
_CHECKPOINT_S = 5.0
_N_AT_ONCE = 1_000  # entities
_CHUNK_BYTES = 2**20


@dataclass
class Tally:
    """What a run has done so far, in all its tries.

    Attributes:
        file: index of the file that the last answer belongs to.
        n_of_file: answers written of that file.
        n_words_of_file: words of that file that were tagged for them.
        n_tagged: documents with answers, those that were reused and those partly read among them.
        n_reused: documents whose text had been answered before.
        n_partly_read: documents that hold something which was not read.
        n_words: words in tagged documents.
        rejected: rejected documents by reason.
        ignored: what is no document, by the name of the rule that says so.
        items: items of the tagged documents by kind and fate.
        entities: entities by label.
        elapsed_s: seconds spent.
        model_s: seconds of them during which the model was at work.
    """

    file: int = 0
    n_of_file: int = 0
    n_words_of_file: int = 0
    n_tagged: int = 0
    n_reused: int = 0
    n_partly_read: int = 0
    n_words: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)
    items: dict[str, dict[str, int]] = field(default_factory=dict)
    entities: Counter[str] = field(default_factory=Counter)
    elapsed_s: float = 0.0
    model_s: float = 0.0

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Tally":
        return cls(**{**values, **{name: Counter(values[name]) for name in ("rejected", "ignored", "entities")}})

    def add_items(self, items: Mapping[str, Mapping[str, int]]) -> None:
        """Add the items of one document."""
        for kind, fates in items.items():
            counted = self.items.setdefault(kind, {})
            for fate, n in fates.items():
                counted[fate] = counted.get(fate, 0) + n


class Journal:
    """One run's answers on their way into `folder`; entered again, it goes on behind the last checkpoint.

    Args:
        folder: for this run alone, see `atomic.exclusive`.
        run: what the answers follow from; another run's half-done work is thrown away.
        clock: seconds, for the time between two checkpoints.

    Raises:
        StorageFull: no space for an answer or a checkpoint; what was whole before still is.
    """

    def __init__(self, folder: Path, run: Mapping[str, Any], clock: Callable[[], float] = time.monotonic):
        self.folder, self._run, self._clock = folder, dict(run), clock

    def __enter__(self) -> Self:
        kept = self._take_up() or self._begin_anew()
        self.tally, self._crc32 = Tally.of(kept["tally"]), kept["crc32"]
        self._documents, self._rejected, self._ignored = (
            _opened(self.folder / name, kept["n_bytes"][name]) for name in ANSWERS
        )
        self._elapsed_before, self._began = self.tally.elapsed_s, self._clock()
        self._checked = self._began
        return self

    def _take_up(self) -> dict[str, Any] | None:
        """The checkpoint of an earlier try whose work is whole, with its ledger opened; None if there is none."""
        try:
            kept = self._kept()
            if kept is None:
                return None
            ledger = AnswerLedger(self.folder)
            ledger.forget_from(kept["n_bytes"][DOCUMENTS])
            if ledger.sum_up() == kept["ledger"]:
                self._ledger = ledger
                return kept
            ledger.__exit__(None, None, None)
            found = f"found a ledger of other answers, expected that of {DOCUMENTS}"
        except StorageFull:
            raise
        except (NerTasksError, OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            found = str(error) if isinstance(error, NerTasksError) else f"found {redact_error(error)}"
        print(f"notice: damaged half-done work is thrown away and begun anew: {found}, in {self.folder}", flush=True)
        return None

    def _begin_anew(self) -> dict[str, Any]:
        for name in (CHECKPOINT, *ANSWERS, LEDGER, f"{LEDGER}-journal"):
            replacement.discard(self.folder / name)
        self._ledger = AnswerLedger(self.folder)
        zeros = dict.fromkeys(ANSWERS, 0)
        return {"n_bytes": zeros, "crc32": dict(zeros), "tally": vars(Tally())}

    def _kept(self) -> dict[str, Any] | None:
        """The last checkpoint of this very run, None if there is none.

        Raises:
            ArtifactBroken, OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError: it is damaged, or
                what was written before it is.
        """
        path = self.folder / CHECKPOINT
        if not path.exists():
            return None
        said = atomic.read_json(path)
        kept: dict[str, Any] = said["checkpoint"]
        if said["crc32"] != _crc32_of_json(kept):
            raise ArtifactBroken(f"found another checksum, expected that of its content, in {path.name}")
        if kept["run"] != self._run:
            return None
        for name in ANSWERS:
            if _crc32_of(self.folder / name, kept["n_bytes"][name]) != kept["crc32"][name]:
                raise ArtifactBroken(f"found other bytes, expected those of the last checkpoint, in {name}")
        return kept

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ledger.__exit__(kind, error, trace)
        for file in self._files():
            # after an error only the checkpoint counts; with the disk full, closing would raise a second one
            file.raw.close() if kind else file.close()  # type: ignore[attr-defined]

    def find(self, key: AnswerKey) -> dict[str, Any] | None:
        """The answer that this run has given to a text before."""
        self._documents.flush()
        return self._ledger.find(key)

    def write(self, file: int, answer: Mapping[str, Any], *, n_words: int = 0) -> None:
        """Append a document's answer.

        Args:
            file: index of the file that holds the document.
            answer: with a receipt that says what it follows from; its `entities` may be an iterator.
            n_words: words that were tagged for it; none for an answer that was there.
        """
        receipt = answer["receipt"]
        offset = self._documents.tell()
        labels: Counter[str] = Counter()
        n_bytes = self._append(DOCUMENTS, self._documents, _pieces_of(answer, labels))
        self._ledger.book(
            AnswerKey(answer["text_sha256"], receipt["model_version"], receipt["config"]),
            offset=offset,
            n_bytes=n_bytes,
        )
        self._at(file, n_words)
        self.tally.n_tagged += 1
        self.tally.n_words += receipt["n_words"]
        self.tally.n_partly_read += bool(receipt["unread"])
        self.tally.add_items(receipt["items"])
        self.tally.entities += labels

    def reject(self, file: int, rejected: Mapping[str, Any], *, n_words: int = 0) -> None:
        """Append a document that has no answer, with its `reason`; `n_words` were tagged in vain."""
        self._append(REJECTED, self._rejected, [_line_of(rejected)])
        self._at(file, n_words)
        self.tally.rejected[rejected["reason"]] += 1

    def ignore(self, file: int, ignored: Mapping[str, Any]) -> None:
        """Append what is no document, with the `rule` that says so and how many there are."""
        self._append(IGNORED, self._ignored, [_line_of(ignored)])
        self._at(file)
        self.tally.ignored[ignored["rule"]] += ignored["n"]

    def checkpoint(self, *, at_once: bool = False) -> None:
        """Make what is written count, unless that was done a moment ago."""
        now = self._clock()
        if not at_once and now - self._checked < _CHECKPOINT_S:
            return
        self._checked = now
        self.tally.elapsed_s = self._elapsed_before + now - self._began
        with atomic.space_for(self.folder / CHECKPOINT):
            for file in self._files():
                file.flush()
                os.fsync(file.fileno())
            self._ledger.commit()
        sizes = {name: file.tell() for name, file in zip(ANSWERS, self._files(), strict=True)}
        sums = {"crc32": self._crc32, "ledger": self._ledger.checksum}
        said = {"run": self._run, "n_bytes": sizes, **sums, "tally": vars(self.tally)}
        atomic.write_json(self.folder / CHECKPOINT, {"checkpoint": said, "crc32": _crc32_of_json(said)})

    def move_to(self, target: Path) -> None:
        """Hand over the whole answers to a folder on the same disk, once everything is written and checked."""
        self.checkpoint(at_once=True)
        for name in (*ANSWERS, LEDGER):
            os.link(self.folder / name, target / name)

    def _files(self) -> tuple[BinaryIO, BinaryIO, BinaryIO]:
        return self._documents, self._rejected, self._ignored

    def _at(self, file: int, n_words: int = 0) -> None:
        if file != self.tally.file:
            self.tally.file, self.tally.n_of_file, self.tally.n_words_of_file = file, 0, 0
        self.tally.n_of_file += 1
        self.tally.n_words_of_file += n_words

    def _append(self, name: str, file: BinaryIO, pieces: Iterable[bytes]) -> int:
        n_bytes = 0
        with atomic.space_for(self.folder / name):
            for piece in pieces:
                n_bytes += file.write(piece)
                self._crc32[name] = zlib.crc32(piece, self._crc32[name])
        return n_bytes


def _crc32_of(path: Path, n_bytes: int) -> int:
    """Checksum of a file's first bytes.

    Raises:
        ArtifactBroken: it has fewer.
    """
    crc32, n_left = 0, n_bytes
    with atomic.open_file(path) as file:
        while n_left:
            chunk = file.read(min(n_left, _CHUNK_BYTES))
            if not chunk:
                raise ArtifactBroken(f"found {n_bytes - n_left} bytes, expected {n_bytes} or more, in {path.name}")
            crc32, n_left = zlib.crc32(chunk, crc32), n_left - len(chunk)
    return crc32


def _crc32_of_json(value: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(value, sort_keys=True).encode())


def _opened(path: Path, n_bytes: int) -> BinaryIO:
    """A file to append to, cut to its first `n_bytes`."""
    file = path.open("r+b" if path.exists() else "w+b")
    file.truncate(n_bytes)
    file.seek(n_bytes)
    return file


def _pieces_of(answer: Mapping[str, Any], labels: Counter[str]) -> Iterator[bytes]:
    """An answer's line in pieces, since no more than some of its entities are held as dicts; counts their labels."""
    before, after = dict(answer), {}
    for name in [*answer][[*answer].index("entities") :]:
        after[name] = before.pop(name)
    entities = iter(after.pop("entities"))
    yield _json_of(before)[:-1] + b', "entities": ['
    separator = b""
    while some := list(islice(entities, _N_AT_ONCE)):
        labels.update(entity["label"] for entity in some)
        yield separator + _json_of(some)[1:-1]
        separator = b", "
    yield b"], " + _json_of(after)[1:] + b"\n"


def _line_of(value: Mapping[str, Any]) -> bytes:
    return _json_of(value) + b"\n"


def _json_of(value: Any) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(value).encode()  # a file name that is not UTF-8 survives as an escape
