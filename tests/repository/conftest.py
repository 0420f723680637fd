"""Fixtures of the repository rules: the tracked files."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def tracked() -> list[Path]:
    """Every file that is in the repository or would be with `git add .`, as absolute paths."""
    if not (ROOT / ".git").exists():
        pytest.skip("this copy of the repository is no git checkout, so nobody knows which files belong to it")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


@pytest.fixture(scope="session")
def sources(tracked: list[Path]) -> list[Path]:
    """The Python files that are not tests."""
    return [path for path in tracked if path.suffix == ".py" and path.relative_to(ROOT).parts[0] != "tests"]
