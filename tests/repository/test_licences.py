"""Licences of locked packages are permissive, or exceptions with a reason: `.ci/licences.py --check`."""

import importlib.util

import pytest


@pytest.fixture(scope="module")
def licences(root):
    spec = importlib.util.spec_from_file_location("licences", root / ".ci" / "licences.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def changed(licences, monkeypatch, tmp_path):
    """Checks docs/licences.md with the row of one package changed."""

    def check(name, version=None, licence=None):
        text = licences.LISTED.read_text(encoding="utf-8")
        (row,) = [found for found in licences.ROW.finditer(text) if found[1] == name]
        other = row[0].replace(row[2], version or row[2], 1).replace(row[3], licence or row[3], 1)
        monkeypatch.setattr(licences, "LISTED", tmp_path / "licences.md")
        licences.LISTED.write_text(text.replace(row[0], other), encoding="utf-8")
        return licences.check()

    return check


def test_what_is_locked_is_permissive_or_excepted(licences):
    assert licences.check() == []


def test_an_exception_has_its_reason_on_the_page_and_is_still_needed(licences):
    text = licences.LISTED.read_text(encoding="utf-8")
    named = text.partition("| package |")[0]
    assert [name for name in licences.EXCEPTIONS if f"`{name}`" not in named] == []
    listed = {name for name, _, _ in licences.ROW.findall(text)}
    assert licences.EXCEPTIONS.keys() <= listed


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("MIT", True),
        ("Apache-2.0 OR BSD-3-Clause", True),
        ("GPL-3.0-only OR MIT", True),
        ("MIT AND GPL-3.0-only", False),
        ("MIT License, GNU General Public License (GPL)", False),
        ("AGPL-3.0", False),
        ("not stated", False),
    ],
)
def test_a_choice_needs_one_permissive_licence_and_a_sum_needs_all(licences, licence, expected):
    assert licences.is_permissive(licence) is expected


def test_a_package_under_another_licence_is_refused(changed):
    # of the image only: not installed here, so that nothing but its row speaks
    (line,) = changed("psycopg2-binary", licence="AGPL-3.0-only")
    assert line.startswith(
        "found licence 'AGPL-3.0-only' of psycopg2-binary, expected a permissive one, or an exception"
    )


def test_a_package_without_a_row_of_its_version_is_found_out(changed):
    (line,) = changed("celery", version="0.1")
    assert line.startswith("found 0.1 of celery, expected one of ")


def test_a_row_that_says_otherwise_than_the_package_is_found_out(changed):
    (line,) = changed("boto3", licence="MIT")
    assert line.startswith("found 'MIT' of boto3, expected 'Apache-2.0' as in its metadata")
