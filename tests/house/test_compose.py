"""docker/: valid by the compose specification, complete, and without a secret in it.

No Docker is needed here, and none of these tests builds an image.
"""

import importlib.util
import json
import re
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

AIRFLOW_ROLES = {"api-server", "scheduler", "dag-processor", "triggerer", "worker"}
VARIABLE = re.compile(r"\$\{([A-Z_]+)")
SETTING = re.compile(r"AIRFLOW__([A-Z_]+?)__([A-Z_]+)")
SECRET = re.compile(r"PASSWORD|SECRET|KEY|AUTH$|_CONN|_URL|BACKEND")


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


def test_the_file_follows_the_compose_specification(compose):
    schema = resources.files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    jsonschema.validate(compose, json.loads(schema.read_text(encoding="utf-8")))


def test_each_role_of_airflow_has_its_container(compose):
    assert set(compose["services"]) == AIRFLOW_ROLES | {"init", "postgres", "redis"}
    assert {compose["services"][role]["command"][-1] for role in AIRFLOW_ROLES} == AIRFLOW_ROLES


def test_each_container_that_stays_up_says_whether_it_is_well(compose):
    assert all("healthcheck" in service for name, service in compose["services"].items() if name != "init")


def test_airflow_waits_for_the_database_the_queue_and_the_migration(compose):
    for role in AIRFLOW_ROLES:
        assert compose["services"][role]["depends_on"] == {
            "init": {"condition": "service_completed_successfully"},
            "postgres": {"condition": "service_healthy"},
            "redis": {"condition": "service_healthy"},
        }


def test_each_variable_is_in_the_example_and_the_example_has_no_other(text, examples):
    assert set(VARIABLE.findall(text)) == set(examples)


def test_no_secret_has_a_value_or_a_default(text, compose, examples):
    for name in examples:
        if re.search("PASSWORD|SECRET|KEY", name):
            assert examples[name] == "", f"{name} has a value in .env.example"
            assert set(re.findall(rf"\$\{{{name}([^}}]*)\}}", text)) == {":?see docker/.env.example"}
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            if SECRET.search(name) and "@" not in str(value):
                assert str(value).startswith(("${", "http://")), f"{name} is written out"


def test_git_keeps_the_filled_in_env_file_out(root):
    assert ".env" in (root / "docker" / ".gitignore").read_text(encoding="utf-8").split()


def test_the_web_page_is_published_on_loopback_only(compose):
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports == ["127.0.0.1:${NER_PORT:-8080}:8080"]


def test_each_setting_of_airflow_exists_under_that_name(text):
    # Celery's sections belong to a provider that only the image has.
    settings = {(a.lower(), b.lower()) for a, b in SETTING.findall(text) if not a.startswith("CELERY")}
    assert len(settings) >= 7
    airflow = importlib.util.find_spec("airflow")  # found, not imported: an import writes into the home folder
    known = yaml.safe_load(Path(airflow.origin).with_name("config_templates").joinpath("config.yml").read_text())
    assert {(a, b) for a, b in settings if b not in known.get(a, {"options": {}})["options"]} == set()


def test_each_named_volume_is_declared_and_each_mount_has_its_folder_in_the_image(compose, root):
    image = (root / "docker" / "Dockerfile").read_text(encoding="utf-8")
    for role in AIRFLOW_ROLES:
        for volume in compose["services"][role]["volumes"]:
            name, target = volume.split(":") if isinstance(volume, str) else (None, volume["target"])
            assert name is None or name in compose["volumes"]
            assert target in image


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


def test_the_image_runs_as_nobody_special_and_installs_by_hash_only(root):
    dockerfile = (root / "docker" / "Dockerfile").read_text(encoding="utf-8")
    assert re.findall(r"^USER (\w+)$", dockerfile, re.MULTILINE) == ["ner"]
    assert dockerfile.count(" -r ") == 3
    assert dockerfile.count("--require-hashes") == 2
    assert "--no-build" in dockerfile
