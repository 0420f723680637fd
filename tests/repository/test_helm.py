"""docker/helm/values.yaml: the same roles, queues and settings as docker/compose.yaml, and no secret in it.

The chart itself is not at hand where the tests run, so that nothing is rendered here: these tests hold the file against
the names that the chart's documentation gives (`DOCUMENTED`), against Airflow's own settings, and against compose.yaml.
"""

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ner_airflow.defaults import TAG_QUEUE, TRAIN_QUEUE

RESOURCES = {"requests", "limits"}
WORKERS = {"queue", "replicas", "env", "resources"}
# https://airflow.apache.org/docs/helm-chart/: the parameters of 1.20, below each section that is used here.
DOCUMENTED: dict[str, set[str] | None] = {
    **dict.fromkeys(("airflowVersion", "defaultAirflowTag", "airflowHome", "uid", "gid", "executor")),
    **dict.fromkeys(("allowPodLaunching", "fernetKeySecretName", "apiSecretKeySecretName", "jwtSecretName")),
    **dict.fromkeys(("env", "secret")),
    "images": {"airflow"},
    "securityContexts": {"pod", "containers"},
    "data": {"metadataSecretName", "brokerUrlSecretName", "resultBackendSecretName"},
    "workers": {"celery"},
    "apiServer": {"args", "extraVolumes", "extraVolumeMounts", "resources"},
    "scheduler": {"resources"},
    "dagProcessor": {"enabled", "resources"},
    "triggerer": {"resources"},
    "migrateDatabaseJob": {"args"},
    **{name: {"enabled"} for name in ("createUserJob", "postgresql", "redis", "statsd")},
}


@pytest.fixture(scope="module")
def values(root: Path) -> dict[str, Any]:
    return yaml.safe_load((root / "docker" / "helm" / "values.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def compose(root: Path) -> dict[str, Any]:
    return yaml.safe_load((root / "docker" / "compose.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def workers(values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Each set of workers by its queue, the chart's default set among them."""
    celery = values["workers"]["celery"]
    return {said["queue"]: said for said in (celery, *celery["sets"])}


def environment(said: list[dict[str, str]]) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in said}


def test_each_key_is_one_that_the_chart_documents(values, workers):
    assert values.keys() <= DOCUMENTED.keys()
    for name, below in DOCUMENTED.items():
        if below is not None:
            assert values[name].keys() <= below, name
    assert values["workers"]["celery"].keys() == WORKERS | {"sets"}
    for queue in workers.keys() - {"default"}:
        assert workers[queue].keys() - {"terminationGracePeriodSeconds"} == WORKERS | {"name"}


def test_each_queue_has_workers_with_resources_of_their_own(workers, compose):
    queues = {role["command"][4] for name, role in compose["services"].items() if name.startswith("worker")}
    assert workers.keys() == queues == {"default", TAG_QUEUE, TRAIN_QUEUE}
    for said in workers.values():
        assert said["resources"].keys() == RESOURCES
        assert all({"cpu", "memory", "ephemeral-storage"} == limit.keys() for limit in said["resources"].values())


def test_a_heavy_task_has_as_many_threads_as_processors_and_is_alone(workers):
    for queue in ("train", "tag"):
        said = environment(workers[queue]["env"])
        assert said["NER_THREADS"] == workers[queue]["resources"]["limits"]["cpu"]
        assert said["AIRFLOW__CELERY__WORKER_CONCURRENCY"] == "1"


def test_the_pool_has_a_slot_for_each_worker_of_heavy_steps(values, workers):
    (slots,) = re.findall(r"pools set ner_cpu (\d+) ", values["migrateDatabaseJob"]["args"][-1])
    assert int(slots) == workers["train"]["replicas"] + workers["tag"]["replicas"]


def test_every_role_may_take_so_much_and_no_more(values):
    for role in ("apiServer", "scheduler", "dagProcessor", "triggerer"):
        assert values[role]["resources"].keys() == RESOURCES


def test_what_compose_sets_is_set_here_as_well(values, compose):
    theirs = {name for name in compose["services"]["scheduler"]["environment"] if not name.endswith("_CMD")}
    # what is set in another way here: by Secrets, by the set of workers, or not needed with Amazon
    theirs -= {"AWS_SHARED_CREDENTIALS_FILE", "AWS_ENDPOINT_URL", "NER_THREADS", "NER_AIRFLOW_DATABASE_FILE"}
    assert theirs <= environment(values["env"]).keys()
    assert "NER_AIRFLOW_DATABASE" in {entry["envName"] for entry in values["secret"]}


def test_each_setting_of_airflow_exists_under_that_name(root):
    text = (root / "docker" / "helm" / "values.yaml").read_text(encoding="utf-8")
    names = re.findall(r"AIRFLOW__([A-Z_]+?)__([A-Z_]+)", text)
    airflow = importlib.util.find_spec("airflow")  # found, not imported: an import writes into the home folder
    known = yaml.safe_load(Path(airflow.origin).with_name("config_templates").joinpath("config.yml").read_text())
    wrong = {
        (section, name)
        for section, name in names
        # Celery's sections belong to a provider that only the image has
        if not section.startswith("CELERY") and name.lower() not in known[section.lower()]["options"]
    }
    assert len(names) >= 10
    assert wrong == set()


def test_no_secret_stands_in_the_file(values):
    named = [values[name] for name in ("fernetKeySecretName", "apiSecretKeySecretName", "jwtSecretName")]
    assert all(re.fullmatch(r"ner-[a-z0-9]+", name) for name in [*named, *values["data"].values()])
    assert all(entry.keys() == {"envName", "secretName", "secretKey"} for entry in values["secret"])
    assert not [name for name in environment(values["env"]) if re.search(r"KEY|SECRET|CONN|BROKER_URL", name)]
