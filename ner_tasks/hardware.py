"""Hardware of this host, and the environment variables that TensorFlow reads when it is imported."""

import ctypes
import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ner_tasks.errors import ConfigInvalid


def tensorflow_env(*, n_threads: int, onednn: bool) -> dict[str, str]:
    """Return environment variables for threads and oneDNN, which must be set before TensorFlow is imported.

    Args:
        n_threads: number of threads.
        onednn: enable oneDNN.
    """
    return {
        # An arena per thread would keep 70 MiB each; read at process start, so it affects only child processes.
        "MALLOC_ARENA_MAX": "2",
        "TF_ENABLE_ONEDNN_OPTS": str(int(onednn)),
        "OMP_NUM_THREADS": str(n_threads),
        "TF_NUM_INTRAOP_THREADS": str(n_threads),
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "CUDA_VISIBLE_DEVICES": "-1",
        "KERAS_BACKEND": "tensorflow",
        "TOKENIZERS_PARALLELISM": "false",
    }


def cpu_flags() -> frozenset[str]:
    """Return the CPU flags of the first processor as named by Linux; empty on other systems."""
    return frozenset(next((line.partition(":")[2].split() for line in _cpuinfo() if line.startswith("flags")), []))


def require_bf16() -> None:
    """Check that the CPU supports bfloat16; otherwise it would be emulated, more slowly than FP32.

    Raises:
        ConfigInvalid: it does not.
    """
    if not has_bf16():
        raise ConfigInvalid("found a CPU without AVX512_BF16 or AMX_BF16, expected one, for --bf16 1")


def has_bf16() -> bool:
    """Return whether the CPU has instructions for bfloat16."""
    return bool(cpu_flags() & {"avx512_bf16", "amx_bf16"})


def has_vnni() -> bool:
    """Return whether the CPU has VNNI instructions for int8."""
    return bool(cpu_flags() & {"avx512_vnni", "avx_vnni", "amx_int8"})


def describe_host(n_threads: int) -> dict[str, Any]:
    """Describe this host for a report.

    Args:
        n_threads: number of threads of the measured engine.
    """
    names = [line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor(),
        "n_cpus": len(names) or os.cpu_count() or 1,
        "n_threads": n_threads,
        "vnni": has_vnni(),
        "bf16": has_bf16(),
        "python": platform.python_version(),
    }


def count_cpus() -> int:
    """Return the number of CPUs that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def available_memory() -> int:
    """Return the bytes of memory that this process may use: of the host, or less if a container limits it."""
    limits = [path.read_text().strip() for path in _memory_limits() if path.is_file()]
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *(int(limit) for limit in limits if limit.isdecimal())])


def _memory_limits() -> list[Path]:
    """Return the files with the memory limits of control groups, version 2 and version 1."""
    root, own = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
    paths = [line.split(":", 2)[2].strip("/") for line in own.read_text().splitlines()] if own.is_file() else []
    folders = {root / path for path in paths} | {root / "memory" / path for path in paths} | {root, root / "memory"}
    return [folder / name for folder in sorted(folders) for name in ("memory.max", "memory.limit_in_bytes")]


def release_freed_memory() -> None:
    """Return freed memory to the system; does nothing without glibc."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def host_key(description: Mapping[str, Any]) -> str:
    """Return a key for a kind of host, such as `amd-epyc-7763-64-core-processor-4-cpus-vnni-bf16-2-threads`.

    Args:
        description: result of `describe_host`.
    """
    cpu = re.sub(r"[^a-z0-9]+", "-", str(description["cpu"]).lower()).strip("-") or "unknown-cpu"
    features = "".join(f"-{name}" if description[name] else f"-no-{name}" for name in ("vnni", "bf16"))
    return f"{cpu}-{description['n_cpus']}-cpus{features}-{description['n_threads']}-threads"


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.is_file() else []
