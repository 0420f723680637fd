"""Pages show the same of a day whether it is one folder, as of an earlier release, or consists of parts."""

import itertools

import pytest

from ner_tasks.dashboard import documents, entities, parts, top_mentions
from ner_tasks.dashboard.reader import RecordCache, StoreReader
from ner_tasks.errors import ArtifactBroken, InputMissing
from ner_tasks.store.folder import FolderStore
from ner_tasks.store.s3 import S3Store
from ner_tasks.tagging.answer_index import AnswerIndex
from ner_tasks.tagging.entity_index import ENTITY_INDEX
from ner_tasks.tagging.entity_index.reader import EntityIndex
from tests.published import answer, publish, publish_parts

DAY = "2026-01-31"
FORMS = ("old", "one part", "three parts")
NAMES = [f"{number:02d}.txt" for number in range(20)]
LINES = [
    answer(name, f"{('Anna', 'Otto', 'Olga')[n % 3]} came", label="per" if n % 5 else "org")
    for n, name in enumerate(NAMES)
]
REJECTS = [{"document": "99.pdf", "file": "99.pdf", "reason": "empty", "message": "found nothing"}]
HIDDEN = {name: value for name, value in answer("98.txt", "Anna came").items() if name != "text"} | {"entities": []}


def publish_as(form, store, folder, answers=(*LINES, HIDDEN), rejects=REJECTS, day=DAY, **said):
    """Publish a day in one of the forms; of three parts the second one is empty."""
    answers = list(answers)
    if form == "old":
        publish(store, folder, day, answers, rejects, **said)
        return [f"tagged/{day}"]
    half = len(answers) // 2
    several = [(answers[:half], []), ([], []), (answers[half:], rejects)]
    return publish_parts(store, folder, day, several if form == "three parts" else [(answers, rejects)], **said)


@pytest.fixture(params=["folder", "s3"])
def store(request, tmp_path):
    if request.param == "folder":
        return FolderStore(tmp_path / "store")
    return S3Store(request.getfixturevalue("s3").bucket, "ner/", cache=tmp_path / "cache")


@pytest.fixture
def folder_store(tmp_path):
    return FolderStore(tmp_path / "folder-store")


def damage(store, tmp_path, key, content):
    (tmp_path / "damaged").write_bytes(content)
    store.put_file(tmp_path / "damaged", key)


@pytest.mark.parametrize("form", FORMS)
def test_the_documents_of_a_day_are_listed_searched_and_opened(store, tmp_path, form):
    publish_as(form, store, tmp_path / "day")
    reader = StoreReader(store)
    every = documents.search_documents(reader, DAY, "", most=99)
    assert [one.name for one in every] == [*NAMES, "98.txt", "99.pdf"]
    assert [one.name for one in documents.search_documents(reader, DAY, "", most=12)] == NAMES[:12]
    assert [one.name for one in documents.search_documents(reader, DAY, "7.TXT", most=99)] == ["07.txt", "17.txt"]
    (rejected,) = documents.search_documents(reader, DAY, "", most=99, rejected_only=True)
    assert (rejected.name, rejected.reason) == ("99.pdf", "empty")
    for one in every:
        by_name = documents.find_document(reader, DAY, one.name)
        assert by_name == documents.find_document(reader, DAY, "", handle=one.handle)
        assert by_name.entry == one
        assert (by_name.answer.document if by_name.answer else by_name.rejection["document"]) == one.name
    with pytest.raises(InputMissing, match="expected one of this name"):
        documents.find_document(reader, DAY, "none.txt")
    assert [(one.day, one.model_version) for one in documents.list_sightings(reader, "15.txt")] == [(DAY, "v1")]


@pytest.mark.parametrize("handle", ["", "x", "0-x", "9.1-x", "0.1-x", "0.999-x", "-", "9" * 90 + ".1-x", "1.1.1-x"])
@pytest.mark.parametrize("form", FORMS)
def test_a_handle_that_names_no_document_is_said_to_be_of_a_replaced_day(folder_store, tmp_path, form, handle):
    publish_as(form, folder_store, tmp_path / "day")
    with pytest.raises(InputMissing, match="search again" if handle else "expected one of this name"):
        documents.find_document(StoreReader(folder_store), DAY, "", handle=handle)


def test_a_handle_from_before_the_day_had_parts_opens_the_first_part(folder_store, tmp_path):
    publish_as("old", folder_store, tmp_path / "old")
    (entry,) = documents.search_documents(StoreReader(folder_store), DAY, "03", most=1)
    assert "." not in entry.handle
    publish_as("one part", folder_store, tmp_path / "new")
    (again,) = documents.search_documents(StoreReader(folder_store), DAY, "03", most=1)
    assert again.handle == f"0.{entry.handle}"
    assert documents.find_document(StoreReader(folder_store), DAY, "", handle=entry.handle).entry == again


def test_a_day_gets_its_parts_while_somebody_reads_it(folder_store, tmp_path, monkeypatch):
    publish_as("old", folder_store, tmp_path / "old", model_version="v1")
    find = AnswerIndex.find

    def find_while_the_day_is_replaced(index, name):
        found = find(index, name)
        if not (tmp_path / "new").exists():
            publish_as("three parts", folder_store, tmp_path / "new", LINES[::-1], model_version="v2")
        return found

    monkeypatch.setattr(AnswerIndex, "find", find_while_the_day_is_replaced)
    found = documents.find_document(StoreReader(folder_store), DAY, "03.txt")
    assert (found.entry.part, found.answer.document) == (2, "03.txt")


def pages_of(store, text, days=(DAY,), *, most, **options):
    rows, cursor = [], ""
    for _ in range(99):
        page = entities.search_entities(StoreReader(store), text, days, most=most, cursor=cursor, **options)
        rows += page.rows
        if not (cursor := page.cursor):
            return rows
    raise AssertionError("found no end")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("label", ["", "per"])
def test_mentions_come_in_the_same_order_page_by_page(folder_store, tmp_path, form, label):
    publish_as(form, folder_store, tmp_path / "day")
    whole = pages_of(folder_store, "o", most=100, label=label)
    wanted = [
        (mention, one["document"], one["entities"][0]["label"])
        for mention in ("Olga", "Otto")
        for kind in ("org", "per")
        for one in LINES
        if one["text"][:4] == mention and one["entities"][0]["label"] == kind and label in ("", kind)
    ]
    assert [(one.found.mention, one.found.name, one.found.label) for one in whole] == wanted
    for most in (1, 2, 3, 7):
        assert pages_of(folder_store, "o", most=most, label=label) == whole
    for one in whole:
        found = documents.find_document(StoreReader(folder_store), DAY, "", handle=one.found.handle)
        assert found.answer.document == one.found.name
    page = entities.search_entities(StoreReader(folder_store), "o", [DAY], most=100)
    assert (page.n_days, page.n_without_text, page.n_not_indexed) == (1, 1, 0)


@pytest.mark.parametrize("cursor", [f"{DAY}:9.1.0.1.1", f"{DAY}:1.1.1.1.1", f"{DAY}:1.1.1.1", f"{DAY}:9999.9.9.9.9"])
@pytest.mark.parametrize("form", FORMS)
def test_a_cursor_of_a_part_that_is_gone_breaks_nothing(folder_store, tmp_path, form, cursor):
    publish_as(form, folder_store, tmp_path / "day")
    entities.search_entities(StoreReader(folder_store), "o", [DAY], most=9, cursor=cursor)


@pytest.mark.parametrize("form", FORMS)
def test_what_is_frequent_is_the_sum_over_the_parts(folder_store, tmp_path, form):
    publish_as(form, folder_store, tmp_path / "day")
    top = entities.read_top_mentions(StoreReader(folder_store), DAY, most=2)
    expected = {}
    for label in ("org", "per"):
        of_label = [one["text"][:4] for one in LINES if one["entities"][0]["label"] == label]
        expected[label] = sorted(
            ((name, of_label.count(name)) for name in set(of_label)), key=lambda one: (-one[1], one)
        )
    assert {name: [(one.mention, one.n_documents) for one in ranked] for name, ranked in top.by_label} == {
        label: ranked[:2] for label, ranked in expected.items()
    }
    assert (top.n_documents, top.n_without_text) == (21, 1)
    only = entities.read_top_mentions(StoreReader(folder_store), DAY, most=2, label="org")
    assert [name for name, _ in only.by_label] == ["org"]


def lines_of(*counts):
    """Answers with so many documents of each mention; a mention has four letters."""
    names = ["".join(letters) for letters in itertools.islice(itertools.product("abcdefgh", repeat=4), len(counts))]
    every = [name for name, n in zip(names, counts, strict=True) for _ in range(n)]
    return [answer(f"{number}-{name}.txt", f"{name} came") for number, name in enumerate(every)]


@pytest.mark.parametrize("n_ranked", [3, 50])
def test_a_mention_that_no_part_ranks_is_found_where_it_is_most_frequent(folder_store, tmp_path, monkeypatch, n_ranked):
    """The last mention is in 3 documents of each part, behind 4 others that are in 4 documents of one part each."""
    monkeypatch.setattr("ner_tasks.tagging.entity_index.writer.N_TOP", n_ranked)
    monkeypatch.setattr(top_mentions, "N_TOP", n_ranked)
    shards = [(lines_of(*[0] * (4 * part), *[4] * 4, *[0] * (4 * (4 - part)), 3), []) for part in range(5)]
    publish_parts(folder_store, tmp_path / "day", DAY, shards)
    top = entities.read_top_mentions(StoreReader(folder_store), DAY, most=1)
    assert [(one.n_documents, one.n_entities) for one in top.by_label[0][1]] == [(15, 15)]


@pytest.mark.parametrize("n_ranked", [2, 5, 50])
@pytest.mark.parametrize("seed", range(4))
def test_what_is_frequent_never_depends_on_how_a_day_is_cut(folder_store, tmp_path, monkeypatch, n_ranked, seed):
    monkeypatch.setattr("ner_tasks.tagging.entity_index.writer.N_TOP", n_ranked)
    monkeypatch.setattr(top_mentions, "N_TOP", n_ranked)
    shards = [
        (lines_of(*((seed * 7 + part * 5 + number * number) % 4 for number in range(12))), []) for part in range(3)
    ]
    publish_parts(folder_store, tmp_path / "day", DAY, shards)
    publish_parts(folder_store, tmp_path / "one", "2026-01-30", [([line for some, _ in shards for line in some], [])])
    monkeypatch.setattr(top_mentions, "N_TOP", n_ranked)
    reader = StoreReader(folder_store)
    cut, whole = (entities.read_top_mentions(reader, day, most=2) for day in (DAY, "2026-01-30"))
    assert cut.by_label == whole.by_label


def test_a_label_that_takes_too_long_to_rank_is_named(folder_store, tmp_path, monkeypatch):
    monkeypatch.setattr("ner_tasks.tagging.entity_index.writer.N_TOP", 2)
    monkeypatch.setattr(top_mentions, "N_TOP", 2)
    publish_parts(folder_store, tmp_path / "day", DAY, [(lines_of(*[1] * 9), [])] * 1 + [(lines_of(*[1] * 8), [])])
    monkeypatch.setattr(top_mentions, "LONGEST_S", -1.0)
    top = entities.read_top_mentions(StoreReader(folder_store), DAY, most=2)
    assert (list(top.by_label), list(top.unranked)) == ([], ["per"])


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0" + b"x" * 5000], ids=["empty", "another file"])
def test_a_damaged_part_is_said_and_nothing_wrong_is_counted(store, tmp_path, content):
    first, _, _ = publish_as("three parts", store, tmp_path / "day")
    for name in ("index.sqlite", "entities.sqlite"):
        damage(store, tmp_path, f"{first}/{name}", content)
    reader = StoreReader(store)
    shown = [one.name for one in documents.search_documents(reader, DAY, "", most=99)]
    assert shown == [*NAMES[10:], "98.txt", "99.pdf"]
    assert list(reader.unreadable) == [f"{first}/index.sqlite"]
    assert documents.find_document(reader, DAY, "15.txt").answer.document == "15.txt"
    with pytest.raises(ArtifactBroken, match="bytes, expected"):
        documents.find_document(reader, DAY, "01.txt")  # it may be in the damaged part
    reader = StoreReader(store)
    page = entities.search_entities(reader, "otto", [DAY], most=99)
    assert {one.found.part for one in page.rows} == {2}
    assert (page.n_days, list(reader.unreadable)) == (0, [f"{first}/entities.sqlite"])
    assert entities.read_top_mentions(StoreReader(store), DAY, most=9) is None, "sums would be wrong"


def test_a_part_that_is_gone_or_another_one_is_one_line(folder_store, tmp_path):
    first, second, _ = publish_as("three parts", folder_store, tmp_path / "day")
    folder_store.remove(first)
    damage(folder_store, tmp_path, f"{second}/part.json", b"{}")
    reader = StoreReader(folder_store)
    assert len(documents.search_documents(reader, DAY, "", most=99)) == 12
    gone, other = reader.unreadable.values()
    assert gone == f"found nothing, expected a file of a part of {DAY}, at {first}/part.json"
    assert other.startswith("found SHA-256 ") and other.endswith(f"in {second}/part.json")


def test_a_damaged_manifest_is_one_line(folder_store, tmp_path):
    publish_as("three parts", folder_store, tmp_path / "day")
    folder_store.write_json(f"tagged/{DAY}/manifest.json", {"model_version": "v1", "parts": [{"key": 7}]})
    reader = StoreReader(folder_store)
    with pytest.raises(ArtifactBroken, match="parts"):
        documents.search_documents(reader, DAY, "", most=9)
    assert entities.search_entities(reader, "anna", [DAY], most=9).n_days == 0
    assert entities.read_top_mentions(reader, DAY, most=9) is None
    assert documents.list_sightings(reader, "01.txt") == []
    assert list(reader.unreadable) == [f"tagged/{DAY}/manifest.json"]


def test_a_part_in_a_bucket_is_fetched_once_and_not_asked_for_again(s3, tmp_path, monkeypatch):
    store, memory = S3Store(s3.bucket, "ner/", cache=tmp_path / "cache"), RecordCache()
    keys = publish_as("three parts", store, tmp_path / "day")
    asked = []
    fetch = store.fetch
    monkeypatch.setattr(store, "fetch", lambda key: asked.append(key) or fetch(key))
    for _ in range(3):
        reader = StoreReader(store, memory)
        assert len(documents.search_documents(reader, DAY, "", most=99)) == 22
        assert len(entities.search_entities(reader, "o", [DAY], most=99).rows) == 13
    wanted = [f"{key}/{name}" for key in keys for name in ("part.json", "index.sqlite", "entities.sqlite")]
    assert sorted(asked) == sorted(wanted)


def test_files_that_are_kept_open_are_bounded_and_never_shared(folder_store, tmp_path, monkeypatch):
    monkeypatch.setattr("ner_tasks.dashboard.reader.MAX_OPEN", 2)
    closed, close = [], EntityIndex.close
    monkeypatch.setattr(EntityIndex, "close", lambda index: closed.append(index) or close(index))
    publish_as("three parts", folder_store, tmp_path / "day")
    reader = StoreReader(folder_store)
    for n_closed in (1, 2):
        entities.search_entities(reader, "o", [DAY], most=99)
        assert len(closed) == n_closed
    (file,) = parts.fetch_parts(reader, parts.list_parts(DAY, parts.read_day(reader, DAY))[:1], ENTITY_INDEX)
    with parts.open_part(reader, file, EntityIndex) as one, parts.open_part(reader, file, EntityIndex) as other:
        assert one is not other
    with parts.open_part(reader, file, EntityIndex) as again:
        assert again in (one, other)


@pytest.mark.parametrize(
    ("name", "first", "last", "may_have"),
    [
        ("b.txt", "a.txt", "c.txt", True),
        ("d.txt", "a.txt", "c.txt", False),
        ("0.txt", "a.txt", "c.txt", False),
        ("c.zip/x.txt", "a.txt", "c.zip", True),
        ("a/x.txt", "a", "a.b", True),  # a document of the file `a`, which is before `a.b`
        ("a/x.txt", "a.a", "a.b", False),
        ("c.txt#rest", "a.txt", "c.txt", True),
        ("x" * 1000, "a", "b", True),  # shortened: the file's name may be another
        ("x\\ud800.txt", "a", "b", True),  # escaped
        ("d.txt", None, None, True),
    ],
)
def test_a_part_is_passed_over_only_if_it_cannot_have_a_document(name, first, last, may_have):
    record = {"key": "parts/d/00-x", "sha256": "0" * 64, "number": 0, "n_tagged": 1, "n_rejected": 0, "n_entities": 0}
    record |= {"first_file": first, "last_file": last} if first else {}
    assert parts.DayPart(DAY, record["key"], record).may_have(name) is may_have


@pytest.mark.parametrize("form", ["index.sqlite", "index-07.sqlite"])
def test_what_is_left_of_replaced_answers_is_one_index_or_one_of_each_part(store, tmp_path, form):
    publish_as("one part", store, tmp_path / "day")
    _, _, last = publish_as("three parts", store, tmp_path / "other", day="2026-01-30")
    store.put_file(store.fetch(f"{last}/index.sqlite"), f"reports/replaced/{DAY}/v0/{form}")
    found = [
        (one.day, one.model_version, one.replaced) for one in documents.list_sightings(StoreReader(store), "15.txt")
    ]
    assert found == [(DAY, "v1", False), (DAY, "v0", True), ("2026-01-30", "v1", False)]


@pytest.mark.parametrize(("form", "folder"), [("old", f"rejected/{DAY}"), ("one part", "rejects")])
def test_a_rejected_document_says_where_copies_of_its_file_are(folder_store, tmp_path, form, folder):
    (key, *_) = publish_as(form, folder_store, tmp_path / "day")
    found = documents.find_document(StoreReader(folder_store), DAY, "99.pdf")
    assert found.copies == (folder if form == "old" else f"{key}/{folder}")
