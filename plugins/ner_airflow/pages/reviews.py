"""Routes of the page Review queue: days, sentences to decide, and files for other tools."""

import logging
from typing import Annotated

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse

from ner_airflow.pages.files import serve_file
from ner_airflow.pages.sentences import prepare_sentence
from ner_airflow.pages.shell import may_run, render_page
from ner_tasks.dashboard.quality import read_review_queue
from ner_tasks.dashboard.reader import StoreReader
from ner_tasks.dashboard.reviews import (
    QUEUE,
    VIEWS,
    list_agreement,
    list_precision,
    read_review_day,
    read_summaries,
)
from ner_tasks.enrichment.assertion_lexicon import STATUSES
from ner_tasks.store import keys

DAG = "ner_decide"
# rows shown at most; a page's sentences are one run's
N_DAYS, N_SENTENCES, N_PRECISION, N_PAIRS = 31, 20, 100, 20
REASONS = {
    "policy": "Marked for review",
    "disagreement": "Models disagree",
    "unsure": "Low score",
    "code": "Code unclear",
    "chance": "Random",
}

log = logging.getLogger("ner.access")
router = APIRouter()  # the app's dependencies, which ask who it is, apply to its routes


@router.get("/review", response_class=HTMLResponse)
def show_review(request: Request, user: GetUserDep) -> Response:
    """Show the days with sentences to review, and what reviewers have found."""
    reader: StoreReader = request.app.state.open_reader()
    summaries = read_summaries(reader, most=N_DAYS)
    return render_page(
        request,
        "review",
        reader,
        title="Review queue",
        queue=read_review_queue(reader, most=N_DAYS),
        summaries=summaries,
        precision=list_precision(summaries),
        agreement=list_agreement(summaries),
        most_precision=N_PRECISION,
        most_pairs=N_PAIRS,
        reasons=REASONS,
        may_run=may_run(user, "ner_review"),
    )


@router.get("/review/{day}", response_class=HTMLResponse)
def show_sentences(
    request: Request,
    user: GetUserDep,
    day: str,
    show: Annotated[str, Query(max_length=20)] = QUEUE,
    first: Annotated[int, Query(alias="from", ge=0, le=10**9)] = 0,
) -> Response:
    """Show sentences of a day: those that the user can decide, disputed or decided ones."""
    reader: StoreReader = request.app.state.open_reader()
    name, view = user.get_name(), show if show in VIEWS else QUEUE
    page = None
    if day in reader.folders(keys.REVIEWS):
        page = read_review_day(reader, day, name, view=view, first=first, most=N_SENTENCES)
    if page is None and not reader.unreadable:
        raise HTTPException(404, "no such day")
    sentences = [prepare_sentence(one) for one in page.sentences] if page else []
    # sentences are health data: log who read which
    log.info("%s read %d sentences of the review queue of %s", name, len(sentences), day)
    return render_page(
        request,
        "sentences",
        reader,
        title=f"Review of {day}",
        day=day,
        view=view,
        found=page,
        sentences=sentences,
        most=N_SENTENCES,
        reasons=REASONS,
        statuses=STATUSES,
        dag=DAG,
        may_run=may_run(user, DAG),
    )


@router.get("/review/{day}/decisions/codes.csv")
def serve_chosen_codes(request: Request, user: GetUserDep, day: str) -> Response:
    """Serve the codes that reviewers chose as a download, with the columns of a vocabulary."""
    reader: StoreReader = request.app.state.open_reader()
    if day not in reader.folders(keys.REVIEWED):
        raise HTTPException(404, "no such file")
    log.info("%s downloaded the codes of the review of %s", user.get_name(), day)
    return serve_file(reader.store, keys.reviewed(day, keys.CHOSEN_CODES), prefix=f"{day}-")


@router.get("/review/{day}/{name}")
def serve_review_file(request: Request, user: GetUserDep, day: str, name: str) -> Response:
    """Serve a file for Label Studio or doccano as a download."""
    reader: StoreReader = request.app.state.open_reader()
    if day not in reader.folders(keys.REVIEWS) or name not in reader.names(keys.review(day)):
        raise HTTPException(404, "no such file")
    log.info("%s downloaded %s of the review of %s", user.get_name(), name, day)
    return serve_file(reader.store, keys.review(day, name), prefix=f"{day}-")
