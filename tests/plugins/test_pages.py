"""The pages behind Airflow's own doors: its auth manager, its roles, and whatever a document may bring."""

import html
import json
import re
from types import SimpleNamespace
from urllib.parse import quote

import pytest

from ner_airflow.pages import runbook
from ner_tasks.store import keys
from ner_tasks.store.folder import FolderStore
from tests.published import COUNTS, answer, manifest_of, publish

RUN = "run/ner_tag_nightly/manual__2026-01-31T01:30:00+00:00"
PAGES = ["tonight", "documents", "entities", "models", "quality", "benchmarks", "review", "runbook", RUN]
PAGES += ["static/pages.css", "static/act.js", "static/page.js", "static/review.js"]
HOSTILE = '<script>alert(1)</script> "onmouseover=x \u202e{{ 7*7 }}'
DAY = "2026-01-31"
SCORE = {"f1": 0.8, "precision": 0.8, "recall": 0.8, "n_gold": 9}


@pytest.fixture
def store(tmp_path):
    return FolderStore(tmp_path / "store")


@pytest.fixture
def day(store, tmp_path):
    """A published day with a document whose name, text, label and reason are hostile."""
    line = answer(HOSTILE, f"Anna {HOSTILE}", label=HOSTILE)
    line["receipt"]["unread"] = [HOSTILE]
    rejected = {"document": f"not {HOSTILE}", "file": "x", "reason": "broken", "message": HOSTILE}
    publish(store, tmp_path / "day", DAY, [line], [rejected], rejected={"broken": 1}, entities={HOSTILE: 1})


def promoted(store):
    details = {"at": "2026-01-01T00:00:00", "overall": {"f1": 0.8}, "labels": {"per": {"f1": 0.7}}, "snapshot": "s"}
    compared = {"int8": {"overall": {"f1": 0.79}}, "speed": {"int8_over_stock": 3.0}}
    for version in ("v1", "v2"):
        store.write_json(f"models/{version}/version.json", details)
        store.write_json(f"reports/models/{version}/compare.json", compared)
    pointer = {
        "version": "v2",
        "kind": "int8",
        "at": "2026-01-02",
        "by": "ada",
        "metrics": {"f1": 0.8},
        "previous": "v1",
    }
    store.write_json("models/promoted.json", pointer)


@pytest.mark.parametrize(
    "page", [*PAGES, f"documents/{DAY}?name=x", "benchmarks/x/plot.svg", "models/v/s/card.html", f"review/{DAY}/x"]
)
def test_nobody_in_particular_sees_nothing(visit, page):
    assert visit(page, role=None).status_code == 401


@pytest.mark.parametrize("page", PAGES)
def test_a_viewer_sees_every_page_even_of_an_empty_store(visit, page):
    answer = visit(page)
    assert answer.status_code == 200, answer.text
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"


def test_the_app_answers_nothing_but_reading_and_has_no_pages_of_its_framework(visit):
    from ner_airflow.pages.app import app

    assert {method for route in app.routes for method in getattr(route, "methods", ())} == {"GET"}
    assert visit("docs").status_code == visit("openapi.json").status_code == 404


def test_models_show_their_layers_and_how_the_number_was_chosen(visit, store):
    promoted(store)
    assert "No version was right-sized. Run <code>ner_retrain</code>" in visit("models").text
    row = {"loss": 0.01, "loss_bounds": [0.0, 0.02], "words_per_s": 140.0, "verdict": HOSTILE}
    candidates = [{"layers": [0, 2], "dev_f1": 0.79, "speed_up": 1.4, "chosen": True, **row}]
    sized = {"layers": [0, 2], "n_layers": 3, "candidates": candidates, "test": None}
    store.write_json("reports/models/v1/train.json", {"right_size": sized})
    details = store.read_json("models/v1/version.json")
    store.write_json("models/v1/version.json", {**details, "layers": "2 of 3 (0, 2)"})
    put(store, "reports/models/v1/size.svg", "<svg/>")
    page = visit("models").text
    assert "<td>2 of 3 (0, 2)</td>" in page
    assert "2 of 3 layers (0, 2), 1.40x words/s" in page
    assert "/models/v1/s/size.svg" in page and "<script>alert" not in page
    assert visit("models/v1/s/size.svg").headers["content-type"] == "image/svg+xml"


def test_who_may_promote_is_offered_to_and_a_viewer_is_not(visit, store):
    promoted(store)
    assert "ner_promote/dagRuns" not in visit("models").text
    page = visit("models", role="USER").text
    assert page.count('data-url="/api/v2/dags/ner_promote/dagRuns"') == 2, "promote v1, roll back to v1"
    conf = json.loads(html.unescape(re.search(r'data-conf="([^"]*)"', page)[1]))
    assert conf["version"] == "v1"


def test_whatever_a_document_brings_is_text(visit, day):
    pages = [
        visit("tonight"),
        visit(f"documents?day={DAY}&q={quote('<script>')}"),
        visit(f"documents/{DAY}?name={quote(HOSTILE)}"),
        visit(f"documents/{DAY}?name={quote('not ' + HOSTILE)}"),
        visit(f"documents/{DAY}?name={quote('no such' + HOSTILE)}"),
    ]
    for page in pages:
        assert page.status_code in {200, 404}, page.text
        assert "<script>alert" not in page.text
        assert '"onmouseover' not in page.text.replace("&#34;", "")
        assert "\u202e" not in page.text and "49" not in re.sub(r"\d{3,}", "", page.text)
    assert "&lt;script&gt;alert(1)" in pages[2].text


def test_a_document_shows_its_entities_and_who_read_it_is_written_down(visit, day, caplog):
    caplog.set_level("INFO", logger="ner.access")
    page = visit(f"documents/{DAY}?name={quote(HOSTILE)}").text
    assert re.search(r"<mark[^>]*><bdi>Anna</bdi>", page)
    assert "0.50" in page, "an unsure entity shows its score"
    assert [record.args[0] for record in caplog.records if record.name == "ner.access"] == ["ada"]
    assert "Anna" not in caplog.text


@pytest.mark.parametrize(
    "page",
    [
        f"documents/{DAY}?name=absent",
        "documents/2001-01-01?name=x",
        "documents/..%2f..%2fmodels?name=x",
        "benchmarks/..%2f..%2fmodels/plot.svg",
        "benchmarks/x/..%2f..%2fpromoted.json",
        "static/..%2fapp.py",
        "models/v1/s/version.json",
        "models/v1/other/card.html",
        "models/..%2ftagged/s/card.html",
        f"review/{DAY}/..%2f..%2f..%2fmodels%2fpromoted.json",
        "review/..%2f..%2fmodels/promoted.json",
        "run/%2e%2e/x",
        "run/.hidden/x",
        f"run/{'d' * 300}/x",
        "run/a%00b/x",
    ],
)
def test_what_is_not_there_is_not_found(visit, store, day, page):
    promoted(store)
    assert visit(page).status_code == 404


def test_a_day_without_an_index_says_what_to_do(visit, store, tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "manifest.json").write_text(
        json.dumps({**dict.fromkeys(COUNTS, 0), "elapsed_s": 0, "model_version": "v", "rejected": {}, "entities": {}})
    )
    store.publish(tmp_path / "old", f"tagged/{DAY}", marker="manifest.json")
    assert "published without an index" in visit(f"documents?day={DAY}").text


def test_the_tab_of_a_run_shows_what_its_tasks_came_to_with_log_and_runbook(visit, store):
    notes = [("plan_shards", "success", "", {"day": DAY}), ("check_night", "failed", f"GateNotPassed: {HOSTILE}", {})]
    for task, state, said, result in notes:
        note = {"dag": "ner_tag_nightly", "run": RUN.split("/")[2], "task": task, "map_index": -1, "try": 1}
        note |= {"state": state, "at": f"{DAY}T02:00:00", "took_s": 3.0, "said": said, "result": result}
        store.write_json(f"reports/runs/ner_tag_nightly/{keys.run_name(note['run'])}/{task}.json", note)
    page = visit(RUN).text
    assert "GateNotPassed: &lt;script&gt;" in page
    assert 'href="/ner-ops/runbook#nightly-tagging"' in page
    log = "/dags/ner_tag_nightly/runs/manual__2026-01-31T01%3A30%3A00%2B00%3A00/tasks/check_night?try_number=1"
    assert f'href="{log}"' in page
    assert f'href="/ner-ops/documents?day={DAY}"' in page
    assert "not one of the Nightly NER DAGs" in visit("run/another/manual").text


def test_the_runbook_has_a_part_for_each_dag_and_its_html_is_text(visit, monkeypatch, tmp_path):
    page = visit("runbook").text
    dags = {path.stem: path.read_text() for path in (runbook.FOLDER.parents[1] / "dags").glob("*.py")}
    assert {
        dag: bool(re.search(rf"docs/runbook/\w+\.md#{section} \|", dags[dag]))
        for dag, section in runbook.SECTIONS.items()
    } == dict.fromkeys(dags, True)
    for section in runbook.SECTIONS.values():
        assert f'<h2 id="{section}">' in page
    assert '<a href="#retagging">' in page and not any(".md" in link for link in re.findall(r'href="([^"]*)"', page))
    monkeypatch.setattr(runbook, "FOLDER", tmp_path)
    monkeypatch.setattr(runbook, "PAGES", ("other",))
    (tmp_path / "other.md").write_text(f"# One\n\n{HOSTILE} [b](deployment.md)\n")
    assert "<script>" not in runbook.render_runbook.__wrapped__()
    assert 'href="deployment' not in runbook.render_runbook.__wrapped__()


def test_papers_of_a_version_may_run_nothing_and_a_file_for_review_is_a_download(visit, store):
    promoted(store)
    (store.root / "reports/models/v1/card.html").write_text("<script>alert(1)</script>")
    page = visit("models/v1/s/card.html")
    assert page.status_code == 200
    assert "sandbox" in page.headers["content-security-policy"]
    assert "script-src" not in page.headers["content-security-policy"]
    store.write_json(f"reports/review/{DAY}/label-studio.json", [])
    taken = visit(f"review/{DAY}/label-studio.json")
    assert taken.headers["content-disposition"] == f'attachment; filename="{DAY}-label-studio.json"'


def test_every_file_of_the_store_is_inert_and_what_is_not_ours_is_a_download(visit, store):
    promoted(store)
    script = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    shown = {"benchmarks/r/plot.svg", "benchmarks/r/latency.svg", "models/v1/s/learning.svg", "models/v1/s/card.html"}
    shown |= {"models/v1/s/page.html"}
    names = [
        "evil.js",
        "label-studio.js",
        "evil.html",
        "evil.svg",
        'a"; x="\u00e9.css',
        "doccano.jsonl",
        "card.html",
        "plot.svg",
    ]
    for key in ["benchmarks/r/plot.svg", "benchmarks/r/latency.svg", "models/v1/learning.svg", "models/v1/card.html"]:
        put(store, f"reports/{key}", script)
    put(store, "reports/models/v1/evaluate-s/page.html", script)
    for name in names:
        put(store, f"reports/review/{DAY}/{name}", script)
    inert = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'"
    for page in [*sorted(shown), *(f"review/{DAY}/{quote(name)}" for name in names)]:
        answer = visit(page)
        assert answer.status_code == 200, page
        assert answer.headers["content-security-policy"] == inert, page
        assert answer.headers["x-content-type-options"] == "nosniff"
        kind, said = answer.headers["content-type"], answer.headers.get("content-disposition")
        if page in shown:
            assert kind == ("image/svg+xml" if page.endswith("svg") else "text/html; charset=utf-8")
            assert said is None
        else:
            assert kind == "application/octet-stream", page
            ours = "doccano.jsonl" if "doccano" in page else "file.bin"
            assert said == f'attachment; filename="{DAY}-{ours}"', page


def test_a_folder_in_the_place_of_a_file_is_not_found(visit, store):
    put(store, "reports/benchmarks/r/plot.svg/x", "")
    assert visit("benchmarks/r/plot.svg").status_code == 404


def put(store, key, text):
    path = store.root / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_page_of_a_day_is_small_whatever_names_senders_chose(visit, store, tmp_path):
    names = [
        f"{number:03d}{mark * length}" for number in range(60) for mark, length in (("\U0001f600", 990), ('"', 99))
    ]
    names += [f"<{number}" + "x" * 200_000 for number in range(20)]
    publish(store, tmp_path / "day", DAY, [answer(name, "Anna came.") for name in names])
    page = visit(f"documents?day={DAY}")
    assert page.status_code == 200
    assert len(page.content) <= 2**18
    for link in re.findall(r'<th scope="row"><a href="/ner-ops/([^"]*)"', page.text)[::9]:
        assert len(link) < 1000
        shown = visit(html.unescape(link))
        assert shown.status_code == 200
        assert len(shown.content) < 2**16
    long = visit(f"documents?day={DAY}&q={quote('<11')}").text
    (link,) = re.findall(r'href="/ner-ops/(documents/[^"]*handle=[^"]*)"', long)
    assert "&lt;11xxx" in visit(link).text
    assert visit(link[:-1]).status_code == 404


def test_a_document_of_many_entities_is_shown_in_parts(visit, store, tmp_path):
    line = answer("many.txt", "Anna " * 30_000)
    line["entities"] = [{"start": 5 * n, "end": 5 * n + 4, "label": "per", "score": 0.9} for n in range(30_000)]
    hidden = {**line, "document": "hidden.txt", "text": None}
    publish(store, tmp_path / "day", DAY, [line, hidden])
    for name in ("many.txt", "hidden.txt"):
        page = visit(f"documents/{DAY}?name={name}")
        assert len(page.content) < 2**18
        assert "Entities 1 to 200 of 30\u202f000" in page.text
        after = html.unescape(re.search(r'href="/ner-ops/(documents/[^"]*from=200)"', page.text)[1])
        assert "Entities 201 to 400 of" in visit(after).text
        assert "Entities 29\u202f801 to 30\u202f000 of" in visit(f"documents/{DAY}?name={name}&from=999999").text


def test_long_lists_are_cut_and_say_how_many_more_there_are(visit, store, tmp_path):
    promoted(store)
    said = {f"reason-{number}": 1 for number in range(70)}
    line = answer("a.txt", "Anna came.")
    line["receipt"] |= {"unread": [HOSTILE * 200] * 60, "notes": [HOSTILE] * 30}
    publish(store, tmp_path / "day", DAY, [line], rejected=said, ignored=said)
    night = {"night": "n", "passed": False, "lines": [HOSTILE * 200] * 50}
    store.write_json(f"reports/nights/{DAY}.json", night)
    store.write_json(
        f"reports/drift/{DAY}.json",
        {"day": DAY, "model_version": "v", "accepted": False, "alerts": ["a"] * 9, "model_before": None, "night": "n"},
    )
    evaluation = {"overall": SCORE, "labels": {f"l{n}": SCORE for n in range(120)}, "n_sentences": 9}
    store.write_json("reports/models/v2/evaluate-s.json", evaluation)
    for number in range(30):
        put(store, f"reports/review/{DAY}/{number}", "")
    for index in range(60):
        note = {"dag": "ner_tag_nightly", "run": RUN.split("/")[2], "task": "t", "map_index": index, "try": 1}
        note |= {"state": "failed", "at": f"{DAY}T02:00:00", "took_s": 3.0, "said": f"{index}", "result": {}}
        store.write_json(f"reports/runs/ner_tag_nightly/{keys.run_name(note['run'])}/t-{index}.json", note)
    said = {"version": "v2", "kind": "int8", "at": "2026-01-02", "metrics": {}, "previous": None}
    for number in range(140):
        store.append_line("models/history.jsonl", json.dumps({**said, "by": f"{number}{HOSTILE * 99}"}))
    expected = {
        "tonight": [20, 20, 29],
        f"documents/{DAY}?name=a.txt": [10, 40, 10],
        "quality": [20, 4],
        "review": [10],
        RUN: [55, 10],
        "models": [41],
    }
    for page, counts in expected.items():
        answered = visit(page)
        assert answered.status_code == 200, answered.text
        assert [int(n) for n in re.findall(r"and (\d+) more", answered.text)] == counts, page
        assert len(answered.content) < 2**19


@pytest.mark.runbook("damaged-files-of-the-store", "models/<version>/version.json, reports/models/...")
@pytest.mark.runbook("damaged-files-of-the-store", "reports/nights/, reports/drift/")
def test_one_damaged_report_is_said_and_the_page_shows_the_rest(visit, store, day):
    promoted(store)
    put(store, "reports/nights/2026-01-31.json", "[" * 5000)
    put(store, "tagged/2026-01-30/manifest.json", '{"n_documents": 1e999}')
    put(store, "models/v1/version.json", "null")
    page = visit("tonight").text
    assert "Damaged files in the store" in page and "tagged/2026-01-30/manifest.json" in page
    assert f'documents?day={DAY}">{DAY}' in page, "the night that is whole"
    assert 'href="/ner-ops/runbook#damaged-files-of-the-store"' in page
    assert "models/v1/version.json" in visit("models").text
    assert "Damaged files" not in visit("review").text


@pytest.mark.parametrize("line", ["", "{", "[]", '{"document": "x"}', '{"reason": [' + "[" * 5000])
def test_a_damaged_line_of_a_rejected_document_is_one_line_on_its_page(visit, store, day, line):
    put(store, f"tagged/{DAY}/rejected.jsonl", line)
    page = visit(f"documents/{DAY}?name={quote('not ' + HOSTILE)}")
    assert page.status_code == 500
    assert "expected a rejected document" in page.text


def test_a_huge_file_is_refused_and_not_sent(visit, store):
    promoted(store)
    for key, page in {
        "reports/models/v1/card.html": "models/v1/s/card.html",
        f"reports/review/{DAY}/doccano.jsonl": f"review/{DAY}/doccano.jsonl",
    }.items():
        put(store, key, "")
        with (store.root / key).open("r+b") as file:
            file.truncate(2**30)
        assert "expected at most" in visit(page).text


def test_a_failed_task_without_a_reason_and_a_drift_report_without_details_are_shown(visit, store):
    note = {"dag": "ner_tag_nightly", "run": RUN.split("/")[2], "task": "t", "map_index": -1, "try": 1}
    note |= {"state": "failed", "at": f"{DAY}T02:00:00", "took_s": None, "said": "", "result": {}}
    store.write_json(f"reports/runs/ner_tag_nightly/{keys.run_name(note['run'])}/t.json", note)
    report = {"day": DAY, "model_version": "v", "alerts": [], "accepted": False, "judged": False}
    store.write_json(f"reports/drift/{DAY}.json", report)
    assert "failed: no reason recorded" in visit(RUN).text
    assert "not judged: no reason recorded" in visit("quality").text


def test_an_entity_is_found_with_its_document_label_assertion_and_section(visit, store, tmp_path, caplog):
    caplog.set_level("INFO", logger="ner.access")
    line = answer("a.txt", "Ánna came", label="per")
    line["entities"][0] |= {"assertion": ["negated", "family"], "section": "history"}
    publish(store, tmp_path / "day", DAY, [line, answer("b.txt", "Anna came", label="org")])
    page = visit("entities?q=ANN").text
    assert f'href="/ner-ops/documents/{DAY}?name=a.txt&amp;from=0"' in page
    assert "<td><bdi>family, negated</bdi></td><td><bdi>history</bdi></td>" in page
    assert "2 results" in page and "2 results" not in visit("entities?q=ann&label=org").text
    assert "No mentions that begin with <bdi>annx</bdi> since 2026-01-31" in visit("entities?q=annx").text
    assert "1 result</caption>" in visit("entities?q=ann&label=per").text
    assert [record.args for record in caplog.records if record.name == "ner.access"] == [
        ("ada", "all days", n_found) for n_found in (2, 1, 0, 1)
    ]


def test_no_log_has_what_was_sought(visit, store, tmp_path, caplog, monkeypatch):
    from airflow.api_fastapi.common import http_access_log

    logged = []
    monkeypatch.setattr(
        http_access_log, "logger", SimpleNamespace(info=lambda *values, **named: logged.append((values, named)))
    )
    caplog.set_level("INFO")
    publish(store, tmp_path / "day", DAY, [answer("a.txt", "Anna came")])
    assert "a.txt" in visit("entities?q=anna").text
    visit("documents?q=seen")
    assert "/ner-ops/entities" in str(logged[0]) and "seen" in str(logged[1]), "Airflow's access log"
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("httpx")]
    assert "anna" not in str([*logged, *ours]).lower()


def test_the_page_entities_shows_what_is_frequent_and_what_is_new(visit, store, tmp_path):
    publish(store, tmp_path / "day", DAY, [answer("a.txt", "Anna came"), answer("b.txt", "Anna went")])
    page = visit("entities").text
    assert f"Top mentions of {DAY}" in page and 'entities?q=Anna&amp;label=per"><bdi>Anna</bdi></a>' in page
    assert "has been compared with earlier days yet" in page
    listed = {"n_new": 60, "mentions": [{"mention": HOSTILE, "n_documents": 2, "n_entities": 3}]}
    store.write_json(f"tagged/{DAY}/new_mentions.json", {"night": "n", "n_days": 1, "labels": {HOSTILE: listed}})
    page = visit("entities").text
    assert "New from 2026-01-25 to 2026-01-31" in page and "and 59 more" in page
    assert "<script>alert" not in page and "\u202e" not in page


@pytest.mark.parametrize(
    ("q", "status"),
    [
        ("x" * 10_000, 422),
        ("%00", 200),
        ("Anna%00", 200),
        ("%ED%A0%80", 200),
        ("%25_*", 200),
        ("'; DROP TABLE mentions; --", 200),
        (quote(HOSTILE), 200),
        ("%F0%9F%98%80" * 200, 200),
    ],
)
def test_any_search_for_an_entity_gets_a_page(visit, day, q, status):
    page = visit(f"entities?q={q}&label={quote(HOSTILE)}&after=x")
    assert page.status_code == status
    assert "<h1><bdi>Entities</bdi></h1>" in page.text and len(page.content) < 2**16
    assert "<script>alert" not in page.text and '"onmouseover' not in page.text.replace("&#34;", "")
    if status == 422:
        assert "Found a search of 10\u202f000 characters, expected at most 200." in page.text


def test_a_hostile_mention_is_text(visit, store, tmp_path):
    line = answer("a.txt", HOSTILE, label=HOSTILE)
    line["entities"] = [{"start": 0, "end": len(HOSTILE), "label": HOSTILE, "score": 0.9, "section": HOSTILE}]
    publish(store, tmp_path / "day", DAY, [line], entities={HOSTILE: 1})
    for page in (visit("entities"), visit(f"entities?q={quote('<script')}")):
        assert page.status_code == 200
        assert "&lt;script&gt;alert(1)" in page.text and "<script>alert" not in page.text
        assert "\u202e" not in page.text and '"onmouseover' not in page.text.replace("&#34;", "")
    link = re.search(r'<th scope="row"><a href="/ner-ops/(entities[^"]*)"', visit("entities").text)[1]
    assert "1 result" in visit(html.unescape(link)).text, "the link of a mention finds it"


def test_a_search_continues_on_the_next_page(visit, store, tmp_path):
    publish(store, tmp_path / "day", DAY, [answer(f"{number:03d}.txt", "Anna came") for number in range(150)])
    page = visit("entities?q=anna").text
    assert "099.txt" in page and "100.txt" not in page
    following = html.unescape(re.search(r'href="/ner-ops/(entities[^"]*after=[^"]*)"', page)[1])
    page = visit(following).text
    assert "100.txt" in page and "149.txt" in page and "Continue the search" not in page


def test_the_page_entities_says_what_it_does_not_know(visit, store, tmp_path):
    hidden = {**answer("a.txt", "Anna came"), "text": None}
    publish(store, tmp_path / "day", DAY, [hidden])
    for page in ("entities", "entities?q=anna"):
        assert "1 document was tagged without keeping the text" in visit(page).text
    (store.root / f"tagged/{DAY}/entities.sqlite").unlink()
    assert "published without an entity index" in visit("entities").text
    assert "1 of the days searched was published without an entity index" in visit("entities?q=anna").text
    put(store, f"tagged/{DAY}/entities.sqlite", "SQLite format 3\0" + "x" * 5000)
    for page in ("entities", "entities?q=anna"):
        shown = visit(page)
        assert shown.status_code == 200
        assert f"<code>tagged/{DAY}/entities.sqlite</code>" in shown.text


def measured(name, now, *, alert=False):
    return {"measure": name, "now": now, "usual": 4.0, "lowest": 3.0, "highest": 5.0, "alert": alert}


def fill_charts(store):
    """Three nights, two versions, drift with an alert, and thresholds; some names are hostile."""
    promoted(store)
    for number in (1, 2, 4):
        day = f"2026-01-{number:02d}"
        store.write_json(f"tagged/{day}/manifest.json", manifest_of(day, 1000 * number))
        findings = [measured("entities/per", 4.0), measured(f"entities/{HOSTILE}", 9.0, alert=True)]
        report = {"day": day, "model_version": "v1", "alerts": ["found per"], "accepted": False}
        store.write_json(
            f"reports/drift/{day}.json", {**report, "findings": [*findings, measured("pieces/unknown", 0.1)]}
        )
    rows = [{"min_score": tenth / 10, "n_given": 9 - tenth, "precision": 0.8, "recall": 0.7} for tenth in range(10)]
    evaluation = {"overall": SCORE, "labels": {"per": SCORE}, "n_sentences": 9}
    tables = {"overall": rows, "labels": {"per": rows, HOSTILE: rows}}
    store.write_json("reports/models/v2/evaluate-s.json", {**evaluation, "calibration": {"by_score": tables}})


@pytest.mark.parametrize(
    ("page", "n_charts", "said"),
    [
        ("tonight", 6, ["Partly read", "newest 4\u202f000", "Table of nights"]),
        ("models", 2, ["FP32: lowest", "v2 is promoted", "Table of labels", "Table of versions"]),
        ("quality", 6, ["Table of scores", "Table of labels by day", "published from 0.1 on", "Unusual: 2026-01-01"]),
    ],
)
def test_a_page_shows_its_charts_with_their_table(visit, store, page, n_charts, said):
    fill_charts(store)
    shown = visit(page).text
    assert shown.count('<svg viewBox="0 0 320 150" role="img"') == n_charts
    assert all(text in shown for text in said), [text for text in said if text not in shown]
    assert "<details" in shown and "<script>alert" not in shown and "\u202e" not in shown
    assert not re.search(r"\sstyle=|\son\w+=", shown), "the policy of the pages forbids them"


def test_ids_of_charts_are_unique(visit, store):
    fill_charts(store)
    for page in ("tonight", "models", "quality"):
        ids = re.findall(r'\bid="([^"]+)"', visit(page).text)
        assert len(ids) == len(set(ids)) > 4
        for named in re.findall(r'aria-labelledby="([^"]+)"', visit(page).text):
            assert set(named.split()) <= set(ids)


def test_a_missing_policy_is_said_and_the_charts_are_shown_without_it(visit, store, monkeypatch, tmp_path):
    fill_charts(store)
    monkeypatch.setenv("NER_POLICY", str(tmp_path / "absent.yaml"))
    page = visit("quality").text
    assert "The scores in effect are not shown" in page and "absent.yaml" in page
    assert "published from 0.1" not in page and "Precision and recall by least score" in page


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("tonight", ["No night has been published yet.", "inbox/&lt;day&gt;/", "Tagging needs a promoted model"]),
        ("models", ["No version has been registered yet.", "labelled/&lt;batch&gt;/", "ner_retrain"]),
        ("quality", ["No version is promoted", "No night has been compared"]),
        ("documents", ["No day has been published yet.", '/tonight">Tonight</a>']),
        ("entities", ["No day has been published yet.", '/tonight">Tonight</a>']),
        ("benchmarks", ["No benchmark has run yet.", "Ask somebody who may trigger DAGs"]),
    ],
)
def test_an_empty_page_says_what_to_do_next(visit, page, said):
    shown = visit(page).text
    assert 'class="empty"' in shown and all(text in shown for text in said)
    assert "dagRuns" not in shown, "a viewer is offered nothing to start"


def test_an_empty_page_offers_the_next_step_to_those_who_may_take_it(visit, store):
    assert 'data-url="/api/v2/dags/ner_retrain/dagRuns"' in visit("models", role="USER").text
    assert "dagRuns" not in visit("tonight", role="USER").text, "without a model there is nothing to tag with"
    promoted(store)
    assert 'data-url="/api/v2/dags/ner_tag_nightly/dagRuns"' in visit("tonight", role="USER").text


def test_an_evaluation_of_an_earlier_release_says_why_there_is_no_chart(visit, store):
    promoted(store)
    store.write_json(
        "reports/models/v2/evaluate-s.json", {"overall": SCORE, "labels": {"per": SCORE}, "n_sentences": 9}
    )
    assert "The evaluation of this version has no precision and recall by score." in visit("quality").text


def test_many_labels_are_bounded_and_counted(visit, store):
    fill_charts(store)
    details = store.read_json("models/v2/version.json")
    labels = {f"l{number:03d}": {"f1": 0.5} for number in range(60)}
    store.write_json("models/v2/version.json", {**details, "labels": labels})
    page = visit("models")
    # all labels together, 61 labels
    assert page.text.count('role="img"') == 25 and "37 more labels are in the table" in page.text
    assert len(page.content) < 2**19
