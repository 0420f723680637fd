"""Remove from an environment what the image does not need, and print what that frees.

    python docker/slim.py /opt/venv docker/unneeded.txt

Run while the image is built, after the packages' hashes were checked. A pattern that matches nothing is an error: the
list follows the locked versions. Uses the standard library, and `strip` of binutils.
"""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

# Files that travel with their package whatever is left out.
LICENCE = re.compile(r"licen[cs]e|copying|notice|authors|copyright", re.IGNORECASE)
ACTIONS = ("delete", "strip")
STRIP = ("strip", "--strip-unneeded", "--preserve-dates")


class Removal(NamedTuple):
    """One line of the list: what to do with the files that match a pattern."""

    action: str
    pattern: str


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 2:
        print(f"error: found {len(arguments)} arguments, expected ENVIRONMENT LIST", file=sys.stderr)
        return 2
    environment, listed = map(Path, arguments)
    try:
        site = find_packages(environment)
        n_freed = sum(apply(rule, site) for rule in read_rules(listed))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"removed {n_freed / 1e6:.0f} MB from {environment}")
    return 0


def find_packages(environment: Path) -> Path:
    """Return the folder site-packages of an environment.

    Raises:
        ValueError: there is none, or there are several.
    """
    found = list(environment.glob("lib/python*/site-packages"))
    if len(found) != 1:
        raise ValueError(f"found {len(found)} folders site-packages, expected one, in {environment}")
    return found[0]


def read_rules(path: Path) -> list[Removal]:
    """Read the list.

    Raises:
        ValueError: a line that is not `delete PATTERN  # reason` or `strip PATTERN  # reason`.
    """
    rules = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        words, _, reason = line.partition("#")
        parts = words.split()
        if len(parts) != 2 or parts[0] not in ACTIONS or not reason.strip() or parts[1].startswith(("/", ".")):
            raise ValueError(f"found {line!r}, expected 'delete|strip PATTERN  # reason', in {path}:{number}")
        rules.append(Removal(*parts))
    return rules


def matches(rule: Removal, site: Path) -> Iterator[Path]:
    """Yield the files of a rule, without licences and links."""
    pattern = f"{rule.pattern}/*" if rule.pattern.endswith("**") else rule.pattern
    for path in sorted(site.glob(pattern)):
        if path.is_file() and not path.is_symlink() and not LICENCE.search(path.name):
            yield path


def apply(rule: Removal, site: Path) -> int:
    """Apply a rule and return the bytes freed.

    Raises:
        ValueError: no file matches.
    """
    found = list(matches(rule, site))
    if not found:
        raise ValueError(f"found no file for '{rule.action} {rule.pattern}', expected some, in {site}")
    n_before = sum(path.stat().st_size for path in found)
    if rule.action == "delete":
        n_after = 0
        for path in found:
            path.unlink()
        _drop_empty_folders({path.parent for path in found}, site)
    else:
        subprocess.run([*STRIP, *found], check=True)
        n_after = sum(path.stat().st_size for path in found)
    print(f"{rule.action:6} {rule.pattern:45} {len(found):6} files {(n_before - n_after) / 1e6:7.1f} MB", flush=True)
    return n_before - n_after


def _drop_empty_folders(folders: set[Path], site: Path) -> None:
    for folder in sorted(folders, key=lambda path: len(path.parts), reverse=True):
        while folder != site and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent  # noqa: PLW2901 - upwards until one is not empty


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
