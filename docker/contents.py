"""Print what an image contains as JSON: Python, its packages, and Debian's packages.

    docker run --rm --interactive --network none --entrypoint python nightly-ner - < docker/contents.py

`.ci/sbom.py` makes the bill of materials of it. Read from standard input by the image's Python; standard library only.
"""

import json
import platform
from importlib import metadata
from pathlib import Path

DEBIAN = Path("/var/lib/dpkg/status")


def python_packages() -> list[dict[str, str | None]]:
    """Return name and version of each installed distribution."""
    return [{"name": found.name, "version": found.version} for found in metadata.distributions()]


def debian_packages() -> list[dict[str, str]]:
    """Return name, version and architecture of each installed package; none on another system."""
    if not DEBIAN.is_file():
        return []
    packages = []
    for entry in DEBIAN.read_text(encoding="utf-8").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in entry.splitlines() if ": " in line and not line.startswith(" "))
        if fields.get("Status") == "install ok installed":
            packages.append({key.lower(): fields[key] for key in ("Package", "Version", "Architecture")})
    return packages


def system() -> dict[str, str]:
    """Return the names of the system, as in os-release."""
    lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    fields = dict(line.split("=", 1) for line in lines if "=" in line)
    return {key.lower(): fields[key].strip('"') for key in ("ID", "VERSION_CODENAME") if key in fields}


print(
    json.dumps(
        {
            "python": platform.python_version(),
            "markers": {"sys_platform": "linux", "platform_machine": platform.machine()},
            "system": system(),
            "packages": python_packages(),
            "debian": debian_packages(),
        }
    )
)
