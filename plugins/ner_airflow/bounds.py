r"""Bounds of what people give a run, as Airflow checks them before it makes the run: JSON Schema for `Param`.

Airflow's form checks a pattern as JavaScript, its API as Python, where `$` allows a final line feed: hence `(?!\n)$`.
"""

from typing import Any

_MOST_CHARACTERS = 1000
_CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
# No leading dash: a value is never an option of the step's command line.
_LINE = rf"^(?:[^{_CONTROL}-][^{_CONTROL}]*)?(?!\n)$"
_VERSION = r"^(?:[A-Za-z0-9][A-Za-z0-9._-]*)?(?!\n)$"
# Days can be counted back and on from it.
_DAY = r"^(?:19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}(?!\n)$"
_SETTING = r"^[a-z][a-z0-9_]*(?!\n)$"


def within(least: float, most: float) -> dict[str, Any]:
    """Numbers from `least` to `most`.

    NaN is neither less nor more than any number, so it passes a minimum and a maximum. What is in `not` it passes too,
    and is refused for that.
    """
    return {"minimum": least, "maximum": most, "not": {"type": "number", "exclusiveMinimum": most}}


LINE: dict[str, Any] = {"maxLength": _MOST_CHARACTERS, "pattern": _LINE}
VERSION: dict[str, Any] = {"maxLength": 100, "pattern": _VERSION}
DATE: dict[str, Any] = {"format": "date", "pattern": _DAY}
SIZES: dict[str, Any] = {"maxLength": 200, "pattern": r"^[1-9][0-9]{0,4}(,[1-9][0-9]{0,4})*(?!\n)$"}
# A part of a whole.
SHARE = within(0, 1)
# By how much one F1 may lie below another; less than 0: by how much it has to lie above.
F1_LOSS = within(-1, 1)
# Settings by name, none of them a list or an object.
SETTINGS: dict[str, Any] = {
    "maxProperties": 50,
    "propertyNames": {"maxLength": 50, "pattern": _SETTING},
    "additionalProperties": {
        "type": ["boolean", "number", "string"],
        **within(-(2**31), 2**31 - 1),
        "maxLength": 50,
        "pattern": _LINE,
    },
}
