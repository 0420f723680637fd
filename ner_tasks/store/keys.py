"""Every path in the store; no other module spells one.

labelled/<batch>/       labelled data as it arrives, any number of files
snapshots/<version>/    validated, split, immutable; `accepted.json` points to the newest accepted one
models/<version>/       trained/ frozen/ int8/ runtime/ and version.json; `promoted.json` is the pointer
inbox/<day>/            documents as they arrive
parts/<day>/<name>/     finished answers of a shard, immutable
tagged/<day>/           what is published of a day: its manifest names its parts
rejected/<day>/         documents that could not be tagged, each with its reason
withdrawn/<day>/        answers that were taken back
reports/                what the steps reported, benchmarks and their history
staging/                handed from one task to the next; may be deleted while no run is active

A function gives the key of a folder, or of what lies below it: `tagged_day(day)`, `tagged_day(day, "manifest.json")`.
"""

from datetime import date
from typing import Literal

from ner_tasks import fingerprint

LABELLED, SNAPSHOTS, MODELS = "labelled", "snapshots", "models"
INBOX, TAGGED, REJECTED, WITHDRAWN = "inbox", "tagged", "rejected", "withdrawn"
REPORTS, STAGING, PARTS = "reports", "staging", "parts"

ACCEPTED_SNAPSHOT, ACCEPTED_SNAPSHOT_HISTORY = f"{SNAPSHOTS}/accepted.json", f"{SNAPSHOTS}/accepted.jsonl"
PROMOTED_MODEL, PROMOTION_HISTORY = f"{MODELS}/promoted.json", f"{MODELS}/history.jsonl"

BENCHMARKS = "reports/benchmarks"
BENCHMARK_HISTORY = f"{BENCHMARKS}/history"
DRIFT_REPORTS = "reports/drift"
REVIEWS = "reports/review"
REVIEWED = "reports/reviewed"
REPLACED = "reports/replaced"
RUN_NOTES = "reports/runs"

RUNS, NIGHTS, LEASES = f"{STAGING}/runs", f"{STAGING}/tagged", f"{STAGING}/using"

# The file of a version's folder, or of a part's, that is written last: without it nobody reads the rest.
REGISTRATION = "version.json"
PART_MANIFEST, REJECTS = "part.json", "rejects"
REVIEW_REPORT = "review.json"
REVIEW_QUEUE, DECISIONS = "queue.jsonl", "decisions"
REVIEW_STANDING, REVIEW_SUMMARY, CHOSEN_CODES = "standing.json", "summary.json", "codes.csv"
PLAN = "plan.json"
SOFT_LABELS_MANIFEST = "soft_labels.json"
Leased = Literal["models", "snapshots"]
Day = str | date


def join(*names: object) -> str:
    """Join names to a key."""
    return "/".join(map(str, names))


# data and models


def labelled_batch(batch: str, *names: str) -> str:
    """`labelled/<batch>`."""
    return join(LABELLED, batch, *names)


def snapshot(version: str, *names: str) -> str:
    """`snapshots/<version>`."""
    return join(SNAPSHOTS, version, *names)


def model_version(version: str, *names: str) -> str:
    """`models/<version>`."""
    return join(MODELS, version, *names)


def model(version: str, kind: str, *names: str) -> str:
    """`models/<version>/<kind>`, one model folder; `kind` is `trained`, `frozen` or `int8`."""
    return model_version(version, kind, *names)


def registration(version: str) -> str:
    """`models/<version>/version.json`; the version has passed its gate and counts."""
    return model_version(version, REGISTRATION)


def runtime_configs(version: str, *names: str) -> str:
    """`models/<version>/runtime`; `<host>.json` for each kind of machine."""
    return model_version(version, "runtime", *names)


def former_runtime_configs(version: str) -> str:
    """`models/<version>/tuned`, as release 0.1.0 called it."""
    return model_version(version, "tuned")


# a day's documents and answers


def inbox_day(day: Day, *names: str) -> str:
    """`inbox/<day>`; a name below it is the sender's and may be anything."""
    return join(INBOX, day, *names)


def tagged_day(day: Day, *names: str) -> str:
    """`tagged/<day>`."""
    return join(TAGGED, day, *names)


def part(day: Day, name: str, *names: str) -> str:
    """`parts/<day>/<NN>-<id>`."""
    return join(PARTS, day, name, *names)


def rejected_day(day: Day, *names: str) -> str:
    """`rejected/<day>`."""
    return join(REJECTED, day, *names)


def withdrawn_day(day: Day, *names: str) -> str:
    """`withdrawn/<day>`; one folder for each night that was withdrawn."""
    return join(WITHDRAWN, day, *names)


# reports


def snapshot_report(version: str, *names: str) -> str:
    """`reports/snapshots/<version>`; of refused data, by the hash of its recipe."""
    return join("reports/snapshots", version, *names)


def model_report(version: str, *names: str) -> str:
    """`reports/models/<version>`, which outlives the version itself."""
    return join("reports/models", version, *names)


def training_report(version: str) -> str:
    """`reports/models/<version>/train.json`."""
    return model_report(version, "train.json")


def evaluation(version: str, snapshot_version: str, *names: str) -> str:
    """`reports/models/<version>/evaluate-<snapshot>`, of the trained model."""
    return model_report(version, f"evaluate-{snapshot_version}", *names)


def evaluation_scores(version: str, snapshot_version: str) -> str:
    """`reports/models/<version>/evaluate-<snapshot>.json`."""
    return f"{evaluation(version, snapshot_version)}.json"


def champion_losses(version: str, snapshot_version: str, champion: str) -> str:
    """`reports/models/<version>/evaluate-<snapshot>-beside-<champion>.json`."""
    return f"{evaluation(version, snapshot_version)}-beside-{champion}.json"


def int8_evaluation(version: str, snapshot_version: str, *names: str) -> str:
    """`reports/models/<version>/evaluate-int8-<snapshot>`."""
    return model_report(version, f"evaluate-int8-{snapshot_version}", *names)


def comparison(version: str, *names: str) -> str:
    """`reports/models/<version>/compare`, of INT8 with FP32."""
    return model_report(version, "compare", *names)


def comparison_scores(version: str) -> str:
    """`reports/models/<version>/compare.json`."""
    return f"{comparison(version)}.json"


def int8_gate(version: str) -> str:
    """`reports/models/<version>/gate.json`."""
    return model_report(version, "gate.json")


def approval(version: str) -> str:
    """`reports/models/<version>/approval.json`."""
    return model_report(version, "approval.json")


def model_card(version: str) -> str:
    """`reports/models/<version>/card`, without its suffix: `.md` or `.html`."""
    return model_report(version, "card")


def impact_report(version: str) -> str:
    """`reports/impact/<version>.json`."""
    return f"{join('reports/impact', version)}.json"


def night_gate(day: Day) -> str:
    """`reports/nights/<day>.json`."""
    return f"{join('reports/nights', day)}.json"


def drift_report(day: Day) -> str:
    """`reports/drift/<day>.json`."""
    return f"{join(DRIFT_REPORTS, day)}.json"


def review(day: Day, *names: str) -> str:
    """`reports/review/<day>`, the queue for labelling tools."""
    return join(REVIEWS, day, *names)


def reviewed(day: Day, *names: str) -> str:
    """`reports/reviewed/<day>`, what reviewers decided; below it `decisions/<run>.json`, written once by each run."""
    return join(REVIEWED, day, *names)


def reviewed_batch(day: Day, *names: str) -> str:
    """`labelled/review-<day>-page`, the settled sentences; `labelled/review-<day>` is for other tools' exports."""
    return labelled_batch(f"review-{day}-page", *names)


def retag_plan(version: str) -> str:
    """`reports/retag/<version>/plan.json`."""
    return join("reports/retag", version, PLAN)


def retag_diff(version: str, day: Day) -> str:
    """`reports/retag/<version>/<day>.json`."""
    return f"{join('reports/retag', version, day)}.json"


def replaced_answers(day: Day, *names: str) -> str:
    """`reports/replaced/<day>`; below it `<version>/`, what is left of that model's answers."""
    return join(REPLACED, day, *names)


def benchmark(name: str, *names: str) -> str:
    """`reports/benchmarks/<name>`."""
    return join(BENCHMARKS, name, *names)


def benchmark_history(host: str, *names: str) -> str:
    """`reports/benchmarks/history/<host>`; one small file for each run, written once."""
    return join(BENCHMARK_HISTORY, host, *names)


def run_notes(dag_id: str, run: str, *names: str) -> str:
    """`reports/runs/<dag>/<run>`, one note for each task; `run` as `run_name` gives it."""
    return join(RUN_NOTES, dag_id, run, *names)


def task_note(dag_id: str, run: str, task_id: str, map_index: int) -> str:
    """`reports/runs/<dag>/<run>/<task>.json`; of a mapped task `<task>-<NNNN>.json` for each instance."""
    return run_notes(dag_id, run, f"{task_id}.json" if map_index < 0 else f"{task_id}-{map_index:04d}.json")


def retention_report(run: str) -> str:
    """`reports/retention/<run>.json`; `run` as `run_name` gives it."""
    return f"{join('reports/retention', run)}.json"


# staging


def run_name(run_id: str) -> str:
    """Name of a DAG run in keys; its id has characters that no name may have."""
    return fingerprint.make_version({"run": run_id})


def run_day(run: str, day: Day, *names: str) -> str:
    """`staging/runs/<run>/<day>`; which night a run works on, for its later steps."""
    return join(RUNS, run, day, *names)


def night_plan(run: str, day: Day) -> str:
    """`staging/runs/<run>/<day>/plan.json`."""
    return run_day(run, day, PLAN)


def night(day: Day, name: str, *names: str) -> str:
    """`staging/tagged/<day>/<night>`."""
    return join(NIGHTS, day, name, *names)


def night_division(day: Day, name: str) -> str:
    """`staging/tagged/<day>/<night>/division.json`, by what the night is divided into shards."""
    return night(day, name, "division.json")


def shard_inputs(day: Day, name: str, index: int) -> str:
    """`staging/tagged/<day>/<night>/inputs-<NN>.jsonl`, the files of a shard."""
    return night(day, name, f"inputs-{index:02d}.jsonl")


def shard(day: Day, name: str, index: int, *names: str) -> str:
    """`staging/tagged/<day>/<night>/shard-<NN>`, the answers of a shard."""
    return night(day, name, f"shard-{index:02d}", *names)


def soft_labels(snapshot_version: str, teacher: str, *names: str) -> str:
    """`staging/soft-labels/<snapshot>-<teacher>`, a teacher's probabilities for the train part."""
    return join(STAGING, "soft-labels", f"{snapshot_version}-{teacher}", *names)


def lease(thing: Leased, version: str) -> str:
    """`staging/using/<models or snapshots>/<version>/note.json`; a run works on it."""
    return join(LEASES, thing, version, "note.json")
