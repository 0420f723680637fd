"""Write docs/licences.md: the licence of every package in the locked files, as its own metadata states it.

Run it with a Python that has all of them installed, after `.ci/lock`:

    uv pip install --require-hashes -r requirements.txt -r requirements-dev.txt -r docker/requirements.txt
    python .ci/licences.py
"""

import re
import sys
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
FILES = {"requirements.txt": "run", "docker/requirements.txt": "image", "requirements-dev.txt": "tests and checks"}
PINNED = re.compile(r"^([A-Za-z0-9_.\[\],-]+==[^\\#]+?)\s*\\?$", re.MULTILINE)

# The metadata says nothing, or not all; read in what the package ships, or in the project that it is a part of.
BY_HAND = {
    "axe-playwright-python": "MIT, with axe-core under MPL-2.0 inside",
    "namex": "Apache-2.0",
    "openlineage-sql": "Apache-2.0, as all of OpenLineage",
}
HEADER = """# Licences

The licence of every package in the locked files, as the package's own metadata states it; made by
`.ci/licences.py`. Packages that are only locked for another platform stand below the table.

Nothing here is under the GPL or AGPL. What is not simply permissive:

- `psycopg2-binary` (LGPL with exceptions) is installed in the container image only, unmodified; Airflow works with
  no other driver for PostgreSQL.
- `certifi`, `pathspec`, `tqdm` and `hypothesis` are under the MPL-2.0 in whole or part: unmodified files of theirs ask for
  nothing but their notice.
- `text-unidecode` may be used under the Artistic licence instead of the GPL, and is.

| package | version | licence | used for |
|---|---|---|---|
"""


def licence_of(name: str) -> str:
    """Licence of an installed distribution, in one line."""
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


def main() -> int:
    rows: dict[str, tuple[str, str, set[str]]] = {}
    elsewhere: set[str] = set()
    for file, purpose in FILES.items():
        for text in PINNED.findall((ROOT / file).read_text(encoding="utf-8")):
            requirement = Requirement(text)
            name = canonicalize_name(requirement.name)
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
    (ROOT / "docs" / "licences.md").write_text(
        f"{HEADER}{table}\nLocked, and not installed here:\n\n{other}", encoding="utf-8"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
