"""The base of all configuration models: strict about names and types, with errors of one line."""

from collections.abc import Callable, Mapping
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from ner_tasks.errors import ConfigInvalid
from ner_tasks.files.yaml_files import StrictModel

Part = TypeVar("Part", bound=StrictModel)

_MAX_SHOWN = 100
_BOUNDS = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")
_KINDS = {"integer": "a whole number", "number": "a number", "boolean": "0 or 1", "string": "text", "array": "a list"}


class ConfigModel(StrictModel):
    """A group of settings, each with its type, bounds, default and description."""

    # Python's own regular expressions, because Airflow checks the same patterns with them.
    model_config = ConfigDict(extra="forbid", frozen=True, regex_engine="python-re", allow_inf_nan=False)

    @classmethod
    def parse(cls, values: Mapping[str, Any], where: str = "", *, spell: Callable[[str], str] = str) -> Self:
        """Build the model from untyped values.

        Args:
            values: settings by name; numbers may be text, as flags and environment variables give them.
            where: the source of the values, named at the end of an error.
            spell: turns the name of a setting into the name that its user knows, such as a flag or a variable.

        Raises:
            ConfigInvalid: an unknown name, a missing value, or a value of another type or out of bounds.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            place = f", in {where}" if where else ""
            raise ConfigInvalid(f"{describe_error(error, cls, spell)}{place}") from None

    def part(self, model: type[Part]) -> Part:
        """Return the settings of this model that another one has as well, as that model."""
        return model(**{name: getattr(self, name) for name in model.model_fields})


def field_schemas(model: type[BaseModel]) -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of each setting; one that may be empty has the types `["null", ...]`."""
    return {name: _flatten(schema) for name, schema in model.model_json_schema()["properties"].items()}


def inline_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON Schema of a model without references, for use inside of another one."""
    schema = model.model_json_schema()
    shared = schema.pop("$defs", {})

    def inline(part: Any) -> Any:
        if isinstance(part, list):
            return [inline(one) for one in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            return inline(shared[part["$ref"].rpartition("/")[2]])
        return {
            name: inline(value) for name, value in part.items() if name != "description" or not isinstance(value, str)
        }

    inlined: dict[str, Any] = inline(schema)
    return inlined


def describe_bounds(schema: Mapping[str, Any]) -> str:
    """Return the values that a schema allows, in words, such as "0 to less than 1"; empty if it allows all."""
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    above, least = schema.get("exclusiveMinimum"), schema.get("minimum")
    below, most = schema.get("exclusiveMaximum"), schema.get("maximum")
    start = f"more than {_number(above)}" if above is not None else _number(least)
    end = f"less than {_number(below)}" if below is not None else _number(most)
    if start and end:
        return f"{start} to {end}"
    if end:
        return end if below is not None else f"at most {end}"
    return start if above is not None or not start else f"{start} or more"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return str(int(value)) if value == int(value) else f"{value:g}"


def describe_error(invalid: ValidationError, model: type[BaseModel], spell: Callable[[str], str] = str) -> str:
    """Return the first error of a validation in one line: what was found, what was expected."""
    error = invalid.errors()[0]
    path, kind = [str(part) for part in error["loc"]], error["type"]
    name = ".".join([spell(path[0]), *path[1:]]) if path else ""
    if kind == "missing":
        return f"found no {name}, expected one"
    if kind == "extra_forbidden":
        known = ", ".join(spell(each) for each in model.model_fields)
        return f"found setting {name[:_MAX_SHOWN]!r}, expected one of {known}"
    if kind == "value_error":
        return error["msg"].removeprefix("Value error, ")
    shown = repr(error["input"])[:_MAX_SHOWN]
    return f"found {name} = {shown}, expected {_expected(error, field_schemas(model).get(path[0], {}))}"


def _expected(error: ErrorDetails, schema: Mapping[str, Any]) -> str:
    kind = error["type"]
    if kind in _BOUNDS or "enum" in schema:
        return describe_bounds(schema)
    if kind == "string_pattern_mismatch":
        examples = schema.get("examples")
        return f"text such as {examples[0]!r}" if examples else "one line of text that does not begin with a dash"
    if kind.endswith(("_type", "_parsing", "_size")) or kind in ("int_from_float", "finite_number"):
        types = schema.get("type", "")
        of = next((each for each in types if each != "null"), "") if isinstance(types, list) else types
        return _KINDS.get(of, error["msg"])
    return error["msg"].removeprefix("Input should be ").removeprefix("Value should ")


def _flatten(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Write `anyOf: [X, null]` as X with the type `["null", ...]`, the form that Airflow's pages understand."""
    forms = schema.get("anyOf")
    if not forms:
        return dict(schema)
    form = next(each for each in forms if each.get("type") != "null")
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    return {**form, **rest, "type": ["null", form["type"]]}
