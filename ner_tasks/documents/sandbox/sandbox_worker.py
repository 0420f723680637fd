"""Worker process of the sandbox: confines the effects of hostile files.

Requests arrive on standard input as JSON lines. Answers go to standard output as frames: three lengths, a JSON header,
the text as UTF-8, the source map. Both directions carry plain data only, so the parent executes nothing from here.
"""

import json
import os
import resource
import sys
import time
from dataclasses import asdict
from typing import IO

from ner_tasks.documents import Answer, CannotRead, Document, Ignored, Limits, Rejected, read_documents
from ner_tasks.documents.sandbox.confinement import send_frame, set_process_limits, silence_libraries
from ner_tasks.files.contained import decode_source
from ner_tasks.worker_process import reserve_stdout

EXIT_FULL = 12  # ENOMEM
_OCR_SHARE = 0.8  # share of a file's time for OCR


def main() -> None:
    """Read files until standard input ends."""
    # Libraries may print to standard output, which must carry frames only.
    answers = reserve_stdout("wb")
    silence_libraries()
    limits = Limits(**json.loads(sys.argv[1]))
    set_process_limits(limits.memory_mib)
    watch = _Stopwatch(limits.file_seconds * _OCR_SHARE)
    if limits.ocr:
        from ner_tasks.documents.ocr import ocr

        ocr.before_page.append(watch.check)
        ocr.after_page.append(lambda: send_frame(answers, {"kind": "progress"}))
    send_frame(answers, {"kind": "ready"})
    for number, line in enumerate(sys.stdin.buffer):
        request = json.loads(line)
        watch.start()
        before_s = _cpu_s()
        try:
            for answer in read_documents(decode_source(request), request["name"], limits):
                _send_answer(answers, answer)
        except MemoryError:
            if number:  # memory of earlier files may be the cause: let a new process try
                os._exit(EXIT_FULL)
            needs = f"found that it needs more than {limits.memory_mib} MiB of memory, expected less"
            _send_answer(answers, Rejected(request["name"], "too-much-memory", needs))
        except OSError as error:
            send_frame(answers, {"kind": "error", "errno": error.errno, "message": str(error)})
        send_frame(answers, {"kind": "end", "read_s": _cpu_s() - before_s})


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


def _cpu_s() -> float:
    """Return the seconds of CPU of this process and of its children that have ended, such as Tesseract."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


def _send_answer(answers: IO[bytes], answer: Answer) -> None:
    if isinstance(answer, Document):
        names = ("name", "sha256", "format", "encoding", "is_guessed", "notes", "n_extracted")
        values = {**{name: getattr(answer, name) for name in names}, "items": asdict(answer.items)}
        send_frame(answers, {"kind": "document", "values": values}, answer.text.encode(), answer.sources.to_bytes())
    else:
        send_frame(
            answers, {"kind": "ignored" if isinstance(answer, Ignored) else "rejected", "values": asdict(answer)}
        )


if __name__ == "__main__":
    main()
