import ast
import hashlib
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ner_tasks import fingerprint, parsed_source
from ner_tasks.parsed_source import ParsedSources

ROOT = Path(__file__).parents[2]
SOURCE = "from ner_tasks.model import build\nREADERS = 'ner_tasks.documents.readers.'\n"
OTHER = "SIZE = 1\n"


@pytest.fixture
def folder(tmp_path) -> Path:
    sources = ParsedSources()
    sources.keep_in(tmp_path / "cache")
    sources.parse(SOURCE)
    sources.save()
    return tmp_path / "cache"


def read_again(folder: Path, source: str = SOURCE) -> parsed_source.ParsedSource:
    """Parse as the next process does."""
    sources = ParsedSources()
    sources.keep_in(folder)
    found = sources.parse(source)
    sources.save()
    return found


def kept(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def forge(path: Path) -> None:
    """Give the source another digest, with the right checksum."""
    entries = json.loads(path.read_text())["parsed"]
    for entry in entries.values():
        entry["digest"] = "0" * 64
    text = json.dumps(entries, sort_keys=True, separators=(",", ":"))
    path.write_text(json.dumps({"sha256": hashlib.sha256(text.encode()).hexdigest(), "parsed": entries}))


def fail_to_parse(_source):
    raise AssertionError("parsed again")


def test_a_version_is_the_hash_of_the_syntax_trees_with_and_without_a_cache(tmp_path):
    (tmp_path / "training.py").write_text(OTHER)
    expected = fingerprint.make_version(
        {"training.py": hashlib.sha256(ast.dump(ast.parse(OTHER)).encode()).hexdigest()}
    )
    code = "import sys; from pathlib import Path; from ner_tasks import fingerprint as f; p = Path(sys.argv[1])\n"
    code += "f.keep_parsed(p / 'scratch' if sys.argv[2] else None); print(f.code_version('training', p))"
    for with_cache in ("", "filled", "read"):
        command = [sys.executable, "-c", code, tmp_path, with_cache]
        assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip() == expected
    assert len(list((tmp_path / "scratch").rglob("*.json"))) == 1


def test_what_was_parsed_once_is_not_parsed_again(folder, monkeypatch):
    monkeypatch.setattr(parsed_source, "parse", fail_to_parse)
    found = read_again(folder)
    assert found.imports == ("model", "model.build")
    assert found.named == ("documents.readers",)
    with pytest.raises(AssertionError, match="parsed again"):
        read_again(folder, SOURCE + "# a comment is another source\n")


def test_a_later_process_adds_to_what_earlier_ones_kept(folder, monkeypatch):
    read_again(folder, OTHER)
    monkeypatch.setattr(parsed_source, "parse", fail_to_parse)
    assert read_again(folder) != read_again(folder, OTHER)


def test_the_forged_entry_of_these_tests_is_used_where_nothing_else_is_wrong(folder):
    forge(kept(folder))
    assert read_again(folder).digest == "0" * 64


@pytest.mark.runbook("airflow", "notice: parsed source is not used or is not kept in a log")
@pytest.mark.parametrize("mode", [0o770, 0o707], ids=["the group", "everybody"])
@pytest.mark.parametrize("what", ["folder", "file"])
def test_what_others_may_write_changes_no_version(folder, what, mode, caplog):
    forge(kept(folder))
    (folder if what == "folder" else kept(folder)).chmod(mode)
    assert read_again(folder) == parsed_source.parse(SOURCE)
    assert "may write" in caplog.text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("what", ["folder", "file"])
def test_what_another_user_owns_changes_no_version(folder, what):
    forge(kept(folder))
    os.chown(folder if what == "folder" else kept(folder), 12345, 12345)
    assert read_again(folder) == parsed_source.parse(SOURCE)


def test_a_link_is_not_followed(folder, tmp_path):
    forge(kept(folder))
    kept(folder).rename(tmp_path / "forged.json")
    (folder / parsed_source._file_name()).symlink_to(tmp_path / "forged.json")
    assert read_again(folder) == parsed_source.parse(SOURCE)


def digest_changed(text: str) -> str:
    """The file with one digit of a digest changed, as by a damaged disk."""
    digest = parsed_source.parse(SOURCE).digest
    return text.replace(digest, digest[:-1] + ("0" if digest[-1] != "0" else "1"))


DAMAGES = {
    "a digit is another": digest_changed,
    "truncated": lambda text: text[:-20],
    "empty": lambda _text: "",
    "no JSON": lambda _text: "\x00" * 100,
    "another shape": lambda _text: '{"sha256": "", "parsed": []}',
    "no object": lambda _text: "[]",
    "nested deeply": lambda _text: "[" * 200_000,
    "huge": lambda text: text + " " * parsed_source._MAX_BYTES,
}


@pytest.mark.runbook("airflow", "notice: parsed source is not used or is not kept in a log")
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=list(DAMAGES))
def test_a_damaged_cache_costs_time_and_is_mended(folder, damage, monkeypatch, caplog):
    kept(folder).write_text(damage(kept(folder).read_text()))
    assert read_again(folder) == parsed_source.parse(SOURCE)
    assert "parsed source is not used" in caplog.text
    monkeypatch.setattr(parsed_source, "parse", fail_to_parse)
    assert read_again(folder).digest


def test_a_pipe_in_the_place_of_the_cache_does_not_block(folder):
    name = kept(folder)
    name.unlink()
    os.mkfifo(name, 0o600)
    assert read_again(folder) == parsed_source.parse(SOURCE)


@pytest.mark.runbook("airflow", "notice: parsed source is not used or is not kept in a log")
def test_a_folder_that_cannot_be_made_costs_time_only(tmp_path, caplog):
    (tmp_path / "file").touch()
    assert read_again(tmp_path / "file" / "cache") == parsed_source.parse(SOURCE)
    assert "not kept" in caplog.text


def test_a_missing_cache_is_not_worth_a_notice(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        read_again(tmp_path / "cache")
    assert not caplog.records


def test_processes_at_once_leave_a_whole_cache_and_nothing_else(tmp_path):
    code = "import sys; from pathlib import Path; from tests.core.test_parsed_source import read_again\n"
    code += "for n in range(40): read_again(Path(sys.argv[1]), f'N = {sys.argv[2]} * {n}')"
    command = [sys.executable, "-c", code, tmp_path / "cache"]
    running = [subprocess.Popen([*command, str(number)], cwd=ROOT) for number in range(3)]
    assert [process.wait(120) for process in running] == [0, 0, 0]
    assert parsed_source._read(tmp_path / "cache")
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_sources_that_changed_often_do_not_make_the_cache_grow_for_ever(folder, monkeypatch):
    monkeypatch.setattr(parsed_source, "_MAX_ENTRIES", 3)
    for number in range(10):
        read_again(folder, f"N = {number}\n")
    assert len(parsed_source._read(folder)) <= 3
