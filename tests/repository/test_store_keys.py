"""No module but `store/keys.py` spells a path of the store."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ner_tasks.inference import runtime_config
from ner_tasks.store import keys

ROOT = Path(__file__).parents[2]
FOLDERS = ("ner_tasks", "plugins", "launcher", "dags", "benchmarks")
OWNER = "ner_tasks/store/keys.py"
TOPS = "labelled|snapshots|models|inbox|tagged|rejected|withdrawn|reports|staging"
KEY = re.compile(rf"(?:{TOPS})/")
TOP = re.compile(rf"(?:{TOPS})")
# methods of a store, or of what reads one, that take a key
METHODS = {"etag", "exists", "fetch", "files", "folders", "names", "path_of", "put_file", "remove", "where"}
METHODS |= {"publish", "read_bytes", "read_json", "read_lines", "read_whole", "record", "records", "write_json"}
# of a night's statistics: names of measures such as `rejected/empty`
MEASURES = {"ner_tasks/monitoring/drift.py", "ner_tasks/tagging/statistics.py"}


def find_keys(code: str) -> Iterator[tuple[int, str]]:
    """Lines of literals that begin like a key, and of top folders that a store is asked for."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and KEY.match(node.value):
            yield node.lineno, node.value
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
            for value in (each.value for each in node.args if isinstance(each, ast.Constant)):
                if isinstance(value, str) and TOP.fullmatch(value):
                    yield node.lineno, value


def test_no_module_but_one_spells_a_path_of_the_store():
    found = [
        f"{name}:{line}: {value}"
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        if (name := path.relative_to(ROOT).as_posix()) != OWNER
        for line, value in find_keys(path.read_text(encoding="utf-8"))
        if not (name in MEASURES and value.startswith("rejected/"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        'store.fetch(f"models/{version}/int8")',
        'KEY = "reports/runs"',
        'store.folders("tagged")',
        'def f(day):\n    return "tagged/" + day',
    ],
)
def test_a_path_of_the_store_is_noticed(code):
    assert list(find_keys(code))


@pytest.mark.parametrize("code", ['app.get("/models")', 'folder / "inbox"', 'said["models"]', '"see models/ for them"'])
def test_other_strings_are_left_alone(code):
    assert not list(find_keys(code))


def test_keys_are_as_the_layout_says():
    assert keys.model("4f2a9c", "int8", "manifest.json") == "models/4f2a9c/int8/manifest.json"
    assert keys.runtime_configs("4f2a9c") == f"models/4f2a9c/{runtime_config.FOLDER}"
    assert keys.tagged_day("2026-01-31") == "tagged/2026-01-31"
    assert keys.shard("2026-01-31", "n1", 3) == "staging/tagged/2026-01-31/n1/shard-03"
    assert keys.task_note("ner_review", "r", "export", -1) == "reports/runs/ner_review/r/export.json"
    assert keys.task_note("ner_retag", "r", "tag_shard", 7) == "reports/runs/ner_retag/r/tag_shard-0007.json"
