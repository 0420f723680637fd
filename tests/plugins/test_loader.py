import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_airflow_s_plugin_loader_leaves_our_modules_alone():
    # it would import each file as a module of its bare name, in every process: `child`, `base`, `assets` ...
    names = [path.stem for path in (ROOT / "plugins" / "ner_airflow").rglob("*.py") if path.stem != "__init__"]
    code = f"""
import sys
from airflow import plugins_manager
plugins, errors = plugins_manager._get_plugins()
print(errors, sorted(set({names!r}) & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "{} []"
