"""An Airflow that runs nights one by one: real DAG, operators, store and database, in this process without a scheduler.

    python -m tests.plugins.night_process        # reads a run's conf from each line, writes the state of its tasks

The environment says which installation: `AIRFLOW_HOME`, `NER_STORE` and so on, as for Airflow itself.
"""

import json
import os
import sys
from pathlib import Path

# stdout has the answers alone; Airflow logs there
ANSWERS, sys.stdout = sys.stdout, sys.stderr


def main() -> None:
    from airflow.configuration import conf
    from airflow.dag_processing.dagbag import DagBag
    from airflow.utils.db import initdb

    from ner_tasks import fingerprint

    # computing it parses the whole package
    fingerprint.code_version = lambda _module: "code"
    if not Path(os.environ["AIRFLOW_HOME"], "airflow.db").exists():
        initdb()
    dag = DagBag(conf.get("core", "dags_folder")).dags["ner_tag_nightly"]
    print(json.dumps({"runs": runs()}), file=ANSWERS, flush=True)
    for line in sys.stdin:
        # what follows publication looks at earlier nights, and would take a third of the time
        dag.test(run_conf=json.loads(line), mark_success_pattern="drift|retrain|load_postgres|list_new_mentions")
        print(json.dumps({"runs": runs()}), file=ANSWERS, flush=True)


def runs() -> list[dict]:
    """What the database knows: state, conf and tasks of each run, oldest first."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    with create_session() as session:
        found = session.query(DagRun).order_by(DagRun.id).all()
        return [
            {"state": run.state, "conf": run.conf, "tasks": {t.task_id: t.state for t in run.get_task_instances()}}
            for run in found
        ]


if __name__ == "__main__":
    main()
