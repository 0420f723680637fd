"""Route of the page Entities: which documents name somebody or something, what is frequent and what is new."""

import logging
from typing import Annotated

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from ner_airflow.pages.shell import render_page
from ner_tasks.dashboard.entities import list_days, read_new_mentions, read_top_mentions, search_entities
from ner_tasks.dashboard.nights import list_labels
from ner_tasks.dashboard.reader import StoreReader
from ner_tasks.tagging.entity_index.folding import fold_mention

# rows shown at most
N_DAYS, N_MENTIONS, N_TOP, N_NEW = 400, 100, 10, 50
MAX_SOUGHT = 200  # characters

log = logging.getLogger("ner.access")
router = APIRouter()  # the app's dependencies, which ask who it is, apply to its routes


@router.get("/entities", response_class=HTMLResponse)
def find_entities(
    request: Request,
    user: GetUserDep,
    q: str = "",
    day: str = "",
    label: Annotated[str, Query(max_length=300)] = "",
    after: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """Search the mentions of all days or one; without a search, show the top mentions of a day and what is new."""
    # Airflow's access log reads it after the answer; what is sought is health data
    request.scope["query_string"] = b""
    reader: StoreReader = request.app.state.open_reader()
    days = list_days(reader)
    chosen, newest = day if day in days else "", days[0] if days else ""
    is_too_long, sought = len(q) > MAX_SOUGHT, fold_mention(q)
    search = top = new = None
    if sought and not is_too_long:
        searched = [chosen] if chosen else days
        search = search_entities(reader, q, searched, most=N_MENTIONS, label=label, cursor=after)
        # mentions are health data as well: log who saw those of which days
        log.info("%s searched the entities of %s: %d found", user.get_name(), chosen or "all days", len(search.rows))
    elif newest:
        top = read_top_mentions(reader, chosen or newest, most=N_TOP, label=label)
        new = read_new_mentions(reader, chosen or newest, most=N_NEW, label=label)
        log.info("%s read the top mentions of %s", user.get_name(), chosen or newest)
    return render_page(
        request,
        "entities",
        reader,
        status=422 if is_too_long else 200,
        title="Entities",
        days=days,
        most_days=N_DAYS,
        day=chosen,
        newest=newest,
        q=q[:MAX_SOUGHT],
        n_sought=len(q),
        most_sought=MAX_SOUGHT,
        label=label,
        labels=list_labels(reader, chosen or newest) if newest else [],
        search=search,
        top=top,
        new=new,
    )
