"""Progress of a long step."""

import io

import pytest
from rich.console import Console

from ner_tasks.progress import View, show_progress


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


def test_a_phase_prints_its_first_step_and_its_end() -> None:
    out = io.StringIO()
    with View(Console(file=out, width=200)).phase("text: scores", 3) as step:
        for name in ("ours-int8", "ours-fp32", "onnx-int8"):
            step(name)
    first, last = out.getvalue().splitlines()
    assert first == "text: scores: 0/3 steps: ours-int8"
    assert last.startswith("text: scores: 3/3 steps, ")


def test_a_phase_without_steps_prints_nothing() -> None:
    out = io.StringIO()
    with View(Console(file=out)).phase("tuning", 0):
        pass
    assert out.getvalue() == ""


def test_a_view_prints_markup_as_it_is() -> None:
    out = io.StringIO()
    view = View(Console(file=out, width=20))
    view.print("[red]a line that is longer than the console[/red]")
    view.print_markdown("# title")
    assert out.getvalue() == "[red]a line that is longer than the console[/red]\n# title\n"


def test_a_terminal_gets_a_bar() -> None:
    out = io.StringIO()
    with View(Console(file=out, width=120, force_terminal=True)).phase("scores", 2) as step:
        step("a")
        step("b")
    assert "2/2" in out.getvalue()
