"""Which parts of a split are too small to decide by.

With 100 entities, the 95 % confidence interval of a recall of 0.85 is 7 points wide to each side; differences between
epochs, transitions or INT8 graphs are smaller than that.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MIN_ENTITIES = 100
# A safeguard against a part of a few odd sentences; see docs/decisions/0003-content-defined-blocks.md for what was measured.
MIN_CALIBRATION_SENTENCES = 64

_DECISIONS = {
    "dev": "choose epochs, temperature, transitions and INT8 settings",
    "test": "judge a model",
}


def count_entities(tags: Iterable[Sequence[str]]) -> int:
    """Count the entities in sentences with valid BIO tags."""
    return sum(tag.startswith("B-") for sentence in tags for tag in sentence)


def describe_small_part(part: str, n_entities: int) -> str | None:
    """Return one line that says what dev or test is too small for, or None if it is large enough."""
    if n_entities >= MIN_ENTITIES:
        return None
    decision = _DECISIONS[part]
    return f"found {n_entities} entities in {part}, expected at least {MIN_ENTITIES}: too few to {decision} by"


def describe_small_calibration(n_sentences: int) -> str | None:
    """Return one line that says that the calibration part is too small, or None if it is large enough."""
    if n_sentences >= MIN_CALIBRATION_SENTENCES:
        return None
    found = f"found {n_sentences} sentences in calibration, expected at least {MIN_CALIBRATION_SENTENCES}"
    return f"{found}: too few for INT8 ranges, sentences of train are added"


def describe_small_parts(parts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a line for each part of a snapshot that is too small to decide by.

    Args:
        parts: `parts` of `snapshot.json`.
    """
    lines = [describe_small_part(part, sum(parts[part]["n_entities"].values())) for part in _DECISIONS]
    lines.append(describe_small_calibration(parts["calibration"]["n_sentences"]))
    return [line for line in lines if line]


def print_small_part(line: str | None) -> None:
    """Print a line of the functions above, so that it stands out in the log of a task."""
    if line:
        print(f"TOO SMALL TO DECIDE BY: {line}", flush=True)
