"""The core of nightly NER: from a path to a path, without Airflow, S3 or the network.

    from ner_tasks import Tagger

    tagger = Tagger.load("models/v1/int8")
    ((entity, *_),) = tagger.find_entities(["Maria Chen visited Boston."])

Exports are loaded on first use, so that importing the package loads no TensorFlow. `__init__.pyi` declares them: imports
written here would make every module that imports the package depend on them in `fingerprint.code_version`.
"""

import importlib
import os
from typing import Any

_EXPORTS = {"Tagger": ".inference.tagger", "TextEntity": ".entities"}


def __getattr__(name: str) -> Any:
    """Load an export, or compute `__version__`, on first use."""
    if name == "__version__":
        return _read_version()
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # TensorFlow reads these when it is imported; INT8 graphs need oneDNN.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    return getattr(importlib.import_module(_EXPORTS[name], __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_EXPORTS, "__version__"])


def _read_version() -> str:
    """Version of this checkout, else of the installed distribution, else `unknown`."""
    import tomllib
    from importlib import metadata
    from pathlib import Path

    project = Path(__file__).parents[1] / "pyproject.toml"
    try:
        table = tomllib.loads(project.read_text(encoding="utf-8")).get("project", {})
    except (OSError, ValueError):  # installed, or beside somebody else's file
        table = {}
    if table.get("name") == "nightly-ner":
        return str(table["version"])
    try:
        return metadata.version("nightly-ner")
    except metadata.PackageNotFoundError:
        return "unknown"
