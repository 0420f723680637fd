"""Pages are drawn once and cached, within limits; what is gone or has changed is not shown, cached or not."""

import json
import os
import threading
from contextlib import contextmanager

import pytest

from ner_tasks.dashboard import page_pictures
from ner_tasks.dashboard.page_cache import PageCache
from ner_tasks.dashboard.page_pictures import CACHE, PagePictures
from ner_tasks.documents import CannotRead, Limits
from ner_tasks.documents.rendering.page_picture import DrawnPage
from ner_tasks.errors import Busy
from ner_tasks.store import open_store
from ner_tasks.store.folder import FolderStore
from ner_tasks.tagging.answers import parse_answer
from tests.paged import paged_answer
from tests.pdf_objects import PdfObjects, drawn

DAY = "2026-01-31"
PATIENT = Limits(seconds=300)  # on a busy machine


def pdf_of(*names):
    objects = PdfObjects()
    for name in names:
        objects.add_page(drawn(name))
    return objects.to_bytes()


@pytest.fixture
def store(tmp_path):
    return FolderStore(tmp_path / "store")


@pytest.fixture
def put(store):
    """Puts a file into the inbox, and gives its answer."""

    def put(name, data, *words):
        path = store.root / f"inbox/{DAY}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return parse_answer(json.dumps(paged_answer(path, name, *words)).encode(), "a test")

    return put


@pytest.fixture
def counted(monkeypatch):
    """The requests to the sandbox."""
    asked, real = [], page_pictures.draw_in_sandbox
    monkeypatch.setattr(page_pictures, "draw_in_sandbox", lambda *args: asked.append(args[0]) or real(*args))
    return asked


@pytest.fixture
def pictures(tmp_path):
    return PagePictures(tmp_path / "scratch", ocr=False, limits=PATIENT)


def test_a_page_is_drawn_once_and_then_cached(store, put, pictures, counted, tmp_path):
    answer = put("a.pdf", pdf_of("Anna", "Boris"), "Anna")
    first = pictures.draw(store, DAY, answer, 1)
    assert pictures.draw(store, DAY, answer, 1) == first and first.text == "Anna"
    assert pictures.draw(store, DAY, answer, 2).text == "Boris"
    assert PagePictures(tmp_path / "scratch", ocr=False, limits=PATIENT).draw(store, DAY, answer, 1) == first, (
        "another server"
    )
    assert [request.page for request in counted] == [1, 2]
    assert [path.name for path in (tmp_path / "scratch").iterdir()] == [CACHE], "no copy of the document stays"


def test_a_page_in_the_cache_is_not_shown_after_its_file_was_removed(store, put, pictures):
    answer = put("a.pdf", pdf_of("Anna"))
    pictures.draw(store, DAY, answer, 1)
    (store.root / f"inbox/{DAY}/a.pdf").unlink()
    with pytest.raises(CannotRead) as refused:
        pictures.draw(store, DAY, answer, 1)
    assert refused.value.reason == "missing"


def test_a_page_in_the_cache_is_not_shown_after_its_file_has_changed(store, put, pictures):
    answer = put("a.pdf", pdf_of("Anna"))
    pictures.draw(store, DAY, answer, 1)
    put("a.pdf", pdf_of("Boris"))
    with pytest.raises(CannotRead) as refused:
        pictures.draw(store, DAY, answer, 1)
    assert refused.value.reason == "changed"


def test_a_document_in_a_file_that_changed_elsewhere_is_still_shown(store, put, pictures):
    import io
    import zipfile

    def packed(other):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("other.txt", other)
            archive.writestr("b.pdf", pdf_of("Anna"))
        return file.getvalue()

    path = store.root / f"inbox/{DAY}/a.zip"
    path.parent.mkdir(parents=True)
    path.write_bytes(packed("one"))
    line = paged_answer(path, "a.zip", "Anna", document="a.zip#b.pdf")
    answer = parse_answer(json.dumps(line).encode(), "a test")
    path.write_bytes(packed("two"))
    assert pictures.draw(store, DAY, answer, 1).text == "Anna"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"text": None}, "not-kept"),
        ({"file": None}, "missing"),
        ({"file": "b.pdf"}, "missing"),
        ({"receipt": {"format": "text"}}, "no-pages"),
        ({"receipt": {}}, "no-pages"),
    ],
)
def test_an_answer_of_which_no_page_can_be_shown_says_why(store, put, pictures, changes, reason):
    from dataclasses import replace

    answer = replace(put("a.pdf", pdf_of("Anna")), **changes)
    with pytest.raises(CannotRead) as refused:
        pictures.draw(store, DAY, answer, 1)
    assert refused.value.reason == reason


def test_a_name_outside_the_inbox_is_not_opened(store, put, pictures, tmp_path):
    from dataclasses import replace

    (tmp_path / "secret.pdf").write_bytes(pdf_of("Anna"))
    for name in ("../../../secret.pdf", str(tmp_path / "secret.pdf"), "..\\x", ".hidden/a.pdf", "a\0b"):
        with pytest.raises((CannotRead, page_pictures.NerTasksError)):
            pictures.draw(store, DAY, replace(put("a.pdf", pdf_of("Anna")), file=name), 1)


def test_pages_are_drawn_two_at_once_and_others_wait_so_long(store, put, tmp_path, monkeypatch):
    answer, hold = put("a.pdf", pdf_of("Anna", "Boris", "Carla")), threading.Event()
    monkeypatch.setattr(page_pictures, "draw_in_sandbox", lambda *_: hold.wait(60) and DrawnPage(1, 1, 3, b"", ""))
    pictures = PagePictures(tmp_path / "scratch", ocr=False, limits=PATIENT, patience_s=0.3)
    with held(pictures, store, answer, hold):
        with pytest.raises(Busy, match="found 2 pages being drawn"):
            pictures.draw(store, DAY, answer, 3)
        pictures.draw_ahead(store, DAY, answer, 3)  # gives up at once, and says nothing
    assert pictures.draw(store, DAY, answer, 3).n_pages == 3


@contextmanager
def held(pictures, store, answer, hold):
    threads = [threading.Thread(target=pictures.draw, args=(store, DAY, answer, page)) for page in (1, 2)]
    for thread in threads:
        thread.start()
    try:
        while pictures._places._value:
            threading.Event().wait(0.01)
        yield
    finally:
        hold.set()
        for thread in threads:
            thread.join()


def test_a_page_is_drawn_ahead_and_a_failure_of_that_is_nobody_s(store, put, pictures, counted):
    answer = put("a.pdf", pdf_of("Anna", "Boris"))
    pictures.draw_ahead(store, DAY, answer, 2)
    pictures.draw_ahead(store, DAY, answer, 3)
    assert pictures.draw(store, DAY, answer, 2).text == "Boris"
    assert [request.page for request in counted] == [2, 3]


def test_a_page_is_shown_where_the_cache_has_no_room(store, put, pictures, tmp_path, caplog):
    (tmp_path / "scratch").mkdir()
    (tmp_path / "scratch" / CACHE).write_text("a file in its place")
    assert pictures.draw(store, DAY, put("a.pdf", pdf_of("Anna")), 1).text == "Anna"
    assert "page not kept" in caplog.text


class TestCache:
    PAGE = DrawnPage(612.0, 792.0, 3, b"RIFF\nWEBP" * 100, "Zoë\nBaker")

    @pytest.fixture
    def clock(self):
        return [1_000_000.0]

    @pytest.fixture
    def cache(self, tmp_path, clock):
        return PageCache(tmp_path / "pages", max_bytes=3_500, clock=lambda: clock[0])

    def test_a_page_comes_back_as_it_was_and_only_under_its_key(self, cache):
        cache.put(self.PAGE, "a", 1)
        assert cache.get("a", 1) == self.PAGE
        assert cache.get("a", 2) is None and cache.get("a1") is None

    def test_the_folder_is_its_owner_s(self, cache, tmp_path):
        cache.put(self.PAGE, "a")
        assert (tmp_path / "pages").stat().st_mode & 0o077 == 0

    def test_what_was_not_looked_at_for_longest_makes_room(self, cache, clock):
        for name in "abc":
            clock[0] += 1
            cache.put(self.PAGE, name)
        clock[0] += 1
        cache.get("a")
        clock[0] += 1
        cache.put(self.PAGE, "d")
        assert [name for name in "abcd" if cache.get(name)] == ["a", "c", "d"]

    def test_what_nobody_looked_at_for_a_day_goes_with_the_next_page(self, cache, clock, tmp_path):
        cache.put(self.PAGE, "a")
        (tmp_path / "pages" / ".killed.part").write_text("half a page")
        os.utime(tmp_path / "pages" / ".killed.part", (clock[0], clock[0]))
        clock[0] += 86_401
        cache.put(self.PAGE, "b")
        assert cache.get("a") is None and cache.get("b") == self.PAGE
        assert len(list((tmp_path / "pages").iterdir())) == 1

    @pytest.mark.parametrize("damage", [b"", b"x", b"[1,2]\n", b"[612,792,3,5,0]\nRIF", b"\xff\xfe\n", b"{}\n"])
    def test_a_damaged_page_is_drawn_again(self, cache, tmp_path, damage):
        cache.put(self.PAGE, "a")
        (path,) = (tmp_path / "pages").iterdir()
        path.write_bytes(damage)
        assert cache.get("a") is None


@pytest.mark.usefixtures("s3")
def test_a_page_of_a_document_on_s3_is_drawn_and_no_copy_of_it_stays(s3, tmp_path, counted):
    data = pdf_of("Anna")
    (tmp_path / "a.pdf").write_bytes(data)
    answer = parse_answer(json.dumps(paged_answer(tmp_path / "a.pdf", "a.pdf")).encode(), "a test")
    s3.client.put_object(Bucket=s3.bucket, Key=f"ner/inbox/{DAY}/a.pdf", Body=data)
    store = open_store(f"s3://{s3.bucket}/ner", cache=tmp_path / "scratch" / "store")
    pictures = PagePictures(tmp_path / "scratch", ocr=False, limits=PATIENT)
    assert pictures.draw(store, DAY, answer, 1).text == pictures.draw(store, DAY, answer, 1).text == "Anna"
    assert len(counted) == 1
    assert [path for path in (tmp_path / "scratch").rglob("*") if path.is_file() and CACHE not in path.parts] == []
    s3.client.delete_object(Bucket=s3.bucket, Key=f"ner/inbox/{DAY}/a.pdf")
    with pytest.raises(CannotRead) as refused:
        pictures.draw(store, DAY, answer, 1)
    assert refused.value.reason == "missing"
