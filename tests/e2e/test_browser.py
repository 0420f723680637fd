"""The pages in a real Chromium, inside a real Airflow: as a person sees them, by role, light and dark, by keyboard."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.parse import quote

import pypdfium2
import pytest

from ner_tasks.documents.ocr import ocr
from ner_tasks.store import keys
from ner_tasks.store.folder import FolderStore
from tests.paged import paged_answer
from tests.ports import free_port
from tests.published import answer, manifest_of, publish

ROOT = Path(__file__).resolve().parents[2]
DAY = "2026-01-31"
DAG, RUN = "ner_tag_nightly", "manual__2026-01-31T01:30:00+00:00"
PAGED_DAY = "2026-01-30"
RUN_PAGE = f"run/{DAG}/{quote(RUN)}"
HOSTILE = "<img src=x onerror=document.title='taken'>.txt"
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("chromium"), reason="needs the Debian package chromium"),
    pytest.mark.skipif(bool(ocr.find_missing("eng")), reason="OCR is not installed"),
]


def fill(store, folder):
    folder.mkdir()
    rejected = [{"document": "empty.txt", "file": "empty.txt", "reason": "empty", "message": "found 0 bytes"}]
    lines = [answer("letter.txt", "Anna came to Boston."), answer(HOSTILE, f"Anna {HOSTILE}")]
    lines[0]["entities"][0] |= {"assertion": ["negated"], "section": "history"}
    publish(store, folder / "day", DAY, lines, rejected, n_rejected=1, rejected={"empty": 1})
    new = {"n_new": 1, "mentions": [{"mention": "Anna", "n_documents": 2, "n_entities": 2}]}
    store.write_json(f"tagged/{DAY}/new_mentions.json", {"night": "n", "n_days": 1, "labels": {"per": new}})
    score = {"f1": 0.8, "precision": 0.8, "recall": 0.8, "n_gold": 9}
    details = {"at": "2026-01-01T00:00:00", "overall": score, "labels": {"per": score}, "snapshot": "s"}
    for version in ("v1", "v2"):
        store.write_json(f"models/{version}/version.json", details)
        compared = {"int8": {"overall": score}, "speed": {"int8_over_stock": 3.0}}
        store.write_json(f"reports/models/{version}/compare.json", compared)
        rows = [{"min_score": n / 10, "n_given": 9, "precision": 0.8, "recall": 0.9 - n / 20} for n in range(10)]
        tables = {"overall": rows, "labels": {"per": rows}}
        evaluation = {"overall": score, "labels": {"per": score}, "n_sentences": 9, "calibration": {"by_score": tables}}
        store.write_json(f"reports/models/{version}/evaluate-s.json", evaluation)
    pointer = {
        "version": "v2",
        "kind": "int8",
        "at": "2026-01-02",
        "by": "ada",
        "metrics": {"f1": 0.8},
        "previous": "v1",
    }
    store.write_json("models/promoted.json", pointer)
    for day, now in (("2026-01-28", 4.0), ("2026-01-30", 9.0)):
        store.write_json(f"tagged/{day}/manifest.json", manifest_of(day, int(1000 * now)))
        found = {"now": now, "usual": 4.0, "lowest": 3.0, "highest": 5.0, "alert": now > 5}
        findings = [{"measure": name, **found} for name in ("entities/per", "confidence/mean")]
        report = {"day": day, "model_version": "v1", "alerts": [], "accepted": False, "findings": findings}
        store.write_json(f"reports/drift/{day}.json", report)
    note = {"dag": DAG, "run": RUN, "task": "check_night", "map_index": -1, "try": 1, "state": "failed", "result": {}}
    note |= {"at": f"{DAY}T02:00:00", "took_s": 3.0, "said": f"GateNotPassed: found {HOSTILE}"}
    store.write_json(f"{keys.RUN_NOTES}/{DAG}/{keys.run_name(RUN)}/check_night.json", note)


def fill_paged(store, folder):
    """A day with a PDF, a scan, and the scan's pages as a TIFF, of the sample's inbox."""
    inbox = store.root / "inbox" / PAGED_DAY
    inbox.mkdir(parents=True)
    for name in ("report-01.pdf", "scan.pdf"):
        shutil.copy(ROOT / "sample" / "inbox" / name, inbox)
    document = pypdfium2.PdfDocument(inbox / "scan.pdf")
    picture = document[0].render(scale=150 / 72).to_pil()
    picture.save(inbox / "scan.tif", save_all=True, append_images=[picture.rotate(180)], dpi=(150, 150))
    lines = []
    for path in sorted(inbox.iterdir()):
        text = paged_answer(path, path.name, ocr=True)["text"]
        names = [match.span() for match in re.finditer(r"[A-Z][a-z]+ [A-Z][a-z]+", text)]
        lines.append(paged_answer(path, path.name, *names, ocr=True))
    publish(store, folder, PAGED_DAY, lines)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return FolderStore(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def airflow(tmp_path_factory, store):
    """Airflow's API server with our plugin, over a small store, and two people: its URL."""
    folder = tmp_path_factory.mktemp("airflow")
    fill(store, folder / "work")
    fill_paged(store, folder / "paged")
    port = free_port()
    (folder / "passwords.json").write_text(json.dumps({"ada": "ada", "vera": "vera"}))
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}:{ROOT}/plugins",
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "ada:admin,vera:viewer",
        "AIRFLOW__API__BASE_URL": f"http://localhost:{port}",
        "AIRFLOW__API__SECRET_KEY": "s" * 32,
        "AIRFLOW__API_AUTH__JWT_SECRET": "j" * 64,
        "NER_STORE": str(store.root),
        "NER_SCRATCH": str(folder / "scratch"),
    }
    command = [sys.executable, "-m", "airflow"]
    subprocess.run([*command, "db", "migrate"], env=environment, check=True, capture_output=True)
    log = (folder / "server.log").open("w")
    server = subprocess.Popen([*command, "api-server", "--port", str(port)], env=environment, stdout=log, stderr=log)
    url = f"http://localhost:{port}"
    try:
        wait_for(f"{url}/api/v2/monitor/health", server)
        yield url
    finally:
        server.terminate()
        server.wait(30)
        log.close()


def wait_for(url, server):
    for _ in range(180):
        assert server.poll() is None, "the server has ended"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(1)
    raise AssertionError(f"found no answer in three minutes, expected one, from {url}")


def test_the_pages_are_in_airflow_s_navigation_and_open_in_its_frame(airflow, page_of):
    from playwright.sync_api import expect

    page = page_of("vera")
    page.goto(f"{airflow}/plugin/ner-tonight")
    frame = page.frame_locator("iframe")
    assert frame.get_by_role("heading", name="Last published").inner_text() == f"Last published: {DAY}"
    frame.get_by_role("link", name="Documents", exact=True).click()
    frame.get_by_role("link", name="letter.txt").click()
    expect(frame.locator("mark").first).to_contain_text("Anna")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "name",
    [
        "tonight",
        "documents",
        f"documents/{DAY}?name=letter.txt",
        f"documents/{PAGED_DAY}/page?name=report-01.pdf#viewer",
        f"documents/{PAGED_DAY}/page?name=scan.pdf",
        f"documents/{PAGED_DAY}/page?name=scan.tif&page=2",
        f"documents/{PAGED_DAY}/page?name=scan.tif&page=3",
        "entities",
        "entities?q=anna",
        "models",
        "quality",
        "benchmarks",
        "review",
        "runbook",
        RUN_PAGE,
    ],
)
def test_nothing_keeps_people_out_of_a_page_and_its_console_is_silent(airflow, page_of, name, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page = page_of("ada", scheme)
    page.goto(f"{airflow}/ner-ops/{name}")
    # what is folded counts as well
    page.evaluate("for (const folded of document.querySelectorAll('details')) folded.open = true")
    # axe is a script of the test's, which the page's own policy would not let in by a tag; evaluated it may run
    found = Axe().run(page).response["violations"]
    serious = [f"{one['id']}: {one['nodes'][0]['html']}" for one in found if one["impact"] in {"serious", "critical"}]
    assert serious == []
    # the browser itself reports a page that says 404
    assert [line for line in page.said if "page=3" not in page.url or "404" not in line] == []


def test_a_hostile_document_does_nothing(airflow, page_of):
    page = page_of("vera")
    page.goto(f"{airflow}/ner-ops/documents?day={DAY}")
    page.get_by_role("link", name="<img").click()
    assert page.locator("h1").inner_text() == HOSTILE
    assert page.title().startswith("<img") and page.locator("img").count() == 0


def test_script_in_a_chart_does_not_run_opened_or_as_an_image(airflow, store, page_of):
    script = "document.documentElement.setAttribute('data-taken', document.cookie || 'yes')"
    size = 'xmlns="http://www.w3.org/2000/svg" width="40" height="30"'
    chart = store.root / "reports/benchmarks/hostile/plot.svg"
    chart.parent.mkdir(parents=True)
    chart.write_text(f'<svg {size} onload="{script}"><script>{script}</script><rect width="40" height="30"/></svg>')
    page = page_of("ada")
    time.sleep(6)  # pages may be that old
    assert page.goto(f"{airflow}/ner-ops/benchmarks/hostile/plot.svg").status == 200
    assert page.evaluate("[document.documentElement.dataset.taken, self.origin]") == [None, "null"]
    page.goto(f"{airflow}/ner-ops/benchmarks")
    shown = "const image = new Image(); image.src = 'benchmarks/hostile/plot.svg'; document.body.append(image);"
    assert page.evaluate(f"(async () => {{ {shown} await image.decode(); return image.naturalWidth }})()") == 40
    assert page.evaluate("document.documentElement.dataset.taken") is None


def test_the_keyboard_alone_finds_a_document(airflow, page_of):
    page = page_of("vera")
    page.goto(f"{airflow}/ner-ops/documents")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.get_by_label("Name contains").focus()
    page.keyboard.type("LETT")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=LETT**")
    assert page.locator("tbody tr").count() == 1


def test_the_keyboard_goes_through_the_entities_and_pages_of_a_scan(airflow, page_of):
    from playwright.sync_api import expect

    page = page_of("vera")
    page.goto(f"{airflow}/ner-ops/documents/{PAGED_DAY}?name=scan.tif")
    page.get_by_role("link", name="Original pages").press("Enter")
    viewer, boxes, marked = page.locator("#viewer"), page.locator("a.box"), page.locator("mark.current")
    expect(viewer).to_be_focused()
    assert boxes.count() > 2
    page.keyboard.press("n")
    page.keyboard.press("n")
    expect(boxes.nth(1)).to_be_focused()
    assert marked.get_attribute("id") == boxes.nth(1).get_attribute("href")[1:]
    assert marked.locator("bdi").inner_text() == boxes.nth(1).get_attribute("aria-label").split(",")[0]
    page.keyboard.press("p")
    expect(boxes.nth(0)).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**page=2#viewer")
    expect(viewer).to_be_focused()
    page.keyboard.press("p")
    expect(boxes.last).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.wait_for_url("**page=1#viewer")
    page.get_by_label("Page", exact=True).focus()
    page.keyboard.press("n")
    assert page.locator("a.current").count() == 0, "keys are left to who does not use the viewer"


def test_a_box_lies_on_its_word_in_the_picture_that_the_browser_shows(airflow, page_of):
    page = page_of("vera")
    page.goto(f"{airflow}/ner-ops/documents/{PAGED_DAY}/page?name=report-01.pdf", wait_until="networkidle")
    # what is drawn in the box, without the box: the picture itself, in the pixels of the picture
    darkest = page.evaluate("""async () => {
        const shown = document.querySelector("svg.sheet image"), picture = new Image();
        picture.src = shown.href.baseVal;
        await picture.decode();
        const canvas = new OffscreenCanvas(picture.naturalWidth, picture.naturalHeight), draw = canvas.getContext("2d");
        draw.drawImage(picture, 0, 0);
        const scale = picture.naturalWidth / shown.width.baseVal.value;
        return [...document.querySelectorAll("a.box rect")].map((box) => {
            const [x, y, width, height] = ["x", "y", "width", "height"].map((side) => box[side].baseVal.value * scale);
            const { data } = draw.getImageData(x, y, width, height);
            const dark = [...data].filter((value, index) => index % 4 === 0 && value < 100).length;
            return dark / (data.length / 4);
        });
    }""")
    assert len(darkest) > 2 and all(0.03 < share < 0.5 for share in darkest), darkest


def test_a_viewer_is_not_offered_to_promote_and_airflow_refuses_who_asks_all_the_same(airflow, page_of):
    page = page_of("vera")
    page.goto(f"{airflow}/ner-ops/models")
    assert page.get_by_role("button").count() == 0
    asked = page.evaluate(
        "fetch('/api/v2/dags/ner_promote/dagRuns', {method: 'POST', headers: {'Content-Type': 'application/json'},"
        " body: JSON.stringify({logical_date: null, conf: {version: 'v1'}})}).then(answer => answer.status)"
    )
    assert asked == 403


def test_a_press_asks_first_and_says_what_airflow_answered(airflow, page_of):
    from playwright.sync_api import expect

    page = page_of("ada")
    page.goto(f"{airflow}/ner-ops/models")
    button = page.get_by_role("button", name="Promote")
    button.click()
    assert "Press again" in page.locator("td output").inner_text()
    button.click()
    # no DAG processor runs here, so that Airflow knows no such DAG
    expect(page.locator("td output")).to_contain_text("Not started")
    assert "ner_promote" in page.locator("td output").inner_text()


def test_airflow_knows_the_tab_of_a_run(airflow, page_of):
    page = page_of("ada")
    plugins = page.request.get(f"{airflow}/api/v2/plugins").json()["plugins"]
    (ours,) = (plugin for plugin in plugins if plugin["name"] == "ner_ops")
    (tab,) = (view for view in ours["external_views"] if view["destination"] == "dag_run")
    address = tab["href"].replace("{DAG_ID}", DAG).replace("{RUN_ID}", quote(RUN, safe=""))
    page.goto(f"{airflow}{address}")
    assert "GateNotPassed" in page.locator("td .attention").inner_text()
    assert page.locator("img").count() == 0


def test_a_link_to_a_log_leads_airflow_s_own_window_and_not_the_frame(airflow, page_of):
    page = page_of("ada")
    page.goto(f"{airflow}/plugin/ner-tonight")
    page.frame_locator("iframe").get_by_role("heading", name="Last published").wait_for()
    page.frames[1].goto(f"{airflow}/ner-ops/{RUN_PAGE}")
    page.frame_locator("iframe").get_by_role("link", name="check_night").click()
    page.wait_for_url(f"{airflow}/dags/{DAG}/runs/**/tasks/check_night**")


def test_a_night_under_way_is_shown_as_it_goes_and_the_page_knows_when_it_has_gone(airflow, store, page_of):
    from playwright.sync_api import expect

    page = page_of("vera")
    page.clock.install()
    plan = {"day": "2026-02-01", "night": "n", "n_shards": 2, "n_files": 6, "at": f"{DAY}T00:00:00+00:00"}
    plan |= {"model": {"version": "v2", "kind": "int8"}, "answered": []}
    plan["columns"] = {"text_column": "text", "id_column": "id"}
    store.write_json("staging/runs/0/2026-02-01/plan.json", plan)
    time.sleep(6)  # pages may be that old
    page.goto(f"{airflow}/ner-ops/tonight")
    expect(page.locator("#in-progress")).to_contain_text("0 of 2 shards")
    said = {**manifest_of("2026-02-01", 3), "elapsed_s": 2.0}
    store.write_json("staging/tagged/2026-02-01/n/shard-00/manifest.json", said)
    page.clock.fast_forward(31_000)
    expect(page.locator("#in-progress")).to_contain_text("1 of 2 shards, about 2 s left")
    store.remove("staging/runs")
    time.sleep(6)  # pages may be that old
    page.clock.fast_forward(31_000)
    expect(page.get_by_text("No night is in progress.")).to_be_visible()


@pytest.mark.parametrize(("name", "table"), [("tonight", "Table of nights"), ("quality", "Table of labels by day")])
def test_charts_are_pictures_with_a_name_and_their_table_is_one_key_away(airflow, page_of, name, table):
    from playwright.sync_api import expect

    page = page_of("vera")
    page.goto(f"{airflow}/ner-ops/{name}")
    pictures = page.get_by_role("img")
    assert pictures.count() >= 4
    for index in range(pictures.count()):
        box = pictures.nth(index).bounding_box()
        assert not pictures.nth(index).is_visible() or (box["width"] > 200 and 90 < box["height"] < 260)
    folded = page.get_by_role("region", name=table)
    expect(folded).to_be_hidden()
    page.locator("summary", has_text=table).focus()
    page.keyboard.press("Enter")
    expect(folded).to_be_visible()


def test_the_frame_follows_airflow_s_own_switch_between_light_and_dark(airflow, page_of):
    page = page_of("vera", "light")
    page.goto(f"{airflow}/plugin/ner-tonight")
    frame = page.frame_locator("iframe")
    frame.get_by_role("heading", name="Last published").wait_for()
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.frames[1].evaluate(paper)
    page.evaluate("localStorage.setItem('theme', 'dark')")
    page.reload()
    frame.get_by_role("heading", name="Last published").wait_for()
    page.wait_for_function("document.documentElement.classList.contains('dark')")
    page.frames[1].wait_for_function("document.documentElement.classList.contains('dark')")
    assert (light, page.frames[1].evaluate(paper)) == ("rgb(255, 255, 255)", "rgb(22, 29, 45)")
    assert page.frames[1].evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_people_out_of_an_empty_page(airflow, store, page_of, scheme):
    from axe_playwright_python.sync_playwright import Axe

    aside = store.root.with_name("aside")
    store.root.rename(aside)
    store.root.mkdir()
    try:
        time.sleep(6)  # pages may be that old
        page = page_of("ada", scheme)
        for name in ("tonight", "documents", "entities", "models", "quality", "benchmarks", "review"):
            page.goto(f"{airflow}/ner-ops/{name}")
            found = Axe().run(page).response["violations"]
            assert [one["id"] for one in found if one["impact"] in {"serious", "critical"}] == [], name
    finally:
        store.root.rmdir()
        aside.rename(store.root)
        time.sleep(6)
