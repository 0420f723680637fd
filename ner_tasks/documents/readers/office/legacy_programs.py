"""Programs that read Word files of before 1993, where one is installed.

The one place where a reader starts a process and writes a file: a temporary one, removed before the reader returns.
"""

import shutil
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

from ner_tasks.documents.types import CannotRead, Extract, ExtractBuilder, Limits

# In this order, with the arguments that make it write UTF-8 to its output; and how it tells its version.
_PROGRAMS: dict[str, tuple[list[str], list[str]]] = {
    "antiword": (["-m", "UTF-8.txt", "-w", "0"], []),
    "catdoc": (["-d", "utf-8", "-w"], ["-V"]),
}


def read(data: bytes, limits: Limits) -> Extract:
    """Text of a file as the first of the programs that is there gives it; a note names the program.

    Raises:
        CannotRead: `no-program` if none is there, `too-slow`, `broken`.
    """
    name = next((name for name in _PROGRAMS if shutil.which(name)), "")
    if not name:
        expected = f"expected docx, or one of the programs {', '.join(_PROGRAMS)}"
        raise CannotRead("no-program", f"found a Word file of before 1993, {expected}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.doc")
        path.write_bytes(data)
        output = _run([name, *_PROGRAMS[name][0], str(path)], limits.seconds)
    text = output.decode("utf-8", "replace")
    if not text.strip():
        raise CannotRead("broken", f"found no text with {name}, expected a whole Word file")
    if len(text) > limits.max_characters:
        raise CannotRead("too-long", f"found {len(text)} characters, expected at most {limits.max_characters}")
    builder = ExtractBuilder()
    builder.note(f"read by the program {name} ({_query_version(name)})")
    builder.inventory.read("text")
    builder.inventory.unread("part", "headers, comments, boxes and pictures", f"{name} does not tell of them")
    builder.block(text.strip("\n"))
    return builder.extract()


def _run(command: list[str], seconds: float) -> bytes:
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=seconds, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise CannotRead("too-slow", f"found a file that {command[0]} reads for over {seconds} s") from None
    if done.returncode:
        raise CannotRead("broken", f"found exit code {done.returncode} of {command[0]}, expected a whole Word file")
    return done.stdout


@lru_cache
def _query_version(name: str) -> str:
    done = subprocess.run(
        [name, *_PROGRAMS[name][1]], capture_output=True, check=False, timeout=10, stdin=subprocess.DEVNULL
    )
    lines = (done.stdout + done.stderr).decode("utf-8", "replace").splitlines()
    version = next((line for line in lines if any(letter.isdigit() for letter in line)), "version unknown")
    return " ".join(version.split())[:80]
