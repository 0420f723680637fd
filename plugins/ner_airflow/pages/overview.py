"""Routes of the pages with charts: Tonight, Models, Quality and drift."""

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from ner_airflow.pages.charts import draw_charts
from ner_airflow.pages.shell import may_run, render_page
from ner_tasks.dashboard import nights, quality, versions
from ner_tasks.dashboard.reader import StoreReader
from ner_tasks.enrichment.policy import EntityPolicy
from ner_tasks.errors import NerTasksError
from ner_tasks.settings import Settings

# nights, versions and charts of a group that a page shows at most
N_NIGHTS, N_VERSIONS, N_CHARTS = 31, 100, 25

router = APIRouter()  # the app's dependencies, which ask who it is, apply to its routes


@router.get("/tonight", response_class=HTMLResponse)
def show_tonight(request: Request, user: GetUserDep) -> Response:
    """Show nights in progress, the last published nights and their gates."""
    reader: StoreReader = request.app.state.open_reader()
    published = nights.list_published(reader, most=N_NIGHTS)
    last = published[0] if published else None
    return render_page(
        request,
        "tonight",
        reader,
        title="Tonight",
        in_progress=nights.list_in_progress(reader, last),
        nights=published,
        charts=draw_charts(nights.chart_nights(published)),
        gates=nights.read_gates(reader, last) if last else [],
        is_promoted=bool(last) or versions.read_pointer(reader) is not None,
        may_run=may_run(user, "ner_tag_nightly"),
    )


@router.get("/models", response_class=HTMLResponse)
def show_models(request: Request, user: GetUserDep) -> Response:
    """Show all versions, their quality over time, and the history of promotions."""
    reader: StoreReader = request.app.state.open_reader()
    listed = versions.list_versions(reader)
    charts = versions.chart_f1(listed[:N_VERSIONS])
    return render_page(
        request,
        "models",
        reader,
        title="Models",
        versions=listed,
        labels=versions.list_score_labels(listed),
        charts=draw_charts(charts[:N_CHARTS]),
        n_more=max(0, len(charts) - N_CHARTS),
        promotions=versions.list_promotions(reader),
        may_run=may_run(user, "ner_promote"),
        may_train=may_run(user, "ner_retrain"),
    )


@router.get("/quality", response_class=HTMLResponse)
def show_quality(request: Request) -> Response:
    """Show the evaluation of the promoted model and the drift of the last nights."""
    reader: StoreReader = request.app.state.open_reader()
    promoted, drift = quality.read_promoted(reader), quality.read_drift(reader, most=N_NIGHTS)
    policy, policy_problem = _load_policy() if promoted else (None, "")
    thresholds = quality.chart_thresholds(promoted.evaluation, policy) if promoted else []
    of_labels = quality.chart_drift(drift, of_labels=True)
    return render_page(
        request,
        "quality",
        reader,
        title="Quality and drift",
        promoted=promoted,
        labels=sorted(promoted.evaluation["labels"] if promoted else (chart.name for chart in of_labels)),
        thresholds=draw_charts(thresholds[:N_CHARTS]),
        n_more_thresholds=max(0, len(thresholds) - N_CHARTS),
        policy_problem=policy_problem,
        drift=drift,
        drift_of_labels=draw_charts(of_labels[:N_CHARTS]),
        n_more_drift=max(0, len(of_labels) - N_CHARTS),
        drift_of_others=draw_charts(quality.chart_drift(drift, of_labels=False)[:N_CHARTS]),
    )


def _load_policy() -> tuple[EntityPolicy | None, str]:
    """Load what this deployment publishes; None with the reason if its YAML or settings cannot be read here."""
    try:
        settings = Settings.from_env()
        policy = EntityPolicy.load(settings.policy)
        return policy.with_scores(settings.min_score, settings.min_label_scores), ""
    except NerTasksError as error:
        return None, str(error)
