"""The image, and all services of docker/compose.yaml from it: confined, well, and able to do the whole job."""

import json
import subprocess
import time
from collections import Counter

import httpx
import pytest

from ner_tasks.store import keys
from tests.distributed.nights import REJECTED
from tests.image.compose import Mount
from tests.image.deployment import ROOT
from tests.image.work import Client, entities, inbox, wait_for_dags

pytestmark = [pytest.mark.image, pytest.mark.slow, pytest.mark.timeout(1800)]
LARGEST_BYTES = 2_800_000_000
ROLES = ["api-server", "scheduler", "dag-processor", "triggerer", "worker-train", "worker-tag", "worker"]
DAY, N_DOCUMENTS = "2026-01-31", 300
PAGES = ["tonight", f"documents?day={DAY}", "entities", "models", "quality", "benchmarks", "review", "runbook"]
# Prints what a process is and may do.
STATE = """
import json, os, pathlib, socket
status = dict(line.split(":\\t", 1) for line in pathlib.Path("/proc/1/status").read_text().splitlines() if ":\\t" in line)
def fails(path):
    try:
        pathlib.Path(path).write_text("x")
    except OSError as error:
        return error.strerror
def unreachable(address):
    try:
        socket.create_connection(address, timeout=3).close()
    except OSError as error:
        return error.strerror or str(error)
print(json.dumps({
    "uid": os.getuid(), "gid": os.getgid(), "groups": os.getgroups(),
    "rights": {status[name].strip() for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16},
    "no_new_privileges": status["NoNewPrivs"].strip(),
    "written": [path for path in ("/x", "/opt/ner/x", "/opt/venv/x", "/usr/x", "/var/x") if fails(path) != "Read-only file system"],
    "tmp": fails("/tmp/x"),
    "secrets": sorted(os.listdir("/run/secrets")),
    "variables": json.dumps(dict(os.environ)),
    "one": pathlib.Path("/proc/1/cmdline").read_text().split("\\0")[0],
    "outside": unreachable(("198.51.100.1", 443)),
}))
"""


@pytest.fixture(scope="session")
def client(stack):
    """A person at the stack, once Airflow serves our DAGs."""
    made = Client(stack)
    wait_for_dags(made)
    return made


@pytest.fixture(scope="session")
def promoted(client):
    """The version that the DAGs make of the bundled sample and promote, and where each task ran."""
    sample = (ROOT / "sample" / "labelled" / "ner_sample.csv").read_bytes()
    client.put({"labelled/2026-03-01-sample/ner_sample.csv": sample})
    for dag_id in ("ner_retrain", "ner_quantize", "ner_tag_nightly"):
        client.api.pause(dag_id, False)
    retrain = client.api.trigger("ner_retrain", {"epochs": 3, "learning_rate": 0.005})
    tasks = client.finish("ner_retrain", retrain)
    tasks += client.finish("ner_quantize", client.started_by(retrain, "ner_quantize"))
    return client.document("models/promoted.json")["version"], tasks


@pytest.fixture(scope="session")
def night(client, promoted):
    """The tasks of a night with its documents."""
    client.put({f"inbox/{DAY}/{name}": body for name, body in inbox(N_DOCUMENTS).items()})
    run = client.api.trigger("ner_tag_nightly", {"day": DAY, "lookback_days": 0}, partition_key=DAY)
    return client.finish("ner_tag_nightly", run)


def test_each_role_of_the_compose_file_is_looked_at(stack):
    assert {name for name, service in stack.services.items() if service.is_ours} == {"init", *ROLES}


def test_the_image_is_within_its_size(stack):
    size = stack.size()
    assert size <= LARGEST_BYTES, f"found {size / 1e9:.2f} GB, expected at most {LARGEST_BYTES / 1e9} GB"


@pytest.mark.parametrize("role", ROLES)
def test_a_role_runs_as_its_user_confined_with_its_own_secrets_and_reaches_nobody_outside(stack, role):
    service = stack.services[role]
    said = json.loads(Client(stack).script(role, STATE))
    assert (said["uid"], said["gid"]) == (service.uid, service.gid)
    assert said["uid"] == 10001
    assert set(said["groups"]) <= {0}
    assert said["rights"], "found rights of root, expected none"
    assert said["no_new_privileges"] == "1"
    assert said["written"] == []
    assert said["tmp"] is None
    assert said["secrets"] == sorted(service.secrets)
    assert "admin_password" not in said["secrets"]
    assert not any(stack.deployment.secret(name) in said["variables"] for name in service.secrets)
    assert said["one"] == "/usr/bin/tini"
    assert said["outside"]


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_well_by_its_own_check(stack, client, role):
    health = stack.services[role].health
    deadline = time.monotonic() + health.patience_s
    while (done := stack.exec(role, health.command, seconds=health.timeout_s)).returncode:
        assert time.monotonic() < deadline, done.stdout.decode() + done.stderr.decode()
        time.sleep(2)


@pytest.mark.parametrize("role", ROLES)
def test_the_check_of_a_role_fails_where_that_role_does_not_run(stack, client, role):
    elsewhere = "triggerer" if role != "triggerer" else "scheduler"
    health = stack.services[role].health
    assert stack.exec(elsewhere, health.command, seconds=health.timeout_s + 30).returncode != 0


def test_retraining_and_quantization_run_on_the_worker_for_them(client, promoted):
    version, tasks = promoted
    assert version
    hosts = {task["task_id"]: task["hostname"] for task in tasks}
    assert {hosts["train"], hosts["quantize"]} == {client.hostname("worker-train")}


def test_a_night_answers_each_document_once_on_the_workers_for_it(client, promoted, night):
    version, _ = promoted
    answers, rejects = (client.answers(DAY, f"{name}.jsonl") for name in ("documents", "rejected"))
    names = {name for name in inbox(0) if name != "calls.jsonl"}
    tagged = {f"calls.jsonl#{index}" for index in range(N_DOCUMENTS)} | (names - set(REJECTED))
    assert Counter(line["document"] for line in answers) == Counter(tagged)
    assert Counter(line["document"] for line in rejects) == Counter(set(REJECTED))
    assert sum(len(entities(line)) for line in answers) > N_DOCUMENTS
    assert client.document(f"tagged/{DAY}/manifest.json")["model_version"] == version
    hosts = {task["task_id"]: task["hostname"] for task in night if task["hostname"]}
    assert (hosts["plan_shards"], hosts["tag_shard"]) == (client.hostname("worker"), client.hostname("worker-tag"))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_what_the_stack_has_done_to_those_who_may_see_it(stack, client, night, page):
    url = f"http://127.0.0.1:{stack.deployment.port}/ner-ops/{page}"
    anonymous = httpx.get(url, trust_env=False, timeout=60)
    assert anonymous.status_code in {401, 403}
    shown = httpx.get(url, trust_env=False, timeout=60, headers={"Authorization": f"Bearer {client.api._log_in()}"})
    assert (shown.status_code, shown.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "content-security-policy" in shown.headers
    if page.startswith(("tonight", "documents")):
        assert DAY in shown.text


def test_the_web_page_shows_the_log_of_a_task_that_another_container_ran(client, night):
    (task,) = [task for task in night if task["task_id"] == "plan_shards"]
    path = f"/dags/ner_tag_nightly/dagRuns/{task['dag_run_id']}/taskInstances/plan_shards/logs/{task['try_number']}"
    log = client.api._call("GET", path).text
    assert "PlanShardsOperator" in log, log[-2000:]


def test_the_image_tags_without_any_network(stack, client, promoted, night):
    version, _ = promoted
    model = client.fetch(keys.model(version, "int8"))
    folder = stack.deployment.folder / "alone"
    (folder / "inbox").mkdir(parents=True)
    (folder / "answers").mkdir()
    for name, body in inbox(20).items():
        (folder / "inbox" / name).write_bytes(body)
    subprocess.run(["chown", "-R", "10001:0", folder], check=True)
    mounts = [
        Mount(model, "/mnt/model", read_only=True),
        Mount(folder / "inbox", "/mnt/inbox", read_only=True),
        Mount(folder / "answers", "/mnt/answers", read_only=False),
    ]
    command = [
        "python",
        "-m",
        "ner_tasks",
        "tag",
        "--model",
        "/mnt/model",
        "--output",
        "/mnt/answers/day",
        "/mnt/inbox",
    ]
    code, said = stack.run_alone("worker-tag", command, mounts)
    assert code == 0, said
    answers = [json.loads(line) for line in (folder / "answers/day/documents.jsonl").read_text().splitlines()]
    of_the_night = {line["document"]: entities(line) for line in client.answers(DAY, "documents.jsonl")}
    assert len(answers) > 20
    assert {line["document"]: entities(line) for line in answers}.items() <= of_the_night.items()


def test_each_role_ends_by_itself_when_it_is_asked_to(stack, client, night):
    """The last test: nothing runs afterwards."""
    codes = {role: stack.stop(role) for role in reversed(ROLES)}
    assert {role: code for role, code in codes.items() if code not in {0, 143}} == {}
