"""The examples run as their docstrings say, on small data, in processes of their own."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import tiny

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted(path.name for path in (ROOT / "examples").glob("*.py"))
TEXT = "Maria Chen visited Boston."


def run(*command: object, expected: int = 0) -> str:
    """Output of a script, or of a command of ner_tasks, in which no path of the checkout is known but by PYTHONPATH."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, *map(str, command)], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == expected, done.stderr[-2000:]
    return done.stdout + done.stderr if expected else done.stdout


def example(name: str, *arguments: object, expected: int = 0) -> str:
    return run(ROOT / "examples" / name, *arguments, expected=expected)


def write_conll(path: Path, n: int, seed: int) -> Path:
    rows = ["\n".join(map(" ".join, zip(one.words, one.tags, strict=True))) for one in tiny.sentences(n, seed=seed)]
    path.write_text("\n\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The frozen model that `fine_tune.py` makes of a CoNLL file."""
    folder = tmp_path_factory.mktemp("examples")
    labelled = write_conll(folder / "labelled.conll", 500, seed=0)
    encoder = tiny.make_tiny_encoder(folder / "encoder")
    flags = ("--epochs", 3, "--learning_rate", 3e-3)
    printed = example("fine_tune.py", labelled, "--encoder", encoder, "--output", folder / "model", *flags)
    assert printed.splitlines()[-1].startswith(f"made {folder / 'model' / 'trained'} and {folder / 'model' / 'frozen'}")
    return folder / "model" / "frozen"


@pytest.fixture(scope="module")
def inbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inbox")
    (folder / "letter.txt").write_text(TEXT, encoding="utf-8")
    (folder / "page.html").write_text(f"<html><body><p>{TEXT}</p></body></html>", encoding="utf-8")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\nno pages")
    return folder


@pytest.mark.slow
def test_a_folder_is_tagged_with_a_fine_tuned_model(model, inbox):
    printed = example("tag_folder.py", model, inbox)
    assert "letter.txt: 2 entities" in printed
    assert "page.html: 2 entities" in printed
    assert "[0, 10) per 'Maria Chen'" in printed
    assert "[19, 25) geo 'Boston'" in printed
    assert "broken.pdf: rejected, " in printed


@pytest.mark.slow
def test_answers_are_read_with_duckdb_and_pandas(model, inbox, tmp_path):
    run("-m", "ner_tasks", "tag", "--model", model, "--output", tmp_path / "answers", inbox)
    flags = ("--answers", tmp_path / "answers", "--to", "parquet", "--output", tmp_path / "tables")
    run("-m", "ner_tasks", "convert", *flags)
    printed = [line.split() for line in example("query_answers.py", tmp_path / "tables", "--min_score", 0).splitlines()]
    # label, mention, how often, in how many documents
    assert ["geo", "Boston", "2", "2"] in [line[:4] for line in printed]
    assert ["per", "Maria", "Chen", "2", "2"] in [line[:5] for line in printed]
    # format, documents, entities, share of their items that was read
    assert ["html", "1", "2", "1.0"] in printed
    assert ["text", "1", "2", "1.0"] in printed


def test_a_new_format_is_read_and_what_is_not_read_of_it_is_named(tmp_path):
    film = tmp_path / "film.srt"
    cues = ["1\n00:00:01,000 --> 00:00:02,000\nMaria left\nBoston.", "without times", "3\n1 --> 2\nShe called Ruth."]
    film.write_text("\r\n\r\n".join(cue.replace("\n", "\r\n") for cue in cues), encoding="utf-8", newline="")
    printed = example("add_format.py", film)
    assert printed == "film.srt: srt, {'cue': {'read': 2, 'unread': 1}}\nMaria left\nBoston.\n\nShe called Ruth.\n"


@pytest.mark.slow
def test_a_new_gate_passes_a_good_model_and_refuses_one_that_misses_a_label(model, tmp_path):
    from ner_tasks.errors import GateNotPassed

    report, data = tmp_path / "evaluation.json", write_conll(tmp_path / "test.conll", 60, seed=9)
    run("-m", "ner_tasks", "evaluate", "--model", model, "--data", data, "--resamples", 50, "--report", report)
    passed = example("add_gate.py", report, "--label", "per", "--min_recall", 0.5)
    assert passed.endswith("expected at least 0.5000\n")
    refused = example("add_gate.py", report, "--label", "org", "--min_recall", 0.5, expected=GateNotPassed.exit_code)
    assert refused == "found recall of org 0.0000, expected at least 0.5000, at the model\n"


@pytest.mark.parametrize("name", SCRIPTS)
def test_an_example_is_short_and_its_docstring_says_how_to_run_it(name):
    source = (ROOT / "examples" / name).read_text(encoding="utf-8")
    assert len(source.splitlines()) < 60
    assert f"\n    python examples/{name} " in (ast.get_docstring(ast.parse(source), clean=False) or "")
    assert f"]({name})" in (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    assert name in Path(__file__).read_text(encoding="utf-8")
