"""`.ci/audit` never reports unchecked packages as sound."""

import importlib.machinery
import importlib.util

import pytest

VULNERABILITY = {"id": "PYSEC-1", "fix_versions": ["2.0"], "aliases": [], "description": ""}
CANARY = [{"name": "requests", "version": "2.19.0", "vulns": [VULNERABILITY]}]
SOUND = {"name": "boto3", "version": "1.0", "vulns": []}
SKIPPED = {"name": "celery", "skip_reason": "Dependency not found on PyPI and could not be audited: celery (5.6.3)"}


@pytest.fixture(scope="module")
def audit(root):
    loader = importlib.machinery.SourceFileLoader("audit", str(root / ".ci" / "audit"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("audit", loader))
    loader.exec_module(module)
    return module


def test_sound_packages_pass_and_are_counted(audit):
    assert audit.judge([SOUND, SOUND], CANARY) == (0, ["audit: 2 packages, no known vulnerability"])


def test_a_vulnerable_package_fails_unless_it_is_excepted(audit, monkeypatch):
    vulnerable = {"name": "boto3", "version": "1.0", "vulns": [VULNERABILITY]}
    assert audit.judge([vulnerable], CANARY) == (1, ["found PYSEC-1 in boto3 1.0, expected none, fixed in 2.0"])
    monkeypatch.setitem(audit.EXCEPTED, "PYSEC-1", "not reached: we never call it")
    assert audit.judge([vulnerable], CANARY)[0] == 0


def test_packages_that_were_not_asked_about_are_no_sound_packages(audit):
    code, lines = audit.judge([SOUND, SKIPPED], CANARY)
    assert (code, lines) == (1, ["found no report of celery, expected one; 1 packages were audited"])


@pytest.mark.parametrize("canary", [[], [{**CANARY[0], "vulns": []}], [SKIPPED]])
def test_where_a_vulnerable_release_looks_sound_nothing_was_audited(audit, canary):
    code, (line,) = audit.judge([SOUND], canary)
    assert code == 3
    assert line.startswith("NOT AUDITED: ")


def test_pip_audit_answers_in_the_form_that_is_read_whether_it_reaches_advisories_or_not(audit, tmp_path):
    (tmp_path / "pinned.txt").write_text(audit.CANARY)
    (answer,) = audit.ask(tmp_path / "pinned.txt")
    assert answer["name"] == "requests"
    assert "skip_reason" in answer or {found["id"] for found in answer["vulns"]}


def test_only_where_it_is_required_is_no_answer_a_failure(audit, monkeypatch, capsys):
    def unreachable(path):
        raise OSError("no route")

    monkeypatch.setattr(audit, "ask", unreachable)
    assert (audit.main(required=False), audit.main(required=True)) == (0, 1)
    assert capsys.readouterr().err.count("NOT AUDITED: found no route") == 2
