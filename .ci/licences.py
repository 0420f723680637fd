"""Write docs/licences.md: the licence of every locked package, from its metadata.

Run it after `.ci/lock`, with a Python that has all of them installed:

    uv pip install --require-hashes -r requirements.txt -r requirements-dev.txt -r requirements-docs.txt -r docker/requirements.txt
    python .ci/licences.py

`python .ci/licences.py --check`, which CI runs, writes nothing. It fails if a locked package is not listed with its version,
if its licence is neither permissive nor an exception, or if its metadata differs from the list.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LISTED = ROOT / "docs" / "licences.md"
FILES = {
    "requirements.txt": "run",
    "docker/requirements.txt": "image",
    "requirements-dev.txt": "tests and checks",
    "requirements-docs.txt": "documentation",
}
PINNED = re.compile(r"^([A-Za-z0-9_.\[\],-]+==[^\\#]+?)\s*\\?$", re.MULTILINE)

# Licences missing or incomplete in the metadata, from the package's files or its project.
BY_HAND = {
    "axe-playwright-python": "MIT, with axe-core under MPL-2.0 inside",
    "namex": "Apache-2.0",
    "openlineage-sql": "Apache-2.0",
}
# As written in metadata; a package may name several.
PERMISSIVE = {
    *("0BSD", "Apache-2.0", "Apache 2.0 License", "Apache License 2.0", "Apache License Version 2.0"),
    "Apache Software License",
    *("BSD-2-Clause", "BSD-3-Clause", "3-Clause BSD License", "BSD License", "CC0-1.0", "CNRI-Python", "ISC", "Zlib"),
    *("ISC License (ISCL)", "MIT", "MIT License", "MIT-0", "MIT-CMU", "PSF-2.0"),
    *("Python Software Foundation License", "The Unlicense (Unlicense)"),
}
# Not simply permissive. The reasons are in the header of docs/licences.md.
EXCEPTIONS = {
    "axe-playwright-python": "MIT, with axe-core under MPL-2.0 inside",
    "certifi": "Mozilla Public License 2.0 (MPL 2.0)",
    "hypothesis": "MPL-2.0",
    "pathspec": "Mozilla Public License 2.0 (MPL 2.0)",
    "pypdfium2": "BSD-3-Clause, Apache-2.0, dependency licenses",
    "psycopg2-binary": "GNU Library or Lesser General Public License (LGPL)",
    "text-unidecode": "Artistic License, GNU General Public License (GPL), GNU General Public License v2 or later (GPLv2+)",
    "tqdm": "MPL-2.0 AND MIT",
}
ROW = re.compile(r"^\| ([a-z0-9-]+) \| (\d\S*) \| (.+?) \| [a-z, ]+ \|$", re.MULTILINE)
HEADER = """# Licences

The licence of every package in the locked files, as the package's own metadata states it; made by
`.ci/licences.py`. Packages that are only locked for another platform stand below the table.

Nothing here is under the GPL or AGPL. What is not simply permissive:

- `psycopg2-binary` (LGPL with exceptions) is installed in the container image only, unmodified; Airflow works with
  no other driver for PostgreSQL.
- `certifi`, `pathspec`, `tqdm` and `hypothesis` are under the MPL-2.0 in whole or part: unmodified files of theirs ask for
  nothing but their notice.
- `axe-playwright-python` carries axe-core, which is under the MPL-2.0, for tests only.
- `pypdfium2` carries PDFium (BSD-3-Clause, Apache-2.0) and what that is built from (FreeType, OpenJPEG, Little CMS, libtiff, zlib, libpng):
  permissive licences all, kept in the package.
- `text-unidecode` may be used under the Artistic licence instead of the GPL, and is.

| package | version | licence | used for |
|---|---|---|---|
"""


def licence_of(name: str) -> str:
    """Return the licence of an installed distribution, in one line."""
    if name in BY_HAND:
        return BY_HAND[name]
    data = metadata.metadata(name)
    expression = data.get("License-Expression")
    if expression:
        return str(expression)
    classifiers = [
        line.split(" :: ")[-1]
        for line in data.get_all("Classifier") or []
        if line.startswith("License :: OSI Approved ::")
    ]
    stated = (data.get("License") or "").strip()
    first = stated.splitlines()[0] if stated else ""
    return ", ".join(classifiers) or (first if len(first) < 60 else "") or "not stated"


def is_permissive(licence: str) -> bool:
    """Return whether a licence is permissive: all parts of a conjunction, or one part of a choice."""
    return any(all(part in PERMISSIVE for part in re.split(r" AND |, ", choice)) for choice in licence.split(" OR "))


def locked() -> Iterator[tuple[str, Requirement, str]]:
    """Yield name, requirement and purpose of each package in each locked file."""
    for file, purpose in FILES.items():
        for text in PINNED.findall((ROOT / file).read_text(encoding="utf-8")):
            requirement = Requirement(text)
            yield canonicalize_name(requirement.name), requirement, purpose


def check() -> list[str]:
    """Return the errors in docs/licences.md, one line each."""
    listed = {name: (version, licence) for name, version, licence in ROW.findall(LISTED.read_text(encoding="utf-8"))}
    wrong = [
        f"found licence {licence!r} of {name}, expected a permissive one, or an exception with its reason"
        for name, (_, licence) in listed.items()
        if not is_permissive(licence) and EXCEPTIONS.get(name) != licence
    ]
    for name, requirement, _ in locked():
        if requirement.marker and not requirement.marker.evaluate():
            continue
        version = next(iter(requirement.specifier)).version
        listed_version, licence = listed.get(name, ("no row", ""))
        if listed_version != version:
            wrong.append(f"found {listed_version} of {name}, expected one of {version}: run .ci/licences.py")
            continue
        try:  # packages of the image may not be installed here
            stated = licence_of(name) if metadata.version(name) == version else licence
        except metadata.PackageNotFoundError:
            continue
        if stated.replace("|", "/") != licence:
            wrong.append(f"found {licence!r} of {name}, expected {stated!r} as in its metadata: run .ci/licences.py")
    return sorted(set(wrong))


def main(arguments: Sequence[str]) -> int:
    if arguments == ["--check"]:
        wrong = check()
        print(
            "\n".join(wrong) or "licences: all permissive or excepted",
            file=sys.stderr if wrong else sys.stdout,
        )
        return 1 if wrong else 0
    if arguments:
        print(f"found {arguments}, expected nothing or --check", file=sys.stderr)
        return 2
    rows: dict[str, tuple[str, str, set[str]]] = {}
    elsewhere: set[str] = set()
    for name, requirement, purpose in locked():
        if requirement.marker and not requirement.marker.evaluate():
            elsewhere.add(f"`{name}` ({requirement.marker})")
            continue
        version = next(iter(requirement.specifier)).version
        if metadata.version(name) != version:
            print(f"found {name} {metadata.version(name)}, expected {version}, in {sys.prefix}", file=sys.stderr)
            return 1
        rows.setdefault(name, (version, licence_of(name), set()))[2].add(purpose)
    table = "".join(
        f"| {name} | {version} | {licence.replace('|', '/')} | {', '.join(p for p in FILES.values() if p in purposes)} |\n"
        for name, (version, licence, purposes) in sorted(rows.items())
    )
    other = "".join(f"- {line}\n" for line in sorted(elsewhere))
    LISTED.write_text(f"{HEADER}{table}\nLocked, and not installed here:\n\n{other}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
