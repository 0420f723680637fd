import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_tasks import fingerprint
from ner_tasks.documents import FORMATS
from ner_tasks.documents.detection import formats
from ner_tasks.documents.detection.sizes import find_size_rule
from ner_tasks.records import MeasuredDay, validate_record
from ner_tasks.store.folder import FolderStore
from ner_tasks.tagging import time_estimates
from ner_tasks.tagging.time_estimates import estimate_times, read_measured_days

HOUR_S = 3600.0


def day(model="v1", *, words_per_s=18_000, **read):
    """A day that was tagged for an hour; of its formats (files, MB, seconds of reading, words)."""
    names = ("n_files", "n_bytes", "read_s", "n_words")
    taken = {
        name: dict(zip(names, (n, int(mb * 1e6), read_s, words), strict=True))
        for name, (n, mb, read_s, words) in read.items()
    }
    read_s = sum(one["read_s"] for one in taken.values())
    speed = {"model_s": HOUR_S, "elapsed_s": HOUR_S + read_s, "n_words_new": int(HOUR_S * words_per_s)}
    return {"model_version": model, "formats": taken or {"text": dict.fromkeys(names, 0)}, **speed}


def seconds(times, name, n_files, mb):
    return n_files * times[name]["file_s"] + mb * times[name]["mb_s"]


def test_without_measured_days_every_format_has_times():
    times = estimate_times([], "v1", ocr=False)
    assert times.keys() == {*FORMATS, "other"}
    assert all(time["file_s"] > 0 and time["mb_s"] >= 0 for time in times.values())


def test_every_format_has_figures_of_its_own():
    assert time_estimates._FIGURES.keys() == FORMATS.keys()


def test_a_scanned_page_takes_longer_if_it_is_read():
    without, with_ocr = (seconds(estimate_times([], "v1", ocr=ocr), "image", 1, 0.2) for ocr in (False, True))
    assert without < 0.1 and with_ocr > 1


def test_what_was_measured_for_an_hour_is_estimated_within_a_tenth():
    measured = day(pdf=(1_000, 500, HOUR_S, 9_000_000), text=(90_000, 300, 100, 55_000_000))
    times = estimate_times([measured], "v1", ocr=False)
    assert seconds(times, "pdf", 1_000, 500) == pytest.approx(HOUR_S + 500, rel=0.1)
    assert seconds(times, "text", 90_000, 300) == pytest.approx(100 + 3_060, rel=0.1)


def test_a_single_odd_file_changes_little():
    before = estimate_times([], "v1", ocr=False)
    after = estimate_times([day(text=(1, 0.001, 0.5, 10))], "v1", ocr=False)
    assert seconds(after, "text", 1_000, 5) == pytest.approx(seconds(before, "text", 1_000, 5), rel=0.1)


def test_the_speed_is_that_of_the_model_if_it_has_tagged_a_day():
    days = [day("fast", words_per_s=36_000), day("slow", words_per_s=9_000)]
    fast, slow, new = (estimate_times(days, model, ocr=False)["text"]["mb_s"] for model in ("fast", "slow", "new"))
    assert slow > 3 * fast and fast < new < slow


def test_answers_that_were_reused_make_the_model_no_faster():
    reused = {**day(text=(1_000, 5, 0.1, 900_000)), "n_words_new": 0, "model_s": 0.0, "elapsed_s": 60.0}
    before, after = (estimate_times(days, "v1", ocr=False) for days in ([], [reused]))
    assert after["pdf"] == before["pdf"] and after["text"]["mb_s"] == pytest.approx(before["text"]["mb_s"], rel=0.02)


COUNT, SECONDS = st.integers(0, 10**15), st.floats(0, 1e12)
DAYS = st.lists(
    st.fixed_dictionaries(
        {
            "model_version": st.sampled_from(["v1", "v2"]),
            "n_words_new": COUNT,
            "model_s": SECONDS,
            "elapsed_s": SECONDS,
            "formats": st.dictionaries(
                st.sampled_from(["text", "pdf", "of a later release"]),
                st.fixed_dictionaries({"n_files": COUNT, "n_bytes": COUNT, "read_s": SECONDS, "n_words": COUNT}),
            ),
        }
    ),
    max_size=3,
)


@given(DAYS, st.booleans())
def test_times_are_positive_numbers_whatever_the_store_says(days, ocr):
    times = estimate_times([validate_record(one, MeasuredDay, "") for one in days], "v1", ocr=ocr)
    assert all(0 <= value < float("inf") for time in times.values() for value in time.values())
    assert times == estimate_times(days, "v1", ocr=ocr)


def test_days_of_earlier_releases_and_damaged_ones_are_passed_over(tmp_path):
    store = FolderStore(tmp_path)
    store.write_json("tagged/2026-01-01/manifest.json", day("good"))
    store.write_json("tagged/2026-01-02/manifest.json", {"model_version": "v1", "model_s": 3.0, "elapsed_s": 4.0})
    store.write_json("tagged/2026-01-03/manifest.json", {**day(), "elapsed_s": -1})
    for number, text in ((4, json.dumps({**day(), "schema_version": 99})), (5, "{")):
        (store.root / f"tagged/2026-01-0{number}").mkdir()
        (store.root / f"tagged/2026-01-0{number}/manifest.json").write_text(text)
    (store.root / "tagged/2026-01-06").mkdir()
    assert [one["model_version"] for one in read_measured_days(store)] == ["good"]


def test_the_seven_newest_days_count(tmp_path):
    store = FolderStore(tmp_path)
    for number in range(1, 12):
        store.write_json(f"tagged/2026-01-{number:02d}/manifest.json", day(f"v{number}"))
    assert [one["model_version"] for one in read_measured_days(store)] == [f"v{n}" for n in range(11, 4, -1)]


def test_no_answer_depends_on_an_estimate():
    imported = fingerprint._digest_with_imports("tagging.shard", fingerprint.PACKAGE)
    assert "tagging/tally.py" in imported and "tagging/time_estimates.py" not in imported


@pytest.mark.parametrize(
    ("name", "format_"),
    [("a.txt", "text"), ("A.B.PDF", "pdf"), ("a.tar.gz", "gz"), ("a.b/c", "other"), ("a", "other"), ("", "other")],
)
def test_the_format_of_a_name_is_that_of_its_last_suffix(name, format_):
    assert find_size_rule(name).format == format_


def test_every_suffix_has_the_format_that_its_files_are_read_as():
    assert all(find_size_rule(f"a{suffix}").format == format_.name for suffix, format_ in formats.SUFFIXES.items())
