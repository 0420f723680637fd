"""The core of nightly NER: from a path to a path, without Airflow, S3 or the network."""

from typing import Any


def __getattr__(name: str) -> Any:
    """Compute `__version__` on first use, so that importing the package stays light."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _read_version()


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
