"""Compute versions as hashes of inputs, settings and code: the same ingredients give the same version."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ner_tasks.parsed_source import ParsedSources

PACKAGE = Path(__file__).parent
LENGTH = 12
# the number in records: a new one must not make models, snapshots and answers anew
_WITHOUT_EFFECT = frozenset({"files/schema.py"})
_sources = ParsedSources()


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


def keep_parsed(scratch: Path | None) -> None:
    """Keep what is parsed of the code for later processes; versions stay the same, and cost less time.

    Args:
        scratch: local folder for it; None for none.
    """
    # its owner alone may write it, so users who share a scratch folder have one each
    _sources.keep_in(scratch / f"parsed-source-{os.geteuid()}" if scratch else None)


def config_version(package: Path = PACKAGE) -> str:
    """Return the version of the YAML files of quantization; limits of gates do not affect a model."""
    files = sorted((package / "config").glob("quantize*.yaml"))
    texts = {path.name: path.read_text(encoding="utf-8") for path in files}
    return make_version(texts)


def _digest_with_imports(module: str, package: Path) -> dict[str, str]:
    """Return digests of the code of a module and of its imports, by file name."""
    digests: dict[str, str] = {}
    listed: set[Path] = set()
    waiting, visited = [module], set[str]()
    while waiting:
        if (module := waiting.pop()) in visited:
            continue
        visited.add(module)
        path = package.joinpath(*module.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if not path.is_file() or (name := path.relative_to(package).as_posix()) in digests or name in _WITHOUT_EFFECT:
            continue
        found = _sources.parse(path.read_text(encoding="utf-8"))
        digests[name] = found.digest
        waiting += found.imports
        for folder in {_find_folder(named, package) for named in found.named} - listed:
            listed.add(folder)
            waiting += (".".join(path.relative_to(package).with_suffix("").parts) for path in folder.rglob("*.py"))
    _sources.save()
    return digests


def _find_folder(named: str, package: Path) -> Path:
    """Return the folder of a module named in a string, which may be imported or run by name; all its files count.

    For `documents.readers` it is `documents/readers` with its subfolders; for a module, its parent folder.
    """
    path = package.joinpath(*named.split("."))
    return path if path.is_dir() else path.parent
