"""The page Review queue by role: what is offered to whom, what is said of whom, and nothing that a document can do."""

import html
import json
import re
from urllib.parse import quote

import pytest

from ner_tasks.enrichment.codes import Vocabulary
from ner_tasks.review.code_suggestions import CodeSuggestions
from ner_tasks.store.folder import FolderStore
from tests.answers import answer
from tests.reviews import DAY, decide, letters, queue_in, verdicts

PAGE = f"review/{DAY}"
HOSTILE = '<script>alert(1)</script> "onmouseover=x \u202e{{ 7*7 }}'


@pytest.fixture
def store(tmp_path):
    return FolderStore(tmp_path / "store")


@pytest.fixture
def queue(store, tmp_path):
    return queue_in(store, tmp_path / "day", letters("x", "y"))


def marks(page):
    return [
        re.sub(r"<[^>]*>", "", html.unescape(one)).split("\xa0")[0]
        for one in re.findall(r"<mark.*?</small>", page, re.DOTALL)
    ]


def test_a_reviewer_is_offered_each_entity_and_a_run_of_ner_decide(visit, queue):
    page = visit(PAGE, role="USER").text
    assert 'data-url="/api/v2/dags/ner_decide/dagRuns"' in page and f'data-day="{DAY}"' in page
    assert page.count('class="verdict"') == 2 * 2 * 3
    assert page.count(f'data-sentence="{queue[0]["id"]}"') == 1
    assert html.unescape(re.search(r'data-words="([^"]*)"', page)[1]).startswith("[[0, 3], [4, 7]")


def test_a_viewer_reads_and_decides_nothing(visit, queue):
    page = visit(PAGE).text
    assert "Jackson" in page
    assert "dagRuns" not in page and "<button" not in page and "<select" not in page
    assert re.findall(r"<input(?![^>]*disabled)[^>]*>", page) == []


@pytest.mark.parametrize("page", [PAGE, f"{PAGE}/decisions/codes.csv"])
def test_nobody_in_particular_reads_no_sentence(visit, queue, page):
    assert visit(page, role=None).status_code == 401


def test_who_read_sentences_of_which_day_is_logged_without_their_text(visit, queue, caplog):
    caplog.set_level("INFO", logger="ner.access")
    visit(PAGE, user="ben")
    (line,) = [record.getMessage() for record in caplog.records if record.name == "ner.access"]
    assert line == f"ben read 2 sentences of the review queue of {DAY}"


def test_words_can_be_chosen_and_entities_are_marked(visit, queue):
    page = visit(PAGE, role="USER").text
    assert marks(page) == ["Jackson", "Tampa"] * 2
    first = page[page.index("data-word=") : page.index("</article>")]
    assert re.findall(r'data-word="(\d+)">([^<]*)', "<" + first)[:3] == [("0", "She"), ("1", "met"), ("2", "Jackson")]


def test_what_one_has_decided_is_gone_from_the_queue_and_can_be_decided_again(visit, store, queue):
    decide(store, queue[0]["id"], verdicts("reject", "accept"))
    page = visit(PAGE, role="USER").text
    assert queue[0]["id"] not in page and "To decide (1)" in page and "Decided (1)" in page
    page = visit(f"{PAGE}?show=decided", role="USER").text
    assert "Settled by <bdi>ada</bdi>, 2026-02-01 09:00" in page
    assert re.findall(r'value="(\w+)" checked', page) == ["reject", "accept"]
    assert marks(page) == ["Tampa"]


def test_a_dispute_shows_who_decided_what_and_offers_to_settle_it(visit, store, queue):
    decide(store, queue[0]["id"], verdicts("reject", "accept"))
    decide(store, queue[0]["id"], verdicts("accept", "accept"), by="ben")
    page = visit(f"{PAGE}?show=disputed", role="USER", user="cleo").text
    settles = json.loads(html.unescape(re.search(r'data-settles="([^"]*)"', page)[1]))
    assert len(settles) == 2
    assert re.findall(r'class="take" name="[^"]*" value="([^"]*)"', page) == [*settles, "own"]
    assert "<b><bdi>ben</bdi></b>, 2026-02-01 09:00: <bdi>Jackson</bdi>" in page
    assert "?show=disputed" in visit("review").text


def test_what_another_reviewer_has_decided_is_not_shown_before_one_has_decided(visit, store, tmp_path):
    (one,) = queue_in(store, tmp_path / "day", letters("x"), n_reviewers=2)
    decide(store, one["id"], verdicts("reject", "accept"))
    page = visit(PAGE, role="USER", user="ben").text
    assert "checked" not in page and ">ada<" not in page and marks(page) == ["Jackson", "Tampa"]


def test_suggested_codes_are_offered_with_their_names(visit, store, tmp_path):
    (tmp_path / "v.csv").write_text("name,code,system\nTampa Bay,T1,X\nTampa,T2,X\nTampa,T3,X\n")
    codes = CodeSuggestions(Vocabulary.open(tmp_path / "v.csv"))
    (one,) = queue_in(store, tmp_path / "day", letters("x"), codes=codes)
    page = visit(PAGE, role="USER").text
    assert re.findall(r'<option value="(T\d)" data-system="X">', page) == ["T2", "T3"]
    decide(store, one["id"], verdicts("reject", "accept", code="T3", code_system="X"))
    assert '<option value="T3" data-system="X" selected>' in visit(f"{PAGE}?show=decided", role="USER").text
    assert "decisions/codes.csv" in visit("review").text
    taken = visit(f"{PAGE}/decisions/codes.csv")
    assert taken.text == "name,code,system\nTampa,T3,X\n"
    assert taken.headers["content-disposition"] == f'attachment; filename="{DAY}-codes.csv"'


def test_statuses_are_shown_where_a_finding_was_assessed(visit, store, tmp_path):
    lines = letters("x")
    lines[0]["entities"][0] |= {"assertion": ["negated"], "section": "history", "decision": "review"}
    queue_in(store, tmp_path / "day", lines)
    page = visit(PAGE, role="USER").text
    assert "<summary>negated</summary>" in page and 'value="negated" checked' in page
    assert "0.60, history, review" in page and "Marked for review" in page


def test_precision_and_agreement_are_tables_with_their_numbers(visit, store, queue):
    for number, one in enumerate(queue):
        decide(store, one["id"], verdicts("reject", "accept"))
        decide(store, one["id"], verdicts(*("reject", "accept") if number else ("accept", "accept")), by="ben")
    page = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", visit("review").text))
    assert f"{DAY} v1 geo 0.50 0.09 to 0.91 1 2 1" in page
    assert "ada , ben all 0.76 0.80 2 geo 0.76 0.80 2 2, 3" in page


@pytest.mark.parametrize(
    "page", ["review/2026-01-01", "review/x", "review/..%2f..%2fmodels", "review/2026-01-01/decisions/codes.csv"]
)
def test_a_day_without_a_queue_is_not_found(visit, queue, page):
    assert visit(page).status_code == 404


@pytest.mark.parametrize("query", ["?show=other", "?from=999999", "?show=decided&from=7"])
def test_any_view_gets_a_page(visit, queue, query):
    assert visit(f"{PAGE}{query}").status_code == 200


@pytest.mark.parametrize("query", ["?from=-1", "?from=x", f"?show={'x' * 99}"])
def test_a_query_out_of_bounds_is_refused(visit, queue, query):
    assert visit(f"{PAGE}{query}").status_code == 422


def test_a_hostile_document_is_text(visit, store, tmp_path):
    line = answer(HOSTILE, f"Anna {HOSTILE} .", {"Anna": HOSTILE}, score=0.1)
    line["entities"][0] |= {"section": HOSTILE, "assertion": [HOSTILE]}
    (one,) = queue_in(store, tmp_path / "day", [line])
    decide(store, one["id"], verdicts("accept"), by=HOSTILE)
    decide(store, one["id"], verdicts("reject"), by="ben")
    for page in (visit(PAGE, role="USER"), visit(f"{PAGE}?show=disputed", role="USER"), visit("review")):
        assert page.status_code == 200
        assert "<script>alert" not in page.text and "\u202e" not in page.text
        assert '"onmouseover' not in page.text.replace("&#34;", "").replace("\\u0022", "")
    assert f"documents/{DAY}?name={quote(HOSTILE, safe='')[:20]}" in visit(f"{PAGE}?show=disputed").text


def test_a_damaged_record_is_named_and_the_rest_is_shown(visit, store, queue):
    decide(store, queue[0]["id"], verdicts("reject", "accept"))
    (store.root / f"reports/reviewed/{DAY}/standing.json").write_text("{")
    (store.root / f"reports/reviewed/{DAY}/summary.json").write_text("[]")
    page = visit(PAGE)
    assert page.status_code == 200 and f"reports/reviewed/{DAY}/standing.json" in page.text and "Jackson" in page.text
    assert f"reports/reviewed/{DAY}/summary.json" in visit("review").text
    (store.root / f"reports/review/{DAY}/review.json").write_text("[1]")
    assert f"reports/review/{DAY}/review.json" in visit(PAGE).text


def test_a_page_of_long_sentences_is_bounded(visit, store, tmp_path):
    text = " ".join(f"w{number}" for number in range(500)) + " ."
    lines = [answer(f"{n}.txt", f"{n} {text}", {"w1": "geo", "w2": "per"}, score=0.4) for n in range(45)]
    queue_in(store, tmp_path / "day", lines)
    page = visit(PAGE, role="USER")
    assert page.text.count("<article") == 20 and len(page.content) < 2**20
    assert f"{PAGE}?show=queue&amp;from=20" in page.text and "Sentences 1 to 20 of 45" in page.text
