"""What a process has loaded, to notice that an upgrade has replaced some of it."""

import os
import sys
from contextlib import suppress
from pathlib import Path

# Folders of an installed distribution, whose names hold its version; `.pth` files extend the path.
_INSTALLED = (".dist-info", ".egg-info", ".pth")


class LoadedCode:
    """The files of this process's modules and libraries, and the packages on its path, as they are now."""

    def __init__(self) -> None:
        self._files = sorted(_list_modules() | _list_mapped())
        self._stamp = self._read()

    def has_changed(self) -> bool:
        """Return whether one of the files was replaced, or a package installed, upgraded or removed since."""
        return self._read() != self._stamp

    def _read(self) -> list[object]:
        return [[_describe_file(path) for path in self._files], _list_installed()]


def _list_modules() -> set[str]:
    named = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    return {name for name in named if isinstance(name, str)}


def _list_mapped() -> set[str]:
    """Return the shared libraries of this process; none on other systems than Linux."""
    with suppress(OSError):
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
        return {line[line.index("/") :] for line in lines if "/" in line}
    return set()


def _describe_file(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - 700 at each look, and a Path costs more than the look
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _list_installed() -> list[tuple[str, list[str]]]:
    """Return the names of the distributions in each folder on the path."""
    found = []
    for folder in sys.path:
        with suppress(OSError):
            found.append((folder, sorted(name for name in os.listdir(folder) if name.endswith(_INSTALLED))))  # noqa: PTH208 - as above
    return found
