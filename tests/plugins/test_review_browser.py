"""The page Review queue in a real Chromium: by keyboard, light and dark. Airflow's API is played; what it starts is real."""

import json
import shutil
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from ner_airflow.operators.reviewing import RecordDecisionsOperator
from tests.reviews import DAY, decide, letters, queue_in, verdicts

BATCH = f"labelled/review-{DAY}-page/decisions.jsonl"
HOST = "http://airflow.test"
RUNS = "/api/v2/dags/ner_decide/dagRuns"
PAGE = f"review/{DAY}"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("chromium"), reason="needs the Debian package chromium"),
]


@pytest.fixture
def queue(store, tmp_path):
    lines = letters("w", "x", "y", "\U0001f600", score=0.4)
    lines[0]["entities"][1] |= {"assertion": ["negated"], "decision": "review"}
    return queue_in(store, tmp_path / "day", lines)


@pytest.fixture
def page_of(visit, browser):
    """Opens pages as somebody; runs that the page triggers are done at once, unless the user may not start them."""
    contexts = []

    def page_of(user, role="USER", scheme="light", fails=False):
        context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.said, page.confs = [], []
        page.on("console", lambda message: page.said.append(message.text))

        def answer(route):
            path = urlsplit(route.request.url)
            if route.request.method == "POST":
                page.confs.append(route.request.post_data_json["conf"])
                if role == "VIEWER":
                    return route.fulfill(status=403, json={"detail": "Forbidden"})
                run = f"manual__{user}{len(page.confs)}"
                if not fails:
                    config = json.dumps(page.confs[-1])
                    task = RecordDecisionsOperator(
                        task_id="record", config=config, by=user, at="2026-02-01T09:00:00+00:00"
                    )
                    task.execute({"run_id": run, "dag_run": SimpleNamespace(conf=None)})
                return route.fulfill(json={"dag_id": "ner_decide", "dag_run_id": run})
            if path.path.startswith(RUNS):
                return route.fulfill(json={"state": "failed" if fails else "success"})
            got = visit(f"{path.path.removeprefix('/ner-ops/')}?{path.query}", role=role, user=user)
            return route.fulfill(status=got.status_code, headers=dict(got.headers), body=got.content)

        page.route("**/*", answer)
        page.open = lambda name: page.goto(f"{HOST}/ner-ops/{name}")
        return page

    yield page_of
    for context in contexts:
        context.close()


def lines_of(store):
    return {line["document"]: line for line in map(json.loads, store.read_lines(BATCH))}


def save(page):
    page.get_by_role("button", name="Save decisions").press("Enter")


def saved(page):
    from playwright.sync_api import expect

    return expect(page.locator("form.save output"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["review", PAGE, f"{PAGE}?show=decided", f"{PAGE}?show=disputed"])
def test_nothing_keeps_people_out_of_the_review_and_its_console_is_silent(page_of, store, queue, name, scheme):
    from axe_playwright_python.sync_playwright import Axe

    decide(store, queue[0]["id"], verdicts("reject", "accept"))
    decide(store, queue[1]["id"], verdicts("reject", "accept"))
    decide(store, queue[1]["id"], verdicts("accept", "accept"), by="ben")
    page = page_of("ben", scheme=scheme)
    page.open(name)
    found = Axe().run(page).response["violations"]
    serious = [f"{one['id']}: {one['nodes'][0]['html']}" for one in found if one["impact"] in {"serious", "critical"}]
    assert serious == [] and page.said == []


def test_a_reviewer_decides_by_keyboard_and_a_run_makes_labelled_data_of_it(page_of, store, queue):
    from playwright.sync_api import expect

    page = page_of("ben")
    page.open(PAGE)
    counted = expect(page.locator(".decided"))
    counted.to_have_text("0 of 4 sentences decided")
    first, second, third, fourth = (page.locator("article.sentence").nth(number) for number in range(4))
    first.locator("input.verdict").first.focus()
    page.keyboard.type("ra")  # Jackson is no place, Tampa is
    counted.to_have_text("1 of 4 sentences decided")
    assert second.locator("input.verdict:focus").count() == 1, "the next sentence has the focus"
    second.locator("select.label-choice").first.focus()
    page.keyboard.type("per")
    second.locator("input.verdict").nth(4).focus()
    page.keyboard.press("a")
    counted.to_have_text("2 of 4 sentences decided")
    page.keyboard.type("ae")  # and one that the model has missed: its first word
    added = third.locator("tr.entity").last
    added.get_by_role("button", name="End one word later").press("Enter")
    assert added.locator(".mention").inner_text() == "She met"
    third.locator("input.verdict").nth(4).focus()
    page.keyboard.press("a")
    last = fourth.locator("tr.entity").last  # behind it stands a character that JavaScript counts twice
    for name in ("End one word later", "End one word later", "Start one word later", "Start one word later"):
        last.get_by_role("button", name=name).press("Enter")
    assert last.locator(".mention").inner_text() == "."
    fourth.locator("input.verdict").first.focus()
    page.keyboard.press("r")
    counted.to_have_text("4 of 4 sentences decided")
    save(page)
    saved(page).to_have_text("Saved: 4 sentences.")
    assert page.locator("article.sentence").count() == 0
    assert page.get_by_role("link", name="Show the next sentences").is_visible()
    lines = lines_of(store)
    assert {name: line["label"] for name, line in lines.items()} == {
        "w.txt": [[19, 24, "geo"]],
        "x.txt": [[8, 15, "per"], [19, 24, "geo"]],
        "y.txt": [[0, 7, "geo"], [8, 15, "geo"], [19, 24, "geo"]],
        "\U0001f600.txt": [[27, 28, "geo"]],
    }
    assert {line["decided_by"] for line in lines.values()} == {"ben"}
    assert lines["w.txt"]["meanings"][0]["assertion"] == ["negated"]
    assert "Jackson" not in json.dumps(page.confs) and page.said == []


def test_bounds_are_taken_from_words_that_are_selected(page_of, store, queue):
    page = page_of("ben")
    page.open(PAGE)
    sentence = page.locator("article.sentence").first
    select = "([first, last]) => { const range = new Range(); range.setStart(first, 0); range.setEnd(last, 1); "
    select += "document.getSelection().removeAllRanges(); document.getSelection().addRange(range); }"
    words = [sentence.locator(f"[data-word='{number}']").element_handle() for number in (1, 2)]
    page.evaluate(select, words)
    sentence.get_by_role("button", name="Use selection").first.click()
    assert sentence.locator(".mention").first.inner_text() == "met Jackson"
    assert sentence.locator("input.verdict[value=correct]").first.is_checked()
    page.evaluate(select, words)
    sentence.get_by_role("button", name="Add an entity").click()
    assert sentence.locator(".mention").last.inner_text() == "met Jackson"
    sentence.get_by_role("button", name="Remove").click()
    assert sentence.locator("tr.entity").count() == 2


def test_a_second_reviewer_disputes_a_sentence_and_a_third_settles_it(page_of, store, queue):
    from playwright.sync_api import expect

    for one in queue:
        decide(store, one["id"], verdicts("accept", "accept"))
    page = page_of("ben")
    page.open(f"{PAGE}?show=decided")
    expect(page.locator(".decided")).to_have_text("0 of 4 sentences changed")
    page.locator("article.sentence").first.get_by_label("Reject").last.check()
    save(page)
    saved(page).to_have_text("Saved: 1 sentence.")
    assert len(page.confs[0]["decisions"]) == 1 and len(lines_of(store)) == 3
    page = page_of("cleo")
    page.open(f"{PAGE}?show=disputed")
    expect(page.locator(".decided")).to_have_text("0 of 1 sentences decided")
    page.locator(".takes label", has_text="ben").get_by_role("radio").check()
    save(page)
    saved(page).to_have_text("Saved: 1 sentence.")
    assert {line["document"]: line["decided_by"] for line in lines_of(store).values()}["w.txt"] == "cleo"
    assert lines_of(store)["w.txt"]["label"] == [[8, 15, "geo"]]


def test_a_run_that_failed_and_one_that_airflow_refused_are_said_and_nothing_typed_is_lost(page_of, queue):
    page = page_of("ben", fails=True)
    page.open(PAGE)
    page.locator("article.sentence").first.locator("input.verdict").first.focus()
    page.keyboard.type("aa")
    save(page)
    saved(page).to_contain_text("Not saved in full: run manual__ben1 failed.")
    assert page.get_by_role("link", name="Reason").get_attribute("href") == "/ner-ops/run/ner_decide/manual__ben1"
    assert page.locator("article.sentence").count() == 4 and page.locator("input.verdict:checked").count() == 2


def test_a_viewer_has_no_key_that_decides(page_of, queue):
    page = page_of("vera", role="VIEWER")
    page.open(PAGE)
    page.locator("article.sentence").first.focus()
    page.keyboard.type("aaren")
    assert page.get_by_role("button").count() == 0 and page.confs == [] and page.said == []
    assert (
        page.evaluate(f"trigger('{RUNS}', {{}}).then(one => one.problem)")
        == "Your role does not allow you to start this."
    )
