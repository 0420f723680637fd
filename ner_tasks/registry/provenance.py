"""Provenance of a model, recorded by the process that makes it: code, libraries, machine."""

import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from ner_tasks import fingerprint, hardware

ROOT = Path(__file__).resolve().parents[2]
# libraries that a model's quality and speed may depend on
LIBRARIES = ("tensorflow", "keras", "neural-compressor", "neural-compressor-tf", "numpy", "tokenizers", "safetensors")
# modules that make a version, from its data to its INT8 graph
_CODE = ("data.validation.build_snapshot", "training.loop", "model.freezing", "quantization.quantize")
_GIT_S = 10.0


def collect_provenance(n_threads: int) -> dict[str, Any]:
    """Collect the code and environment of this process for a model's lineage.

    Args:
        n_threads: number of threads that it uses.

    Returns:
        `code` and `environment`; JSON.
    """
    return {"code": describe_code(), "environment": describe_environment(n_threads)}


def describe_code(root: Path = ROOT) -> dict[str, Any]:
    """Describe the running code: commit, whether it was changed since, and a fingerprint of the modules.

    Args:
        root: folder of the package.

    Returns:
        `commit` and `changed_since`, which are None outside a Git checkout, and `version`.
    """
    # an installed package may lie inside another project's checkout
    is_ours = _git(root, "rev-parse", "--show-toplevel") == str(root)
    return {
        "commit": _git(root, "rev-parse", "HEAD") if is_ours else None,
        "changed_since": bool(_git(root, "status", "--porcelain", "--untracked-files=no")) if is_ours else None,
        "version": fingerprint.make_version({name: fingerprint.code_version(name) for name in _CODE}),
    }


def describe_environment(n_threads: int) -> dict[str, Any]:
    """Describe the processor, the system and the versions of the libraries."""
    return {
        **hardware.describe_host(n_threads),
        "system": f"{platform.system()} {platform.machine()}",
        "libraries": {name: version for name in LIBRARIES if (version := _version(name))},
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _git(root: Path, *arguments: str) -> str | None:
    """Run git and return its output; None if git is missing or refuses the folder."""
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_GIT_S)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
