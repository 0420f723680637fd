"""What a model was made by, written down by the process that makes it: code, libraries, machine."""

import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from ner_tasks import fingerprint, hardware

ROOT = Path(__file__).resolve().parents[2]
# what the figures of a model may depend on
LIBRARIES = ("tensorflow", "keras", "neural-compressor", "neural-compressor-tf", "numpy", "tokenizers", "safetensors")
# what a version is made by, from its data to its INT8 graph
_CODE = ("data.validation.build_snapshot", "training.loop", "model.freezing", "quantization.quantize")
_GIT_S = 10.0


def collect_provenance(n_threads: int) -> dict[str, Any]:
    """`code` and `environment` of a model that this process makes, for its lineage."""
    return {"code": describe_code(), "environment": describe_environment(n_threads)}


def describe_code(root: Path = ROOT) -> dict[str, Any]:
    """The commit that is checked out, None where this is no checkout; and a version of the code as it really is.

    Args:
        root: the folder that holds the package.
    """
    # an installed copy may lie inside somebody else's checkout
    is_ours = _git(root, "rev-parse", "--show-toplevel") == str(root)
    return {
        "commit": _git(root, "rev-parse", "HEAD") if is_ours else None,
        "changed_since": bool(_git(root, "status", "--porcelain", "--untracked-files=no")) if is_ours else None,
        "version": fingerprint.make_version({name: fingerprint.code_version(name) for name in _CODE}),
    }


def describe_environment(n_threads: int) -> dict[str, Any]:
    """Python, libraries and processor."""
    return {
        **hardware.describe_host(n_threads),
        "system": f"{platform.system()} {platform.machine()}",
        "libraries": {name: found for name in LIBRARIES if (found := _version(name))},
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _git(root: Path, *arguments: str) -> str | None:
    """What git says; None where there is no git, or no checkout that it would read for this user."""
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_GIT_S)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
