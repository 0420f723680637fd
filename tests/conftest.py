"""Before anything imports Airflow: our configuration, and a home that is thrown away."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings

# Machines are shared: how long an example takes there says nothing about the code.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")

ROOT = Path(__file__).resolve().parent.parent
_HOME = tempfile.mkdtemp(prefix="ner-airflow-")
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)

for _name in [name for name in os.environ if name.startswith(("AIRFLOW__", "NER_")) and name != "NER_GMB"]:
    del os.environ[_name]
os.environ.update(AIRFLOW_HOME=_HOME, AIRFLOW_CONFIG=str(ROOT / "airflow.cfg"), NER_HOME=str(ROOT))
