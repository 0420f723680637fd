"""Compare the logits of every encoder family with those of PyTorch transformers, on checkpoints with random weights.

    .venv/bin/python -m benchmarks.encoders [--peers_python .venv-bench/bin/python] [--record FOLDER]

`make bench` or `make install-bench` creates the peers' environment. Exits with 1 if a logit differs by more than 1e-4.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from benchmarks.encoders.checkpoints import CONFIGS
from benchmarks.peers.preparation import run_step
from ner_tasks import hardware
from ner_tasks.errors import NerTasksError
from ner_tasks.worker_process import WorkerFailed

DIFFERENT = 1


def main(arguments: list[str] | None = None) -> int:
    """Compare and print a table; return 0 if all logits agree."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--peers_python", type=Path, default=Path(".venv-bench/bin/python"), help="has PyTorch")
    parser.add_argument("--record", type=Path, help="folder to write the fixtures of the tests to")
    options = parser.parse_args(arguments)
    try:
        return compare(options.peers_python, options.record)
    except (NerTasksError, WorkerFailed) as error:
        print(f"error: {type(error).__name__}: {error}", file=sys.stderr)
        return DIFFERENT


def compare(peers_python: Path, record: Path | None) -> int:
    """Run the reference, compare each checkpoint, and write the fixtures if a folder is given.

    Args:
        peers_python: interpreter with PyTorch and transformers.
        record: folder for the fixtures.

    Raises:
        WorkerFailed: the reference cannot be computed.
        ArtifactBroken: our model cannot read a checkpoint.
    """
    os.environ.update(hardware.tensorflow_env(n_threads=os.cpu_count() or 1, onednn=True))
    from benchmarks.encoders.comparison import TOLERANCE, largest_difference, make_fixture

    different = False
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        env = {**os.environ, "HF_HUB_OFFLINE": "1"}
        run_step([str(peers_python), "-m", "benchmarks.encoders.reference", scratch], folder / "reference.log", env)
        print("| checkpoint | largest difference of a logit |\n|---|---:|")
        for name in CONFIGS:
            difference = largest_difference(folder / name)
            different |= not difference <= TOLERANCE
            print(f"| {name} | {difference:.1e} |", flush=True)
            if record:
                record.mkdir(parents=True, exist_ok=True)
                text = json.dumps(make_fixture(folder / name), separators=(",", ":"))
                (record / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    if different:
        print(f"found a logit further than {TOLERANCE} from that of transformers, expected none", file=sys.stderr)
    return DIFFERENT if different else 0


if __name__ == "__main__":
    sys.exit(main())
