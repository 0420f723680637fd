"""What this machine can do, and the environment that TensorFlow must find before it is imported."""

import ctypes
import os
import platform
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def tensorflow_env(*, n_threads: int, onednn: bool) -> dict[str, str]:
    """Variables that set TensorFlow's threads and oneDNN; they have no effect once it is imported."""
    return {
        # Each thread with an arena of its own keeps 70 MiB more; read when the process starts, so only by children.
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


def block_keras_import() -> None:
    """Let TensorFlow, which is not imported yet, come up without Keras, for a process that only runs graphs.

    TensorFlow imports Keras if it finds it, and Keras imports scikit-learn, pandas and more if it finds them: 4 s and
    150 MiB that no graph needs.
    """
    if "tensorflow" not in sys.modules:
        sys.modules["keras"] = None  # type: ignore[assignment]  # Python's own way to say that a module is absent


def cpu_flags() -> frozenset[str]:
    """Instruction sets of the first processor, as Linux names them; empty where Linux is not."""
    return frozenset(next((line.partition(":")[2].split() for line in _cpuinfo() if line.startswith("flags")), []))


def has_bf16() -> bool:
    """Whether the CPU multiplies bfloat16."""
    return bool(cpu_flags() & {"avx512_bf16", "amx_bf16"})


def has_vnni() -> bool:
    """Whether the CPU multiplies int8 in one instruction."""
    return bool(cpu_flags() & {"avx512_vnni", "avx_vnni", "amx_int8"})


def describe_host(n_threads: int) -> dict[str, Any]:
    """The machine as a report names it."""
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
    """Processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def available_memory() -> int:
    """Memory that this process may use: the machine's, or less if its container has less."""
    limits = [path.read_text().strip() for path in _memory_limits() if path.is_file()]
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *(int(limit) for limit in limits if limit.isdecimal())])


def _memory_limits() -> list[Path]:
    """Where Linux says how much memory a control group may use, of version 2 and of version 1."""
    root, own = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
    paths = [line.split(":", 2)[2].strip("/") for line in own.read_text().splitlines()] if own.is_file() else []
    folders = {root / path for path in paths} | {root / "memory" / path for path in paths} | {root, root / "memory"}
    return [folder / name for folder in sorted(folders) for name in ("memory.max", "memory.limit_in_bytes")]


def release_freed_memory() -> None:
    """Return to the system what was freed and lies between what is in use; does nothing where the C library is not glibc."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def host_key(description: Mapping[str, Any]) -> str:
    """A machine's plain name, from what `describe` says; the same on another machine of the same kind.

    Such as `amd-epyc-7763-64-core-processor-4-cpus-vnni-bf16-2-threads`.
    """
    cpu = re.sub(r"[^a-z0-9]+", "-", str(description["cpu"]).lower()).strip("-") or "unknown-cpu"
    able = "".join(f"-{name}" if description[name] else f"-no-{name}" for name in ("vnni", "bf16"))
    return f"{cpu}-{description['n_cpus']}-cpus{able}-{description['n_threads']}-threads"


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.is_file() else []
