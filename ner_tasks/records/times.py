"""Records of how long files take: what was measured, and by what a night is divided."""

from typing import Annotated, NotRequired

from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from ner_tasks.records.fields import Count, Name, Seconds, any_more


@any_more
class ReadFiles(TypedDict):
    """Files of one format, by their names: how many, how large, and what reading them took."""

    n_files: Count
    n_bytes: Count  # that are read: a document that is too large counts none
    read_s: Seconds  # of CPU
    n_words: Count  # in tagged documents


@any_more
class MeasuredDay(TypedDict):
    """`tagged/<day>/manifest.json` of any release: what its files took."""

    model_version: Name
    n_words_new: NotRequired[Count]
    elapsed_s: NotRequired[Seconds]
    model_s: NotRequired[Seconds]
    formats: NotRequired[dict[str, ReadFiles]]


@any_more
class TimeOfFormat(TypedDict):
    """How long files of a format take in one worker, as estimated: for each file, and for each MB of it."""

    file_s: Seconds
    mb_s: Seconds


def _has_other(times: dict[str, TimeOfFormat]) -> dict[str, TimeOfFormat]:
    if "other" not in times:
        raise ValueError("should have the times of other files")
    return times


@any_more
class NightDivision(TypedDict):
    """`staging/tagged/<day>/<night>/division.json`: by what a night is divided, by all runs of it alike."""

    shard_minutes: Annotated[float, Field(ge=0.001, le=1e6)]
    times: Annotated[dict[str, TimeOfFormat], AfterValidator(_has_other)]  # by format
