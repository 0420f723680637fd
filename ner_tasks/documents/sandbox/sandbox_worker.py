"""The process that reads documents for `sandbox`: hostile files do their worst here, within limits, and nowhere else.

Requests come on standard input, a JSON line each. Answers go to standard output as frames: three
lengths, a JSON header, the text as UTF-8, its source map. Plain data both ways: who reads them trusts nothing that was made here.
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
from typing import Any, BinaryIO

from ner_tasks.documents import Answer, CannotRead, Document, Ignored, Limits, Rejected, read_documents
from ner_tasks.errors import redact_traceback
from ner_tasks.files.contained import decode_source

# Length of the header, of the text and of the source map, in bytes.
LENGTHS = struct.Struct(">IQQ")
EXIT_FULL = 12  # ENOMEM
_PR_SET_PDEATHSIG = 1
_OCR_SHARE = 0.8  # of a file's time; the rest is for all else


def main() -> None:
    """Read until no more requests come."""
    # Whatever a library prints must not get between the frames.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
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
            if number:  # what earlier files left behind may be at fault: a fresh process is to try
                os._exit(EXIT_FULL)
            needs = f"found a need for more than {limits.memory_mib} MiB of memory, expected less"
            _send_answer(answers, Rejected(request["name"], "too-much-memory", needs))
        except OSError as error:
            _send(answers, {"kind": "error", "errno": error.errno, "message": str(error)})
        _send(answers, {"kind": "end"})


class _Stopwatch:
    """Tells OCR when to stop, so that the pages which it has recognised are kept and the others named."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._began = seconds, time.monotonic()

    def start(self) -> None:
        self._began = time.monotonic()

    def check(self) -> None:
        if time.monotonic() - self._began > self._seconds:
            raise CannotRead("too-slow", f"found no end of OCR after {self._seconds:.0f} s, expected it by then")


def _silence_libraries() -> None:
    """What libraries remark on a document would go into the night's log, and may quote it."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    sys.excepthook = lambda _type, error, _at: print(redact_traceback(error), file=sys.stderr, flush=True)


def _set_process_limits(limits: Limits) -> None:
    n_bytes = limits.memory_mib * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (n_bytes, n_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # In a Ctrl-C the parent decides; when it dies, nobody is left to read for.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _send_answer(answers: BinaryIO, answer: Answer) -> None:
    if isinstance(answer, Document):
        names = ("name", "sha256", "format", "encoding", "is_guessed", "notes", "n_extracted")
        values = {**{name: getattr(answer, name) for name in names}, "items": asdict(answer.items)}
        _send(answers, {"kind": "document", "values": values}, answer.text.encode(), answer.sources.to_bytes())
    else:
        _send(answers, {"kind": "ignored" if isinstance(answer, Ignored) else "rejected", "values": asdict(answer)})


def _send(answers: BinaryIO, header: dict[str, Any], text: bytes = b"", sources: bytes = b"") -> None:
    # ASCII, so that a file name that is not UTF-8 survives as an escape.
    head = json.dumps(header).encode("ascii")
    answers.write(LENGTHS.pack(len(head), len(text), len(sources)) + head)
    answers.write(text)
    answers.write(sources)
    answers.flush()


if __name__ == "__main__":
    main()
