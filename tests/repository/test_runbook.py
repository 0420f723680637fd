"""Every row of the runbook has a test, named by the marker `runbook(section, symptom)`, or a reason why it has none."""

import ast
import re
from pathlib import Path

import pytest

# Section and beginning of the symptom, without backticks.
UNTESTED = {
    ("quantization", "approve asks a second time"): "needs an answer within the second of the request; seen once",
    ("maintenance", "Airflow's database stays as large"): "documented behaviour of SQLite and PostgreSQL",
    ("nightly-tagging", "retrain ran and nothing happens"): "Airflow's own behaviour for a paused DAG",
    ("decisions", "the page says that the run waits"): "Airflow's own behaviour for a paused DAG",
    ("tuning", "nights are slower afterwards"): "needs a busy machine",
    ("benchmark", "it waits for long"): "Airflow's own behaviour for a full pool",
    ("notices-and-metrics", "no notice, and the night is not done"): "needs Grafana",
}


@pytest.fixture(scope="module")
def rows(root) -> list[tuple[str, str, list[str]]]:
    """Section, symptom without backticks, and all cells of each row."""
    found, section = [], ""
    for page in sorted((root / "docs" / "runbook").glob("*.md")):
        for line in page.read_text(encoding="utf-8").splitlines():
            if line.startswith("## "):
                section = re.sub(r"[^\w-]", "", line[3:].lower().replace(" ", "-"))
            elif line.startswith("| ") and not line.startswith(("| symptom", "| DAG")) and page.stem != "index":
                cells = re.split(r" \| ", line[2:].removesuffix(" |"))
                found.append((section, cells[0].replace("`", ""), cells))
    return found


@pytest.fixture(scope="module")
def marked(tracked) -> dict[tuple[str, str], list[str]]:
    """Tests by the row that they are marked with."""
    marks: dict[tuple[str, str], list[str]] = {}
    for path in tracked:
        if not path.name.startswith("test_") or path.suffix != ".py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                for row in map(runbook_mark, node.decorator_list):
                    if row:
                        marks.setdefault(row, []).append(node.name)
    return marks


def runbook_mark(decorator: ast.expr) -> tuple[str, str] | None:
    """Section and symptom of `@pytest.mark.runbook(section, symptom)`; None for any other decorator."""
    if not isinstance(decorator, ast.Call) or ast.unparse(decorator.func) != "pytest.mark.runbook":
        return None
    section, symptom = (ast.literal_eval(argument) for argument in decorator.args)
    return section, symptom


def test_every_row_is_tested_or_has_a_reason(rows, marked):
    assert len(rows) > 90
    named = marked.keys() | UNTESTED.keys()
    bare = [
        f"{section}: {symptom}"
        for section, symptom, _ in rows
        if not any(section == key[0] and symptom.startswith(key[1]) for key in named)
    ]
    assert bare == []


def test_every_mark_names_one_row(rows, marked):
    for key in marked.keys() | UNTESTED.keys():
        matches = [symptom for section, symptom, _ in rows if section == key[0] and symptom.startswith(key[1])]
        exact = [symptom for symptom in matches if symptom == key[1]]
        assert len(exact or matches) == 1, key
    assert marked.keys() & UNTESTED.keys() == set()


def test_every_row_has_three_cells(rows):
    assert [row[0] for *_, row in rows if len(row) != 3] == []


def test_the_runbook_quotes_what_the_code_says(rows, sources):
    """Each quoted error stands in the code, as far as it is constant."""
    code = re.sub(r'"\s*\n\s*f?"', "", "\n".join(path.read_text(encoding="utf-8") for path in sources))
    missing = []
    for section, _, (symptom, *_) in rows:
        for quoted in re.findall(r"`((?:\w+: )?(?:found|expected|no|another|published|documents) [^`]+)`", symptom):
            # what is put in when it happens: `...`, <label>, names and figures
            for part in re.split(
                r"\.\.\.|<\w+>|\w+\.\w+|\bv\d\b|\d[\d.]*x?|s3://|entities/geo", quoted.split(": ", 1)[-1]
            ):
                words = part.strip(" ,").removeprefix("found ")
                if words and words not in code:
                    missing.append(f"{section}: {words}")
    assert missing == []


def test_every_dag_names_its_section(root):
    for path in (root / "dags").glob("*.py"):
        (link,) = re.findall(r"docs/(runbook/\w+\.md)#([\w-]+)", path.read_text(encoding="utf-8"))
        page = Path(root / "docs" / link[0]).read_text(encoding="utf-8")
        assert link[1] in {
            heading.lower().replace(" ", "-") for heading in re.findall(r"^## (.+)$", page, re.MULTILINE)
        }
