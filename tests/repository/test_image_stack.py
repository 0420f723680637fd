"""How `make test-image` reads docker/compose.yaml, makes containers of it and cleans up. No container is started."""

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.image import __main__ as runner
from tests.image import bundle, compose, network

pytestmark = pytest.mark.skipif(not compose.COMPOSE.exists(), reason="requirements-dev.txt has no docker-compose here")
ENTRYPOINT = ["/usr/bin/tini", "--", "/opt/ner/docker/entrypoint.sh"]
IMAGE = bundle.Image(ENTRYPOINT, ["airflow", "version"], {"PATH": "/opt/venv/bin:/bin", "USER": "ner"}, "/opt/ner")
ROLES = {"init", "api-server", "scheduler", "dag-processor", "triggerer", "worker-train", "worker-tag", "worker"}


@pytest.fixture(scope="module")
def services(tmp_path_factory):
    from tests.image.deployment import Deployment

    folder = tmp_path_factory.mktemp("deployment")
    return Deployment(folder, 8081).services


def make(service, **more):
    options = {"root": Path("/image"), "hosts": Path("/hosts"), "network": Path("/net")} | more
    return bundle.make(service, IMAGE, **options)


def test_the_services_are_those_of_the_compose_file(services):
    assert {name for name, service in services.items() if service.is_ours} == ROLES
    assert services.keys() - ROLES == {"postgres", "redis", "s3"}
    assert [name for name, service in services.items() if service.ends] == ["init"]
    assert services["api-server"].ports == {8081: 8080}


@pytest.mark.parametrize("name", sorted(ROLES))
def test_a_container_is_confined_as_the_compose_file_says(services, name):
    made = make(services[name])
    assert made["root"] == {"path": "/image", "readonly": True}
    process = made["process"]
    assert process["user"] == {"uid": services[name].uid, "gid": 0}
    assert services[name].uid == (os.geteuid() or 10001)
    assert process["noNewPrivileges"] is True
    assert set(map(tuple, process["capabilities"].values())) == {()}
    assert process["args"] == [*ENTRYPOINT, *services[name].command]
    assert {kind["type"] for kind in made["linux"]["namespaces"]} == {"pid", "ipc", "uts", "mount", "network"}


@pytest.mark.parametrize("name", sorted(ROLES))
def test_a_container_has_its_own_secrets_and_may_write_to_its_volumes_only(services, name):
    mounts = {mount["destination"]: mount for mount in make(services[name])["mounts"]}
    secrets = {Path(target).name for target in mounts if target.startswith("/run/secrets/")}
    assert secrets == {secret["source"] for secret in services[name].said["secrets"]}
    assert ("admin_password" in secrets) == (name == "init")
    written = {target for target, mount in mounts.items() if mount["type"] == "bind" and "rw" in mount["options"]}
    assert written == {"/var/lib/ner/airflow", "/var/lib/ner/scratch"}
    assert mounts["/tmp"]["type"] == "tmpfs"


def test_no_variable_of_a_container_holds_a_secret(services, tmp_path):
    for service in services.values():
        files = [mount.source for mount in service.mounts if mount.target.startswith("/run/secrets/")]
        variables = json.dumps(make(service)["process"]["env"]) if service.is_ours else json.dumps(service.environment)
        assert not any(file.read_text().strip() in variables for file in files), service.name


def test_a_container_has_the_variables_of_image_and_compose_file_and_its_own_host_name(services):
    made = make(services["worker-tag"])
    variables = dict(variable.split("=", 1) for variable in made["process"]["env"])
    assert variables["HOSTNAME"] == made["hostname"] == "worker-tag"
    assert variables["USER"] == "ner"
    assert variables["NER_STORE"] == "s3://ner/store"
    assert variables["AIRFLOW__CORE__FERNET_KEY_CMD"] == "cat /run/secrets/fernet_key"


def test_a_health_check_is_what_the_compose_file_says_with_its_dollars(services):
    check = services["worker-tag"].health
    assert check.command[:2] == ["/bin/sh", "-c"]
    assert check.command[2].endswith('--destination "celery@$HOSTNAME"')
    assert (check.interval_s, check.timeout_s, check.retries, check.start_period_s) == (60, 30, 5, 60)
    assert services["scheduler"].health.command[:2] == ["python", "-c"]
    assert services["worker-tag"].grace_s == 60


def test_a_key_that_no_container_would_have_is_an_error(services):
    service = dataclasses.replace(services["worker"], said={**services["worker"].said, "privileged": True})
    with pytest.raises(AssertionError, match="privileged"):
        make(service)


def test_rights_that_are_not_dropped_are_an_error(services):
    service = dataclasses.replace(services["worker"], said={**services["worker"].said, "cap_drop": ["NET_RAW"]})
    with pytest.raises(AssertionError, match="NET_RAW"):
        make(service)


def test_a_container_without_a_network_has_one_of_its_own_alone(services):
    namespaces = make(services["worker"], network=None)["linux"]["namespaces"]
    assert {"type": "network"} in namespaces


@pytest.mark.parametrize(
    ("text", "value"), [("30s", 30), ("1m0s", 60), ("1m30s", 90), ("1h", 3600), ("0s", 0), ("1.5s", 1.5)]
)
def test_a_duration_is_read_as_compose_writes_it(text, value):
    assert compose.seconds(text) == value


@pytest.mark.parametrize("text", ["", "soon", "30"])
def test_a_duration_without_a_unit_is_an_error(text):
    with pytest.raises(AssertionError, match="duration"):
        compose.seconds(text)


def test_each_host_has_its_address_and_they_are_nobodys(services, tmp_path):
    made = network.Network(services, tmp_path)
    assert len(set(made.addresses.values())) == len(services)
    assert all(address.startswith("192.0.2.") and address != "192.0.2.1" for address in made.addresses.values())


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("PATH", "/nonexistent")
    return tmp_path


def test_what_a_killed_run_left_is_removed_and_what_another_one_uses_stays(temporary):
    killed, used = (temporary / f"{runner.PREFIX}{name}" for name in ("killed", "used"))
    for folder in (killed, used):
        (folder / "docker").mkdir(parents=True)
    (temporary / "other").mkdir()
    lock = runner._lock(used)
    runner.remove_remains()
    assert sorted(path.name for path in temporary.iterdir()) == ["ner-image-used", "other"]
    os.close(lock)
    runner.remove_remains()
    assert [path.name for path in temporary.iterdir()] == ["other"]


def test_a_machine_that_cannot_run_the_stack_gets_one_line(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert runner._unable() == "found user 1000, expected root, for containers without a docker daemon"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(runner.containers, "missing", lambda: ["crun", "tini-static"])
    assert runner._unable().startswith("found no crun, tini-static, expected them (Debian: apt-get install ")


def test_without_an_engine_the_runner_says_so_and_starts_nothing(root, tmp_path):
    for name in ("bash", "env", "dirname", "timeout"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}" if Path(f"/usr/bin/{name}").exists() else f"/bin/{name}")
    environment = {"PATH": str(tmp_path), "PYTHONPATH": str(root)}
    command = [sys.executable, "-m", "tests.image"]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 69
    assert done.stderr.startswith("error: found neither a docker daemon nor buildah")
    assert len(done.stderr.splitlines()) == 1
