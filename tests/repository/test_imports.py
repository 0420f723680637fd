"""Imports go down only: dags -> ner_airflow -> ner_tasks, and in the core heavy -> light.

`lint-imports` checks the directions between our modules (contracts in pyproject.toml). Here stands what it cannot
see: DAG files, which are no package, and what an import really loads.
"""

import ast
import json
import subprocess
import sys
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
def light(sources, root) -> list[str]:
    """Modules of the core that Airflow's own processes or the launcher import as they start."""
    files = [path for path in sources if path.relative_to(root).parts[0] in {"dags", "plugins", "launcher"}]
    found = {name for path in files for name in imported_at_the_top(path)}
    return sorted(name for name in found if (root / name.replace(".", "/")).with_suffix(".py").is_file())


def imported_at_the_top(path: Path) -> set[str]:
    """Names below `ner_tasks` that a file imports outside any function; some are modules, some are things in them."""
    names: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "ner_tasks":
            names |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


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


def test_what_airflow_and_the_launcher_import_of_the_core_loads_no_heavy_library(light, root):
    assert len(light) > 10
    assert loaded_by(light, root) & HEAVY == set()


def test_charts_are_drawn_without_airflow_and_without_any_heavy_library(root):
    modules = [f"ner_airflow.pages.{name}" for name in ("axis", "charts", "templates")]
    assert loaded_by(modules, root) & {*HEAVY, "PIL", "airflow", "fastapi", "scipy"} == set()


def test_loading_the_plugin_loads_neither_the_pages_nor_any_heavy_library(root):
    assert loaded_by(["ner_ops_plugin"], root) & HEAVY == set()
    code = "import sys, ner_ops_plugin; print(sorted(name for name in sys.modules if name.startswith('ner_airflow.pages')))"
    path = {"PYTHONPATH": f"{root}:{root / 'plugins'}", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], env=path, capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_command_line_starts_without_any_heavy_library(root):
    assert loaded_by(["ner_tasks.cli.app"], root) & HEAVY == set()


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
