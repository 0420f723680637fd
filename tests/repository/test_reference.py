"""The generated reference pages: complete, and linked from the site's navigation."""

import os
import re
import subprocess
import sys

import pytest

VARIABLE = re.compile(r"\bNER_[A-Z0-9_]+\b")
# Names of assets and of commands' own variables, which nobody sets.
NO_SETTINGS = {"NER_FP32", "NER_INT8"}


@pytest.fixture(scope="module")
def reference(root, tmp_path_factory):
    """The text of each page by its name."""
    folder = tmp_path_factory.mktemp("reference")
    env = {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'plugins'}"}
    subprocess.run([sys.executable, str(root / "docs" / "generate.py"), str(folder)], cwd=root, env=env, check=True)
    return {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}


def test_every_command_is_in_the_reference_with_its_flags(reference):
    from ner_tasks.cli.app import parser

    (commands,) = [action.choices for action in parser()[0]._actions if isinstance(action.choices, dict)]
    assert re.findall(r"^## (\S+)$", reference["cli"], re.MULTILINE) == list(commands)
    assert "| `--max_f1_loss` |" in reference["cli"]


def test_every_variable_that_the_code_reads_is_in_the_reference(reference, tracked, root):
    read = {
        name
        for path in tracked
        if path.relative_to(root).parts[0] in ("ner_tasks", "plugins", "launcher", "docker", "dags")
        and path.suffix in (".py", ".sh", ".yaml", "")
        for name in VARIABLE.findall(path.read_text(encoding="utf-8"))
    }
    assert len(read) > 20
    assert {name for name in read - NO_SETTINGS if f"`{name}`" not in reference["settings"]} == set()


def test_every_dag_is_in_the_reference_with_its_params(reference, root):
    for path in (root / "dags").glob("*.py"):
        assert f"\n## {path.stem}\n" in reference["dags"]
    assert "| `max_rejected_share` |" in reference["dags"]


def test_every_metric_and_format_is_in_the_reference(reference):
    from ner_airflow.observability.metrics import METRICS
    from ner_tasks.documents import FORMATS

    assert [name for name in METRICS if f"| `{name}` |" not in reference["metrics"]] == []
    assert [name for name in FORMATS if f"| `{name}` |" not in reference["documents"]] == []
