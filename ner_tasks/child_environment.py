"""What a child process gets of its parent's environment: the variables named here, and no others.

The parent's own may hold any secret under any name. Whoever needs one more adds it here, or hands it to the one child.
"""

import os
from collections.abc import Mapping

# What a program needs to start and to spell: its libraries, its language, its clock.
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
# A reader meets hostile files: besides this it gets nothing.
_READER = (*_PROCESS, "OMP_THREAD_LIMIT", "TESSDATA_PREFIX")
# A step has settings of ours and of its libraries, and caches below a home.
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
# For the few steps that reach the network.
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
# The address of Airflow's database, which one child alone is handed.
_DATABASE = "NER_AIRFLOW_DATABASE"


def reader_environment(env: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of a process that reads documents: no home, no settings, no credentials, no proxies."""
    return select_variables(_READER, env)


def step_environment(
    env: Mapping[str, str] = os.environ, *, network: bool = False, also: tuple[str, ...] = ()
) -> dict[str, str]:
    """The environment of a step's process.

    Args:
        env: the parent's.
        network: whether it reaches the network: with proxies and certificates.
        also: more names; one that ends in `*` stands for all that begin so.
    """
    found = select_variables((*_STEP, *(_NETWORK if network else ()), *also), env)
    return {name: value for name, value in found.items() if not name.startswith(_DATABASE)}


def select_variables(names: tuple[str, ...], env: Mapping[str, str]) -> dict[str, str]:
    """The variables of these names; one that ends in `*` stands for all that begin so."""
    exact = {name for name in names if not name.endswith("*")}
    begins = tuple(name[:-1] for name in names if name.endswith("*"))
    return {name: value for name, value in env.items() if name in exact or name.startswith(begins)}
