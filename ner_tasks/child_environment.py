"""Select the environment variables that a child process inherits. All others may hold secrets.

To pass another variable, add it here, or set it for the one child that needs it.
"""

import os
from collections.abc import Mapping

# Variables that any program needs: libraries, locale, time zone, temporary files.
_PROCESS = (
    "PATH",
    "LD_LIBRARY_PATH",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "TZDIR",
    "TMPDIR",
    "MALLOC_*",
    "PYTHON*",
    "VIRTUAL_ENV",
)
# A reader processes hostile files, so it gets only these.
_READER = (*_PROCESS, "OMP_THREAD_LIMIT", "TESSDATA_PREFIX")
# A step needs its settings, those of its libraries, and caches in the home folder.
_STEP = (
    *_READER,
    "HOME",
    "USER",
    "LOGNAME",
    "XDG_CACHE_HOME",
    "NER_*",
    "TF_*",
    "OMP_*",
    "KMP_*",
    "MKL_*",
    "ONEDNN_*",
    "DNNL_*",
    "CUDA_VISIBLE_DEVICES",
    "KERAS_BACKEND",
    "TOKENIZERS_PARALLELISM",
)
# For steps that access the network.
_NETWORK = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
)
# The address of Airflow's database, which only the database clean-up gets.
_DATABASE = "NER_AIRFLOW_DATABASE"


def reader_environment(env: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment of a process that reads documents: no home, settings, credentials or proxies."""
    return select_variables(_READER, env)


def step_environment(
    env: Mapping[str, str] = os.environ, *, network: bool = False, also: tuple[str, ...] = ()
) -> dict[str, str]:
    """Return the environment of a step's process.

    Args:
        env: the parent's environment.
        network: whether to include proxies and certificates.
        also: more names or prefixes, as in `select_variables`.
    """
    selected = select_variables((*_STEP, *(_NETWORK if network else ()), *also), env)
    return {name: value for name, value in selected.items() if not name.startswith(_DATABASE)}


def select_variables(names: tuple[str, ...], env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with these names. A name that ends in `*` is a prefix."""
    exact = {name for name in names if not name.endswith("*")}
    begins = tuple(name[:-1] for name in names if name.endswith("*"))
    return {name: value for name, value in env.items() if name in exact or name.startswith(begins)}
