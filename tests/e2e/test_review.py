"""Reviewers in a real Chromium decide sentences by keyboard; a real Airflow records them, refuses who may not, and settles a dispute."""

import json
import shutil
import time
from pathlib import Path

import pytest

from launcher import secrets
from launcher.api import Api
from launcher.layout import Layout
from ner_tasks.store.folder import FolderStore
from tests import tiny
from tests.e2e.test_chain import ROOT, Installation
from tests.reviews import DAY, letters, queue_in

PEOPLE = {"admin": "admin", "ben": "op", "vera": "viewer"}
BATCH = f"labelled/review-{DAY}-page/decisions.jsonl"
LONGEST_MS = 120_000
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not shutil.which("chromium"), reason="needs the Debian package chromium"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("review")


@pytest.fixture(scope="module")
def store(folder):
    store = FolderStore(folder / "var" / "store")
    lines = letters("w", "x", "y", "\U0001f600", score=0.4)
    lines[0]["entities"][1] |= {"assertion": ["negated"], "decision": "review"}
    queue_in(store, folder / "day", lines)
    return store


@pytest.fixture(scope="module")
def airflow(folder, store):
    """An Airflow with three people, whose names are their passwords: its URL."""
    tiny.make_tiny_encoder(folder / "encoder")
    installation = Installation(folder)
    people = ",".join(f"{name}:{role}" for name, role in PEOPLE.items())
    installation.environment["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"] = people
    layout = Layout(root=Path(ROOT), var=installation.var, port=installation.port)
    layout.passwords.parent.mkdir(parents=True, exist_ok=True)
    layout.passwords.write_text(json.dumps({name: name for name in PEOPLE}))
    try:
        up = installation("up", "--encoder", folder / "encoder")
        assert up.returncode == 0, up.stdout
        api = Api(layout.port, secrets.USER, secrets.USER)
        deadline = time.monotonic() + 120
        while "ner_decide" not in api.dags():
            assert time.monotonic() < deadline
            time.sleep(1)
        api.pause("ner_decide", False)
        yield f"http://localhost:{layout.port}"
    finally:
        installation("down")


def lines_of(store):
    return {line["document"]: line for line in map(json.loads, store.read_lines(BATCH))}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["review", f"review/{DAY}", f"review/{DAY}?show=decided"])
def test_nothing_keeps_people_out_of_the_review_and_its_console_is_silent(airflow, page_of, name, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page = page_of("ben", scheme)
    page.goto(f"{airflow}/ner-ops/{name}")
    found = Axe().run(page).response["violations"]
    serious = [f"{one['id']}: {one['nodes'][0]['html']}" for one in found if one["impact"] in {"serious", "critical"}]
    assert serious == [] and page.said == []


def test_who_may_not_decide_is_offered_nothing_and_refused_by_airflow(airflow, page_of):
    page = page_of("vera")
    page.goto(f"{airflow}/ner-ops/review/{DAY}")
    assert page.get_by_role("button").count() == 0 and page.locator("input:enabled").count() == 0
    asked = page.evaluate(
        "fetch('/api/v2/dags/ner_decide/dagRuns', {method: 'POST', headers: {'Content-Type': 'application/json'},"
        " body: JSON.stringify({logical_date: null, conf: {}})}).then(answer => answer.status)"
    )
    assert asked == 403


def test_ten_thousand_decisions_and_decisions_of_another_shape_make_no_run(airflow, page_of):
    page = page_of("ben")
    page.goto(f"{airflow}/ner-ops/review/{DAY}")

    def trigger(decisions):
        conf = json.dumps({"day": DAY, "decisions": decisions})
        return page.evaluate(f"trigger('/api/v2/dags/ner_decide/dagRuns', {conf})")

    one = {"sentence": "0" * 12, "verdicts": []}
    for decisions in ([one] * 10_000, [], [{"sentence": "x"}], [{**one, "verdicts": [{"verdict": "perhaps"}]}], "text"):
        assert trigger(decisions)["problem"].startswith("Not started: "), str(decisions)[:80]


def test_a_reviewer_decides_by_keyboard_and_a_run_makes_labelled_data_of_it(airflow, store, page_of):
    from playwright.sync_api import expect

    page = page_of("ben")
    page.goto(f"{airflow}/ner-ops/review/{DAY}")
    expect(page.locator(".decided")).to_have_text("0 of 4 sentences decided")
    first, second, third, fourth = (page.locator("article.sentence").nth(number) for number in range(4))
    first.locator("input.verdict").first.focus()
    page.keyboard.type("ra")  # Jackson is no place, Tampa is; the first of the next sentence has the focus
    expect(page.locator(".decided")).to_have_text("1 of 4 sentences decided")
    assert second.locator("input.verdict:focus").count() == 1
    second.locator("select.label-choice").first.focus()
    page.keyboard.type("per")
    second.locator("input.verdict").nth(4).focus()
    page.keyboard.press("a")
    expect(page.locator(".decided")).to_have_text("2 of 4 sentences decided")
    page.keyboard.type("ae")  # and one that the model has missed: its first word
    row = third.locator("tr.entity").last
    row.get_by_role("button", name="End one word later").press("Enter")
    assert row.locator(".mention").inner_text() == "She met"
    third.locator("input.verdict").nth(4).focus()
    page.keyboard.press("a")
    row = fourth.locator("tr.entity").first  # longer to the end, behind a character that JavaScript counts twice
    for name in ("End one word later", "End one word later", "Start one word later", "Start one word later"):
        fourth.locator("tr.entity").last.get_by_role("button", name=name).press("Enter")
    assert fourth.locator("tr.entity").last.locator(".mention").inner_text() == "."
    row.locator("input.verdict").first.focus()
    page.keyboard.press("r")
    page.get_by_role("button", name="Save decisions").press("Enter")
    expect(page.locator("form.save output")).to_have_text("Saved: 4 sentences.", timeout=LONGEST_MS)
    lines = lines_of(store)
    assert {name: line["label"] for name, line in lines.items()} == {
        "w.txt": [[19, 24, "geo"]],
        "x.txt": [[8, 15, "per"], [19, 24, "geo"]],
        "y.txt": [[0, 7, "geo"], [8, 15, "geo"], [19, 24, "geo"]],
        "\U0001f600.txt": [[27, 28, "geo"]],
    }
    assert {line["decided_by"] for line in lines.values()} == {"ben"}
    assert lines["w.txt"]["meanings"][0]["assertion"] == ["negated"]
    assert page.said == []


def test_a_second_reviewer_who_decides_otherwise_disputes_a_sentence_and_somebody_settles_it(airflow, store, page_of):
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import expect

    page = page_of("admin")
    time.sleep(6)  # pages may be that old
    page.goto(f"{airflow}/ner-ops/review/{DAY}?show=decided")
    expect(page.locator(".decided")).to_have_text("0 of 4 sentences changed")
    page.locator("article.sentence").first.get_by_label("Reject").last.check()
    page.get_by_role("button", name="Save decisions").click()
    expect(page.locator("form.save output")).to_have_text("Saved: 1 sentence.", timeout=LONGEST_MS)
    assert len(lines_of(store)) == 3
    time.sleep(6)
    for scheme in ("light", "dark"):
        page = page_of("admin", scheme)
        page.goto(f"{airflow}/ner-ops/review/{DAY}?show=disputed")
        found = Axe().run(page).response["violations"]
        assert [one["id"] for one in found if one["impact"] in {"serious", "critical"}] == []
    expect(page.locator(".decided")).to_have_text("0 of 1 sentences decided")
    page.locator(".takes label", has_text="ben").get_by_role("radio").check()
    page.get_by_role("button", name="Save decisions").click()
    expect(page.locator("form.save output")).to_have_text("Saved: 1 sentence.", timeout=LONGEST_MS)
    assert len(lines_of(store)) == 4 and {line["decided_by"] for line in lines_of(store).values()} == {"ben", "admin"}
    time.sleep(6)
    page.goto(f"{airflow}/ner-ops/review")
    expect(page.get_by_role("heading", name="Agreement of reviewers")).to_be_visible()
    expect(page.get_by_role("heading", name="Precision on reviewed sentences")).to_be_visible()
