"""How the image is built: what is left out, which program builds, and what the bill of materials says. Nothing is built."""

import importlib.util
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

COPY = re.compile(r"^COPY (?!--from)(.+) \S+$", re.MULTILINE)
LISTED = "docker/unneeded.txt"


def load(root, name):
    """A script of the repository as a module."""
    path = root / name
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def slim(root):
    return load(root, "docker/slim.py")


@pytest.fixture(scope="module")
def sbom(root):
    sys.path.insert(0, str(root / ".ci"))
    yield load(root, ".ci/sbom.py")
    sys.path.remove(str(root / ".ci"))


@pytest.fixture
def environment(tmp_path):
    """An environment of two packages: site-packages."""
    site = tmp_path / "venv/lib/python3.11/site-packages"
    files = ["big/include/a/b.h", "big/include/LICENSE.txt", "big/include/c/NOTICE", "big/core.py", "other/tests/t.py"]
    for name in files:
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text("x" * 1000)
    return site


def run_slim(root, environment, tmp_path, text):
    (tmp_path / "list").write_text(text)
    command = [sys.executable, root / "docker/slim.py", environment.parents[2], tmp_path / "list"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def remaining(site):
    return {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}


def test_what_is_listed_is_removed_with_its_empty_folders_and_licences_stay(root, environment, tmp_path):
    done = run_slim(
        root, environment, tmp_path, "# why\n\ndelete big/include/**  # headers\ndelete other/tests/** # tests\n"
    )
    assert done.returncode == 0, done.stderr
    assert remaining(environment) == {"big/include/LICENSE.txt", "big/include/c/NOTICE", "big/core.py"}
    assert not (environment / "other").exists()
    assert not (environment / "big/include/a").exists()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("delete gone/**  # headers", "found no file for 'delete gone/**', expected some"),
        ("strip big/*.so  # symbols", "found no file for 'strip big/*.so', expected some"),
        ("delete big/include/**", "expected 'delete|strip PATTERN  # reason'"),
        ("remove big/include/**  # headers", "expected 'delete|strip PATTERN  # reason'"),
        ("delete /etc/**  # elsewhere", "expected 'delete|strip PATTERN  # reason'"),
        ("delete ../**  # elsewhere", "expected 'delete|strip PATTERN  # reason'"),
    ],
)
def test_a_line_that_removes_nothing_or_says_no_reason_is_refused_in_one_line(root, environment, tmp_path, line, said):
    before = remaining(environment)
    done = run_slim(root, environment, tmp_path, line)
    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert remaining(environment) == before


def test_a_folder_that_is_no_environment_is_refused_in_one_line(root, tmp_path):
    done = subprocess.run(
        [sys.executable, root / "docker/slim.py", tmp_path, root / LISTED], capture_output=True, text=True, check=False
    )
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "found 0 folders site-packages, expected one" in done.stderr


@pytest.mark.skipif(not shutil.which("strip"), reason="needs strip of binutils")
def test_a_stripped_library_is_smaller_and_still_loads(root, environment, tmp_path):
    library = next(
        path for path in metadata.files("psutil") if path.name.startswith("_psutil") and path.suffix == ".so"
    )
    copy = environment / "big/library.so"
    shutil.copy(library.locate(), copy)
    before = copy.stat().st_size
    done = run_slim(root, environment, tmp_path, "strip big/*.so  # symbols\n")
    assert done.returncode == 0, done.stderr
    assert copy.stat().st_size <= before
    subprocess.run([sys.executable, "-c", "import ctypes, sys; ctypes.CDLL(sys.argv[1])", copy], check=True)


def test_each_line_of_the_list_is_of_a_package_of_the_image_in_its_locked_version(root, slim, sbom, contents):
    """They are installed here as in the image, but for Celery and its drivers."""
    site = Path(metadata.distribution("tensorflow").locate_file(""))
    rules, owners = slim.read_rules(root / LISTED), metadata.packages_distributions()
    in_image = {package["name"] for package in contents["packages"]}
    elsewhere = [rule for rule in rules if not {name.lower() for name in owners[rule.pattern.split("/")[0]]} & in_image]
    assert elsewhere == []
    assert [rule for rule in rules if next(slim.matches(rule, site), None) is None] == []
    assert len(set(rules)) == len(rules) > 5


def test_nothing_that_is_left_out_is_imported_by_what_stays(root, slim):
    """Of the folders of Python files: no module of the same package imports them outside of them."""
    site = Path(metadata.distribution("tensorflow").locate_file(""))
    for rule in slim.read_rules(root / LISTED):
        if rule.action != "delete" or not rule.pattern.endswith("tests/**"):
            continue
        package = rule.pattern.partition("/")[0]
        imported = re.compile(rf"^\s*(from|import) +{package}[\w.]*\.tests\b", re.MULTILINE)
        hits = [
            str(path)
            for path in (site / package).rglob("*.py")
            if not {"tests", "_precompute"} & set(path.parts) and imported.search(path.read_text(encoding="utf-8"))
        ]
        assert hits == []


def test_the_build_is_given_each_file_that_it_copies_and_no_secret(root):
    sources = {name for names in COPY.findall((root / "docker/Dockerfile").read_text()) for name in names.split()}
    given = {
        line.removeprefix("!")
        for line in (root / "docker/Dockerfile.dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    assert {source.removeprefix("./") for source in sources} == given
    assert all((root / name).exists() for name in given)
    assert not given & {"docker", "docker/secrets", "docker/data", "docker/.env"}


@pytest.fixture
def programs(tmp_path):
    """A PATH with the shell's programs, and what a test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("bash", "env", "dirname", "timeout", "id", "date"):
        (folder / name).symlink_to(shutil.which(name))

    def add(name, code):
        (folder / name).unlink(missing_ok=True)
        (folder / name).write_text(f"#!/bin/sh\n{code}\n")
        (folder / name).chmod(stat.S_IRWXU)

    add.path = str(folder)
    return add


def build(root, programs, *arguments, script="docker/build"):
    return subprocess.run(
        [root / script, *arguments], capture_output=True, text=True, check=False, env={"PATH": programs.path}
    )


def test_without_docker_and_buildah_the_build_says_what_to_install(root, programs):
    programs("docker", "exit 1")  # a client whose daemon does not run
    done = build(root, programs, "--engine")
    assert done.returncode == 69
    assert done.stderr.startswith(
        "error: found neither a docker daemon nor buildah, expected one (Debian: apt-get install "
    )
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("docker", "buildah", "engine"),
    [("exit 1", "exit 0", "buildah"), ("exit 0", "exit 1", "docker"), ("exit 0", "exit 0", "docker")],
)
def test_a_docker_with_its_daemon_builds_and_otherwise_buildah(root, programs, docker, buildah, engine):
    programs("docker", docker)
    programs("buildah", buildah)
    done = build(root, programs, "--engine")
    assert (done.returncode, done.stdout) == (0, f"{engine}\n")


@pytest.mark.parametrize("arguments", [["--base"], ["--base", ""], ["--bsae", "debian"]])
def test_a_wrong_flag_of_the_build_gets_one_line(root, programs, arguments):
    done = build(root, programs, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: found ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("user", "arguments", "said"),
    [
        ("1000", ["buildah"], "found user 1000, expected root"),
        ("0", ["buildah"], "found no debootstrap, expected it"),
        ("0", ["podman"], "found engine podman, expected buildah or docker"),
    ],
)
def test_a_base_that_cannot_be_made_gets_one_line(root, programs, user, arguments, said):
    programs("id", f"echo {user}")
    if arguments == ["podman"]:
        programs("debootstrap", "exit 1")
    done = build(root, programs, *arguments, script="docker/make-base")
    assert done.returncode == 69
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.fixture
def contents(sbom):
    """What an image of this checkout contains, as docker/contents.py prints it."""
    said = {"python": "3.12.12", "markers": {"sys_platform": "linux", "platform_machine": "x86_64"}}
    said["system"] = {"id": "debian", "version_codename": "bookworm"}
    said["packages"] = [{"name": name, "version": version} for name, version in sbom.expected(said).items()]
    said["debian"] = [{"package": "libc6", "version": "2.36-9+deb12u10", "architecture": "amd64"}]
    return said


def write_bom(root, contents, tmp_path):
    (tmp_path / "contents.json").write_text(json.dumps(contents))
    command = [sys.executable, root / ".ci/sbom.py", tmp_path / "contents.json", tmp_path / "bom.json"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_bill_of_materials_names_each_package_with_version_and_licence_by_cyclonedx(root, contents, tmp_path):
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    done = write_bom(root, contents, tmp_path)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "bom.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bom = json.loads(text)
    by_name = {component["name"]: component for component in bom["components"]}
    assert by_name.keys() == {package["name"] for package in contents["packages"]} | {"libc6"}
    assert by_name["tensorflow"]["purl"] == f"pkg:pypi/tensorflow@{metadata.version('tensorflow')}"
    assert by_name["libc6"]["purl"].startswith("pkg:deb/debian/libc6@2.36-9")
    assert [name for name, component in by_name.items() if name != "libc6" and not component.get("licenses")] == []
    assert bom["metadata"]["component"]["type"] == "container"


def test_an_image_with_other_packages_than_the_locked_ones_is_refused(root, contents, tmp_path):
    numpy, *others = sorted(contents["packages"], key=lambda package: package["name"] != "numpy")
    gone, *others = others
    contents["packages"] = [{**numpy, "version": "1.0"}, {"name": "Left_Pad", "version": "1"}, *others]
    done = write_bom(root, contents, tmp_path)
    assert done.returncode == 1
    assert [line.split(" expected")[0] for line in done.stderr.splitlines()] == sorted(
        ["error: found left-pad 1,", "error: found numpy 1.0,", f"error: found {gone['name']} missing,"]
    )
    assert not (tmp_path / "bom.json").exists()


def test_what_is_locked_for_another_platform_is_not_expected_in_the_image(sbom, contents):
    assert "colorama" not in sbom.expected(contents)
    assert {"celery", "tensorflow", "apache-airflow"} <= sbom.expected(contents).keys()
    assert "pytest" not in sbom.expected(contents)


def test_what_an_image_contains_is_read_with_its_own_python(root):
    said = json.loads(
        subprocess.run(
            [sys.executable, "-"],
            input=(root / "docker/contents.py").read_bytes(),
            check=True,
            capture_output=True,
            env={"PATH": os.environ["PATH"]},
        ).stdout
    )
    assert {package["name"].lower(): package["version"] for package in said["packages"]}["pip"]
    assert said["markers"]["sys_platform"] == "linux" or sys.platform != "linux"


@pytest.fixture
def ci(root, programs, tmp_path):
    """A checkout with the scripts of the image and an environment whose Python is `python`; runs .ci/image there."""
    for name in (".ci/image", "docker/build", "docker/make-base", "docker/Dockerfile"):
        (tmp_path / "checkout" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / name, tmp_path / "checkout" / name)
    for name in ("cut", "grep", "mktemp", "rm", "sed", "tee"):
        (Path(programs.path) / name).symlink_to(shutil.which(name))
    python = tmp_path / "checkout/.venv/bin/python"
    python.parent.mkdir(parents=True)

    def run(step, probe):
        python.write_text(f"#!/bin/sh\n{probe}\n")
        python.chmod(stat.S_IRWXU)
        return build(tmp_path / "checkout", programs, step, script=".ci/image")

    return run


@pytest.mark.parametrize("step", ["build", "test"])
def test_where_the_image_cannot_be_built_one_line_says_so(ci, step):
    done = ci(step, "echo 'error: found no crun, expected it' >&2; exit 69")
    assert done.returncode == 69
    assert done.stdout.splitlines()[-1] == "NOT TESTED: image (found no crun, expected it)"


@pytest.mark.parametrize("code", [1, 2, 137])
@pytest.mark.parametrize("step", ["build", "test"])
def test_whatever_else_fails_of_the_image_fails_ci(ci, step, code):
    done = ci(step, f"exit {code}")
    assert done.returncode == code
    assert "NOT TESTED" not in done.stdout


@pytest.mark.parametrize(
    ("pulled", "made", "code", "said"),
    [
        ("exit 0", "exit 0", 1, "found no image at the end"),
        ("exit 125", "exit 1", 69, "NOT TESTED: image (found debootstrap failed, expected a system"),
    ],
)
def test_ci_builds_on_debian_where_the_pinned_base_is_out_of_reach(programs, ci, pulled, made, code, said):
    programs("buildah", f'case "$1" in pull) {pulled} ;; info) exit 0 ;; inspect) exit 1 ;; *) exit 1 ;; esac')
    programs("debootstrap", made)
    programs("id", "echo 0")
    for name in ("chmod", "tail"):
        (Path(programs.path) / name).symlink_to(shutil.which(name))
    done = ci("build", "exit 0")
    assert done.returncode == code
    assert said in done.stdout + done.stderr
    assert ("building on Debian" in done.stdout) == (code == 69)
