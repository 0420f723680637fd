"""The distribution: what `pip install .` installs, and that it works away from the checkout."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

BUILD_FILES = (
    *("pyproject.toml", "README.md", "LICENSE"),
    *("requirements.in", "requirements-airflow.in", "requirements-codes.in", "requirements-delta.in"),
    "requirements-dev.in",
)
COMMENT = re.compile(r"(^|\s)#.*$")


@pytest.fixture(scope="session")
def wheel(tracked, root, tmp_path_factory) -> Path:
    """The wheel, built from a copy, so that the checkout gets no build/ folder."""
    copy, target = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("dist")
    for path in tracked:
        name = path.relative_to(root)
        if name.parts[0] == "ner_tasks" or str(name) in BUILD_FILES or name.parts[0] in {"dags", "plugins", "launcher"}:
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy / name)
    flags = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(target)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *flags, str(copy)], check=True)
    (path,) = target.iterdir()
    return path


@pytest.fixture(scope="session")
def installed(wheel, tmp_path_factory) -> Path:
    """The wheel's files in a folder of their own; the libraries are those of this environment."""
    target = tmp_path_factory.mktemp("site")
    flags = ["--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([sys.executable, "-m", "pip", "install", *flags, str(wheel)], check=True)
    return target


def run(installed: Path, *command: str, cwd: Path) -> str:
    env = {**os.environ, "PYTHONPATH": str(installed)}
    return subprocess.run(command, env=env, cwd=cwd, check=True, capture_output=True, text=True).stdout


def listed(root: Path, name: str) -> set[Requirement]:
    lines = (COMMENT.sub("", line).strip() for line in (root / name).read_text(encoding="utf-8").splitlines())
    return {Requirement(line) for line in lines if line}


def test_the_wheel_holds_every_file_of_ner_tasks_and_nothing_else(wheel, tracked, root):
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    expected = {path.relative_to(root).as_posix() for path in tracked if path.relative_to(root).parts[0] == "ner_tasks"}
    assert names == expected
    assert "ner_tasks/py.typed" in names


def test_the_wheel_requires_what_the_lists_say(wheel, root):
    archive = zipfile.ZipFile(wheel)
    (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = HeaderParser().parsestr(archive.read(name).decode())
    requires = [Requirement(text) for text in metadata.get_all("Requires-Dist")]
    always = {requirement for requirement in requires if "extra" not in str(requirement.marker)}
    assert always == listed(root, "requirements.in")
    counts = {
        extra: sum(requirement not in always and f'extra == "{extra}"' in str(requirement) for requirement in requires)
        for extra in metadata.get_all("Provides-Extra")
    }
    airflow, codes, delta, dev = (
        len(listed(root, f"requirements-{name}.in")) for name in ("airflow", "codes", "delta", "dev")
    )
    assert counts == {"airflow": airflow, "codes": codes, "delta": delta, "dev": airflow + dev}


def test_the_newest_release_in_the_changelog_is_the_version(root):
    version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    released = re.findall(r"^## \[(\d[^\]]*)\]", (root / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert released[0] == version


def test_the_build_uses_the_locked_setuptools(root):
    (requires,) = tomllib.loads((root / "pyproject.toml").read_text())["build-system"]["requires"]
    assert f"\n{requires} \\\n" in (root / "requirements.txt").read_text()


def test_the_installed_command_works_in_an_empty_folder(installed, tmp_path, root):
    version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    command = str(installed / "bin" / "nightly-ner")
    assert run(installed, command, "--version", cwd=tmp_path) == f"nightly-ner {version}\n"
    assert run(installed, command, "tag", "--help", cwd=tmp_path).startswith("usage: nightly-ner tag ")
    assert list(tmp_path.iterdir()) == []


def test_the_installed_package_finds_its_configuration_and_templates(installed, tmp_path):
    code = (
        "from ner_tasks.evaluation import policy, report_page\n"
        "from ner_tasks.monitoring import drift\n"
        "from ner_tasks.tagging.exports import page\n"
        "print(policy.__file__, policy.DEFAULT_POLICY.is_file(), drift.DEFAULT_CONFIG.is_file())"
    )
    path, *there = run(installed, sys.executable, "-c", code, cwd=tmp_path).split()
    assert Path(path).is_relative_to(installed)
    assert there == ["True", "True"]


def test_a_checkout_and_an_installed_copy_say_the_same_version(installed, tmp_path, root):
    code = "import ner_tasks; print(ner_tasks.__version__)"
    outside = run(installed, sys.executable, "-c", code, cwd=tmp_path)
    assert run(root, sys.executable, "-c", code, cwd=tmp_path) == outside


def test_the_stub_declares_what_the_package_exports(root):
    import ner_tasks

    stub = (root / "ner_tasks" / "__init__.pyi").read_text(encoding="utf-8")
    assert set(re.findall(r"import \w+ as (\w+)", stub)) == set(ner_tasks._EXPORTS) <= set(dir(ner_tasks))
    assert all(getattr(ner_tasks, name).__name__ == name for name in ner_tasks._EXPORTS)


def test_importing_the_package_imports_no_other_module_of_it(installed, tmp_path):
    code = "import sys, ner_tasks; print([name for name in sys.modules if name.startswith('ner_tasks.')])"
    assert run(installed, sys.executable, "-c", code, cwd=tmp_path) == "[]\n"
