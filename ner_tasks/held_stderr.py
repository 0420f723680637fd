"""Hold standard error until a step fails, so that a log shows our lines and not its libraries' notices.

TensorFlow's C++ code writes to file descriptor 2 while it is imported, whatever the log level; transformers, Intel
Neural Compressor and progress bars write to `sys.stderr`. All of it goes into a pipe. This file, run as a program,
reads the pipe: being a separate process, it can print what it holds even when the step is killed or aborts.
"""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

# Begins each held line that is printed.
PREFIX = "stderr: "
_MAX_BYTES = 64 * 1024
_DISCARD = b"0"


@dataclass
class _Held:
    """State of this process.

    Attributes:
        original: a descriptor of the original standard error while it is held.
        errors: what is to be printed below the held text.
    """

    original: int | None = None
    errors: list[str] = field(default_factory=list)


_held = _Held()


def is_verbose(env: Mapping[str, str] = os.environ) -> bool:
    """Whether `NER_VERBOSE` asks for standard error as it comes."""
    return env.get("NER_VERBOSE", "").strip().lower() not in ("", "0", "false", "no", "off")


def visible_descriptor() -> int | None:
    """Descriptor of the original standard error while it is held, else None: for a child whose messages are ours."""
    return _held.original


def print_error(message: str) -> None:
    """Print an error of ours to standard error; below what is held, where something is."""
    if _held.original is None:
        print(message, file=sys.stderr, flush=True)
    else:
        _held.errors.append(message)


def hold_stderr(step: Callable[[], int]) -> int:
    """Run a step while everything that it and its children write to standard error is held.

    What is held is discarded if the step returns 0. If it returns anything else, raises, or the process dies, the
    last 64 KiB are printed to standard error, each line with `PREFIX`.

    Returns:
        What the step returned.
    """
    if sys.stderr is None:  # closed, as by some service managers
        return step()
    sys.stderr.flush()
    read_end, write_end = os.pipe()
    # -I -S: it needs nothing but the standard library, and starts in 10 ms
    command = [sys.executable, "-I", "-S", __file__, str(read_end)]
    holder = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, pass_fds=(read_end,), bufsize=0
    )
    _held.original = original = os.dup(2)
    os.dup2(write_end, 2)
    os.close(read_end)
    os.close(write_end)
    code = 1
    try:
        code = step()
    finally:
        sys.stderr.flush()
        os.dup2(original, 2)
        os.close(original)
        _held.original = None
        assert holder.stdin
        with suppress(BrokenPipeError):
            holder.stdin.write(b"" if code else _DISCARD)
        holder.stdin.close()
        holder.wait()
        while _held.errors:
            print_error(_held.errors.pop(0))
    return code


def _hold(pipe: int, outcome: int) -> None:
    """Read a pipe until the outcome of the step is known; print the end of it unless that is success."""
    # ends with the step, not before
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    held, n_bytes = bytearray(), 0
    inputs = [pipe, outcome]
    while outcome not in (ready := select.select(inputs, [], [])[0]):
        data = os.read(pipe, _MAX_BYTES)
        inputs = inputs if data else [outcome]
        held += data
        n_bytes += len(data)
        del held[:-_MAX_BYTES]
    if os.read(outcome, 1) == _DISCARD:
        return
    os.set_blocking(pipe, False)
    with suppress(BlockingIOError):
        rest = os.read(pipe, 16 * _MAX_BYTES) if pipe in ready else b""
        held += rest
        n_bytes += len(rest)
    lines = held[-_MAX_BYTES:].decode("utf-8", "replace").replace("\r", "\n").splitlines()
    if n_bytes > _MAX_BYTES:  # the first line is cut
        lines = [f"... ({n_bytes - _MAX_BYTES} bytes before this)", *lines[1:]]
    with suppress(OSError):
        os.write(2, "".join(f"{PREFIX}{line}\n" for line in lines if line.strip()).encode())


if __name__ == "__main__":
    _hold(int(sys.argv[1]), 0)
