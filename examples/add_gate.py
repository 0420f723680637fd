"""Add a gate: refuse a model that misses too many entities of one label.

    nightly-ner evaluate --model my-model/frozen --data test.conll --report evaluation.json
    python examples/add_gate.py evaluation.json --label per --min_recall 0.9

A gate compares figures with limits, and either returns a line for each check or raises `GateNotPassed`. To apply it in
Airflow, add its limits to `GatePolicy` (`ner_tasks/evaluation/policy.py`) and `ner_tasks/config/gates.yaml`, and its checks to
`model_gate` (`ner_tasks/evaluation/gates.py`).
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ner_tasks.errors import GateNotPassed
from ner_tasks.evaluation.gates import Verdict, make_verdict


def recall_gate(evaluation: Mapping[str, Any], minima: Mapping[str, float]) -> Verdict:
    """Require a minimum recall of some labels.

    Args:
        evaluation: the `result` of `nightly-ner evaluate --report`.
        minima: least recall by label, 0 to 1.

    Raises:
        GateNotPassed: the recall of a label is lower, or the test data has none of its entities.
    """
    checks = []
    for label, least in minima.items():
        recall = evaluation["labels"].get(label, {"recall": 0.0})["recall"]
        checks.append((recall >= least, f"found recall of {label} {recall:.4f}, expected at least {least:.4f}"))
    return make_verdict("the model", checks)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("evaluation", type=Path, help="report of `nightly-ner evaluate`")
    parser.add_argument("--label", required=True)
    parser.add_argument("--min_recall", type=float, required=True, help="0 to 1")
    args = parser.parse_args()
    evaluation = json.loads(args.evaluation.read_text(encoding="utf-8"))["result"]
    try:
        print("\n".join(recall_gate(evaluation, {args.label: args.min_recall}).lines))
    except GateNotPassed as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
