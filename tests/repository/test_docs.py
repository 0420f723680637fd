"""The documentation matches the code: links, anchors, files, commands and flags exist."""

import re
from functools import lru_cache
from pathlib import Path

import pytest

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
NAMED = re.compile(r"`((?:ner_tasks|tests|docs|launcher|sample|docker|plugins|dags|\.ci)/[\w./-]*)`")
DOCS_ANCHOR = re.compile(r"(docs/[\w/-]+\.md)(?:#([\w-]+))?")
MADE_LOCALLY = ("docker/.env", "docker/secrets", "docker/data")
RUN = re.compile(r"python -m ner_tasks ([\w-]+)([^`\n]*)")
FLAG = re.compile(r"(?<![\w-])--(\w+)")


@pytest.fixture(scope="module")
def pages(tracked: list[Path]) -> dict[Path, str]:
    return {path: path.read_text(encoding="utf-8") for path in tracked if path.suffix == ".md"}


def anchors_of(page: Path) -> set[str]:
    """Anchors that headings get: lower case, spaces to hyphens, everything else but words and hyphens gone."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w-]", "", heading.lower().replace(" ", "-")) for heading in headings}


@lru_cache
def flags_of(verb: str) -> set[str]:
    """The flags of a command, with the reference kit's spellings, which its help does not show."""
    from ner_tasks.cli.app import parser

    (commands,) = [action.choices for action in parser()[0]._actions if isinstance(action.choices, dict)]
    return {flag.removeprefix("--") for action in commands[verb]._actions for flag in action.option_strings}


def test_every_link_within_the_repository_leads_somewhere(pages, root):
    broken = []
    for page, text in pages.items():
        for link in LINK.findall(text):
            path, _, anchor = link.partition("#")
            if path.startswith(("http://", "https://", "mailto:")):
                continue
            target = (page.parent / path).resolve() if path else page
            if target.parent == root / "docs" / "reference":
                continue  # generated: `make docs` checks these links
            if not target.exists() or (anchor and anchor not in anchors_of(target)):
                broken.append(f"{page.relative_to(root)}: {link}")
    assert broken == []


def test_every_page_that_the_code_sends_people_to_is_there(sources, root):
    broken = []
    for path in sources:
        for page, anchor in DOCS_ANCHOR.findall(path.read_text(encoding="utf-8")):
            target = root / page
            if not target.exists() or (anchor and anchor not in anchors_of(target)):
                broken.append(f"{path.relative_to(root)}: {page}#{anchor}")
    assert broken == []


def test_every_file_that_the_documentation_names_is_there(pages, root):
    missing = [
        f"{page.relative_to(root)}: {name}"
        for page, text in pages.items()
        for name in NAMED.findall(text)
        if not name.startswith(MADE_LOCALLY) and not (root / name).exists()
    ]
    assert missing == []


def test_every_test_that_the_documentation_names_is_there(pages, tracked, root):
    there = {
        name
        for path in tracked
        if path.suffix == ".py" and path.name.startswith("test_")
        for name in re.findall(r"^ *def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    named = {name for text in pages.values() for name in re.findall(r"`(test_\w+)`", text)}
    assert len(named) >= 12
    assert named - there == set()


def test_every_command_in_the_documentation_has_the_flags_that_it_is_given(pages, root):
    unknown = [
        f"{page.relative_to(root)}: {verb} --{flag}"
        for page, text in pages.items()
        for verb, rest in RUN.findall(text.replace("\\\n", " "))
        for flag in FLAG.findall(rest)
        if flag not in flags_of(verb)
    ]
    assert unknown == []


def test_every_exit_code_is_in_the_decision_on_exit_codes(root):
    from ner_tasks import errors

    text = (root / "docs" / "decisions" / "0006-exit-codes-and-errors.md").read_text(encoding="utf-8")
    rows = {int(code): names for code, names in re.findall(r"^\| (\d+) \| ([^|]+) \|", text, re.MULTILINE)}
    for error in vars(errors).values():
        if isinstance(error, type) and issubclass(error, errors.NerTasksError) and error is not errors.NerTasksError:
            assert f"`{error.__name__}`" in rows[error.exit_code]


def test_the_licence_of_every_locked_package_is_listed(root):
    listed = (root / "docs" / "licences.md").read_text(encoding="utf-8")
    for name in ("requirements.txt", "requirements-dev.txt", "docker/requirements.txt"):
        locked = re.findall(r"^([a-z0-9][\w.-]*)(?:\[[^\]]+\])?==([^\s;\\]+)", (root / name).read_text(), re.MULTILINE)
        assert len(locked) > 40
        missing = [package for package, version in locked if f"| {package} | {version} |" not in listed]
        assert [package for package in missing if f"- `{package}` (" not in listed] == [], "run .ci/licences.py"


def test_every_picture_is_there_light_and_described(pages, tracked, root):
    shown = set()
    for page, text in pages.items():
        for words, link in re.findall(r"!\[([^\]]*)\]\(([^)\s]+)\)", text):
            path = (page.parent / link).resolve()
            assert path.is_file() and path.stat().st_size < 150_000, f"{page.relative_to(root)}: {link}"
            assert len(words) > 10, f"{page.relative_to(root)}: {link} says nothing to those who do not see it"
            shown.add(path)
    assert {path.resolve() for path in tracked if path.suffix == ".png"} == shown


def test_prose_wraps_at_100_columns_and_a_page_is_short(pages, root):
    too_long, too_wide = [], []
    for page, text in pages.items():
        if page.name == "licences.md" or page.is_relative_to(root / "sample" / "inbox"):
            continue  # generated, or a sample
        prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
        lines = [line for line in prose.splitlines() if not line.startswith(("|", "!", "#"))]
        too_wide += [f"{page.relative_to(root)}: {line}" for line in lines if len(line) > 100 and " " in line.strip()]
        n_words = len([word for word in text.split() if re.search(r"\w", word)])
        if n_words >= 1500 and page.relative_to(root).as_posix() != "CHANGELOG.md":
            too_long.append(f"{page.relative_to(root)}: {n_words}")
    assert too_wide == []
    assert too_long == []


def test_every_page_is_in_the_navigation_of_the_site(tracked, root):
    pages = {path.relative_to(root / "docs").as_posix() for path in tracked if path.is_relative_to(root / "docs")}
    listed = re.findall(r"[\w/-]+\.md", (root / "mkdocs.yml").read_text(encoding="utf-8"))
    assert {page for page in pages if page.endswith(".md")} - set(listed) == set()
    assert len(listed) == len(set(listed))


def test_every_decision_record_has_the_headings_of_the_template_in_their_order(root):
    folder = root / "docs" / "decisions"
    template, *records = sorted(folder.glob("[0-9]*.md"))
    headings = re.findall(r"^## (.+)$", template.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(records) >= 16
    for record in records:
        text = record.read_text(encoding="utf-8")
        own = re.findall(r"^## (.+)$", text, re.MULTILINE)
        assert own == [name for name in headings if name in own], record.name
        assert "Decision" in own, record.name
        assert re.match(rf"# {record.name[:4]} \S", text), record.name
        assert f"]({record.name})" in (folder / "index.md").read_text(encoding="utf-8")
