"""What all pages have in common: their policy, the frame around them, and what may be started from them."""

from collections.abc import Callable
from typing import Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from fastapi import Request
from fastapi.responses import HTMLResponse

from ner_airflow.pages.files import CSP
from ner_airflow.pages.templates import render
from ner_tasks.dashboard.reader import StoreReader

# Airflow shows the pages in a frame of its own; texts of documents are on them
HEADERS = {
    CSP: "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'self'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def page(
    request: Request, template: str, reading: StoreReader | None = None, *, status: int = 200, **values: Any
) -> HTMLResponse:
    """A page; what `reading` had to leave out is on it."""
    # where this app is mounted, with the path that Airflow itself may be served under
    root = request.scope.get("root_path", "")
    airflow = root.rsplit("/", 1)[0]
    return HTMLResponse(
        render(
            template,
            root=root,
            airflow=airflow,
            api=f"{airflow}/api/v2",
            unreadable=reading.unreadable if reading else {},
            **values,
        ),
        status_code=status,
    )


def may_run(user: Any, dag_id: str) -> bool:
    """Whether a page offers to start a DAG; Airflow asks again when it is started."""
    allowed: Callable[..., bool] = get_auth_manager().is_authorized_dag
    return allowed(method="POST", access_entity=DagAccessEntity.RUN, details=DagDetails(id=dag_id), user=user)
