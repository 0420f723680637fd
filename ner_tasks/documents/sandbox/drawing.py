"""Draw a page of a document in a sandbox process of its own."""

import json
import math
import select
import time
from dataclasses import dataclass

from ner_tasks.documents.rendering.page_picture import DrawnPage
from ner_tasks.documents.sandbox.sandbox_process import Header, ReaderProcess
from ner_tasks.documents.types import CannotRead, Limits
from ner_tasks.files.contained import Source, encode_source

_WORKER = "ner_tasks.documents.sandbox.page_worker"
_WEBP_HEAD, _WEBP_KIND = b"RIFF", b"WEBP"
MAX_BYTES = 32 * 2**20  # of a picture and of a page's text
_MAX_HEADER = 2**20
_EXIT_S = 1.0


@dataclass(frozen=True)
class PageRequest:
    """Which page of which document to draw.

    Attributes:
        source: the inbox file.
        name: name of the inbox file in the answers.
        document: name of the document: that of the file, or of a file in it.
        sha256: SHA-256 of the document's bytes when it was tagged; a document of other bytes is refused.
        page: page number, from 1.
    """

    source: Source
    name: str
    document: str
    sha256: str
    page: int


def draw_in_sandbox(request: PageRequest, limits: Limits) -> DrawnPage:
    """Draw a page in a process of its own, which is killed after `limits.seconds`.

    Raises:
        CannotRead: `missing` or `changed` if the document is gone or another one; `no-page`; `too-slow`,
            `too-much-memory` or `reader-died` if it exceeds a limit; or why it cannot be read or drawn.
        OSError: the file could not be read now, or no process could be started.
    """
    deadline = time.monotonic() + limits.seconds
    process = ReaderProcess(limits, _WORKER)
    try:
        asked = {"name": request.name, "document": request.document, "sha256": request.sha256, "page": request.page}
        process.send([json.dumps({**asked, **encode_source(request.source)}).encode("ascii") + b"\n"])
        header, picture, text = _receive(process, deadline, limits)
        return _check(header, picture, text)
    except (KeyError, TypeError, ValueError, OverflowError):  # a document may have taken over the process
        raise CannotRead("broken", "found an answer of another form, expected a page or the reason why not") from None
    finally:
        process.stop()


def _receive(process: ReaderProcess, deadline: float, limits: Limits) -> tuple[Header, bytes, bytes]:
    poll = select.poll()
    poll.register(process.output, select.POLLIN)
    while True:
        header = process.read_header()
        if (header and process.n_bytes > MAX_BYTES) or process.n_buffered > MAX_BYTES + _MAX_HEADER:
            raise CannotRead("too-large", f"found a page of more than {MAX_BYTES} bytes, expected less")
        if header and (body := process.read_body()) is not None:
            return header, *body
        left_s = deadline - time.monotonic()
        if left_s <= 0 or not poll.poll(1_000 * left_s):
            raise CannotRead("too-slow", f"found no page after {limits.seconds:g} s, expected it by then")
        try:
            process.receive()
        except EOFError:
            code = process.stop(_EXIT_S)
            raise CannotRead(
                "reader-died", f"found a process that crashed (exit {code}), expected it to draw the page"
            ) from None


def _check(header: Header, picture: bytes, text: bytes) -> DrawnPage:
    """Return the page that the process has sent.

    Raises:
        CannotRead: it sent the reason why there is none, or no page.
        OSError: the file could not be read now.
        KeyError, TypeError, ValueError, OverflowError: it sent neither.
    """
    if header["kind"] == "error":
        raise OSError(str(header["message"]))
    if header["kind"] == "refused":
        raise CannotRead(str(header["reason"]), str(header["message"]))
    width, height, n_pages = float(header["width"]), float(header["height"]), int(header["n_pages"])
    is_sized = all(math.isfinite(side) and side > 0 for side in (width, height)) and n_pages > 0
    if not is_sized or picture[:4] != _WEBP_HEAD or picture[8:12] != _WEBP_KIND:
        raise ValueError
    return DrawnPage(width, height, n_pages, picture, text.decode())
