"""A folder of compiled vocabularies, each named after its content: compiled once, read by any number of processes.

<cache>/<name>.<key>.sqlite    <key> is a hash of the content and of the code that compiles it
<cache>/<name>.<key>.lock      held by the process that compiles it
"""

import os
import re
import threading
import time
import unicodedata
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from ner_tasks.enrichment.names import VocabularyRow
from ner_tasks.enrichment.vocabulary.compiling import compile_rows
from ner_tasks.errors import ConfigInvalid
from ner_tasks.files import atomic, replacement
from ner_tasks.fingerprint import LENGTH, code_version, make_version

PATIENCE_S = 1800.0  # to wait for another process that compiles the same vocabulary
_PARSING = threading.Lock()  # of two threads that parse code at once, CPython 3.11 fails one
UNUSED_S = 7 * 86400.0  # after which what was compiled of an earlier content is removed


def get_compiled(
    cache: Path,
    name: str,
    digest: str,
    rows: Callable[[], Iterable[VocabularyRow]],
    *,
    source: Path | str,
    is_usable: Callable[[Path], bool],
) -> Path:
    """Return the compiled file of a vocabulary; it is compiled if there is none, or only a damaged one.

    Args:
        cache: folder for compiled files.
        name: name of the vocabulary.
        digest: digest of its content.
        rows: returns its rows.
        source: where they come from, for messages.
        is_usable: whether a compiled file exists and is not damaged.

    Raises:
        ConfigInvalid: the cache cannot be written; or see `compile_rows`.
        Busy: another process still compiles it after half an hour.
        StorageFull: no space left on the device.
    """
    key = make_version(
        {
            "content": digest,
            "unicode": unicodedata.unidata_version,
            "code": hash_code("compiling"),
        }
    )
    path = cache / f"{name}.{key}.sqlite"
    if not is_usable(path):
        try:
            with atomic.space_for(path), atomic.exclusive(path.with_suffix(".lock"), patience_s=PATIENCE_S):
                if not is_usable(path):
                    compile_rows(rows(), path, source=source)
                    _remove_unused(path, name)
        except OSError as error:
            raise ConfigInvalid(f"found {error.strerror}, expected a folder to write to, at {cache}") from None
    with suppress(OSError):  # a cache that may only be read
        os.utime(path)
    return path


@lru_cache
def hash_code(module: str) -> str:
    """Return the version of the code of a module of this package, and of what it imports."""
    with _PARSING:
        return code_version(f"enrichment.vocabulary.{module}")


def _remove_unused(path: Path, name: str) -> None:
    """Remove what was compiled of earlier contents of this vocabulary, unless it was opened in the last week."""
    named = re.compile(rf"{re.escape(name)}\.[0-9a-f]{{{LENGTH}}}\.(?:sqlite|lock)")
    oldest = time.time() - UNUSED_S
    for other in path.parent.iterdir():
        with suppress(FileNotFoundError):
            if named.fullmatch(other.name) and other.stem != path.stem and other.stat().st_mtime < oldest:
                replacement.discard(other)
