""".github/: valid by the host's schemas, and in step with the README and pyproject.toml."""

import json
import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from packaging.specifiers import SpecifierSet

SCHEMAS = {
    "workflows/ci.yml": "github-workflows",
    "ISSUE_TEMPLATE/bug.yml": "github-issue-forms",
    "ISSUE_TEMPLATE/feature.yml": "github-issue-forms",
    "ISSUE_TEMPLATE/config.yml": "github-issue-config",
}


def load(path: Path) -> Any:
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    # YAML 1.1 takes the key `on` for a boolean
    return {"on" if key is True else key: value for key, value in loaded.items()}


@pytest.fixture(scope="module")
def workflow(root: Path) -> dict[str, Any]:
    return load(root / ".github" / "workflows" / "ci.yml")


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_file_is_valid_by_the_hosts_schema(name, root):
    schema = resources.files("check_jsonschema") / "builtin_schemas" / "vendor" / f"{SCHEMAS[name]}.json"
    jsonschema.validate(load(root / ".github" / name), json.loads(schema.read_text(encoding="utf-8")))


def test_every_file_of_the_folder_is_checked(root):
    names = {path.relative_to(root / ".github").as_posix() for path in (root / ".github").rglob("*.yml")}
    assert names == set(SCHEMAS)


def test_the_workflow_runs_the_readmes_commands_on_each_supported_python(workflow, root):
    job = workflow["jobs"]["readme"]
    (commands,) = re.findall(r"```sh\n(make run\n.*?)```", (root / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert [step["run"] for step in job["steps"] if "run" in step] == commands.split("\n")[:-1]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    supported = SpecifierSet(project["requires-python"])
    versions = [f"3.{minor}" for minor in range(9, 20) if f"3.{minor}" in supported]
    assert job["strategy"]["matrix"]["python-version"] == versions
    assert [name for name in project["classifiers"] if re.search(r":: 3\.\d+$", name)] == [
        f"Programming Language :: Python :: {version}" for version in versions
    ]


def test_the_workflow_pins_actions_by_commit_and_may_only_read(workflow):
    used = [step["uses"] for job in workflow["jobs"].values() for step in job["steps"] if "uses" in step]
    assert [action for action in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action)] == []
    assert workflow["permissions"] == {"contents": "read"}
