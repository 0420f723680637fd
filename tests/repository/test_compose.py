"""docker/: valid by the compose specification and by `docker compose config`, complete, confined, and without a secret in it.

No Docker is needed here, and none of these tests builds an image.
"""

import importlib.util
import json
import os
import platform
import re
import shutil
import stat
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from ner_airflow.defaults import TAG_QUEUE, TRAIN_QUEUE

QUEUES = {"worker": "default", "worker-tag": TAG_QUEUE, "worker-train": TRAIN_QUEUE}
AIRFLOW_ROLES = {"api-server", "scheduler", "dag-processor", "triggerer", *QUEUES}
OTHERS = {"init", "postgres", "redis", "s3"}
VARIABLE = re.compile(r"\$\{([A-Z_]+)")
SETTING = re.compile(r"AIRFLOW__([A-Z_]+?)__([A-Z_]+?)(_CMD)?:")
PINNED = re.compile(r"[\w./-]+:[\w.-]*\d[\w.-]*@sha256:[0-9a-f]{64}")


@pytest.fixture(scope="module")
def text(root: Path) -> str:
    return (root / "docker" / "compose.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def compose(text: str) -> dict[str, Any]:
    """The file with anchors and `<<` resolved; `${...}` stay as they are."""
    return yaml.safe_load(text)


@pytest.fixture(scope="module")
def examples(root: Path) -> dict[str, str]:
    lines = (root / "docker" / ".env.example").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@pytest.fixture(scope="module")
def docker(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of docker/ in which `make-secrets` has run."""
    folder = tmp_path_factory.mktemp("deployed") / "docker"
    folder.mkdir()
    for name in ("compose.yaml", ".env.example", "make-secrets"):
        shutil.copy(root / "docker" / name, folder / name)
    make_secrets(folder)
    return folder


def make_secrets(folder: Path) -> str:
    return subprocess.run([folder / "make-secrets"], check=True, capture_output=True, text=True).stdout


def secrets(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted((folder / "secrets").iterdir())}


def test_the_file_follows_the_compose_specification(compose):
    schema = resources.files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    jsonschema.validate(compose, json.loads(schema.read_text(encoding="utf-8")))


@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"), reason="requirements-dev.txt has no docker-compose here"
)
def test_docker_compose_itself_takes_the_file_and_the_files_that_make_secrets_makes(docker, compose):
    program = Path(sys.executable).with_name("docker-compose")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("NER_", "AWS_"))}
    done = subprocess.run(
        [program, "--file", docker / "compose.yaml", "config", "--format", "json"],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert "level=warning" not in done.stderr
    said = json.loads(done.stdout)
    assert set(said["services"]) == set(compose["services"])
    assert all(Path(secret["file"]).is_file() for secret in said["secrets"].values())
    assert not any(secret in done.stdout for secret in secrets(docker).values())


@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"), reason="requirements-dev.txt has no docker-compose here"
)
def test_docker_compose_says_what_to_run_before_make_secrets_has_run(root, tmp_path):
    shutil.copy(root / "docker" / "compose.yaml", tmp_path)
    program = Path(sys.executable).with_name("docker-compose")
    command = [program, "--file", tmp_path / "compose.yaml", "config", "--quiet"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NER_")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode != 0
    assert "run docker/make-secrets" in done.stderr


def test_each_role_of_airflow_has_its_container(compose):
    assert set(compose["services"]) == AIRFLOW_ROLES | OTHERS
    roles = AIRFLOW_ROLES - set(QUEUES)
    assert {compose["services"][role]["command"][-1] for role in roles} == roles


def test_each_queue_has_its_workers_and_training_one_at_a_time(compose):
    flags = {}
    for role in QUEUES:
        command = compose["services"][role]["command"]
        assert command[:3] == ["airflow", "celery", "worker"]
        flags[role] = dict(zip(command[3::2], command[4::2], strict=True))
    assert {role: said["--queues"] for role, said in flags.items()} == QUEUES
    assert flags["worker-train"]["--concurrency"] == "1"
    assert all("mem_limit" in compose["services"][role] for role in ("worker-train", "worker-tag"))


def test_the_pool_has_a_slot_for_each_worker_of_heavy_steps(compose, examples, root):
    assert compose["services"]["init"]["environment"]["NER_POOL_SLOTS"] == "${NER_POOL_SLOTS:-2}"
    assert int(examples["NER_POOL_SLOTS"]) == 1 + int(examples["NER_TAG_CONCURRENCY"])
    (pool,) = json.loads((root / "plugins/ner_airflow/pools.json").read_text())
    assert f'pools set {pool} "$NER_POOL_SLOTS"' in (root / "docker" / "init.sh").read_text()


def test_what_is_queued_outlives_its_server(compose):
    assert "appendonly yes" in compose["services"]["redis"]["command"][-1]
    assert compose["services"]["redis"]["volumes"] == ["./data/queue:/data"]
    assert all(service.get("restart") for service in compose["services"].values())


def test_each_container_that_stays_up_says_whether_it_is_well(compose):
    assert all("healthcheck" in service for name, service in compose["services"].items() if name != "init")


def test_airflow_waits_for_the_database_the_queue_and_the_migration(compose):
    for role in AIRFLOW_ROLES:
        assert compose["services"][role]["depends_on"] == {
            "init": {"condition": "service_completed_successfully"},
            "postgres": {"condition": "service_healthy"},
            "redis": {"condition": "service_healthy"},
        }


def test_no_container_can_write_to_its_image_gain_rights_or_be_root(compose):
    for name, service in compose["services"].items():
        assert service["user"] == "${NER_UID:?run docker/make-secrets}:0", name
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "/tmp" in service["tmpfs"], name


def test_each_image_is_fixed_by_its_digest_or_built_here(compose, root):
    images = {service["image"] for service in compose["services"].values() if "build" not in service}
    (base,) = re.findall(r"^ARG BASE=(.+)$", (root / "docker/Dockerfile").read_text(), re.MULTILINE)
    assert len(images) == 3
    assert [image for image in [*images, base] if not PINNED.fullmatch(image)] == []


def test_each_variable_is_in_the_example_and_the_example_has_no_other(text, examples):
    assert set(VARIABLE.findall(text)) == set(examples)


def test_each_secret_is_a_file_that_is_made_and_that_somebody_reads(compose, docker):
    given = {name for service in compose["services"].values() for name in service["secrets"]}
    assert given == set(compose["secrets"]) == set(secrets(docker))
    assert {name: said["file"] for name, said in compose["secrets"].items()} == {n: f"secrets/{n}" for n in given}


def test_each_container_is_given_the_secrets_that_it_reads_and_no_other(compose):
    for name, service in compose["services"].items():
        said = json.dumps({key: value for key, value in service.items() if key != "secrets"})
        read = set(re.findall(r"/run/secrets/(\w+)", said)) | ({"admin_password"} if name == "init" else set())
        assert set(service["secrets"]) == read, name


def test_the_secrets_are_long_different_and_for_their_owner_alone(docker):
    made = secrets(docker)
    assert len(set(made.values())) == len(made)
    assert all(len(value) >= 20 for value in made.values())
    for path in [*(docker / "secrets").iterdir(), docker / ".env"]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
    for path in [docker / "secrets", *(docker / "data").iterdir()]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o700, path.name


def test_make_secrets_shows_none_and_a_second_run_changes_none(docker):
    before = secrets(docker)
    said = make_secrets(docker)
    assert secrets(docker) == before
    assert not any(secret in said for secret in before.values())


def test_airflow_reads_each_secret_from_its_file(compose, docker, tmp_path):
    """With a real Airflow, but for Celery's setting, whose provider only the image has."""
    said = compose["services"]["scheduler"]["environment"]
    commands = {name: value for name, value in said.items() if name.endswith("_CMD") and "CELERY" not in name}
    asked = {name: name.removeprefix("AIRFLOW__").removesuffix("_CMD").lower().split("__") for name in commands}
    code = "import json, sys; from airflow.configuration import conf; "
    code += "print('said', json.dumps([conf.get(*key) for key in json.loads(sys.argv[1])]))"
    shutil.copytree(docker / "secrets", tmp_path / "secrets")
    (tmp_path / "secrets/database_url").write_text(f"sqlite:///{tmp_path}/airflow.db")  # which needs no driver
    environment = {name: value.replace("/run/secrets/", f"{tmp_path}/secrets/") for name, value in commands.items()}
    environment |= {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AIRFLOW_HOME": str(tmp_path)}
    command = [sys.executable, "-c", code, json.dumps(list(asked.values()))]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment, cwd=tmp_path)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("said ")]
    files = [value.removeprefix("cat /run/secrets/") for value in commands.values()]
    assert json.loads(line.removeprefix("said ")) == [secrets(tmp_path)[name] for name in files]
    assert len(files) == 4


def test_no_environment_holds_a_secret(compose):
    for name, service in compose["services"].items():
        for variable, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|FERNET|CONN|BROKER_URL|BACKEND|CREDENTIALS", variable):
                assert "/run/secrets/" in value, f"{variable} of {name} is written out"


def test_git_keeps_secrets_and_data_out(root):
    ignored = (root / "docker" / ".gitignore").read_text(encoding="utf-8").split()
    assert {".env", "secrets/", "data/"} <= set(ignored)


def test_the_web_page_is_published_on_loopback_only(compose):
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports == ["127.0.0.1:${NER_PORT:-8080}:8080"]


def test_each_setting_of_airflow_exists_under_that_name(text):
    # Celery's sections belong to a provider that only the image has.
    found = {(a.lower(), b.lower(), cmd) for a, b, cmd in SETTING.findall(text) if not a.startswith("CELERY")}
    assert len(found) >= 10
    airflow = importlib.util.find_spec("airflow")  # found, not imported: an import writes into the home folder
    known = yaml.safe_load(Path(airflow.origin).with_name("config_templates").joinpath("config.yml").read_text())
    for section, name, cmd in found:
        setting = known[section]["options"][name]
        assert setting.get("sensitive") or not cmd, f"Airflow does not ask a command for [{section}] {name}"


def test_each_mount_of_airflow_has_its_folder_in_the_image_and_on_the_host(compose, root, docker):
    image = (root / "docker" / "Dockerfile").read_text(encoding="utf-8")
    for role in AIRFLOW_ROLES | OTHERS:
        for volume in compose["services"][role]["volumes"]:
            source, target = volume.split(":") if isinstance(volume, str) else (None, volume["target"])
            assert source is None or (docker / source).is_dir()
            assert role in OTHERS - {"init"} or target in image


def test_the_image_copies_files_that_are_there_and_that_reach_the_build(root):
    dockerfile = (root / "docker" / "Dockerfile").read_text(encoding="utf-8")
    let_in = {
        line[1:]
        for line in (root / "docker" / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE)
        for source in line.split()[:-1]
    }
    assert copied == let_in
    assert [source for source in copied if not (root / source).exists()] == []


@pytest.mark.parametrize(("setting", "mode"), [({}, 0o600), ({"NER_UMASK": "0007"}, 0o660)])
def test_what_a_container_writes_is_its_users_alone_unless_the_group_is_let_in(root, tmp_path, setting, mode):
    entrypoint = root / "docker" / "entrypoint.sh"
    assert (
        f'ENTRYPOINT ["/usr/bin/tini", "--", "/opt/ner/docker/{entrypoint.name}"]'
        in (root / "docker" / "Dockerfile").read_text()
    )
    command = [entrypoint, "sh", "-c", 'touch "$1"', "sh", tmp_path / "written"]
    subprocess.run(command, check=True, umask=0o022, env={"PATH": os.environ["PATH"], **setting})
    assert (tmp_path / "written").stat().st_mode & 0o777 == mode


def test_the_image_runs_as_nobody_special_and_installs_by_hash_only(root):
    dockerfile = (root / "docker" / "Dockerfile").read_text(encoding="utf-8")
    assert re.findall(r"^USER (\S+)$", dockerfile, re.MULTILINE) == ["10001:0"]
    assert dockerfile.count(" -r ") == 3
    assert dockerfile.count("--require-hashes") == 2
    assert "--no-build" in dockerfile
