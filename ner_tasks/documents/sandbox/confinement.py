"""What the worker processes of the sandbox share: limits on the process, silent libraries, and the frames they write.

A frame is three lengths, a JSON header, and two bodies of bytes: plain data only, so the parent executes nothing from it.
"""

import ctypes
import json
import logging
import resource
import signal
import struct
import sys
import warnings
from typing import IO, Any

from ner_tasks.errors import redact_traceback

# Length of the header and of the two bodies, in bytes.
LENGTHS = struct.Struct(">IQQ")
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)  # a forked process should load nothing


def silence_libraries() -> None:
    """Suppress log messages and warnings of libraries, which may quote the document."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    sys.excepthook = lambda _type, error, _at: print(redact_traceback(error), file=sys.stderr, flush=True)


def set_process_limits(memory_mib: int) -> None:
    """Limit the memory of this process, and end it with its parent."""
    n_bytes = memory_mib * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (n_bytes, n_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # On Ctrl-C the parent decides; when it dies, the worker ends too.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()


def end_with_parent() -> None:
    """Have the kernel kill this process when its parent ends; does nothing on other systems than Linux.

    The program that it executes next inherits this, the processes that it forks do not.
    """
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def send_frame(answers: IO[bytes], header: dict[str, Any], text: bytes = b"", sources: bytes = b"") -> None:
    """Write one frame."""
    # ASCII, so that a file name that is not UTF-8 survives as an escape.
    head = json.dumps(header).encode("ascii")
    answers.write(LENGTHS.pack(len(head), len(text), len(sources)) + head)
    answers.write(text)
    answers.write(sources)
    answers.flush()
