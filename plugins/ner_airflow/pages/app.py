"""Routes of the pages. Each reads the store and renders one page; none writes.

Actions (promote, roll back, retry rejected documents) are DAG runs that the browser triggers through Airflow's API, so
that Airflow checks the permission and logs the user. A route raises HTTPException (404) for what does not exist.
"""

import logging
import re
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import Annotated

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag, requires_access_view
from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse

from ner_airflow.pages import entities, overview, page_pictures, reviews, runbook
from ner_airflow.pages.files import CHARTS, MODEL_REPORTS, serve_file
from ner_airflow.pages.parts import select_part
from ner_airflow.pages.shell import HEADERS, may_run, render_page
from ner_tasks.dashboard import benchmarks, documents, nights, runs
from ner_tasks.dashboard.reader import RecordCache, StoreReader
from ner_tasks.errors import ArtifactBroken, InputMissing, NerTasksError
from ner_tasks.records import VersionRecord
from ner_tasks.settings import Settings
from ner_tasks.store import Store, keys
from ner_tasks.tagging import exports

_HERE = Path(__file__).parent
_STATIC = {
    # shared with the HTML page that `tag` writes for a day
    "answers.css": (Path(exports.__file__).parent / "page.css", "text/css"),
    "pages.css": (_HERE / "static" / "pages.css", "text/css"),
    "act.js": (_HERE / "static" / "act.js", "text/javascript"),
    "page.js": (_HERE / "static" / "page.js", "text/javascript"),
    "review.js": (_HERE / "static" / "review.js", "text/javascript"),
}
# rows shown at most
N_NIGHTS, N_DAYS, N_DOCUMENTS, N_RUNS = 31, 400, 100, 20
_DAG_ID = re.compile(r"\w[\w.-]{0,249}")

log = logging.getLogger("ner.access")
app = FastAPI(
    title="Nightly NER",
    # a mounted app does not inherit Airflow's authentication: without this anybody could read
    dependencies=[Depends(requires_access_view(AccessView.PLUGINS))],
    docs_url=None,
    redoc_url=None,
    openapi_url=None,
)


def open_reader() -> StoreReader:
    """Open a reader of the deployment's store for one page."""
    return StoreReader(*_open_store())


@cache
def _open_store() -> tuple[Store, RecordCache]:
    return Settings.from_env().open_store(), RecordCache()


app.include_router(entities.router)
app.include_router(overview.router)
app.include_router(page_pictures.router)
app.include_router(reviews.router)
app.state.open_reader = lambda: open_reader()  # noqa: PLW0108 - looked up at each call: tests replace it


@app.middleware("http")
async def add_security_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Add the security headers that a response does not set itself."""
    response = await call_next(request)
    response.headers.update({name: value for name, value in HEADERS.items() if name not in response.headers})
    return response


@app.exception_handler(NerTasksError)
def render_error(request: Request, error: NerTasksError) -> Response:
    """Render an expected error as a page of one line."""
    status = 404 if isinstance(error, InputMissing) else 500
    return render_page(request, "problem", status=status, title="Page not available", message=str(error))


@app.get("/documents", response_class=HTMLResponse)
def find_documents(
    request: Request,
    user: GetUserDep,
    day: str = "",
    q: Annotated[str, Query(max_length=300)] = "",
    rejected: bool = False,
    partly_read: bool = False,
) -> Response:
    """Search the documents of a day, the newest one by default, by part of their name."""
    reader = open_reader()
    days = documents.list_days(reader)
    chosen = day if day in days else (days[0] if days else "")
    entries, missing = [], ""
    if chosen:
        try:
            kinds = {"rejected_only": rejected, "partly_read_only": partly_read}
            entries = documents.search_documents(reader, chosen, q.strip(), most=N_DOCUMENTS + 1, **kinds)
        except InputMissing as error:  # published before days had an index
            missing = str(error)
        except ArtifactBroken:  # the day's manifest, which the page lists as damaged
            pass
    return render_page(
        request,
        "documents",
        reader,
        title="Documents",
        days=days,
        most_days=N_DAYS,
        day=chosen,
        q=q,
        rejected=rejected,
        partly_read=partly_read,
        entries=entries[:N_DOCUMENTS],
        is_cut=len(entries) > N_DOCUMENTS,
        most=N_DOCUMENTS,
        missing=missing,
        may_run=may_run(user, "ner_tag_nightly"),
    )


@app.get("/documents/{day}", response_class=HTMLResponse)
def show_document(
    request: Request,
    user: GetUserDep,
    day: str,
    name: Annotated[str, Query(max_length=4000)] = "",
    handle: Annotated[str, Query(max_length=100)] = "",
    first: Annotated[int, Query(alias="from", ge=0, le=10**9)] = 0,
) -> Response:
    """Show one document by name, or by its handle in the day's index: its entities, or why it was rejected."""
    reader = open_reader()
    if day not in documents.list_days(reader):
        raise HTTPException(404, "no such day")
    document = documents.find_document(reader, day, name, handle=handle)
    # texts are health data: log who read what
    log.info("%s read document %r of %s", user.get_name(), document.entry.name[:200], day)
    return render_page(
        request,
        "document",
        reader,
        title=document.entry.name,
        document=document,
        part=select_part(document.answer, first) if document.answer else None,
        labels=nights.list_labels(reader, day),
        sightings=documents.list_sightings(reader, document.entry.name),
        may_run=may_run(user, "ner_tag_nightly"),
    )


@app.get("/benchmarks", response_class=HTMLResponse)
def show_benchmarks(request: Request, user: GetUserDep) -> Response:
    """Show the last benchmarks of each host."""
    reader = open_reader()
    return render_page(
        request,
        "benchmarks",
        reader,
        title="Benchmarks",
        hosts=benchmarks.list_hosts(reader, most=N_RUNS),
        may_run=may_run(user, "ner_benchmark"),
    )


@app.get("/benchmarks/{report}/{chart}")
def serve_chart(report: str, chart: str) -> Response:
    """Serve a chart of one benchmark."""
    reader = open_reader()
    if chart not in CHARTS or report not in reader.folders(keys.BENCHMARKS):
        raise HTTPException(404, "no such chart")
    return serve_file(reader.store, keys.benchmark(report, chart))


@app.get(
    "/run/{dag_id}/{run_id:path}",
    response_class=HTMLResponse,
    dependencies=[Depends(requires_access_dag("GET", DagAccessEntity.RUN))],
)
def show_run(request: Request, dag_id: str, run_id: str) -> Response:
    """Show the results of a DAG run's tasks; a tab of the run in Airflow's UI."""
    reader = open_reader()
    if not _DAG_ID.fullmatch(dag_id):
        raise HTTPException(404, "no such DAG")
    is_known = dag_id in reader.folders(keys.RUN_NOTES)
    steps = runs.list_steps(reader, dag_id, keys.run_name(run_id)) if is_known else []
    return render_page(
        request, "run", reader, title=dag_id, dag=dag_id, run=run_id, steps=steps, section=runbook.SECTIONS.get(dag_id)
    )


@app.get("/runbook", response_class=HTMLResponse)
def show_runbook(request: Request) -> Response:
    """Show the runbook of this release."""
    return render_page(request, "runbook", title="Runbook", text=runbook.render_runbook())


@app.get("/models/{version}/{snapshot}/{name}")
def serve_model_report(user: GetUserDep, version: str, snapshot: str, name: str) -> Response:
    """Serve a report on a version: its model card, evaluation or learning curve."""
    reader = open_reader()
    details = (
        reader.record(keys.registration(version), VersionRecord) if version in reader.folders(keys.MODELS) else None
    )
    if reader.unreadable:
        raise ArtifactBroken("; ".join(reader.unreadable.values()))
    if name not in MODEL_REPORTS or not details or details["snapshot"] != snapshot:
        raise HTTPException(404, "no such report")
    is_evaluation = name == "page.html"
    key = keys.evaluation(version, snapshot, name) if is_evaluation else keys.model_report(version, name)
    # reports quote labelled sentences: log who read them
    log.info("%s read %s", user.get_name(), key)
    return serve_file(reader.store, key)


@app.get("/static/{name}")
def serve_static(name: str) -> Response:
    """Serve a style sheet or script, to logged-in users only."""
    if name not in _STATIC:
        return JSONResponse({"detail": "no such file"}, status_code=404)
    path, media_type = _STATIC[name]
    return FileResponse(path, media_type=media_type)
