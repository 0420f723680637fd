"""What is true of the store on S3 alone, over HTTP, in good weather and bad."""

import errno
import os
import shutil
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import pytest
from botocore.utils import parse_timestamp

from ner_tasks.errors import Busy, ConfigInvalid, InputMissing, StorageFull, StoreUnavailable
from ner_tasks.model import model_folder
from ner_tasks.registry.promotions import Promotion
from ner_tasks.registry.registry import Registry
from ner_tasks.store import bucket, keys, lease
from ner_tasks.store.bucket import Bucket
from ner_tasks.store.cache import UNUSED_S
from ner_tasks.store.s3 import S3Store
from tests.s3 import endless_listing


@pytest.fixture
def open_(s3, tmp_path):
    """Opens the store as one more process would, impatiently."""

    def open_one(**options):
        defaults = {"cache": tmp_path / "cache", "timeout_s": 0.5, "attempts": 2, "patience_s": 0}
        return S3Store(s3.bucket, "ner", **{**defaults, **options})

    return open_one


@pytest.fixture
def put(s3):
    def put_one(key, text):
        s3.client.put_object(Bucket=s3.bucket, Key=f"ner/{key}", Body=text.encode())

    return put_one


@pytest.fixture
def stored(s3):
    """Keys of all objects but the locks."""
    return lambda: [
        entry["Key"].removeprefix("ner/")
        for entry in s3.client.list_objects_v2(Bucket=s3.bucket).get("Contents", [])
        if ".locks" not in entry["Key"]
    ]


@pytest.fixture
def folder(tmp_path):
    """A day to publish."""
    made = tmp_path / "made"
    made.mkdir()
    for name in ("documents.jsonl", "manifest.json", "zebra.txt"):
        (made / name).write_text(f"{name} of this try")
    return made


@pytest.fixture
def model_in(tmp_path):
    """Puts and registers a version with its models."""

    def make(registry, version):
        for kind in ("trained", "int8"):
            made = tmp_path / "made" / kind
            made.mkdir(parents=True, exist_ok=True)
            for name in (model_folder.WEIGHTS, model_folder.GRAPH, model_folder.TOKENIZER):
                (made / name).write_text(version)
            model_folder.write_manifest(
                made, model_folder.ModelManifest(kind=kind, labels=("geo",), encoder={}, max_pieces=8)
            )
            registry.put(version, kind, made)
        registry.register(version, {})

    return make


def local_files(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


# --- names and listings

HOSTILE = [
    "a\nb.txt",
    "../../../../etc/passwd",
    "..",
    "back\\slash.txt",
    ".hidden.txt",
    "double//slash.txt",
    "/absolute.txt",
    "%2e%2e/x",
    "a+b&c?d=#e.txt",
    "control\x01\t.txt",
    "ü\u202etxt.exe",
    "n" * 900,
]


def test_a_document_is_listed_and_read_whatever_its_name_and_lands_in_the_scratch_folder(open_, put, tmp_path):
    for name in HOSTILE:
        put(f"inbox/day/{name}", name)
    found = list(open_().files("inbox/day"))
    assert sorted(file.name for file in found) == sorted(HOSTILE)
    scratch = tmp_path / "scratch" / "documents"
    copies = open_().fetch_files([file.key for file in found], scratch)
    assert [copy.path.read_text() for copy in copies] == [file.name for file in found]
    assert local_files(tmp_path) == local_files(scratch) == [f"{index:06d}" for index in range(len(HOSTILE))]


def test_a_name_that_leads_out_of_the_cache_is_not_fetched_into_it(open_, put, tmp_path):
    put("models/v1/int8/../../../../../x", "x")
    with pytest.raises(ConfigInvalid, match="expected names joined by '/'"):
        open_().fetch("models/v1/int8")
    assert local_files(tmp_path) == []


def test_the_empty_objects_that_stand_for_folders_are_no_documents(open_, put):
    for key, text in (("inbox/day/", ""), ("inbox/day/letters/", ""), ("inbox/day/letters/a.txt", "")):
        put(key, text)
    assert [file.name for file in open_().files("inbox/day")] == ["letters/a.txt"]


@pytest.mark.slow
def test_a_long_listing_is_read_with_one_page_in_memory(open_, proxy):
    n_objects = 20_000
    proxy.spoil("GET", "list-type", "tell", times=n_objects, tells=endless_listing(n_objects))
    files = open_(timeout_s=30).files("inbox/day")
    assert next(files).name == "000000.txt"
    assert len(proxy.requests) == 1
    tracemalloc.start()
    n_more = sum(1 for _ in files)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (n_more, len(proxy.requests)) == (n_objects - 1, n_objects / 1000)
    assert peak < 16 * 2**20


def test_the_times_of_a_listing_are_those_of_the_objects(open_, put, s3):
    put("inbox/day/a.txt", "x")
    (found,) = open_().files("inbox/day")
    said = s3.client.head_object(Bucket=s3.bucket, Key="ner/inbox/day/a.txt")["LastModified"]
    assert int(found.modified_s) == int(said.timestamp())


@pytest.mark.parametrize(
    "said", ["2026-01-31T10:20:30.500Z", "2026-01-31T10:20:30Z", "Sat, 31 Jan 2026 10:20:30 GMT", 1769854830]
)
def test_a_time_is_read_as_botocore_reads_it(said):
    assert bucket._parse_time(said) == parse_timestamp(said)


def test_listed_objects_are_those_of_botocore_s_own_parser(put, s3):
    for name in HOSTILE:
        put(f"inbox/day/{name}", name)
    put("inbox/one/&amp;%20 <x>]]>.txt", "")
    own = Bucket(s3.bucket, timeout_s=5, attempts=1)
    for prefix, n_at_once in (("ner/inbox/day/", 2), ("ner/inbox/day/", 1000), ("ner/inbox/one/", 1000), ("none", 1)):
        pages = s3.client.get_paginator("list_objects_v2").paginate(Bucket=s3.bucket, Prefix=prefix)
        plain = [entry for page in pages for entry in page.get("Contents", ())]
        listed = [
            (one.name, one.n_bytes, f'"{one.etag}"', one.modified) for one in own.list(prefix, n_at_once=n_at_once)
        ]
        assert listed == [(one["Key"], one["Size"], one["ETag"], one["LastModified"]) for one in plain]


def test_a_listing_of_amazon_s3_with_namespace_and_encoded_names_is_read(open_, proxy):
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        "<Name>b</Name><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated><Contents>"
        "<Key>ner/inbox/day/a%2Bb%26c+d%25e%01%0A.txt</Key><LastModified>2026-01-31T10:20:30.500Z</LastModified>"
        "<ETag>&quot;abc-2&quot;</ETag><ChecksumAlgorithm>CRC32</ChecksumAlgorithm><Size>5368709121</Size>"
        "<Owner><ID>i</ID><DisplayName>Key</DisplayName></Owner><StorageClass>STANDARD</StorageClass></Contents>"
        "</ListBucketResult>"
    )
    proxy.spoil("GET", "list-type", "tell", tells=lambda path: body.encode())
    (found,) = open_().files("inbox/day")
    assert (found.name, found.n_bytes, found.etag) == ("a+b&c d%e\x01\n.txt", 5368709121, "abc-2")
    assert found.modified_s == 1769854830.5


def test_an_error_in_a_listing_of_status_200_is_an_error(open_, put, proxy):
    put("inbox/day/a.txt", "x")
    body = b"<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>"
    proxy.spoil("GET", "list-type", "tell", times=9, tells=lambda path: body)
    with pytest.raises(StoreUnavailable):
        list(open_().files("inbox/day"))


def test_a_listing_that_is_cut_off_is_an_error(open_, put, proxy):
    put("inbox/day/a.txt", "x")
    whole = endless_listing(3)
    proxy.spoil("GET", "list-type", "tell", times=9, tells=lambda path: whole(path)[:-60])
    with pytest.raises(StoreUnavailable):
        list(open_().files("inbox/day"))


# --- publishing


def test_the_marker_goes_first_and_comes_last(open_, folder, put, proxy, stored):
    put("tagged/day/stale.txt", "stale")
    put("tagged/day/manifest.json", "old")
    open_().publish(folder, "tagged/day", marker="manifest.json")
    writes = [request for request in proxy.requests if request[0] != "GET" and ".locks" not in request[1]]
    assert [(method, path.split("/")[-1]) for method, path in writes[:1] + writes[-2:]] == [
        ("POST", f"{open_()._bucket.name}?delete"),
        ("POST", f"{open_()._bucket.name}?delete"),
        ("PUT", "manifest.json"),
    ]
    assert stored() == ["tagged/day/documents.jsonl", "tagged/day/manifest.json", "tagged/day/zebra.txt"]


def test_a_publication_that_breaks_off_shows_no_marker_and_the_next_try_is_whole(open_, folder, put, proxy, stored):
    put("tagged/day/manifest.json", "old")
    proxy.spoil("PUT", "zebra.txt", "answer", times=99)
    with pytest.raises(StoreUnavailable):
        open_().publish(folder, "tagged/day", marker="manifest.json")
    assert not open_().exists("tagged/day/manifest.json")
    proxy.faults.clear()
    open_().publish(folder, "tagged/day", marker="manifest.json")
    assert stored() == ["tagged/day/documents.jsonl", "tagged/day/manifest.json", "tagged/day/zebra.txt"]


def test_a_day_is_withdrawn_marker_first(open_, folder, proxy, stored):
    open_().publish(folder, "tagged/day", marker="manifest.json")
    proxy.spoil("POST", "?delete", "answer", times=99, status=403, code="AccessDenied")
    proxy.faults[0].matches = lambda method, path, seen=[]: method == "POST" and (seen.append(1) or len(seen) == 2)
    with pytest.raises(ConfigInvalid, match="AccessDenied"):
        open_().remove("tagged/day", marker="manifest.json")
    assert stored() == ["tagged/day/documents.jsonl", "tagged/day/zebra.txt"]


def test_two_publishers_of_one_day_do_not_mix(open_, folder, stored):
    with (
        lease.hold_lock(open_()._bucket, "ner/.locks/tagged/day.publish"),
        pytest.raises(Busy, match="held by .*process .*, expected to be alone"),
    ):
        open_().publish(folder, "tagged/day", marker="manifest.json")
    assert stored() == []
    open_().publish(folder, "tagged/day", marker="manifest.json")
    assert len(stored()) == 3


@pytest.mark.runbook("retraining", "Busy")
def test_a_publisher_that_was_killed_is_waited_for_and_taken_over_from(open_, folder, stored):
    killed = lease.Lease(open_()._bucket, "ner/.locks/tagged/day.publish", lease_s=1)
    killed.acquire(patience_s=0)
    open_(lease_s=1, patience_s=20).publish(folder, "tagged/day", marker="manifest.json")
    assert len(stored()) == 3
    with pytest.raises(Busy):
        killed.renew()


def test_a_publisher_that_was_away_for_too_long_writes_no_marker(open_, folder, monkeypatch, stored):
    upload = Bucket.upload

    def taken_over_meanwhile(self, files):
        monkeypatch.setattr(Bucket, "upload", upload)
        upload(self, files)
        name = "ner/.locks/tagged/day.publish"
        self.swap(name, b"{}", etag=self.get(name).etag)

    monkeypatch.setattr(Bucket, "upload", taken_over_meanwhile)
    with pytest.raises(Busy, match="changed by another process"):
        open_().publish(folder, "tagged/day", marker="manifest.json")
    assert "tagged/day/manifest.json" not in stored()


def test_a_lock_is_kept_for_as_long_as_the_work_takes(open_):
    with open_(lease_s=2).exclusive("tagged/day"):
        time.sleep(4)
        with pytest.raises(Busy), open_(lease_s=2).exclusive("tagged/day"):
            pass


def test_of_two_processes_that_promote_at_once_without_a_lock_one_wins(open_, put, model_in, monkeypatch):
    first, second = Registry(open_()), Registry(open_())
    for version in ("v1", "v2"):
        model_in(first, version)
    swap = S3Store.swap_json

    def the_other_is_quicker(self, *args, **options):
        monkeypatch.setattr(S3Store, "swap_json", swap)
        # as if the lock of the first had been taken over
        other = Promotion("v2", "int8", "second", "2026-01-31")
        second.store.swap_json(keys.PROMOTED_MODEL, asdict(other), etag=second.store.etag(keys.PROMOTED_MODEL))
        swap(self, *args, **options)

    monkeypatch.setattr(S3Store, "swap_json", the_other_is_quicker)
    with pytest.raises(Busy, match=keys.PROMOTED_MODEL):
        first.promote("v1", "int8", by="first", metrics={})
    assert first.promoted().by == "second"
    assert [promotion.version for promotion in first.history()] == ["v2"]
    first.promote("v1", "int8", by="first", metrics={})
    assert [(promotion.version, promotion.previous) for promotion in second.history()] == [("v2", None), ("v1", "v2")]


def test_a_file_of_many_parts_arrives_whole(open_, tmp_path):
    (tmp_path / "weights").write_bytes(os.urandom(20 * 2**20))
    open_(timeout_s=30).put_file(tmp_path / "weights", "models/v1/weights")
    fetched = open_(timeout_s=30).fetch("models/v1/weights")
    assert fetched.read_bytes() == (tmp_path / "weights").read_bytes()


# --- local copies


def test_what_is_the_same_still_is_not_fetched_again(open_, put, proxy):
    put("models/v1/int8/graph.pb", "graph")
    path = open_().fetch("models/v1/int8")
    proxy.requests.clear()
    assert open_().fetch("models/v1/int8") == path
    assert not [request for request in proxy.requests if "graph.pb" in request[1].split("?")[0]]


def test_what_has_changed_is_fetched_again_and_the_copy_in_use_stays(open_, put):
    put("models/v1/int8/graph.pb", "old")
    old = open_().fetch("models/v1/int8")
    put("models/v1/int8/graph.pb", "new")
    assert (open_().fetch("models/v1/int8") / "graph.pb").read_text() == "new"
    assert (old / "graph.pb").read_text() == "old"


def _be_folder(path):
    path.unlink()
    path.mkdir()


def _be_file(path):
    shutil.rmtree(path.parents[3])
    path.parents[3].touch()


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_text("graqh"),
        lambda path: path.write_text("gra"),
        lambda path: path.unlink(),
        _be_folder,
        _be_file,
    ],
)
def test_a_copy_that_was_changed_here_is_fetched_again(open_, put, damage, tmp_path):
    put("models/v1/int8/graph.pb", "graph")
    damage(open_().fetch("models/v1/int8/graph.pb"))
    assert open_().fetch("models/v1/int8/graph.pb").read_text() == "graph"
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_several_who_fetch_at_once_get_the_same_whole_copy(open_, s3, put, tmp_path):
    for index in range(10):
        put(f"models/v1/int8/{index}", "x" * 10_000)
    with ThreadPoolExecutor(6) as pool:
        paths = set(pool.map(lambda _: open_(timeout_s=30).fetch("models/v1/int8"), range(6)))
    assert len(paths) == 1
    assert {path.stat().st_size for path in paths.pop().iterdir()} == {10_000}
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_what_is_replaced_while_it_is_fetched_is_fetched_as_a_whole(open_, put, proxy):
    for name in ("graph.pb", "tokenizer.json"):
        put(f"models/v1/int8/{name}", "old")
    calls = []

    def replaced_meanwhile(method, path):
        if method == "GET" and "graph.pb" in path and not calls:
            calls.append(path)
            for name in ("graph.pb", "tokenizer.json"):
                put(f"models/v1/int8/{name}", "new")
        return False

    proxy.spoil("GET", "", "stall")
    proxy.faults[0].matches = replaced_meanwhile
    path = open_().fetch("models/v1/int8")
    assert {file.read_text() for file in path.iterdir()} == {"new"}


def test_copies_that_nobody_asks_for_are_removed_when_another_is_added(open_, put, tmp_path):
    for version in ("v1", "v2", "v3"):
        put(f"models/{version}/graph.pb", version)
    unused, used = open_().fetch("models/v1"), open_().fetch("models/v2")
    left_over, young = (tmp_path / "cache" / f".{digit * 32}.part" for digit in "ab")
    left_over.mkdir()
    young.mkdir()
    (tmp_path / "cache" / "stray").touch()
    past = time.time() - UNUSED_S - 1
    for path in (unused.parent.parent, used.parent.parent, tmp_path / "cache" / "stray"):
        os.utime(path, (past, past))
    os.utime(left_over, (time.time() - 86401, time.time() - 86401))
    open_().fetch("models/v2")
    open_().fetch("models/v3")
    assert not unused.exists() and used.exists() and not left_over.exists() and young.exists()
    assert not (tmp_path / "cache" / "stray").exists()


def test_a_full_disk_leaves_nothing_half_done(open_, put, tmp_path, monkeypatch):
    put("models/v1/graph.pb", "graph")
    read = Bucket._read

    def full(self, name, file, **options):
        file.write(b"gra")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Bucket, "_read", full)
    for use in (
        lambda: open_().fetch("models/v1"),
        lambda: open_().fetch_files(["models/v1/graph.pb"], tmp_path / "scratch"),
    ):
        with pytest.raises(StorageFull, match="MiB free, expected room"):
            use()
    assert local_files(tmp_path) == []
    monkeypatch.setattr(Bucket, "_read", read)
    assert (open_().fetch("models/v1") / "graph.pb").read_text() == "graph"


# --- weather

READS = {
    "fetch": lambda store, scratch: store.fetch("inbox/day/a.txt").read_text(),
    "fetch_files": lambda store, scratch: store.fetch_files(["inbox/day/a.txt"], scratch)[0].path.read_text(),
    "read_lines": lambda store, scratch: store.read_lines("inbox/day/a.txt")[0],
}
TEXT = "a document of some length"


@pytest.fixture(params=READS)
def read(request, open_, put, tmp_path):
    put("inbox/day/a.txt", TEXT)
    return lambda: READS[request.param](open_(), tmp_path / "scratch")


@pytest.mark.parametrize("does", ["answer", "stall", "lose", "cut", "hang", "flip"])
def test_what_fails_once_is_read_all_the_same(read, proxy, does):
    proxy.spoil("GET", "a.txt", does)
    assert read() == TEXT
    assert proxy.faults[0].times == 0


@pytest.mark.runbook("retraining", "StoreUnavailable")
@pytest.mark.parametrize("does", ["answer", "stall", "cut", "hang", "flip"])
def test_what_keeps_failing_is_said_to_be_unavailable_and_nothing_of_it_is_visible(read, proxy, does, tmp_path):
    proxy.spoil("GET", "a.txt", does, times=99)
    proxy.faults[0].matches = lambda method, path: method == "GET" and path.split("?")[0].endswith("a.txt")
    with pytest.raises(StoreUnavailable, match=r"^found .*, expected S3 to answer, for s3://test-.*/ner/inbox/day/a"):
        read()
    assert local_files(tmp_path) == []


@pytest.mark.parametrize("does", ["answer", "stall", "cut"])
def test_a_listing_that_fails_once_misses_nothing(open_, put, proxy, does):
    for index in range(5):
        put(f"inbox/day/{index}", "x")
    proxy.spoil("GET", "list-type", does)
    assert len(list(open_().files("inbox/day"))) == 5
    assert proxy.faults[0].times == 0


@pytest.mark.parametrize("does", ["answer", "stall", "lose"])
def test_what_fails_once_is_written_all_the_same(open_, folder, proxy, does):
    proxy.spoil("PUT", "manifest.json", does)
    open_().publish(folder, "tagged/day", marker="manifest.json")
    assert {file.name: file.n_bytes for file in open_().files("tagged/day")} == {
        path.name: path.stat().st_size for path in folder.iterdir()
    }
    assert proxy.faults[0].times == 0


def test_a_swap_whose_answer_got_lost_is_not_taken_for_somebody_else_s(open_, proxy):
    proxy.spoil("PUT", "promoted.json", "lose")
    open_().swap_json("models/promoted.json", {"version": "v1"}, etag=None)
    assert [request for request in proxy.requests if request[0] == "PUT"] == 2 * [
        ("PUT", f"/{open_()._bucket.name}/ner/models/promoted.json")
    ]


@pytest.mark.parametrize(
    ("code", "status", "error", "line"),
    [
        ("ExpiredToken", 400, StoreUnavailable, "found expired credentials"),
        ("AccessDenied", 403, ConfigInvalid, "expected access"),
        ("InvalidAccessKeyId", 403, ConfigInvalid, "expected access"),
        ("NoSuchBucket", 404, ConfigInvalid, "found no such bucket"),
        ("SlowDown", 503, StoreUnavailable, "expected S3 to answer"),
    ],
)
def test_an_error_says_in_one_line_whether_to_wait_or_to_mend_something(
    open_, folder, proxy, tmp_path, code, status, error, line
):
    for method in ("GET", "PUT", "POST"):
        proxy.spoil(method, "", "answer", times=999, status=status, code=code)
    store = open_()
    for use in (
        lambda: list(store.files("inbox/day")),
        lambda: store.folders("models"),
        lambda: store.exists("inbox/day"),
        lambda: store.etag("inbox/day/a.txt"),
        lambda: store.fetch("inbox/day"),
        lambda: store.fetch_files(["inbox/day/a.txt"], tmp_path / "scratch"),
        lambda: store.read_json("models/promoted.json"),
        lambda: store.write_json("models/promoted.json", {}),
        lambda: store.put_file(folder / "zebra.txt", "inbox/day/a.txt"),
        lambda: store.publish(folder, "tagged/day", marker="manifest.json"),
        lambda: store.remove("tagged/day"),
    ):
        with pytest.raises(error, match=f"^(?=found ).*{line}.*s3://") as raised:
            use()
        assert "\n" not in str(raised.value)
        assert raised.value.retryable is (error is StoreUnavailable)


@pytest.mark.runbook("retraining", "StoreUnavailable")
def test_credentials_that_are_renewed_let_the_next_try_go_on(open_, folder, proxy, stored):
    proxy.spoil("PUT", "zebra.txt", "answer", status=400, code="ExpiredToken")
    with pytest.raises(StoreUnavailable, match="expired credentials"):
        open_().publish(folder, "tagged/day", marker="manifest.json")
    assert "tagged/day/manifest.json" not in stored()
    open_().publish(folder, "tagged/day", marker="manifest.json")
    assert len(stored()) == 3


@pytest.mark.runbook("retraining", "ConfigInvalid: found ... s3://")
def test_without_credentials_the_store_says_so(open_, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(ConfigInvalid, match="NoCredentialsError: Unable to locate credentials"):
        open_().exists("models")


@pytest.mark.runbook("retraining", "ConfigInvalid: found ... s3://")
def test_a_bucket_that_is_not_there_is_not_taken_for_an_empty_store(s3, tmp_path):
    store = S3Store("test-nothing", "", cache=tmp_path)
    for use in (store.exists, store.folders, store.etag, store.read_json):
        with pytest.raises(ConfigInvalid, match="no such bucket"):
            use("models")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "no-url"], ids=["nobody there", "no address"])
def test_a_server_that_is_not_there_is_one_clear_line(open_, monkeypatch, url):
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    with pytest.raises(StoreUnavailable if "9" in url else ConfigInvalid, match="^found .*expected"):
        open_().exists("models")


def test_a_model_that_is_gone_is_missing_and_not_made_up_from_what_was_fetched(open_, model_in):
    registry = Registry(open_())
    model_in(registry, "v1")
    registry.resolve("v1")
    registry.store.remove("models/v1", marker="version.json")
    with pytest.raises(InputMissing):
        registry.resolve("v1")
    assert registry.find("v1", "int8") is None
