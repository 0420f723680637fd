"""Compute versions as hashes of inputs, settings and code: the same ingredients give the same version."""

import ast
import functools
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent
LENGTH = 12
_MODULE = re.compile(r"ner_tasks\.\w")
# the number in records: a new one must not make models, snapshots and answers anew
_WITHOUT_EFFECT = frozenset({"files/schema.py"})


def make_version(ingredients: Mapping[str, Any]) -> str:
    """Return a hash of twelve hexadecimal digits, independent of the order of the keys.

    Args:
        ingredients: everything that the result depends on; JSON values only.
    """
    text = json.dumps(ingredients, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def code_version(module: str, package: Path = PACKAGE) -> str:
    """Return the version of a module of `ner_tasks` together with all modules of the package that it imports.

    It changes when the code changes, so that a model is trained again after a fix. Comments and layout do not count.

    Args:
        module: name without the package, such as `training.loop`.
        package: folder of the package's source.

    Raises:
        ValueError: there is no such module.
    """
    digests = _digest_with_imports(module, package)
    if not digests:
        raise ValueError(f"found no module {module}, expected one, in {package}")
    return make_version(digests)


def config_version(package: Path = PACKAGE) -> str:
    """Return the version of the YAML files of quantization; limits of gates do not affect a model."""
    files = sorted((package / "config").glob("quantize*.yaml"))
    texts = {path.name: path.read_text(encoding="utf-8") for path in files}
    return make_version(texts)


@dataclass(frozen=True)
class _Module:
    """What a file of source contributes: its code without comments and layout, and what it refers to."""

    digest: str
    imports: tuple[str, ...]
    folders: tuple[Path, ...]


def _digest_with_imports(module: str, package: Path) -> dict[str, str]:
    """Return digests of the code of a module and of its imports, by file name."""
    digests: dict[str, str] = {}
    listed: set[Path] = set()
    waiting = [module]
    while waiting:
        path = package.joinpath(*waiting.pop().split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if not path.is_file() or (name := path.relative_to(package).as_posix()) in digests or name in _WITHOUT_EFFECT:
            continue
        found = _parse(path.read_text(encoding="utf-8"), package)
        digests[name] = found.digest
        waiting += found.imports
        for folder in set(found.folders) - listed:
            listed.add(folder)
            waiting += (".".join(path.relative_to(package).with_suffix("").parts) for path in folder.rglob("*.py"))
    return digests


@functools.lru_cache(maxsize=4096)
def _parse(source: str, package: Path) -> _Module:
    """Parse the source of a module, once for each process: the whole package takes seconds."""
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    return _Module(
        digest=hashlib.sha256(ast.dump(tree).encode()).hexdigest(),
        imports=tuple(imported for node in nodes for imported in _imports(node)),
        folders=tuple(folder for node in nodes if (folder := _find_named_folder(node, package))),
    )


def _imports(node: ast.AST) -> list[str]:
    """Return the modules that an import may refer to: `from ner_tasks.a import b` means module `a` or `a.b`."""
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "ner_tasks":
        parent = (node.module or "").removeprefix("ner_tasks").removeprefix(".")
        return [parent, *(f"{parent}.{alias.name}".removeprefix(".") for alias in node.names)]
    if isinstance(node, ast.Import):
        return [alias.name.removeprefix("ner_tasks.") for alias in node.names if alias.name.startswith("ner_tasks.")]
    return []


def _find_named_folder(node: ast.AST, package: Path) -> Path | None:
    """Return the folder of a module named in a string, which may be imported or run by name; all its files count.

    For `"ner_tasks.documents.readers."` it is `documents/readers` with its subfolders; for a module, its parent folder.
    """
    if not (isinstance(node, ast.Constant) and isinstance(node.value, str) and _MODULE.match(node.value)):
        return None
    parts = node.value.rstrip(".").split(".")[1:]
    named = package.joinpath(*parts)
    return named if named.is_dir() else named.parent
