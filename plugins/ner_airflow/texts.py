r"""Texts that people give a run: their length and spelling, as Airflow checks them before it makes the run.

Airflow's form checks a pattern as JavaScript, its API as Python, where `$` allows a final line feed: hence `(?!\n)$`.
"""

from typing import Any

_MOST_CHARACTERS = 1000
_CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
# No leading dash: a value is never an option of the step's command line.
_LINE = rf"^(?:[^{_CONTROL}-][^{_CONTROL}]*)?(?!\n)$"
_VERSION = r"^(?:[A-Za-z0-9][A-Za-z0-9._-]*)?(?!\n)$"
_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?!\n)$"

LINE: dict[str, Any] = {"maxLength": _MOST_CHARACTERS, "pattern": _LINE}
VERSION: dict[str, Any] = {"maxLength": 100, "pattern": _VERSION}
DATE: dict[str, Any] = {"format": "date", "pattern": _DAY}
