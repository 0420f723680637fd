"""Class names are unique in production code, so that a search for one leads to a single definition."""

import ast
from collections import defaultdict
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PRODUCTION = ("benchmarks", "dags", "docker", "launcher", "ner_tasks", "plugins")


def test_no_class_name_is_defined_twice():
    definitions: dict[str, list[str]] = defaultdict(list)
    for folder in PRODUCTION:
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    definitions[node.name].append(f"{path.relative_to(REPOSITORY)}:{node.lineno}")
    assert len(definitions) > 100
    assert {name: places for name, places in definitions.items() if len(places) > 1} == {}
