"""A template that a person gives as a value is handed on as the text that it is, from task to task."""

import pytest
from airflow.sdk import DAG
from pydantic import Field

from ner_airflow.operators.base import NerOperator
from ner_airflow.params import RUN_PARAMS, dag_params
from ner_tasks.config.base import ConfigModel
from ner_tasks.config.types import Line

VALUE = "{{ 7 * 7 }} {{ params.other }} {{ '{{' }} {# x #} {{ run_id }} {% raw %}"
SEEN: dict[str, object] = {}


class TextParams(ConfigModel):
    """A text and a list of texts."""

    text: Line = Field("", title="Text")
    other: Line = Field("secret", title="Other")
    list: tuple[Line, ...] = Field((), title="List", max_length=3)


class Hand(NerOperator):
    """Hands its value on, as a step does."""

    template_fields = (*NerOperator.template_fields, "value")

    def __init__(self, *, value=None, **kwargs):
        super().__init__(**kwargs)
        self.value = value

    def step(self, context):
        params = self.read_config(TextParams)
        value = params.text if self.value is None else self.value
        SEEN[self.task_id] = (value, list(params.list))
        return {"value": value, "list": [{"value": value}]}


class Spread(NerOperator):
    """Gives one part for each of the tasks behind it."""

    template_fields = ("value",)

    def __init__(self, *, value, **kwargs):
        super().__init__(**kwargs)
        self.value = value

    def step(self, context):
        SEEN[self.task_id] = self.value
        return [{"value": self.value["value"]}]


@pytest.fixture(scope="module")
def database():
    from airflow.utils.db import initdb

    initdb()


def stored(dag):
    """Store a DAG as the DAG processor does, so that it can be run."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.collection import update_dag_parsing_results_in_db
    from airflow.serialization.serialized_objects import LazyDeserializedDAG
    from airflow.utils.session import create_session

    with create_session() as session:
        DagBundlesManager().sync_bundles_to_db(session=session)
    with create_session() as session:
        update_dag_parsing_results_in_db(
            "dags-folder", None, [LazyDeserializedDAG.from_dag(dag)], {}, 0.0, set(), session=session
        )
    return dag


@pytest.mark.usefixtures("database")
def test_a_value_is_rendered_once_however_far_it_is_handed_on():
    with DAG("handing_on", schedule=None, params=dag_params(TextParams)) as dag:
        first = Hand(task_id="first", config=RUN_PARAMS)
        second = Hand(task_id="second", value=first.output)
        spread = Spread(task_id="spread", value=first.output)
        Hand.partial(task_id="mapped").expand(value=spread.output)
        first >> second
    run = stored(dag).test(run_conf={"text": VALUE, "list": [VALUE, VALUE]})
    assert str(run.state) == "success"
    assert SEEN["first"] == (VALUE, [VALUE, VALUE])
    assert SEEN["second"][0]["value"] == VALUE
    assert SEEN["spread"]["value"] == VALUE
    assert SEEN["mapped"][0] == {"value": VALUE}
