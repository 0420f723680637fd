"""Worker process of the sandbox that draws one page of one document, and ends.

A process of its own for each page: what a hostile document does to it cannot reach the page of another document.
"""

import hashlib
import json
import sys
from typing import IO, Any

from ner_tasks.documents import CannotRead, Limits, read_original
from ner_tasks.documents.rendering.page_picture import draw_page
from ner_tasks.documents.sandbox.confinement import send_frame, set_process_limits, silence_libraries
from ner_tasks.errors import redact_error
from ner_tasks.files.contained import decode_source
from ner_tasks.worker_process import reserve_stdout


def main() -> None:
    """Answer one request."""
    answers = reserve_stdout("wb")
    silence_libraries()
    limits = Limits(**json.loads(sys.argv[1]))
    set_process_limits(limits.memory_mib)
    try:
        _draw(answers, json.loads(sys.stdin.buffer.readline()), limits)
    except CannotRead as error:
        send_frame(answers, {"kind": "refused", "reason": error.reason, "message": str(error)})
    except MemoryError:
        message = f"found that it needs more than {limits.memory_mib} MiB of memory, expected less"
        send_frame(answers, {"kind": "refused", "reason": "too-much-memory", "message": message})
    except OSError as error:
        send_frame(answers, {"kind": "error", "message": f"found {error.strerror}, expected to read the file"})
    except Exception as error:  # noqa: BLE001 - parsers raise arbitrary exceptions on damaged files
        message = f"found {redact_error(error)}, expected a page that can be drawn"
        send_frame(answers, {"kind": "refused", "reason": "broken", "message": message})


def _draw(answers: IO[bytes], request: dict[str, Any], limits: Limits) -> None:
    _leave_pages_unrecognised()
    format_, data = read_original(decode_source(request), request["name"], request["document"], limits)
    found = hashlib.sha256(data).hexdigest()
    if found != request["sha256"]:
        was = str(request["sha256"])
        raise CannotRead("changed", f"found the SHA-256 {found[:12]}, expected {was[:12]} as when it was tagged")
    page = draw_page(format_, data, request["page"], limits)
    header = {"kind": "page", "width": page.width, "height": page.height, "n_pages": page.n_pages}
    send_frame(answers, header, page.picture, page.text.encode())


def _leave_pages_unrecognised() -> None:
    """Keep OCR from reading the files around the document, which takes longer than all else and gives only their text."""
    from ner_tasks.documents.ocr import ocr

    def refuse() -> None:
        raise CannotRead("too-slow", "found a page to recognise, expected to look for a file only")

    ocr.before_page.append(refuse)


if __name__ == "__main__":
    main()
