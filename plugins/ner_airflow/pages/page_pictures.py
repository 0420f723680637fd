"""Routes of a document as it looked: one page with the entities' boxes over it, and its picture."""

import logging
from dataclasses import dataclass
from typing import Annotated

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, BackgroundTasks, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse

from ner_airflow.pages import pictures
from ner_airflow.pages.shell import render_page
from ner_tasks.dashboard import documents
from ner_tasks.dashboard.nights import list_labels
from ner_tasks.dashboard.page_boxes import describe_page
from ner_tasks.dashboard.reader import StoreReader
from ner_tasks.documents import CannotRead
from ner_tasks.documents.rendering.page_picture import MEDIA_TYPE, DrawnPage
from ner_tasks.errors import Busy, InputMissing
from ner_tasks.tagging.answers import Answer

MAX_PAGE = 10_000_000  # a larger number is no page of any document
N_ENTITIES = 300  # shown of one page
# What a person reads, and the HTTP status, by the reason why a page is not shown.
_PROBLEMS = {
    "missing": (404, "The document is no longer in the inbox, so its pages cannot be shown."),
    "changed": (
        409,
        "The document in the inbox has changed since it was tagged, so its pages may be those of another one.",
    ),
    "no-page": (404, "The document has no such page."),
    "no-pages": (404, "Documents of this format have no pages. Only those of PDF and of pictures can be shown."),
    "not-kept": (404, "Texts are not kept in this deployment, so pages are not shown either."),
    "busy": (503, "Other pages are being drawn. Load this page again in a few seconds."),
}
_NOT_DRAWN = (422, "This page cannot be drawn. Its text and entities are on the page of the document.")


@dataclass(frozen=True)
class PageProblem:
    """Why a page is not shown.

    Attributes:
        status: HTTP status.
        message: what it means, for a person.
        reason: what was found.
    """

    status: int
    message: str
    reason: str


log = logging.getLogger("ner.access")
router = APIRouter()  # the app's dependencies, which ask who it is, apply to its routes

Name = Annotated[str, Query(max_length=4000)]
Handle = Annotated[str, Query(max_length=100)]
Page = Annotated[int, Query(ge=1, le=MAX_PAGE)]


@router.get("/documents/{day}/page", response_class=HTMLResponse)
def show_document_page(
    request: Request,
    tasks: BackgroundTasks,
    user: GetUserDep,
    day: str,
    name: Name = "",
    handle: Handle = "",
    page: Page = 1,
) -> Response:
    """Show a page of a document as it looked beside its text, or why it cannot be shown."""
    reader, document = _find(request, day, name, handle)
    # pictures of pages are health data: log who saw which
    log.info("%s read page %d of document %r of %s", user.get_name(), page, document.entry.name[:200], day)
    answer = _get_answer(document)
    drawn = _draw(reader, day, answer, page)
    problem = drawn if isinstance(drawn, PageProblem) else None
    if isinstance(drawn, DrawnPage) and page < drawn.n_pages:
        tasks.add_task(_draw_ahead, reader, day, answer, page + 1)
    return render_page(
        request,
        "page",
        reader,
        status=problem.status if problem else 200,
        title=document.entry.name,
        document=document,
        answer=answer,
        number=page,
        drawn=drawn,
        content=describe_page(answer, page, drawn, most=N_ENTITIES) if isinstance(drawn, DrawnPage) else None,
        problem=problem,
        labels=list_labels(reader, day),
    )


@router.get("/documents/{day}/page-picture")
def serve_page_picture(
    request: Request, user: GetUserDep, day: str, name: Name = "", handle: Handle = "", page: Page = 1
) -> Response:
    """Serve the picture of a page."""
    reader, document = _find(request, day, name, handle)
    log.info("%s saw page %d of document %r of %s", user.get_name(), page, document.entry.name[:200], day)
    drawn = _draw(reader, day, _get_answer(document), page)
    if isinstance(drawn, PageProblem):
        raise HTTPException(drawn.status, drawn.message)
    return Response(drawn.picture, media_type=MEDIA_TYPE)


def _draw(reader: StoreReader, day: str, answer: Answer, page: int) -> DrawnPage | PageProblem:
    if (opened := pictures.open_pictures()) is None:
        return PageProblem(404, "Original pages are switched off in this deployment.", "found NER_ORIGINAL_PAGES=0")
    try:
        return opened.draw(reader.store, day, answer, page)
    except CannotRead as error:
        return PageProblem(*_PROBLEMS.get(error.reason, _NOT_DRAWN), str(error))
    except Busy as error:
        return PageProblem(*_PROBLEMS["busy"], str(error))
    except OSError as error:
        return PageProblem(*_NOT_DRAWN, str(error))


def _draw_ahead(reader: StoreReader, day: str, answer: Answer, page: int) -> None:
    if opened := pictures.open_pictures():
        opened.draw_ahead(reader.store, day, answer, page)


def _find(request: Request, day: str, name: str, handle: str) -> tuple[StoreReader, documents.FoundDocument]:
    reader: StoreReader = request.app.state.open_reader()
    if day not in documents.list_days(reader):
        raise HTTPException(404, "no such day")
    return reader, documents.find_document(reader, day, name, handle=handle)


def _get_answer(document: documents.FoundDocument) -> Answer:
    if document.answer is None:
        raise InputMissing("found a rejected document, expected a tagged one, of which pages can be shown")
    return document.answer
