"""The pages of a document as it looked: behind the same rights and the same log, or with the reason why not."""

# ruff: noqa: F811 - the fixtures of the other pages' tests
import re
from urllib.parse import quote

import pytest

from ner_airflow.pages import pictures as server
from ner_tasks.dashboard.page_pictures import PagePictures
from ner_tasks.documents import Limits
from ner_tasks.errors import Busy
from tests.paged import paged_answer
from tests.pdf_objects import PdfObjects, drawn
from tests.plugins.test_pages import HOSTILE, store  # noqa: F401
from tests.published import publish

DAY = "2026-01-31"


def pdf_of(*names):
    objects = PdfObjects()
    for name in names:
        objects.add_page(drawn(name))
    return objects.to_bytes()


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    opened = PagePictures(tmp_path / "scratch", ocr=False, limits=Limits(seconds=300))  # on a busy machine
    monkeypatch.setattr(server, "open_pictures", lambda: opened)
    return opened


@pytest.fixture
def put(store, tmp_path):
    """Publishes a day with one PDF, and gives the path of its file."""

    def put(*pages, words=(), name="a.pdf", **changes):
        path = store.root / f"inbox/{DAY}" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(pdf_of(*pages))
        line = paged_answer(path, name, *words) | changes
        rejected = {"document": "bad.pdf", "file": "bad.pdf", "reason": "broken", "message": "found nothing"}
        publish(store, tmp_path / "day", DAY, [line], [rejected])
        return path

    return put


@pytest.fixture
def page(visit, pictures):
    def page(number=1, name="a.pdf", **how):
        return visit(f"documents/{DAY}/page?name={quote(name)}&page={number}", **how)

    return page


@pytest.fixture
def picture(visit, pictures):
    def picture(number=1, name="a.pdf", **how):
        return visit(f"documents/{DAY}/page-picture?name={quote(name)}&page={number}", **how)

    return picture


def test_nobody_in_particular_sees_a_page_in_the_cache_or_not(put, page, picture):
    put("Anna Quinn", words=["Anna"])
    for _ in range(2):
        assert page(role=None).status_code == picture(role=None).status_code == 401
        assert page().status_code == picture().status_code == 200


def test_a_page_has_its_picture_a_box_for_each_entity_and_its_text(put, page, picture):
    put("Anna Quinn paid", "Boris paid", words=["Anna Quinn", "Boris"])
    shown = page().text
    assert 'viewBox="0 0 612.00 792.00"' in shown
    assert f'<image href="/ner-ops/documents/{DAY}/page-picture?name=a.pdf&amp;page=1"' in shown
    (box,) = re.findall(
        r'<a id="b0" class="box hue0" href="#e0" aria-label="Anna Quinn, per">.*?<rect ([^>]*)/>', shown
    )
    left, top, width, height = (float(value) for value in re.findall(r'"([\d.]+)"', box))
    assert 70 < left < 73 and 78 < top < 92 and 60 < width < 70 and 10 < height < 22
    assert re.search(r'<mark id="e0"[^>]*><bdi>Anna Quinn</bdi>', shown)
    assert "Boris" not in shown, "it is on the next page"
    drawn = picture()
    assert (drawn.headers["content-type"], drawn.content[8:12]) == ("image/webp", b"WEBP")


def test_a_page_and_its_picture_are_not_kept_by_a_browser_and_run_nothing(put, page, picture):
    put("Anna")
    for answered in (page(), picture()):
        assert answered.headers["cache-control"] == "no-store"
        assert answered.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answered.headers["content-security-policy"]
    assert "style=" not in page().text and "<script>" not in page().text


def test_who_saw_which_page_is_written_down_and_no_word_of_it(put, page, picture, caplog):
    caplog.set_level("INFO", logger="ner.access")
    put("Anna Quinn", "Boris", words=["Anna"])
    page(2)
    picture(2)
    said = [record.getMessage() for record in caplog.records if record.name == "ner.access"]
    assert said == [f"ada read page 2 of document 'a.pdf' of {DAY}", f"ada saw page 2 of document 'a.pdf' of {DAY}"]
    assert "Boris" not in caplog.text


def test_pages_are_linked_with_each_other_and_with_the_nearest_entities(put, page, visit):
    put("Anna", "none", "none", "Boris", words=["Anna", "Boris"])
    shown = page(2).text
    for number, part in ((1, 'rel="prev"'), (3, 'rel="next"')):
        assert f'<a {part} href="/ner-ops/documents/{DAY}/page?name=a.pdf&amp;page={number}#viewer">' in shown
    assert 'page=1#last-entity"' in shown and 'page=4#first-entity"' in shown
    assert 'rel="next"' not in page(4).text and 'rel="prev"' not in page(1).text
    assert f"/documents/{DAY}/page?name=a.pdf&amp;page=1#viewer" in visit(f"documents/{DAY}?name=a.pdf").text


def test_the_next_page_is_drawn_while_this_one_is_read(put, page, pictures, monkeypatch):
    put("Anna", "Boris")
    page(1)
    from ner_tasks.dashboard import page_pictures as drawing

    monkeypatch.setattr(drawing, "draw_in_sandbox", lambda *_: pytest.fail("drawn again"))
    assert "Boris" in page(2).text


def test_a_document_that_is_gone_says_so_and_shows_nothing(put, page, picture):
    path = put("Anna", words=["Anna"])
    assert page().status_code == 200
    path.unlink()
    shown = page()
    assert shown.status_code == 404 and "no longer in the inbox" in shown.text
    assert "<image" not in shown.text and picture().status_code == 404


def test_a_document_that_has_changed_says_so_and_shows_nothing_of_the_other(put, page, picture):
    path = put("Anna", words=["Anna"])
    path.write_bytes(pdf_of("Boris"))
    shown = page()
    assert shown.status_code == 409 and "has changed since it was tagged" in shown.text
    assert "<image" not in shown.text and picture().status_code == 409


@pytest.mark.parametrize("number", [3, 50_000])
def test_a_page_beyond_the_last_is_not_there(put, page, picture, number):
    put("Anna", "Boris")
    assert page(number).status_code == picture(number).status_code == 404
    assert "has no such page" in page(number).text and 'page=1#viewer">Page 1' in page(number).text


@pytest.mark.parametrize("number", [0, -1, 10_000_001, 10**30, "x", ""])
def test_a_number_that_is_no_page_is_refused(put, page, picture, number):
    put("Anna")
    assert page(number).status_code == picture(number).status_code == 422


def test_a_document_that_cannot_be_drawn_says_why(put, page, picture, pictures, monkeypatch):
    put("Anna")
    from ner_tasks.dashboard import page_pictures as drawing
    from ner_tasks.documents import CannotRead

    def refuse(*_):
        raise CannotRead("too-slow", "found no page after 20 s, expected it by then")

    monkeypatch.setattr(drawing, "draw_in_sandbox", refuse)
    shown = page()
    assert shown.status_code == picture().status_code == 422
    assert "cannot be drawn" in shown.text and "found no page after 20 s" in shown.text


def test_a_server_with_much_to_draw_asks_to_come_again(put, page, picture, pictures, monkeypatch):
    put("Anna")

    def refuse(*_):
        raise Busy("found 2 pages being drawn")

    monkeypatch.setattr(pictures, "draw", refuse)
    assert page().status_code == picture().status_code == 503
    assert "in a few seconds" in page().text


@pytest.mark.parametrize("changes", [{"text": None}, {"receipt": {"n_words": 1, "items": {}, "unread": []}}])
def test_where_there_are_no_pages_none_is_offered(put, page, visit, changes):
    put("Anna", **changes)
    assert "Original pages" not in visit(f"documents/{DAY}?name=a.pdf").text
    assert page().status_code == 404


def test_an_entity_without_a_box_is_counted_and_marked_in_the_text(put, page):
    entity = {"start": 0, "end": 4, "label": "per", "score": 0.9, "page": 1, "boxes": []}
    put("Anna", entities=[entity])
    shown = page().text
    assert "1 without a box, since their place on the page is not known" in shown
    assert '<mark id="e0"' in shown and 'class="box' not in shown


def test_a_deployment_may_show_none(put, page, picture, visit, monkeypatch):
    from ner_tasks.settings import Settings

    assert Settings.from_env(original_pages=False).original_pages is False
    put("Anna")
    monkeypatch.setattr(server, "open_pictures", lambda: None)
    assert page().status_code == picture().status_code == 404
    assert "switched off in this deployment" in page().text
    assert "Original pages" not in visit(f"documents/{DAY}?name=a.pdf").text


@pytest.mark.parametrize("name", ["bad.pdf", "absent.pdf"])
def test_a_rejected_document_and_one_that_is_not_there_have_no_pages(put, page, picture, name):
    put("Anna")
    assert page(name=name).status_code == picture(name=name).status_code == 404


@pytest.mark.parametrize("day", ["2001-01-01", "..%2f..%2fmodels", "x"])
def test_a_day_that_is_not_there_has_none(put, visit, pictures, day):
    put("Anna")
    for kind in ("page", "page-picture"):
        assert visit(f"documents/{day}/{kind}?name=a.pdf").status_code == 404


def test_whatever_a_document_brings_is_text(put, page, picture):
    name = HOSTILE.replace("/", "") + ".pdf"
    entity = {"start": 0, "end": 4, "label": HOSTILE, "score": 0.9, "page": 1, "boxes": [[1, 2, 30, 40]]}
    put("Anna " + HOSTILE.replace("\u202e", ""), name=name, entities=[entity])
    shown = page(name=name)
    assert shown.status_code == picture(name=name).status_code == 200
    assert "<script>alert" not in shown.text and "\u202e" not in shown.text
    assert '"onmouseover' not in shown.text.replace("&#34;", "")


def test_a_name_too_long_for_a_link_is_linked_by_its_handle(put, page, visit):
    name = "ü" * 110 + ".pdf"
    put("Anna", "Boris", name=name)
    shown = page(name=name).text
    (address,) = re.findall(r'rel="next" href="/ner-ops/([^"#]*)', shown)
    assert "handle=" in address and 'type="hidden" name="handle"' in shown
    assert visit(address.replace("&amp;", "&")).status_code == 200
