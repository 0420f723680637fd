"""The routes: each reads the store and renders one page. Nothing here writes.

What a page offers to do (promote, roll back, try rejected documents again) is a run of a DAG, which the browser asks
Airflow's own API for: Airflow decides who may, and notes who did.
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

from ner_airflow.pages import runbook
from ner_airflow.pages.files import CHARTS, PAPERS, serve
from ner_airflow.pages.parts import select_part
from ner_airflow.pages.shell import HEADERS, may_run, page
from ner_tasks.dashboard import benchmarks, documents, nights, quality, runs, versions
from ner_tasks.dashboard.reader import RecordCache, StoreReader
from ner_tasks.errors import ArtifactBroken, InputMissing, NerTasksError
from ner_tasks.records import VersionRecord
from ner_tasks.registry.registry import MARKER
from ner_tasks.settings import Settings
from ner_tasks.store import Store
from ner_tasks.tagging import exports

_HERE = Path(__file__).parent
_STATIC = {
    # a day's own page, which `tag` writes, looks like these
    "answers.css": (Path(exports.__file__).parent / "page.css", "text/css"),
    "pages.css": (_HERE / "static" / "pages.css", "text/css"),
    "act.js": (_HERE / "static" / "act.js", "text/javascript"),
}
N_NIGHTS, N_DAYS, N_FOUND, N_RUNS = 31, 400, 100, 20
_DAG_ID = re.compile(r"\w[\w.-]{0,249}")

log = logging.getLogger("ner.access")
app = FastAPI(
    title="Nightly NER",
    # a mounted app inherits nothing of Airflow's own: without this anybody could read
    dependencies=[Depends(requires_access_view(AccessView.PLUGINS))],
    docs_url=None,
    redoc_url=None,
    openapi_url=None,
)


def reader() -> StoreReader:
    """The store of this deployment, for one page."""
    return StoreReader(*_opened())


@cache
def _opened() -> tuple[Store, RecordCache]:
    return Settings.from_env().open_store(), RecordCache()


@app.middleware("http")
async def guarded(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call_next(request)
    response.headers.update({name: value for name, value in HEADERS.items() if name not in response.headers})
    return response


@app.exception_handler(NerTasksError)
def render_error(request: Request, error: NerTasksError) -> Response:
    """Our own errors as a page of one line."""
    status = 404 if isinstance(error, InputMissing) else 500
    return page(request, "problem", status=status, title="Not shown", message=str(error))


@app.get("/tonight", response_class=HTMLResponse)
def tonight(request: Request, user: GetUserDep) -> Response:
    """The night that is under way, and the last ones."""
    reading = reader()
    found = nights.list_published(reading, most=N_NIGHTS)
    last = found[0] if found else None
    return page(
        request,
        "tonight",
        reading,
        title="Tonight",
        under_way=nights.list_under_way(reading, last),
        nights=found,
        gates=nights.read_gates(reading, last) if last else [],
        may_run=may_run(user, "ner_tag_nightly"),
    )


@app.get("/documents", response_class=HTMLResponse)
def find_documents(
    request: Request,
    user: GetUserDep,
    day: str = "",
    q: Annotated[str, Query(max_length=300)] = "",
    rejected: bool = False,
    partly_read: bool = False,
) -> Response:
    """Search for documents of a day by name."""
    reading = reader()
    days = documents.list_days(reading)
    chosen = day if day in days else (days[0] if days else "")
    found, missing = [], ""
    if chosen:
        try:
            kinds = {"rejected_only": rejected, "partly_read_only": partly_read}
            found = documents.search_documents(reading, chosen, q.strip(), most=N_FOUND + 1, **kinds)
        except InputMissing as error:  # a day of before there was an index
            missing = str(error)
        except ArtifactBroken as error:
            reading.left_out(f"tagged/{chosen}", error)
    return page(
        request,
        "documents",
        reading,
        title="Documents",
        days=days,
        most_days=N_DAYS,
        day=chosen,
        q=q,
        rejected=rejected,
        partly_read=partly_read,
        entries=found[:N_FOUND],
        is_cut=len(found) > N_FOUND,
        most=N_FOUND,
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
    """One document, by its name or its handle in the index: its entities in its text, or why it was rejected."""
    reading = reader()
    if day not in documents.list_days(reading):
        raise HTTPException(404, "no such day")
    found = documents.find_document(reading, day, name, handle=handle)
    # who read what: texts are health data
    log.info("%s read document %r of %s", user.get_name(), found.entry.name[:200], day)
    return page(
        request,
        "document",
        reading,
        title=found.entry.name,
        found=found,
        part=select_part(found.answer, first) if found.answer else None,
        labels=nights.list_labels(reading, day),
        sightings=documents.list_sightings(reading, found.entry.name),
        may_run=may_run(user, "ner_tag_nightly"),
    )


@app.get("/models", response_class=HTMLResponse)
def show_models(request: Request, user: GetUserDep) -> Response:
    """All versions, their quality over time, and the promotions."""
    reading = reader()
    return page(
        request,
        "models",
        reading,
        title="Models",
        versions=versions.list_versions(reading),
        promotions=versions.list_promotions(reading),
        may_run=may_run(user, "ner_promote"),
    )


@app.get("/quality", response_class=HTMLResponse)
def show_quality(request: Request) -> Response:
    """The promoted model in depth, and the drift of the last nights."""
    reading = reader()
    return page(
        request,
        "quality",
        reading,
        title="Quality and drift",
        promoted=quality.read_promoted(reading),
        drift=quality.read_drift(reading, most=N_NIGHTS),
    )


@app.get("/benchmarks", response_class=HTMLResponse)
def show_benchmarks(request: Request, user: GetUserDep) -> Response:
    """The last runs of each host."""
    reading = reader()
    hosts = benchmarks.list_hosts(reading, most=N_RUNS)
    return page(request, "benchmarks", reading, title="Benchmarks", hosts=hosts, may_run=may_run(user, "ner_benchmark"))


@app.get("/benchmarks/{report}/{chart}")
def chart(report: str, chart: str) -> Response:
    """A chart of one run, as `ner_benchmark` drew it."""
    reading = reader()
    if chart not in CHARTS or report not in reading.folders("reports/benchmarks"):
        raise HTTPException(404, "no such chart")
    return serve(reading.store, f"reports/benchmarks/{report}/{chart}")


@app.get("/review", response_class=HTMLResponse)
def show_review(request: Request, user: GetUserDep) -> Response:
    """What was exported for people to correct."""
    reading = reader()
    return page(
        request,
        "review",
        reading,
        title="Review queue",
        queue=quality.read_review_queue(reading, most=N_NIGHTS),
        may_run=may_run(user, "ner_review"),
    )


@app.get(
    "/run/{dag_id}/{run_id:path}",
    response_class=HTMLResponse,
    dependencies=[Depends(requires_access_dag("GET", DagAccessEntity.RUN))],
)
def show_run(request: Request, dag_id: str, run_id: str) -> Response:
    """What the tasks of one run came to; the tab that a run has in Airflow's own pages."""
    reading = reader()
    if not _DAG_ID.fullmatch(dag_id):
        raise HTTPException(404, "no such DAG")
    noted = dag_id in reading.folders(runs.NOTES)
    steps = runs.list_steps(reading, dag_id, runs.run_key(run_id)) if noted else []
    return page(
        request, "run", reading, title=dag_id, dag=dag_id, run=run_id, steps=steps, section=runbook.SECTIONS.get(dag_id)
    )


@app.get("/runbook", response_class=HTMLResponse)
def show_runbook(request: Request) -> Response:
    """The runbook of this release."""
    return page(request, "runbook", title="Runbook", text=runbook.html())


@app.get("/models/{version}/{snapshot}/{paper}")
def paper(user: GetUserDep, version: str, snapshot: str, paper: str) -> Response:
    """A page about a version: its card, its evaluation on a snapshot, how it was trained."""
    reading = reader()
    details = (
        reading.record(f"models/{version}/{MARKER}", VersionRecord) if version in reading.folders("models") else None
    )
    if reading.unreadable:
        raise ArtifactBroken("; ".join(reading.unreadable.values()))
    if paper not in PAPERS or not details or details["snapshot"] != snapshot:
        raise HTTPException(404, "no such page")
    folder = f"reports/models/{version}"
    key = f"{folder}/evaluate-{snapshot}/{paper}" if paper == "page.html" else f"{folder}/{paper}"
    # sentences of labelled data are on it
    log.info("%s read %s", user.get_name(), key)
    return serve(reading.store, key)


@app.get("/review/{day}/{name}")
def review_file(user: GetUserDep, day: str, name: str) -> Response:
    """A file for Label Studio or doccano, to be kept on one's own machine."""
    reading = reader()
    if day not in reading.folders("reports/review") or name not in reading.names(f"reports/review/{day}"):
        raise HTTPException(404, "no such file")
    log.info("%s took %s of the review of %s", user.get_name(), name, day)
    return serve(reading.store, f"reports/review/{day}/{name}", prefix=f"{day}-")


@app.get("/static/{name}")
def static(name: str) -> Response:
    """Style and script; behind the same door as the pages."""
    if name not in _STATIC:
        return JSONResponse({"detail": "no such file"}, status_code=404)
    path, media_type = _STATIC[name]
    return FileResponse(path, media_type=media_type)
