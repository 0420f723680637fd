"""Parameters of a DAG, made from the configuration models of its steps: a new one is a new field of a model."""

import json
from typing import Any, TypeVar

from airflow.sdk import Param

from ner_tasks.config.base import ConfigModel, field_schemas

Params = TypeVar("Params", bound=ConfigModel)

# What a step is given: all parameters of its run as one JSON object, of which it reads its own.
RUN_PARAMS = "{{ params | tojson }}"


def dag_params(*models: type[ConfigModel], **defaults: Any) -> dict[str, Param]:
    """Return an Airflow parameter for each setting of the models, with its title, description, bounds and choices.

    Args:
        models: the parameters of the steps, in the order of the form.
        defaults: for settings whose default in this DAG differs from that of the command.
    """
    schemas = {name: schema for model in models for name, schema in field_schemas(model).items()}
    unknown = set(defaults) - set(schemas)
    if unknown:
        raise TypeError(f"found no setting {sorted(unknown)}, expected some of {sorted(schemas)}")
    return {name: _param({**schema, **_default(defaults, name)}) for name, schema in schemas.items()}


def read_params(model: type[Params], given: str | dict[str, Any]) -> Params:
    """Return a step's own parameters of those that its run was given.

    Args:
        model: the parameters of the step.
        given: `RUN_PARAMS` as it was rendered, or the parameters by name.

    Raises:
        ConfigInvalid: a value of another type or out of bounds.
    """
    values = json.loads(given) if isinstance(given, str) else given
    # an emptied field of Airflow's form is an empty text
    own = {
        name: None if values[name] == "" and "null" in schema.get("type", ()) else values[name]
        for name, schema in field_schemas(model).items()
        if name in values
    }
    return model.parse(own, "the run's parameters")


def _default(defaults: dict[str, Any], name: str) -> dict[str, Any]:
    return {"default": defaults[name]} if name in defaults else {}


def _param(schema: dict[str, Any]) -> Param:
    rest = {key: value for key, value in schema.items() if key not in ("default", "title", "description")}
    if "maximum" in rest:
        # NaN is neither less nor more than any number, so it passes a minimum and a maximum. It passes this as well, and
        # is refused for that.
        rest["not"] = {"type": "number", "exclusiveMinimum": rest["maximum"]}
    default = {"default": schema["default"]} if "default" in schema else {}
    text = schema.get("description") or schema["title"]
    return Param(**default, title=schema["title"], description=text, **rest)
