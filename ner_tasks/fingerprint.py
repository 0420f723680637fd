"""Versions that say what a thing was made from: the same inputs, settings and code give the same version."""

import ast
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent
LENGTH = 12
_MODULE = re.compile(r"ner_tasks\.\w")


def make_version(ingredients: Mapping[str, Any]) -> str:
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
        module: name without the package, such as `training.loop`.
        package: where its source lies.

    Raises:
        ValueError: no such module; a version of nothing would never change.
    """
    found = _syntax_of(module, package, {})
    if not found:
        raise ValueError(f"found no module {module}, expected one, in {package}")
    return make_version(found)


def config_version(package: Path = PACKAGE) -> str:
    """Version of the YAML files of the quantization; a limit of a gate makes no other model."""
    files = sorted((package / "config").glob("quantize*.yaml"))
    texts = {path.name: path.read_text(encoding="utf-8") for path in files}
    return make_version(texts)


def _syntax_of(module: str, package: Path, seen: dict[str, str]) -> dict[str, str]:
    """Syntax trees of a module and of what it imports, by their files' names."""
    path = package.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not path.is_file() or (name := path.relative_to(package).as_posix()) in seen:
        return seen
    tree = ast.parse(path.read_text(encoding="utf-8"))
    seen[name] = ast.dump(tree)
    for node in ast.walk(tree):
        for imported in _imports(node):
            _syntax_of(imported, package, seen)
        if room := _named_room(node, package):
            for neighbour in sorted(room.rglob("*.py")):
                _syntax_of(".".join(neighbour.relative_to(package).with_suffix("").parts), package, seen)
    return seen


def _imports(node: ast.AST) -> list[str]:
    """What one import statement may name of the package: `from ner_tasks.a import b` is module `a` or module `a.b`."""
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "ner_tasks":
        parent = (node.module or "").removeprefix("ner_tasks").removeprefix(".")
        return [parent, *(f"{parent}.{alias.name}".removeprefix(".") for alias in node.names)]
    if isinstance(node, ast.Import):
        return [alias.name.removeprefix("ner_tasks.") for alias in node.names if alias.name.startswith("ner_tasks.")]
    return []


def _named_room(node: ast.AST, package: Path) -> Path | None:
    """The room of a module that a text names, to be imported or run by that name: then any file of it may be meant.

    `"ner_tasks.documents.readers."` is the room `documents/readers` with those in it; a module's name is its own room.
    """
    if not (isinstance(node, ast.Constant) and isinstance(node.value, str) and _MODULE.match(node.value)):
        return None
    parts = node.value.rstrip(".").split(".")[1:]
    named = package.joinpath(*parts)
    return named if named.is_dir() else named.parent
