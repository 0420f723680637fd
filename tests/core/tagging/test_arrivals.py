import math
from datetime import UTC, datetime

from ner_tasks.store import StoredFile
from ner_tasks.tagging.arrivals import SettledFiles, is_superseded, read_inbox_state


def stored(name, *, etag="1", modified_s=0.0):
    return StoredFile(f"inbox/2026-11-22/{name}", name, 1, etag, modified_s)


def test_a_file_that_changed_just_before_is_left_out_and_counted():
    files = SettledFiles([stored("old"), stored("new", modified_s=995.0)], now_s=1000.0, quiet_s=10.0)
    assert [file.name for file in files] == ["old"]
    assert files.n_left_out == 1


def test_a_file_is_left_out_until_it_has_not_changed_for_so_long():
    file = stored("new", modified_s=990.0)
    assert not list(SettledFiles([file], now_s=999.9, quiet_s=10.0))
    assert list(SettledFiles([file], now_s=1000.0, quiet_s=10.0)) == [file]


def test_a_clock_ahead_or_an_unknown_time_holds_no_file_back():
    files = [stored("ahead", modified_s=2000.0), stored("unknown", modified_s=math.inf)]
    assert list(SettledFiles(files, now_s=1000.0, quiet_s=10.0)) == files


def test_a_drop_that_is_complete_is_read_at_once():
    file = stored("new", modified_s=1000.0)
    assert list(SettledFiles([file], now_s=1000.0, quiet_s=0)) == [file]


def test_the_state_of_an_inbox_follows_from_names_and_contents():
    state = read_inbox_state([stored("a"), stored("b")])
    assert state == read_inbox_state([stored("a"), stored("b")])
    assert state.n_files == 2
    others = (
        [stored("a")],
        [stored("a"), stored("c")],
        [stored("a"), stored("b", etag="2")],
        [stored("ab"), stored("")],
    )
    assert state.digest not in {read_inbox_state(files).digest for files in others}


def listed(hour):
    return {"listed_at": f"2026-11-22T{hour:02d}:00:00+00:00"}


def test_of_two_runs_that_counts_which_listed_the_inbox_later():
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert is_superseded(listed(9), listed(10), now)
    assert not is_superseded(listed(10), listed(9), now)
    assert not is_superseded(listed(9), listed(9), now)
    assert not is_superseded(listed(9), None, now)
    assert not is_superseded(listed(9), {}, now)
    assert not is_superseded({}, listed(9), now)


def test_a_clock_that_went_wrong_stops_no_later_run():
    assert not is_superseded(listed(9), listed(23), datetime(2026, 11, 22, 12, tzinfo=UTC))
