"""The locked requirements: complete, hashed, permissively licensed, and what is really installed."""

import ast
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# Each compiled file, with the lists that it is compiled from.
LISTS = {
    "requirements": ["requirements", "requirements-airflow"],
    "requirements-dev": ["requirements-dev"],
    "requirements-docs": ["requirements-docs"],
    "requirements-uv": ["requirements-uv"],
    "docker/requirements": ["docker/requirements"],
}
LOCKED = list(LISTS)
# Extras that a deployment installs if it wants them; not locked.
EXTRAS = ["requirements-codes", "requirements-delta"]
PINNED = re.compile(r"^(?P<requirement>[A-Za-z0-9_.\[\],-]+==[^\\#]+?)\s*\\?$", re.MULTILINE)
# Listed without an import of ours; the value is what needs it.
NEEDED_UNSEEN = {
    "setuptools": "neural-compressor imports pkg_resources",
    "sqlalchemy": "Airflow, bounded here",
    "statsd": "Airflow's metrics",
    **dict.fromkeys(
        (f"apache-airflow-providers-{name}" for name in ("http", "openlineage", "slack", "smtp")),
        "Airflow finds them; their modules are airflow.providers",
    ),
}

# Run by developers only, with what requirements-dev.txt adds.
NOT_THE_PRODUCT = {".ci", "benchmarks", "examples", "sample"}
# Modules that several distributions share, or whose distribution is installed under another name by some.
BROUGHT_BY = {"airflow": {"apache-airflow"}, "neural_compressor": {"neural-compressor"}, "PIL": {"pillow"}}
# Tools that a developer installs for one purpose, each named where it is used.
BY_HAND = {"atheris"}


def listed_in(path: Path) -> dict[str, Requirement]:
    """Requirements of a `.in` file by canonical name."""
    lines = (line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    found = [Requirement(line) for line in lines if line and not line.startswith("-")]
    return {canonicalize_name(requirement.name): requirement for requirement in found}


def listed_for(name: str, root: Path) -> dict[str, Requirement]:
    """Requirements that a compiled file is compiled from, by canonical name."""
    return {key: value for part in LISTS[name] for key, value in listed_in(root / f"{part}.in").items()}


def locked_in(path: Path) -> dict[str, Requirement]:
    """Pinned requirements of a compiled file by canonical name."""
    found = [Requirement(match["requirement"]) for match in PINNED.finditer(path.read_text(encoding="utf-8"))]
    return {canonicalize_name(requirement.name): requirement for requirement in found}


def version_of(requirement: Requirement) -> str:
    return next(iter(requirement.specifier)).version


@pytest.mark.parametrize("name", LOCKED)
def test_each_requirement_is_locked_to_a_version_within_its_bounds(name, root):
    locked = locked_in(root / f"{name}.txt")
    for key, requirement in listed_for(name, root).items():
        assert key in locked, f"found no {requirement} in {name}.txt: run .ci/lock"
        assert requirement.specifier.contains(version_of(locked[key])), f"{requirement} in {name}.txt: run .ci/lock"


@pytest.mark.parametrize("name", LOCKED)
def test_each_locked_package_carries_its_hashes(name, root):
    blocks = re.split(r"\n(?=[A-Za-z0-9])", (root / f"{name}.txt").read_text(encoding="utf-8").strip())
    assert len(blocks) == len(locked_in(root / f"{name}.txt"))
    assert [block.split("\n")[0] for block in blocks if "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("name", [name for name in LOCKED if name != "requirements"])
def test_one_package_has_one_version_in_all_locked_files(name, root):
    main, other = locked_in(root / "requirements.txt"), locked_in(root / f"{name}.txt")
    assert {key: version_of(other[key]) for key in main.keys() & other.keys()} == {
        key: version_of(main[key]) for key in main.keys() & other.keys()
    }


@pytest.mark.parametrize("name", LOCKED)
def test_each_requirement_has_its_reason(name, root):
    lines = [line for part in LISTS[name] for line in (root / f"{part}.in").read_text(encoding="utf-8").splitlines()]
    bare = [line for line in lines if re.match(r"[a-z]", line) and "#" not in line]
    assert bare == []


def imported_by(path: Path) -> set[str]:
    """Top-level names that a Python file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def distributions_of(paths: list[Path], root: Path) -> dict[str, set[str]]:
    """Third-party modules that `paths` import, each with the distributions that may bring it."""
    ours = {path.name.removesuffix(".py") for folder in (root, root / "plugins") for path in folder.iterdir()}
    modules = set().union(*(imported_by(path) for path in paths)) - sys.stdlib_module_names - ours
    known = metadata.packages_distributions()
    found = {module: {canonicalize_name(name) for name in known.get(module, [module])} for module in modules}
    return found | {module: BROUGHT_BY[module] for module in modules & BROUGHT_BY.keys()}


@pytest.mark.parametrize("lists", [["requirements"], ["requirements", "requirements-airflow"]], ids=["core", "all"])
def test_each_import_of_the_product_stands_in_its_list(lists, sources, root):
    first = {path: path.relative_to(root).parts[0] for path in sources}
    product = [path for path in sources if first[path] not in NOT_THE_PRODUCT]
    core = [path for path in sources if first[path] == "ner_tasks"]
    listed = {key for name in (*lists, *EXTRAS) for key in listed_in(root / f"{name}.in")}
    # A namespace such as `google` belongs to several distributions: one of them is enough.
    imports = distributions_of(product if len(lists) > 1 else core, root)
    assert {module: names for module, names in imports.items() if not names & listed} == {}


def test_each_requirement_is_imported_or_says_who_needs_it(sources, root):
    imported = set().union(*distributions_of(sources, root).values())
    assert {name for name in listed_for("requirements", root) if name not in imported | set(NEEDED_UNSEEN)} == set()


def test_tests_and_tools_import_nothing_that_is_not_locked(tracked, root):
    tests = [
        path
        for path in tracked
        if path.suffix == ".py" and path.relative_to(root).parts[0] in NOT_THE_PRODUCT - {"benchmarks"} | {"tests"}
    ]
    locked = set(locked_in(root / "requirements.txt")) | set(locked_in(root / "requirements-dev.txt"))
    local = {path.stem for path in tests} | {path.parent.name for path in tests}
    missing = {
        module: names
        for module, names in distributions_of(tests, root).items()
        if module not in local | BY_HAND and not names & locked
    }
    assert missing == {}


def test_the_environment_of_make_is_the_locked_one(root):
    if Path(sys.prefix).resolve() != (root / ".venv").resolve():
        pytest.skip("these tests run outside .venv")
    expected = {
        key: version_of(requirement)
        for name in ("requirements", "requirements-dev")
        for key, requirement in locked_in(root / f"{name}.txt").items()
        if requirement.marker is None or requirement.marker.evaluate()
    }
    assert {key: metadata.version(key) for key in expected} == expected


def test_the_makefile_asks_the_product_itself_whether_ocr_is_installed(root):
    (code,) = re.findall(r"^ocr_missing = .* -c '(.*)'$", (root / "Makefile").read_text(), re.MULTILINE)
    asked = [sys.executable, "-c", code.replace("$(OCR_LANGUAGES)", "no-such-language")]
    said = subprocess.run(asked, cwd=root, capture_output=True, text=True, check=True).stdout
    assert "tesseract" in said
