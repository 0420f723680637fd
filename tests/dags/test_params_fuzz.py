"""Every value that a run is given is refused before the run is made, or harmless to its steps."""

import json
import math
from types import SimpleNamespace
from typing import Any

import pytest
from jinja2 import Environment

from ner_airflow.params import RUN_PARAMS
from ner_airflow.schedule import DAY, find_day
from tests.run_params import refuses, stored_form

DEEP: Any = 1
for _ in range(200):
    DEEP = {"a": DEEP}
NUMBERS = (10**400, -(10**400), 10**18, 1e308, -1e308, 1e-320, -1, -0.5, 0, 0.5, 1, 1.0, 2.5, 32.0, 1e3)
NO_NUMBERS = (math.nan, math.inf, -math.inf)
TEXTS = (
    "",
    " ",
    "-",
    "--help",
    "-rf",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "{{ params }}",
    "{# #}",
    "a\nb",
    "a\r",
    "\x00",
    "\ud800",
    "x" * 2**20,
    "9" * 5000,
    "٣",
    "1e999",
    "nan",
    "0001-01-01",
    "9999-12-31",
    "2026-02-30",
    "2026-01-31",
    "../../etc",
    "$(id)",
    "a b",
)
OTHERS = (None, True, False, [], {}, DEEP, [DEEP], ["-x"], ["a\n"], ["x"] * 10_000, {"--help": 1}, {"a": "b" * 10_000})
VALUES = (*NUMBERS, *TEXTS, *OTHERS)
RECIPES = (
    {f"setting_{number}": 1 for number in range(1_000)},
    {"x" * 10_000: 1},
    {"--help": 1},
    {"a\n": 1},
    {"seed": 10**400},
    {"seed": math.nan},
    {"seed": [1]},
    {"seed": {"a": 1}},
    {"schedule": "x" * 10_000},
    {"schedule": "--help"},
    {"schedule": "a\nb"},
)


def bounds(schema: dict[str, Any]) -> bool:
    """Whether numbers of this schema have two ends."""
    return {"minimum", "exclusiveMinimum"} & set(schema) != set() and {"maximum", "exclusiveMaximum"} & set(
        schema
    ) != set()


def kinds(schema: dict[str, Any]) -> set[str]:
    found = schema["type"]
    return {found} if isinstance(found, str) else set(found)


def test_every_number_has_two_ends_and_every_text_and_list_a_length(stored):
    for name in stored.params:
        schema = stored.params.get_param(name).schema
        if kinds(schema) & {"number", "integer"}:
            assert bounds(schema), name
        if "string" in kinds(schema):
            assert {"maxLength", "enum"} & set(schema) or schema.get("format") == "date", name
        assert "array" not in kinds(schema) or "maxItems" in schema, name
        assert "object" not in kinds(schema) or "maxProperties" in schema, name


def test_no_number_that_is_none_is_taken(stored):
    taken = [(name, value) for name in stored.params for value in NO_NUMBERS if not refuses(stored, {name: value})]
    assert taken == []


def test_every_value_is_refused_or_is_harmless_to_the_step(stored):
    taken = [(name, value) for name in stored.params for value in VALUES if not refuses(stored, {name: value})]
    faults = [(name, repr(value)[:30], fault) for name, value in taken if (fault := harm_of(stored, name, value))]
    assert faults == []


def harm_of(dag, name, value) -> str:
    """What a value that was taken could do to a step; "" for nothing."""
    given, schema = json.loads(rendered(name, value))[name], dag.params.get_param(name).schema
    if given != value:
        return f"another value: {given!r}"
    for text in texts(given):
        if len(text) > 1_000:
            return "long"
        if not text.isprintable():
            return "control characters"
        if text.startswith("-"):
            return "an option"
    if isinstance(value, int | float) and not isinstance(value, bool):
        if abs(value) > 1_000_000:
            return "huge"
        if "integer" in kinds(schema) and value != int(value):
            return f"no whole number: {value}"
    return ""


def texts(value: Any) -> list[str]:
    """All texts in a value."""
    if isinstance(value, dict):
        return [text for pair in value.items() for each in pair for text in texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in texts(each)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: repr(recipe)[:20])
def test_a_hostile_recipe_is_refused(bag, recipe):
    assert refuses(stored_form(bag.dags["ner_retrain"]), {"recipe": recipe})


def test_a_recipe_of_any_settings_is_taken(bag):
    recipe = {"learning_rate": 3e-4, "schedule": "cosine", "bf16": True, "epochs": "4", "max_pieces": 128}
    assert not refuses(stored_form(bag.dags["ner_retrain"]), {"recipe": recipe})


@pytest.mark.parametrize(
    ("dag", "name"), [("ner_tag_nightly", "day"), ("ner_retag", "first_day"), ("ner_withdraw", "day")]
)
def test_dates_lie_where_days_can_be_counted_from_them(bag, dag, name):
    stored = stored_form(bag.dags[dag])
    days = ("0001-01-01", "9999-12-31", "1899-12-31", "2026-02-30", "2026-13-01", "2024-02-29")
    assert [day for day in days if not refuses(stored, {name: day})] == ["2024-02-29"]


def rendered(name, value) -> str:
    """What a task gets of a value: by the template with which its DAG hands it on."""
    template = DAY if name == "day" else RUN_PARAMS
    by_hand = SimpleNamespace(run_type="manual")
    given = {"params": {name: value}, "find_day": find_day, "dag_run": by_hand}
    text = Environment(autoescape=False).from_string(template).render(given)
    return json.dumps({name: text or None}) if name == "day" else text
