"""Rules for every file of the repository."""

import ast
import re
from pathlib import Path

import pytest

# Written so that no pattern matches itself.
HOME_FOLDERS = re.compile(r"(?<![\w.])/(?:root|work|farm|Users|home)/[A-Za-z.]")
REGISTRY_HOSTS = re.compile(
    r"""https?://[\w.-]*(?:pypi|pythonhosted|artifactory|nexus|devpi)[\w.-]*   # a package index or a mirror of one
      | --(?:extra-)?index-url[ =]\S | --find-links[ =]\S
      | (?<![\d.])(?:10[.]\d+|192[.]168|172[.](?:1[6-9]|2\d|3[01]))[.]\d+[.]\d+ """,
    re.VERBOSE,
)
SECRETS = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY|AKIA[0-9A-Z]{16}|\bhf_[A-Za-z0-9]{30,}|\bghp_[A-Za-z0-9]{30,}")
LONGEST_MODULE, LONGEST_FUNCTION = 300, 60
LISTS = {
    "sample/vocabulary.py",
    "ner_tasks/cli/app.py parser",
}  # words to choose from, flags to declare: lists, no logic


def texts(paths: list[Path]) -> list[tuple[Path, str]]:
    """The files that are text, with it."""
    found = []
    for path in paths:
        try:
            found.append((path, path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue  # a picture, a PDF, a sample in another encoding
    return found


@pytest.mark.parametrize("pattern", [HOME_FOLDERS, REGISTRY_HOSTS, SECRETS], ids=["home-folder", "registry", "secret"])
def test_no_file_names_one_machine_one_registry_or_a_secret(pattern, tracked, root):
    hits = [
        f"{path.relative_to(root)}:{number}: {match.group()}"
        for path, text in texts(tracked)
        for number, line in enumerate(text.splitlines(), 1)
        if (match := pattern.search(line))
    ]
    assert hits == []


@pytest.mark.parametrize(
    ("pattern", "bad", "good"),
    [
        (HOME_FOLDERS, "cd /" + "home/ann/ner", "https://example.org/work/x"),
        (HOME_FOLDERS, "see /" + "root/notes", "the root/leaf and ./home/x"),
        (REGISTRY_HOSTS, "--index-url" + "=somewhere", "index-url is never given"),
        (REGISTRY_HOSTS, "https://mirror." + "pypi.example/simple", "a wheel from PyPI"),
        (REGISTRY_HOSTS, "http://10.1." + "2.3:8081/", "version 10.1.2 of 2026"),
        (SECRETS, "AKIA" + "ABCDEFGHIJKLMNOP", "AKIA is where keys begin"),
    ],
    ids=["home", "root", "index-option", "mirror", "private-address", "key"],
)
def test_the_patterns_find_what_they_are_for_and_no_more(pattern, bad, good):
    assert pattern.search(bad)
    assert not pattern.search(good)


def test_a_module_fits_into_one_reading(sources, root):
    too_long = {
        str(path.relative_to(root)): n_lines
        for path, text in texts(sources)
        if (n_lines := len(text.splitlines())) > LONGEST_MODULE and str(path.relative_to(root)) not in LISTS
    }
    assert too_long == {}


def test_a_function_fits_on_a_screen(sources, root):
    too_long = {
        name: n_lines
        for path, text in texts(sources)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (name := f"{path.relative_to(root)} {node.name}") not in LISTS
        and (n_lines := (node.end_lineno or node.lineno) - node.body[0].lineno + 1) > LONGEST_FUNCTION
    }
    assert too_long == {}


def test_a_tests_name_is_a_sentence(tracked, root):
    short = [
        f"{path.relative_to(root)}: {node.name}"
        for path in tracked
        if path.name.startswith("test_") and path.suffix == ".py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and len(node.name.split("_")) < 4
    ]
    assert short == []


def test_one_module_builds_jinja_environments(tracked, root):
    """It escapes every value; another one might forget to."""
    builders = {
        path.relative_to(root).as_posix()
        for path, text in texts([path for path in tracked if path.suffix == ".py"])
        if "FileSystemLoader" in text and path.relative_to(root).parts[0] != "tests"
    }
    assert builders == {"ner_tasks/display.py"}
