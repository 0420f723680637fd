"""Keeps pyarrow from importing pandas, which takes a second and 60 MiB, in a process that has no use for it."""

import sys
from importlib.machinery import ModuleSpec
from typing import Any

_HIDDEN = "pandas"


class _Hidden:
    """A finder for which pandas is not installed."""

    @staticmethod
    def find_spec(name: str, _path: Any = None, _target: Any = None) -> ModuleSpec | None:
        if name == _HIDDEN:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None


def hide_pandas() -> None:
    """Load pyarrow as if pandas were not installed; it looks for it at its first array, and never again.

    For a process of our own only: pyarrow then takes a pandas object for any sequence.
    """
    if _HIDDEN in sys.modules:
        return
    sys.meta_path.insert(0, _Hidden)
    try:
        import pyarrow as pa

        pa.array(())
    finally:
        sys.meta_path.remove(_Hidden)
