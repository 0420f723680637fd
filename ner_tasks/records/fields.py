"""Types of the fields of records, with their bounds."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, with_config

any_more = with_config(ConfigDict(extra="allow"))  # a record may have more fields than its shape


def _name(value: str) -> str:
    if value.startswith(".") or not value.isprintable() or set(value) & set("/\\"):
        raise ValueError("should be a plain name")
    return value


def _moment(value: str) -> str:
    try:
        datetime.fromisoformat(value).timestamp()
    except (ValueError, OverflowError):
        raise ValueError("should be a time by ISO 8601") from None
    return value


# far above any actual value; beyond these bounds, sums and divisions of floats fail
Count = Annotated[int, Field(ge=0, le=10**15)]
Number = Annotated[float, Field(ge=-1e15, le=1e15, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
# part of a key of the store, such as a version or a day
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_name)]
Digest = Annotated[str, Field(pattern=r"^(?:[0-9a-f]{64})?$")]  # SHA-256; empty: of nothing
Moment = Annotated[str, AfterValidator(_moment)]  # ISO 8601
