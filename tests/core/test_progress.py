"""A long step says how far it is."""

import pytest

from ner_tasks.progress import show_progress


def test_a_log_gets_a_line_at_the_end_with_count_and_rate(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress("tagging", total=3, unit="documents") as bar:
        for _ in range(3):
            bar.advance()
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("tagging: 3/3 documents, ")
    assert line.endswith("0 s left")


def test_lines_come_no_more_often_than_asked(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress("tagging", total=None, unit="words", every_s=0.0) as bar:
        bar.advance(5)
        bar.advance(5)
    assert [line.split(",")[0] for line in capsys.readouterr().out.splitlines()] == [
        "tagging: 5 words",
        "tagging: 10 words",
    ]
