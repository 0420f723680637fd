"""Write the bill of materials of an image in CycloneDX's format, from what it contains.

    python .ci/sbom.py build/contents.json build/nightly-ner.cdx.json

`docker/build` runs it with what docker/contents.py printed in the image. Fails if the image has another package than the
locked requirements name for its platform: then it was not built from this checkout. Licences are those of docs/licences.md.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import licences
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.utils import canonicalize_name

NAME = "nightly-ner"
IN_IMAGE = {"run", "image"}


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 2:
        print(f"error: found {len(arguments)} arguments, expected CONTENTS OUTPUT", file=sys.stderr)
        return 2
    source, output = map(Path, arguments)
    contents = json.loads(source.read_text(encoding="utf-8"))
    wrong = differences(contents)
    if wrong:
        print("\n".join(f"error: {line}, in {source}" for line in wrong), file=sys.stderr)
        return 1
    bom = make_bom(contents)
    JsonV1Dot6(bom).output_to_file(str(output), allow_overwrite=True, indent=2)
    print(f"bill of materials: {output}, {len(bom.components)} components")
    return 0


def expected(contents: Mapping[str, Any]) -> dict[str, str]:
    """Return the version of each package that is locked for the image's platform."""
    python = contents["python"]
    environment = {"python_full_version": python, "python_version": ".".join(python.split(".")[:2])}
    environment |= contents["markers"]
    return {
        name: next(iter(requirement.specifier)).version
        for name, requirement, purpose in licences.locked()
        if purpose in IN_IMAGE and (requirement.marker is None or requirement.marker.evaluate(environment))
    }


def differences(contents: Mapping[str, Any]) -> list[str]:
    """Return a line for each package that is missing, of another version, or not locked."""
    wanted = expected(contents)
    installed = {canonicalize_name(package["name"]): package["version"] for package in contents["packages"]}
    return [
        f"found {name} {installed.get(name, 'missing')}, expected {wanted.get(name, 'none')} as locked"
        for name in sorted(wanted.keys() | installed.keys())
        if installed.get(name) != wanted.get(name)
    ]


def make_bom(contents: Mapping[str, Any]) -> Bom:
    """Return the bill of materials: the image, on which all packages depend."""
    image = Component(name=NAME, version=read_version(), type=ComponentType.CONTAINER, bom_ref=NAME)
    image.licenses.add(LicenseFactory().make_from_string("Apache-2.0"))
    bom = Bom(components=[*_python(contents), *_debian(contents)], metadata=BomMetaData(component=image))
    bom.register_dependency(image, bom.components)
    return bom


def read_version() -> str:
    import tomllib

    project = tomllib.loads((licences.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return str(project["project"]["version"])


def _python(contents: Mapping[str, Any]) -> Iterator[Component]:
    listed = {name: licence for name, _, licence in licences.ROW.findall(licences.LISTED.read_text(encoding="utf-8"))}
    for package in contents["packages"]:
        name, version = canonicalize_name(package["name"]), package["version"]
        purl = PackageURL("pypi", name=name, version=version)
        made = Component(name=name, version=version, purl=purl, bom_ref=purl.to_string())
        if name in listed:
            made.licenses.add(LicenseFactory().make_from_string(listed[name]))
        yield made


def _debian(contents: Mapping[str, Any]) -> Iterator[Component]:
    system = contents["system"]
    for package in contents["debian"]:
        name, version = package["package"], package["version"]
        qualifiers = {"arch": package["architecture"], "distro": system.get("version_codename", "")}
        purl = PackageURL("deb", namespace=system.get("id"), name=name, version=version, qualifiers=qualifiers)
        yield Component(name=name, version=version, purl=purl, bom_ref=purl.to_string())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
