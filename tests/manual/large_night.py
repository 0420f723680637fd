"""Run a large night through the DAG: words per second, peak memory, and time outside the model.

    python -m tests.manual.large_night --documents 100000

Needs an installation with a promoted model, as left by `make run`. Not part of the test suite: two cores tag about 20,000
such documents in ten minutes.
"""

import argparse
import json
import os
import sys
import time
from collections import defaultdict
from pathlib import Path

import psutil

from launcher.layout import Layout
from ner_tasks import hardware
from ner_tasks.store.folder import FolderStore
from tests.manual.airflow_up import DAG, Airflow, write_inbox

DAY = "2001-01-03"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--shard_minutes", type=float, default=3)
    args = parser.parse_args()
    layout = Layout.from_env()
    store = FolderStore(Path(layout.store))
    for kind in ("inbox", "tagged", "rejected"):
        store.remove(f"{kind}/{DAY}")
    write_inbox(store.root / "inbox" / DAY, args.documents, seed=0)
    airflow = Airflow(layout)
    peaks: dict[str, int] = defaultdict(int)
    try:
        api = airflow.api
        began = time.monotonic()
        run_id = api.trigger(
            DAG, {"day": DAY, "shard_minutes": args.shard_minutes, "lookback_days": 0}, partition_key=DAY
        )
        while (state := api.run(DAG, run_id)["state"]) in ("queued", "running"):
            note_memory(airflow, peaks)
            time.sleep(1)
        wall_s = time.monotonic() - began
    finally:
        airflow.stop()
    if state != "success":
        print(f"found the run {state}, expected success: {run_id}")
        return 1
    said = store.read_json(f"tagged/{DAY}/manifest.json")
    names = ("n_documents", "n_tagged", "n_rejected", "n_words", "n_entities", "elapsed_s", "model_s", "words_per_s")
    print(
        json.dumps(
            {
                "machine": hardware.describe_host(os.cpu_count() or 1),
                **{name: said[name] for name in names},
                "n_bytes": sum(file.n_bytes for file in store.files(f"inbox/{DAY}")),
                "outside_model_share": round(1 - said["model_s"] / said["elapsed_s"], 4),
                "wall_s": round(wall_s, 1),
                "wall_words_per_s": round(said["n_words"] / wall_s, 1),
                "peak_mib": {name: n_bytes // 2**20 for name, n_bytes in sorted(peaks.items())},
            },
            indent=2,
        )
    )
    return 0


def note_memory(airflow: Airflow, peaks: dict[str, int]) -> None:
    for name, process in airflow.processes():
        try:
            peaks[name] = max(peaks[name], process.memory_info().rss)
        except psutil.NoSuchProcess:
            continue


if __name__ == "__main__":
    sys.exit(main())
