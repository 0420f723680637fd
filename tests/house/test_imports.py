"""Imports go down only: dags -> ner_airflow -> ner_tasks, and in the core heavy -> light.

`lint-imports` checks the directions between our modules (contracts in pyproject.toml). Here stands what it cannot
see: DAG files, which are no package, and what an import really loads.
"""

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

HEAVY = {
    "boto3",
    "great_expectations",
    "keras",
    "matplotlib",
    "numpy",
    "pandas",
    "tensorflow",
    "tokenizers",
    "transformers",
}


@pytest.fixture(scope="module")
def layers(root: Path) -> list[list[str]]:
    """Layers of the core as pyproject.toml names them, the highest first."""
    contracts = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    core = next(contract for contract in contracts if contract.get("containers") == ["ner_tasks"])
    return [re.findall(r"\w+", layer) for layer in core["layers"]]


def loaded_by(modules: list[str], root: Path) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after importing `modules`."""
    code = (
        "import importlib, json, sys\n"
        "before = set(sys.modules)\n"  # what .pth files of the environment import is not ours
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in set(sys.modules) - before})))"
    )
    path = {"PYTHONPATH": f"{root}:{root / 'plugins'}", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], env=path, capture_output=True, text=True, check=False, cwd=root)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_light_modules_load_nothing_but_the_standard_library(layers, root):
    there = [f"ner_tasks.{name}" for name in layers[-1] if (root / "ner_tasks" / f"{name}.py").exists()]
    assert len(there) > 10
    assert loaded_by(there, root) - sys.stdlib_module_names == {"ner_tasks"}


def test_the_command_line_starts_without_any_heavy_library(root):
    assert loaded_by(["ner_tasks.cli"], root) & HEAVY == set()


def test_the_launcher_starts_without_any_heavy_library(root):
    modules = [f"launcher.{path.stem}" for path in (root / "launcher").glob("*.py") if not path.stem.startswith("__")]
    assert loaded_by(modules, root) & (HEAVY | {"airflow", "ner_tasks"}) <= {"ner_tasks"}


def test_a_dag_file_imports_only_airflow_and_our_own_code(root):
    allowed = {"airflow", "ner_airflow", "ner_tasks", "pendulum", *sys.stdlib_module_names}
    for path in (root / "dags").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert {name.split(".")[0] for name in names} <= allowed, f"{path.name}:{node.lineno}"


def test_every_module_of_the_core_says_how_heavy_it_is(layers, root):
    named = {name for layer in layers for name in layer}
    there = {path.stem for path in (root / "ner_tasks").glob("*.py")} - {"__init__"}
    assert there <= named
