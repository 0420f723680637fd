"""Airflow plugin: the Nightly NER pages and the reference point of the nightly deadline."""

import sys
from typing import Any, ClassVar
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

from ner_airflow.observability.due import RunDue

PREFIX = "/ner-ops"
# every Airflow process loads plugins, tasks included; only the API server serves pages
_SERVES_PAGES = "api-server" in sys.argv[1:2]
_BASE = urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")
_PAGES = (
    ("tonight", "Tonight"),
    ("documents", "Documents"),
    ("entities", "Entities"),
    ("models", "Models"),
    ("quality", "Quality and drift"),
    ("benchmarks", "Benchmarks"),
    ("review", "Review queue"),
)


def _apps() -> list[dict[str, Any]]:
    if not _SERVES_PAGES:
        return []
    from ner_airflow.pages.app import app

    return [{"app": app, "url_prefix": PREFIX, "name": "Nightly NER"}]


class NerOpsPlugin(AirflowPlugin):
    """Seven pages in the navigation under "Nightly NER", a tab on each DAG run, and a deadline reference."""

    name = "ner_ops"
    deadline_references: ClassVar = [RunDue]
    fastapi_apps = _apps()
    external_views = [
        {
            "name": title,
            "href": f"{_BASE}{PREFIX}/{page}",
            "destination": "nav",
            "category": "Nightly NER",
            "url_route": f"ner-{page}",
        }
        for page, title in _PAGES
    ] + [
        {
            "name": "Nightly NER",
            # Airflow fills in the ids, percent-encoded
            "href": f"{_BASE}{PREFIX}/run/{{DAG_ID}}/{{RUN_ID}}",
            "destination": "dag_run",
            "url_route": "ner-run",
        }
    ]
