"""What the project asks of its speed, compared with the ratios of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any

from benchmarks.peers.engines import RIGHT_SIZED

FULL = "ours-int8"
MAX_F1_LOSS = 0.002  # of the right-sized model against the full one, both ours


@dataclass(frozen=True)
class Goal:
    """A ratio that is asked for.

    Attributes:
        what: short description.
        ours: the engine of ours.
        peers: pattern of the peers; the fastest of them counts.
        at_least: the ratio asked for.
        single: whether one sentence at a time is timed instead of all words.
    """

    what: str
    ours: str
    peers: str
    at_least: float
    single: bool = False


GOALS = (
    Goal("same weights, over OpenVINO INT8", FULL, "openvino-int8-*", 1.05),
    Goal("right-sized, over OpenVINO INT8 with the full model", RIGHT_SIZED, "openvino-int8-*", 1.6),
    Goal("right-sized, over ONNX Runtime INT8", RIGHT_SIZED, "onnxruntime-int8", 2.2),
    Goal("right-sized, over the Hugging Face pipeline", RIGHT_SIZED, "pipeline-fp32", 11),
    Goal("right-sized, over the kit's way", RIGHT_SIZED, "kit-fp32", 22),
    Goal("same weights, one sentence at a time, over OpenVINO INT8", FULL, "openvino-int8-*", 0.8, single=True),
    Goal("right-sized, one sentence at a time, over OpenVINO INT8", RIGHT_SIZED, "openvino-int8-*", 0.8, single=True),
)


def compare_with_goals(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return each goal whose engines have run, with its ratio and whether it is reached.

    A right-sized model that loses more than `MAX_F1_LOSS` against our full model reaches no goal, nor does one whose loss
    is unknown.

    Args:
        rows: rows of the engines in their best form.
    """
    by_name = {row["engine"]: row for row in rows}
    results = []
    for goal in GOALS:
        ratios_of = "latency_ratios" if goal.single else "ratios"
        peers = [row for name, row in by_name.items() if fnmatchcase(name, goal.peers) and goal.ours in row[ratios_of]]
        if not peers:
            continue
        fastest = min(peers, key=lambda row: float(row[ratios_of][goal.ours]["median"]))
        measured = fastest[ratios_of][goal.ours]
        loss = None
        if goal.ours == RIGHT_SIZED and FULL in by_name:
            loss = by_name[FULL]["f1"] - by_name[RIGHT_SIZED]["f1"]
        sound = goal.ours != RIGHT_SIZED or (loss is not None and loss <= MAX_F1_LOSS)
        results.append(
            {
                **asdict(goal),
                "over": fastest["engine"],
                "measured": measured,
                "f1_loss": loss,
                "reached": sound and measured["median"] >= goal.at_least,
            }
        )
    return results
