r"""Types of settings that a person gives, with the bounds that keep them harmless.

Airflow checks a run's parameters against the JSON Schema of these types before it creates the run. Its form evaluates a
pattern as JavaScript, its API as Python, where `$` also matches before a final line feed: hence `(?!\n)$`.
"""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

_MAX_CHARACTERS = 1000
_CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
# No leading dash: a value is never an option of a command line.
LINE_PATTERN = rf"^(?:[^{_CONTROL}-][^{_CONTROL}]*)?(?!\n)$"
_VERSION = r"^(?:[A-Za-z0-9][A-Za-z0-9._-]*)?(?!\n)$"
# Days can be counted back and on from it.
_DAY = r"^(?:19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}(?!\n)$"
_LAYERS = r"^(?:[0-9]{1,3}(?:,[0-9]{1,3})*)?(?!\n)$"
_SIZES = r"^[1-9][0-9]{0,4}(,[1-9][0-9]{0,4})*(?!\n)$"


def _write_number(given: Any) -> Any:
    """Return the text of a whole number, which JSON and Airflow's form may give as 3 or 3.0."""
    is_whole = isinstance(given, int | float) and not isinstance(given, bool) and given == given // 1
    return str(int(given)) if is_whole else given


def _check_layers(text: str) -> str:
    numbers = [int(part) for part in text.split(",") if part]
    is_count = len(numbers) == 1
    if numbers == [0] or (not is_count and numbers != sorted(set(numbers))):
        rule = "a number of layers, 1 or more" if is_count else "ascending layer numbers without duplicates"
        raise ValueError(f"found layers = {text!r}, expected {rule}, such as {'3' if is_count else '0,2,5'!r}")
    return text


Line = Annotated[str, Field(max_length=_MAX_CHARACTERS, pattern=LINE_PATTERN)]
Version = Annotated[str, Field(max_length=100, pattern=_VERSION)]
Day = Annotated[str, Field(pattern=_DAY, json_schema_extra={"format": "date"})]
Sizes = Annotated[str, Field(max_length=200, pattern=_SIZES, examples=["1,32,64,128"])]
# A number of layers, or the numbers of the layers themselves.
Layers = Annotated[
    str,
    BeforeValidator(_write_number),
    # beside a validator, pydantic leaves the pattern out of the schema that Airflow checks
    Field(max_length=200, pattern=_LAYERS, examples=["0,2,5"], json_schema_extra={"pattern": _LAYERS}),
    AfterValidator(_check_layers),
]

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Rounds = Annotated[int, Field(ge=1, le=100)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
# Settings by name, none of them a list or an object.
Recipe = Annotated[
    dict[str, bool | float | str],
    Field(
        json_schema_extra={
            "maxProperties": 50,
            "propertyNames": {"maxLength": 50, "pattern": r"^[a-z][a-z0-9_]*(?!\n)$"},
            "additionalProperties": {
                "type": ["boolean", "number", "string"],
                "minimum": -(2**31),
                "maximum": 2**31 - 1,
                "not": {"type": "number", "exclusiveMinimum": 2**31 - 1},
                "maxLength": 50,
                "pattern": LINE_PATTERN,
            },
        }
    ),
]
