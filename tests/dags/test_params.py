"""What a person may give a run is checked by Airflow before it makes the run; what it does not know, by the first task."""

import json
import random
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException

from ner_airflow.operators.base import NerOperator
from ner_tasks.steps.models import EvaluateCommand
from tests.run_params import refuses, stored_form, validate

HOSTILE = ("--help", "-x", "a\n", "\n", "a\nb", "a\x00b", "a\x1b[2J", "a\u2028b", "x" * 10_000)


def test_a_run_without_hostile_values_is_made(stored):
    validate(stored, {})


def test_every_parameter_refuses_every_hostile_value(stored):
    taken = [(name, value[:20]) for name in stored.params for value in HOSTILE if not refuses(stored, {name: value})]
    assert taken == []


def test_no_random_text_that_is_taken_is_an_option_or_has_a_control_character(stored):
    chance = random.Random(16)
    for _ in range(300):
        name = chance.choice(sorted(stored.params))
        value = "".join(chance.choices("-a0{}%. /\n\r\t\x00\x7f\x85\u2028é", k=chance.randint(0, 12)))
        if not refuses(stored, {name: value}):
            assert not value.startswith("-")
            assert value.isprintable() or value == "", repr(value)


def test_a_template_in_a_value_is_not_rendered(bag):
    from jinja2 import Environment

    task = bag.dags["ner_promote"].get_task("promote")
    value = "{{ params.version }}"
    rendered = Environment(autoescape=False).from_string(task.config).render(params={"reason": value, "version": "v"})
    assert json.loads(rendered)["reason"] == value


class Step(NerOperator):
    def step(self, context):
        return {}


def test_a_parameter_that_the_dag_does_not_know_fails_the_first_task_with_its_name():
    from airflow.sdk import DAG

    with DAG("d", params={"known": 1}, schedule=None):
        step = Step(task_id="t")
    assert step.execute({"dag_run": SimpleNamespace(conf={"known": 2})}) == {}
    with pytest.raises(AirflowFailException, match="^ConfigInvalid: found unknown parameter 'knwon', expected some of"):
        step.execute({"dag_run": SimpleNamespace(conf={"knwon": 2})})


@pytest.mark.parametrize("value", ["--help", "-one", "a b", "{{ x }}"])
def test_a_value_is_never_an_option_of_the_command(value, fake_command):
    """It stands in a file, and not on the command line."""
    flags = fake_command(EvaluateCommand(model=Path(value), data=Path(value)))
    assert [flag.partition("=")[0] for flag in flags] == ["--config", "--report"]
    assert not any(value in flag for flag in flags)


ACCEPTED = {"sentence": "0123456789ab", "verdicts": [{"verdict": "accept", "entity": 0}]}


def test_decisions_of_the_page_are_taken_up_to_a_number(bag):
    decide = stored_form(bag.dags["ner_decide"])
    corrected = {"verdict": "correct", "entity": 1, "start": 0, "end": 4, "label": "per", "assertion": ["negated"]}
    coded = {"verdict": "accept", "entity": 2, "code": "E11.9", "code_system": "ICD-10-CM"}
    settled = {"sentence": "0" * 12, "take": "1" * 12, "settles": ["1" * 12, "2" * 12]}
    one = {**ACCEPTED, "verdicts": [*ACCEPTED["verdicts"], corrected, coded]}
    assert not refuses(decide, {"decisions": [one, settled] * 25})
    for n in (51, 10_000):
        assert refuses(decide, {"decisions": [ACCEPTED] * n})


@pytest.mark.parametrize(
    "wrong",
    [
        {"sentence": "../../models"},
        {**ACCEPTED, "sentence": "0" * 13},
        {**ACCEPTED, "text": "what the sentence says"},
        {**ACCEPTED, "verdicts": ACCEPTED["verdicts"] * 201},
        {**ACCEPTED, "verdicts": [{"verdict": "perhaps", "entity": 0}]},
        {**ACCEPTED, "verdicts": [{"verdict": "accept", "entity": 0.5}]},
        {**ACCEPTED, "verdicts": [{"verdict": "add", "start": 0, "end": 4, "label": "a\nb"}]},
        {**ACCEPTED, "verdicts": [{"verdict": "add", "start": 0, "end": 4, "label": "x" * 301}]},
        {**ACCEPTED, "verdicts": [{"verdict": "add", "start": 0, "end": 10**9, "label": "per"}]},
        {**ACCEPTED, "verdicts": [{"verdict": "add", "start": 0, "end": 4, "label": "per", "assertion": ["no"]}]},
    ],
)
def test_a_decision_of_another_shape_makes_no_run(bag, wrong):
    assert refuses(stored_form(bag.dags["ner_decide"]), {"decisions": [wrong]})
