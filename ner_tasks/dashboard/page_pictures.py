"""Pages of a document as they looked: found in the inbox, compared with what was tagged, drawn in the sandbox, cached."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from threading import BoundedSemaphore

from ner_tasks.dashboard.page_cache import PageCache
from ner_tasks.documents import CannotRead, Limits
from ner_tasks.documents.rendering.page_picture import PAGED, RECOGNISED, DrawnPage
from ner_tasks.documents.sandbox.drawing import PageRequest, draw_in_sandbox
from ner_tasks.errors import Busy, ConfigInvalid, NerTasksError
from ner_tasks.store import Store, keys
from ner_tasks.tagging.answers import Answer

CACHE = "page-pictures"
# Somebody waits for the page: less time than a night gives to a document. Its size was judged by the night.
SECONDS, MAX_BYTES = 20.0, 100 * 2**20
N_AT_ONCE, PATIENCE_S = 2, 10.0


class PagePictures:
    """Draws pages, at most two at once, and caches them; shared by the threads of a server.

    Args:
        scratch: local folder for the cache and, while a page is drawn, for a copy of its file from S3.
        ocr: whether the deployment reads pictures, which decides which files in a mail are documents.
        limits: limits of the sandbox (default: those of the module).
        patience_s: seconds to wait while other pages are drawn.
    """

    def __init__(
        self, scratch: Path, *, ocr: bool, limits: Limits | None = None, patience_s: float = PATIENCE_S
    ) -> None:
        self._scratch, self._patience_s = scratch, patience_s
        self._limits = limits or Limits(max_bytes=MAX_BYTES, seconds=SECONDS, ocr=ocr)
        self._cache = PageCache(scratch / CACHE)
        self._places = BoundedSemaphore(N_AT_ONCE)

    def draw(self, store: Store, day: str, answer: Answer, page: int) -> DrawnPage:
        """Draw a page of a document, or return it from the cache.

        The file in the inbox is looked at each time: what is gone or has changed is not shown from the cache either.

        Args:
            store: the store with the inbox.
            day: day of the answer.
            answer: answer to the document.
            page: page number, from 1.

        Raises:
            CannotRead: the document has no pages or no such one, is gone, has changed, or cannot be drawn.
            Busy: other pages are being drawn.
            OSError: the file could not be read now.
        """
        return self._draw(store, day, answer, page, self._patience_s)

    def draw_ahead(self, store: Store, day: str, answer: Answer, page: int) -> None:
        """Draw a page into the cache that will probably be asked for, unless others are being drawn; never fails."""
        with suppress(NerTasksError, OSError):
            self._draw(store, day, answer, page, 0.0)

    def _draw(self, store: Store, day: str, answer: Answer, page: int, patience_s: float) -> DrawnPage:
        file = _check_shown(answer)
        key = keys.inbox_day(day, file)
        etag = _find_etag(store, key)
        if etag is None:
            raise CannotRead("missing", f"found no file, expected the one that was tagged, at {key[:200]}")
        drawn = (key, etag, answer.document, answer.sha256, page)
        if etag and (cached := self._cache.get(*drawn)):
            return cached
        with self._place(patience_s):
            picture = self._draw_now(store, key, file, answer, page)
        if etag:
            self._cache.put(picture, *drawn)
        return picture

    def _draw_now(self, store: Store, key: str, file: str, answer: Answer, page: int) -> DrawnPage:
        self._scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._scratch, prefix="page-") as folder:
            (source,) = store.fetch_files([key], Path(folder))
            if source is None:
                raise CannotRead("missing", f"found no file, expected the one that was tagged, at {key[:200]}")
            is_recognised = answer.receipt.get("encoding") == RECOGNISED
            limits = replace(self._limits, ocr=True) if is_recognised else self._limits  # it may be switched off since
            return draw_in_sandbox(PageRequest(source, file, answer.document, answer.sha256, page), limits)

    @contextmanager
    def _place(self, patience_s: float) -> Iterator[None]:
        if not self._places.acquire(timeout=patience_s):
            raise Busy(f"found {N_AT_ONCE} pages being drawn, expected one of them done within {patience_s:g} s")
        try:
            yield
        finally:
            self._places.release()


def has_pages(answer: Answer) -> bool:
    """Return whether the pages of a document can be shown: its format has pages, and its text was kept."""
    return answer.receipt.get("format") in PAGED and answer.text is not None


def _check_shown(answer: Answer) -> str:
    """Return the name of the document's file.

    Raises:
        CannotRead: `no-pages`; `not-kept` if answers hold no texts, so that pages are not to be seen either.
    """
    if answer.text is None:
        raise CannotRead("not-kept", "found an answer without its text (NER_KEEP_TEXT=0), expected one with it")
    if not has_pages(answer):
        kind = str(answer.receipt.get("format", "no format"))
        raise CannotRead("no-pages", f"found {kind[:40]!r}, which has no pages, expected a PDF or a picture")
    if answer.file is None:
        raise CannotRead("missing", "found an answer that does not name its file, expected one that does")
    return answer.file


def _find_etag(store: Store, key: str) -> str | None:
    """Return the ETag of a file; None if there is none, "" for a name of which the store gives no ETag."""
    try:
        return store.etag(key)
    except ConfigInvalid:
        return ""
