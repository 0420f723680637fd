"""Worker process of the sandbox: confines the effects of hostile files.

Requests arrive on standard input as JSON lines. Answers go to standard output as frames: three lengths, a JSON header,
the text as UTF-8, the source map. Both directions carry plain data only, so the parent executes nothing from here.
"""

import ctypes
import json
import logging
import os
import resource
import signal
import struct
import sys
import time
import warnings
from dataclasses import asdict
from typing import IO, Any

from ner_tasks.documents import Answer, CannotRead, Document, Ignored, Limits, Rejected, read_documents
from ner_tasks.errors import redact_traceback
from ner_tasks.files.contained import decode_source
from ner_tasks.worker_process import reserve_stdout

# Length of the header, of the text and of the source map, in bytes.
LENGTHS = struct.Struct(">IQQ")
EXIT_FULL = 12  # ENOMEM
_PR_SET_PDEATHSIG = 1
_OCR_SHARE = 0.8  # share of a file's time for OCR


def main() -> None:
    """Read files until standard input ends."""
    # Libraries may print to standard output, which must carry frames only.
    answers = reserve_stdout("wb")
    _silence_libraries()
    limits = Limits(**json.loads(sys.argv[1]))
    _set_process_limits(limits)
    watch = _Stopwatch(limits.file_seconds * _OCR_SHARE)
    if limits.ocr:
        from ner_tasks.documents.ocr import ocr

        ocr.before_page.append(watch.check)
        ocr.after_page.append(lambda: _send(answers, {"kind": "progress"}))
    _send(answers, {"kind": "ready"})
    for number, line in enumerate(sys.stdin.buffer):
        request = json.loads(line)
        watch.start()
        try:
            for answer in read_documents(decode_source(request), request["name"], limits):
                _send_answer(answers, answer)
        except MemoryError:
            if number:  # memory of earlier files may be the cause: let a new process try
                os._exit(EXIT_FULL)
            needs = f"found that it needs more than {limits.memory_mib} MiB of memory, expected less"
            _send_answer(answers, Rejected(request["name"], "too-much-memory", needs))
        except OSError as error:
            _send(answers, {"kind": "error", "errno": error.errno, "message": str(error)})
        _send(answers, {"kind": "end"})


class _Stopwatch:
    """Stops OCR in time, so that recognised pages are kept and the others listed as unread."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._began = seconds, time.monotonic()

    def start(self) -> None:
        self._began = time.monotonic()

    def check(self) -> None:
        if time.monotonic() - self._began > self._seconds:
            raise CannotRead(
                "too-slow", f"found OCR unfinished after {self._seconds:.0f} s, expected it to end by then"
            )


def _silence_libraries() -> None:
    """Suppress log messages and warnings of libraries, which may quote the document."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    sys.excepthook = lambda _type, error, _at: print(redact_traceback(error), file=sys.stderr, flush=True)


def _set_process_limits(limits: Limits) -> None:
    n_bytes = limits.memory_mib * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (n_bytes, n_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # On Ctrl-C the parent decides; when it dies, the worker ends too.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _send_answer(answers: IO[bytes], answer: Answer) -> None:
    if isinstance(answer, Document):
        names = ("name", "sha256", "format", "encoding", "is_guessed", "notes", "n_extracted")
        values = {**{name: getattr(answer, name) for name in names}, "items": asdict(answer.items)}
        _send(answers, {"kind": "document", "values": values}, answer.text.encode(), answer.sources.to_bytes())
    else:
        _send(answers, {"kind": "ignored" if isinstance(answer, Ignored) else "rejected", "values": asdict(answer)})


def _send(answers: IO[bytes], header: dict[str, Any], text: bytes = b"", sources: bytes = b"") -> None:
    # ASCII, so that a file name that is not UTF-8 survives as an escape.
    head = json.dumps(header).encode("ascii")
    answers.write(LENGTHS.pack(len(head), len(text), len(sources)) + head)
    answers.write(text)
    answers.write(sources)
    answers.flush()


if __name__ == "__main__":
    main()
