import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.answers import answer
from tests.published import manifest_of, write_shard

ROOT = Path(__file__).parents[2]
HIDE = "from ner_tasks.cli.pyarrow_alone import hide_pandas; hide_pandas(); "


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def shard(tmp_path) -> Path:
    lines = [answer("a.txt", "Maria Chen visited Boston.", {"Boston": "geo"})]
    write_shard(tmp_path / "shard", lines, [], manifest_of("2026-01-02", 1))
    return tmp_path / "shard"


def test_the_part_of_a_shard_is_written_without_importing_pandas(shard, tmp_path):
    flags = f"--answers={shard} --output={tmp_path / 'part'} --day=2026-01-02 --night=n --model_version=v1"
    done = run("-X", "importtime", "-m", "ner_tasks", "write-part", "--verbose", *flags.split())
    assert done.returncode == 0, done.stderr
    imported = {line.rsplit("|")[-1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "pyarrow" in imported
    assert not any(name.startswith("pandas.") for name in imported)  # the attempt itself is listed, as pandas
    assert (tmp_path / "part" / "entities.parquet").is_file()


def test_pandas_can_be_imported_afterwards():
    done = run("-c", HIDE + "import pandas; print(pandas.DataFrame({'a': [1, 2]}).a.sum())")
    assert done.stdout == "3\n", done.stderr


def test_without_hiding_pyarrow_would_import_pandas():
    code = "import sys, pyarrow; pyarrow.array(()); print('pandas' in sys.modules)"
    assert run("-c", code).stdout == "True\n"
    assert run("-c", HIDE + code).stdout == "False\n"


def test_pandas_that_is_loaded_stays_known_to_pyarrow():
    code = "import json, pandas, pyarrow; print(json.dumps(pyarrow.array(pandas.Series([1.0, None])).to_pylist()))"
    assert json.loads(run("-c", "import pandas; " + HIDE + code).stdout) == [1.0, None]
