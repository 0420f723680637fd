"""Versions that say what a thing was made from: the same inputs, settings and code give the same version."""

import ast
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent
LENGTH = 12


def version_of(ingredients: Mapping[str, Any]) -> str:
    """Twelve hex digits that stand for `ingredients`, whatever their order.

    Args:
        ingredients: everything that the result depends on; JSON values only.
    """
    text = json.dumps(ingredients, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def code_version(module: str, package: Path = PACKAGE) -> str:
    """Version of a module of `ner_tasks` and of all modules of the package that it imports.

    Without it a corrected training loop would be taken for the old one, and its model never made.
    Comments and layout do not count.

    Args:
        module: name without the package, such as `training`.
        package: where its source lies.
    """
    return version_of(_syntax_of(module, package, {}))


def config_version(package: Path = PACKAGE) -> str:
    """Version of the YAML files of the quantization; a limit of a gate makes no other model."""
    files = sorted((package / "config").glob("quantize*.yaml"))
    texts = {path.name: path.read_text(encoding="utf-8") for path in files}
    return version_of(texts)


def _syntax_of(module: str, package: Path, seen: dict[str, str]) -> dict[str, str]:
    path = package / f"{module}.py"
    # of a package inside, all files: they may find each other by name
    for file in [path] if path.is_file() else sorted((package / module).glob("*.py")):
        if (name := file.relative_to(package).as_posix()) in seen:
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        seen[name] = ast.dump(tree)
        for node in ast.walk(tree):
            for imported in _imports(node):
                _syntax_of(imported, package, seen)
    return seen


def _imports(node: ast.AST) -> list[str]:
    """Modules of the package that one import statement names."""
    if isinstance(node, ast.ImportFrom) and node.module == "ner_tasks":
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("ner_tasks."):
        return [node.module.split(".")[1]]
    if isinstance(node, ast.Import):
        return [alias.name.split(".")[1] for alias in node.names if alias.name.startswith("ner_tasks.")]
    return []
