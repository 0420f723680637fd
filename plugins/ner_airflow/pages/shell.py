"""Shared by all pages: security headers, rendering, and the permission check for buttons."""

from collections.abc import Callable
from typing import Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from fastapi import Request
from fastapi.responses import HTMLResponse

from ner_airflow.pages.files import CSP
from ner_airflow.pages.templates import render
from ner_tasks.dashboard.reader import StoreReader

# Airflow shows the pages in an iframe; they contain text of documents
HEADERS = {
    CSP: "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'self'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def render_page(
    request: Request, template: str, reader: StoreReader | None = None, *, status: int = 200, **values: Any
) -> HTMLResponse:
    """Render a page, with a list of the damaged files that were left out.

    Args:
        request: the request.
        template: name of the template, without `.html.jinja`.
        reader: the reader whose damaged files are listed; None lists none.
        status: HTTP status.
        **values: variables of the template.
    """
    # path of this app, including the path that Airflow itself may be served under
    root = request.scope.get("root_path", "")
    airflow = root.rsplit("/", 1)[0]
    return HTMLResponse(
        render(
            template,
            root=root,
            airflow=airflow,
            api=f"{airflow}/api/v2",
            unreadable=reader.unreadable if reader else {},
            **values,
        ),
        status_code=status,
    )


def may_run(user: Any, dag_id: str) -> bool:
    """Return whether `user` may trigger a DAG; decides only if a button is shown, Airflow checks again."""
    allowed: Callable[..., bool] = get_auth_manager().is_authorized_dag
    return allowed(method="POST", access_entity=DagAccessEntity.RUN, details=DagDetails(id=dag_id), user=user)
