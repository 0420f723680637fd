"""What is done in one module only."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("ner_tasks", "plugins", "launcher")


@pytest.mark.parametrize(
    ("text", "owner"),
    [
        # elsewhere a pipe would block, and an error would be SQLite's
        ("sqlite3.connect(", "ner_tasks/files/sqlite_files.py"),
        ('"[\\ud800-\\udfff]"', "ner_tasks/surrogates.py"),
    ],
)
def test_it_stands_in_one_module(text, owner):
    paths = (path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py")))
    assert [p.relative_to(ROOT).as_posix() for p in paths if text in p.read_text(encoding="utf-8")] == [owner]
