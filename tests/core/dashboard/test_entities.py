"""What the page Entities shows, read from a store."""

import pytest

from ner_tasks.dashboard import entities
from ner_tasks.dashboard.reader import StoreReader
from ner_tasks.store.folder import FolderStore
from ner_tasks.store.s3 import S3Store
from ner_tasks.tagging.entity_index import NEW_MENTIONS
from tests.published import answer, publish

DAYS = ["2026-01-31", "2026-01-30", "2026-01-29"]


@pytest.fixture
def store(tmp_path):
    store = FolderStore(tmp_path / "store")
    for day in DAYS:
        publish(store, tmp_path / day, day, [answer(f"{number}.txt", "Anna came") for number in range(3)])
    return store


def search(store, text, **options):
    return entities.search_entities(StoreReader(store), text, DAYS, **{"most": 100, **options})


def test_indexes_in_a_bucket_are_copied_once_and_searched_from_the_cache(s3, tmp_path):
    days = [f"2026-01-{number:02d}" for number in range(28, 18, -1)]
    store = S3Store(s3.bucket, "ner/", cache=tmp_path / "cache")
    for day in days:
        publish(store, tmp_path / day, day, [answer("a.txt", "Anna came")])
    for _ in range(2):
        page = entities.search_entities(StoreReader(store), "anna", days, most=100, clock=lambda: 0.0)
        assert [one.day for one in page.rows] == days
        assert len(list((tmp_path / "cache").rglob("entities.sqlite"))) == len(days)
    store.remove(f"tagged/{days[3]}", marker="manifest.json")
    assert entities.search_entities(StoreReader(store), "anna", days, most=100, clock=lambda: 0.0).n_not_indexed == 1


def put(store, tmp_path, key, content):
    (tmp_path / "put").write_bytes(content)
    store.put_file(tmp_path / "put", key)


def test_all_days_are_searched_newest_first_and_page_by_page(store):
    whole = search(store, "ANNA")
    assert [(one.day, one.found.name) for one in whole.rows] == [
        (day, f"{number}.txt") for day in DAYS for number in range(3)
    ]
    assert (whole.cursor, whole.oldest, whole.n_days) == ("", DAYS[-1], 3)
    rows, cursor = [], ""
    for _ in range(9):
        page = search(store, "anna", most=2, cursor=cursor)
        rows, cursor = [*rows, *page.rows], page.cursor
        if not cursor:
            break
    assert rows == list(whole.rows)


def test_a_search_that_takes_long_goes_on_another_time(store):
    ticks = iter(range(99))
    page = search(store, "anna", clock=lambda: next(ticks))
    assert (page.oldest, page.cursor, len(page.rows)) == (DAYS[0], DAYS[1], 3)
    assert search(store, "anna", cursor=page.cursor).n_days == 2


@pytest.mark.parametrize(
    "cursor", ["x", "2026-01-31:1", "2026-01-31:9.9.9.9", "1:" + "9" * 90, "2026-01-30:-1.0.0.0", "\0"]
)
def test_a_cursor_that_nobody_gave_breaks_nothing(store, cursor):
    search(store, "anna", cursor=cursor)


def test_a_damaged_index_and_a_day_without_one_cost_those_days_only(store, tmp_path):
    put(store, tmp_path, f"tagged/{DAYS[0]}/entities.sqlite", b"SQLite format 3\0" + b"x" * 5000)
    (store.root / f"tagged/{DAYS[1]}/entities.sqlite").unlink()
    reader = StoreReader(store)
    page = entities.search_entities(reader, "anna", DAYS, most=100)
    assert ({one.day for one in page.rows}, page.n_not_indexed, page.n_days) == ({DAYS[2]}, 1, 1)
    assert list(reader.unreadable) == [f"tagged/{DAYS[0]}/entities.sqlite"]
    assert entities.read_top_mentions(reader, DAYS[0], most=9) is None
    assert entities.read_top_mentions(reader, DAYS[1], most=9) is None
    assert entities.read_top_mentions(reader, DAYS[2], most=9).by_label[0][1][0].n_documents == 3


def test_a_withdrawn_day_is_found_no_more(store):
    store.remove(f"tagged/{DAYS[0]}", marker="manifest.json")
    assert entities.list_days(StoreReader(store)) == DAYS[1:]
    assert {one.day for one in search(store, "anna").rows} == set(DAYS[1:])


def test_what_is_new_in_a_week_is_ranked_and_belongs_to_the_answers_that_are_published(store):
    def new(*mentions, night="n", n_days=3):
        listed = [{"mention": name, "n_documents": n, "n_entities": n} for name, n in mentions]
        return {"night": night, "n_days": n_days, "labels": {"per": {"n_new": 70, "mentions": listed}}}

    store.write_json(f"tagged/{DAYS[0]}/{NEW_MENTIONS}", new(("Anna", 2), ("Otto", 1)))
    store.write_json(f"tagged/{DAYS[1]}/{NEW_MENTIONS}", new(("Kay", 9)))
    store.write_json(f"tagged/{DAYS[2]}/{NEW_MENTIONS}", new(("Replaced", 99), night="other"))
    week = entities.read_new_mentions(StoreReader(store), DAYS[0], most=2)
    assert [(one.found["mention"], one.day) for one in week.mentions] == [("Kay", DAYS[1]), ("Anna", DAYS[0])]
    assert (week.n_new, week.n_days, week.first_day, week.last_day) == (140, 2, "2026-01-25", DAYS[0])
    assert entities.read_new_mentions(StoreReader(store), DAYS[0], most=2, label="geo").mentions == []
    store.write_json(f"tagged/{DAYS[0]}/{NEW_MENTIONS}", new(("Anna", 2), n_days=0))
    assert entities.read_new_mentions(StoreReader(store), DAYS[0], most=2).n_days == 1, "had nothing to compare with"


def test_a_damaged_list_of_new_mentions_is_said(store):
    store.write_json(f"tagged/{DAYS[0]}/{NEW_MENTIONS}", {"night": "n", "labels": 7})
    reader = StoreReader(store)
    assert entities.read_new_mentions(reader, DAYS[0], most=2).n_days == 0
    assert list(reader.unreadable) == [f"tagged/{DAYS[0]}/{NEW_MENTIONS}"]


def test_a_folder_that_is_no_day_is_not_searched(store, tmp_path):
    put(store, tmp_path, "tagged/notes/readme.txt", b"x")
    assert entities.list_days(StoreReader(store)) == DAYS
