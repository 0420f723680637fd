"""Journal of a tagging run: appends answers and checkpoints them, so that a killed run resumes.

    <folder>/documents.jsonl  rejected.jsonl  ignored.jsonl  ledger.sqlite     appended to
    <folder>/checkpoint.json                                    their valid sizes, replaced in one step

Answers come in the order of the files, so that two numbers describe the progress: the index of the current file and the
number of answers written for it. What was written after the last checkpoint is truncated and tagged again. If the
checkpoint's checksums do not match, the work is deleted with a notice and the run restarts.
"""

import json
import os
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from ner_tasks.errors import ArtifactBroken, NerTasksError, StorageFull, redact_error
from ner_tasks.files import atomic, replacement
from ner_tasks.tagging.answer_ledger import DOCUMENTS, LEDGER, AnswerKey, AnswerLedger
from ner_tasks.tagging.file_chain import extend_chain
from ner_tasks.tagging.tally import Tally

REJECTED, IGNORED, CHECKPOINT = "rejected.jsonl", "ignored.jsonl", "checkpoint.json"
ANSWERS = (DOCUMENTS, REJECTED, IGNORED)
_CHECKPOINT_S = 5.0
_N_AT_ONCE = 1_000  # entities serialized at once
_CHUNK_BYTES = 2**20


class Journal:
    """Context manager that appends a run's answers to `folder`; resumes after the last checkpoint.

    Args:
        folder: work folder, locked by the caller, see `atomic.exclusive`.
        run: what the answers depend on; partial work of a different run is deleted.
        clock: returns seconds; times the checkpoints.

    Raises:
        StorageFull: no space left for an answer or a checkpoint; the last checkpoint stays valid.
    """

    def __init__(self, folder: Path, run: Mapping[str, Any], clock: Callable[[], float] = time.monotonic):
        self.folder, self._run, self._clock = folder, dict(run), clock

    def __enter__(self) -> Self:
        kept = self._resume() or self._restart()
        self.tally, self._crc32 = Tally.from_dict(kept["tally"]), kept["crc32"]
        self._documents, self._rejected, self._ignored = (
            _open_truncated(self.folder / name, kept["n_bytes"][name]) for name in ANSWERS
        )
        self._elapsed_before, self._began = self.tally.elapsed_s, self._clock()
        self._checked = self._began
        return self

    def _resume(self) -> dict[str, Any] | None:
        """Read the checkpoint and open the ledger of a previous attempt; None if there is none or it is damaged."""
        try:
            kept = self._read_checkpoint()
            if kept is None:
                return None
            ledger = AnswerLedger(self.folder)
            ledger.delete_from(kept["n_bytes"][DOCUMENTS])
            if ledger.compute_checksum() == kept["ledger"]:
                self._ledger = ledger
                return kept
            ledger.__exit__(None, None, None)
            reason = f"found a ledger of other answers, expected that of {DOCUMENTS}"
        except StorageFull:
            raise
        except (NerTasksError, OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            reason = str(error) if isinstance(error, NerTasksError) else f"found {redact_error(error)}"
        print(f"notice: deleted damaged partial work and restarted: {reason}, in {self.folder}", flush=True)
        return None

    def _restart(self) -> dict[str, Any]:
        for name in (CHECKPOINT, *ANSWERS, LEDGER, f"{LEDGER}-journal"):
            replacement.discard(self.folder / name)
        self._ledger = AnswerLedger(self.folder)
        zeros = dict.fromkeys(ANSWERS, 0)
        return {"n_bytes": zeros, "crc32": dict(zeros), "tally": vars(Tally())}

    def _read_checkpoint(self) -> dict[str, Any] | None:
        """Read the last checkpoint of the same run; None if there is none.

        Raises:
            ArtifactBroken, OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError: the checkpoint or
                the files that it describes are damaged.
        """
        path = self.folder / CHECKPOINT
        if not path.exists():
            return None
        envelope = atomic.read_json(path)
        kept: dict[str, Any] = envelope["checkpoint"]
        if envelope["crc32"] != _checksum_json(kept):
            raise ArtifactBroken(f"found a wrong checksum, expected that of the content, in {path.name}")
        if kept["run"] != self._run:
            return None
        for name in ANSWERS:
            if _checksum_file(self.folder / name, kept["n_bytes"][name]) != kept["crc32"][name]:
                raise ArtifactBroken(f"found changed bytes, expected those of the last checkpoint, in {name}")
        return kept

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ledger.__exit__(kind, error, trace)
        for file in self._files():
            # after an error only the checkpoint counts; on a full disk, flushing would raise a second error
            file.raw.close() if kind else file.close()  # type: ignore[attr-defined]

    def find(self, key: AnswerKey) -> dict[str, Any] | None:
        """Find the answer that this run has given to the same text; None if there is none."""
        self._documents.flush()
        return self._ledger.find(key)

    def write(self, file: int, answer: Mapping[str, Any], *, n_words: int = 0, n_words_repeated: int = 0) -> None:
        """Append the answer to a document.

        Args:
            file: index of the document's file.
            answer: the answer with its receipt; `entities` may be an iterator.
            n_words: number of words tagged for it; 0 for a reused answer.
            n_words_repeated: number of those in sentences that were not computed again.
        """
        receipt = answer["receipt"]
        offset = self._documents.tell()
        n_bytes = self._append(DOCUMENTS, self._documents, _serialize_answer(answer, self.tally))
        self._ledger.add(
            AnswerKey(answer["text_sha256"], receipt["model_version"], receipt["config"]),
            offset=offset,
            n_bytes=n_bytes,
        )
        self._count_answer(file, answer["file"], n_words)
        self.tally.n_tagged += 1
        self.tally.add_words(answer["file"], receipt["n_words"], is_new=bool(n_words))
        self.tally.n_words_repeated += n_words_repeated
        self.tally.n_partly_read += bool(receipt["unread"])
        self.tally.add_items(receipt["items"])
        self.tally.dropped.update(receipt.get("dropped", {}))
        self.tally.personal_data.update(span["kind"] for span in answer.get("personal_data", ()))
        self.tally.review.update(receipt.get("review", {}))

    def reject(self, file: int, rejected: Mapping[str, Any], *, n_words: int = 0) -> None:
        """Append a rejected document.

        Args:
            file: index of the document's file.
            rejected: its line, with the `reason`.
            n_words: number of words that were tagged for it.
        """
        self._append(REJECTED, self._rejected, [_to_line(rejected)])
        self._count_answer(file, rejected["file"], n_words)
        self.tally.rejected[rejected["reason"]] += 1

    def ignore(self, file: int, ignored: Mapping[str, Any]) -> None:
        """Append an ignored file.

        Args:
            file: index of the file.
            ignored: its line, with the `rule` and the number `n` of ignored items.
        """
        self._append(IGNORED, self._ignored, [_to_line(ignored)])
        self._count_answer(file, ignored["file"])
        self.tally.ignored[ignored["rule"]] += ignored["n"]

    def checkpoint(self, *, at_once: bool = False) -> None:
        """Write a checkpoint if the last one is older than 5 s.

        Args:
            at_once: write it in any case.
        """
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
        kept = {"run": self._run, "n_bytes": sizes, **sums, "tally": vars(self.tally)}
        atomic.write_json(self.folder / CHECKPOINT, {"checkpoint": kept, "crc32": _checksum_json(kept)})

    def move_to(self, target: Path) -> None:
        """Write a checkpoint and hard-link the finished answers into `target`, a folder on the same disk."""
        self.checkpoint(at_once=True)
        for name in (*ANSWERS, LEDGER):
            os.link(self.folder / name, target / name)

    def _files(self) -> tuple[BinaryIO, BinaryIO, BinaryIO]:
        return self._documents, self._rejected, self._ignored

    def _count_answer(self, file: int, name: str, n_words: int = 0) -> None:
        if file != self.tally.file or not self.tally.n_files:
            self.tally.file, self.tally.n_of_file, self.tally.n_words_of_file = file, 0, 0
            self.tally.n_files += 1
            self.tally.files_sha256 = extend_chain(self.tally.files_sha256, name)
        self.tally.n_of_file += 1
        self.tally.n_words_of_file += n_words

    def _append(self, name: str, file: BinaryIO, pieces: Iterable[bytes]) -> int:
        n_bytes = 0
        with atomic.space_for(self.folder / name):
            for piece in pieces:
                n_bytes += file.write(piece)
                self._crc32[name] = zlib.crc32(piece, self._crc32[name])
        return n_bytes


def _checksum_file(path: Path, n_bytes: int) -> int:
    """Compute the CRC-32 of a file's first bytes.

    Raises:
        ArtifactBroken: the file has fewer bytes.
    """
    crc32, n_left = 0, n_bytes
    with atomic.open_file(path) as file:
        while n_left:
            chunk = file.read(min(n_left, _CHUNK_BYTES))
            if not chunk:
                raise ArtifactBroken(f"found {n_bytes - n_left} bytes, expected at least {n_bytes}, in {path.name}")
            crc32, n_left = zlib.crc32(chunk, crc32), n_left - len(chunk)
    return crc32


def _checksum_json(value: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(value, sort_keys=True).encode())


def _open_truncated(path: Path, n_bytes: int) -> BinaryIO:
    """Open a file for appending, truncated to its first `n_bytes`."""
    file = path.open("r+b" if path.exists() else "w+b")
    file.truncate(n_bytes)
    file.seek(n_bytes)
    return file


def _serialize_answer(answer: Mapping[str, Any], tally: Tally) -> Iterator[bytes]:
    """Serialize an answer in chunks, so that few entities exist as dicts at a time; counts them."""
    before, after = dict(answer), {}
    for name in [*answer][[*answer].index("entities") :]:
        after[name] = before.pop(name)
    entities = iter(after.pop("entities"))
    yield _to_json(before)[:-1] + b', "entities": ['
    separator = b""
    while chunk := list(islice(entities, _N_AT_ONCE)):
        tally.add_entities(chunk)
        yield separator + _to_json(chunk)[1:-1]
        separator = b", "
    yield b"], " + _to_json(after)[1:] + b"\n"


def _to_line(value: Mapping[str, Any]) -> bytes:
    return _to_json(value) + b"\n"


def _to_json(value: Any) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(value).encode()  # escapes a file name that is not UTF-8
