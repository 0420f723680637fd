"""Read Word files from before 1993 with an external program, if one is installed.

No other reader starts a process or writes a file. The file is temporary and is removed before the reader returns.
"""

import shutil
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

from ner_tasks.documents.sandbox.confinement import end_with_parent
from ner_tasks.documents.types import CannotRead, Extract, ExtractBuilder, Limits

# Programs in order of preference, with the arguments for UTF-8 output and for the version.
_PROGRAMS: dict[str, tuple[list[str], list[str]]] = {
    "antiword": (["-m", "UTF-8.txt", "-w", "0"], []),
    "catdoc": (["-d", "utf-8", "-w"], ["-V"]),
}


def read(data: bytes, limits: Limits) -> Extract:
    """Read a file with the first program that is installed; a note names the program.

    Raises:
        CannotRead: `no-program` if none is installed, `too-slow`, `too-long`, `broken`.
    """
    name = next((name for name in _PROGRAMS if shutil.which(name)), "")
    if not name:
        expected = f"expected docx, or one of these programs installed: {', '.join(_PROGRAMS)}"
        raise CannotRead("no-program", f"found a Word file from before 1993, {expected}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.doc")
        path.write_bytes(data)
        output = _run([name, *_PROGRAMS[name][0], str(path)], limits.seconds)
    text = output.decode("utf-8", "replace")
    if not text.strip():
        raise CannotRead("broken", f"found no text in the output of {name}, expected a whole Word file")
    if len(text) > limits.max_characters:
        raise CannotRead("too-long", f"found {len(text)} characters, expected at most {limits.max_characters}")
    builder = ExtractBuilder()
    builder.note(f"read by the program {name} ({_query_version(name)})")
    builder.inventory.read("text")
    builder.inventory.unread("part", "headers, comments, boxes and pictures", f"not in the output of {name}")
    builder.block(text.strip("\n"))
    return builder.extract()


def _run(command: list[str], seconds: float) -> bytes:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            check=False,
            timeout=seconds,
            stdin=subprocess.DEVNULL,
            preexec_fn=end_with_parent,
        )
    except subprocess.TimeoutExpired:
        raise CannotRead(
            "too-slow", f"found {command[0]} still running after {seconds} s, expected it to finish"
        ) from None
    if done.returncode:
        raise CannotRead("broken", f"found exit code {done.returncode} from {command[0]}, expected a whole Word file")
    return done.stdout


@lru_cache
def _query_version(name: str) -> str:
    done = subprocess.run(
        [name, *_PROGRAMS[name][1]], capture_output=True, check=False, timeout=10, stdin=subprocess.DEVNULL
    )
    lines = (done.stdout + done.stderr).decode("utf-8", "replace").splitlines()
    version = next((line for line in lines if any(letter.isdigit() for letter in line)), "version unknown")
    return " ".join(version.split())[:80]
