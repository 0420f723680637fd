"""A night is divided by the times of earlier days, and by all of its runs alike."""

import json

import pytest
from airflow.sdk.exceptions import AirflowFailException

from tests.plugins.test_tagging import answers, arrive, check, plan, planned, promoted, publish, tag

__all__ = ["arrive", "promoted"]

OTHER_RUN = {"run_id": "manual__2026-11-24T01:30:00+00:00"}


def measure_day(store, day, *, s_per_word):
    """Publish a day of a million words, as its manifest tells what they took."""
    taken = {"text": {"n_files": 5_000, "n_bytes": 5_000_000, "read_s": 5.0, "n_words": 1_000_000}}
    took_s = 1_000_000 * s_per_word
    speed = {"n_words_new": 1_000_000, "model_s": took_s, "elapsed_s": took_s}
    store.write_json(f"tagged/{day}/manifest.json", {"model_version": "v1", "formats": taken, **speed})


def divided(store):
    """The names in each shard of each night."""
    lists = [file for file in store.files("staging/tagged") if "inputs" in file.name]
    return {
        file.key: [json.loads(line)["name"] for line in store.fetch(file.key).read_text().splitlines()]
        for file in lists
    }


@pytest.fixture
def letters(promoted, arrive):
    arrive(**{f"letter{number}": "text " * 2_000 for number in range(8)})


def test_a_slow_day_makes_the_shards_of_the_next_smaller(letters, store):
    assert len(plan(shard_minutes=3)) == 1
    store.remove("staging")
    measure_day(store, "2026-11-21", s_per_word=0.1)
    assert len(plan(shard_minutes=3)) > 1


def test_another_run_of_a_night_divides_it_as_the_first(letters, store, capsys):
    measure_day(store, "2026-11-21", s_per_word=0.1)
    plan(shard_minutes=3)
    before, first = divided(store), planned(store)
    measure_day(store, "2026-11-21", s_per_word=0.3)
    plan(shard_minutes=3)
    assert (divided(store), planned(store)["shards"]) == (before, first["shards"])
    plan(context=OTHER_RUN, shard_minutes=0.5)
    assert divided(store) == before
    assert "shards of about 3 min instead of 0.5" in capsys.readouterr().out


def test_neither_times_nor_minutes_are_part_of_the_night(letters, store, fake, tmp_path):
    plan(shard_minutes=3)
    before = planned(store)["night"]
    store.remove("staging")
    measure_day(store, "2026-11-21", s_per_word=0.1)
    plan(shard_minutes=0.1)
    assert planned(store)["night"] == before


def test_two_runs_that_plan_a_night_at_once_divide_it_alike(letters, store, monkeypatch):
    measure_day(store, "2026-11-21", s_per_word=0.1)
    swap, others = type(store).swap_json, []

    def swap_after_another(self, key, value, *, etag):
        if key.endswith("division.json") and not others:
            others.append(key)
            swap(self, key, {**value, "shard_minutes": 5.0}, etag=None)
        swap(self, key, value, etag=etag)

    with monkeypatch.context() as patched:
        patched.setattr(type(store), "swap_json", swap_after_another)
        plan(shard_minutes=3)
    assert others and store.read_json(others[0])["shard_minutes"] == 5.0
    before = divided(store)
    plan(context=OTHER_RUN, shard_minutes=3)
    assert divided(store) == before


@pytest.mark.runbook("damaged-files-of-the-store", "staging/...")
@pytest.mark.parametrize(
    "damaged", ["{", "[]", '{"shard_minutes": 0, "times": {}}', '{"shard_minutes": 3, "times": {}}']
)
def test_a_night_whose_division_is_damaged_is_divided_and_tagged_anew(
    promoted, arrive, store, fake, tmp_path, damaged, capsys
):
    arrive(a="text", b="text")
    answers(fake, tmp_path, tagged=["a.txt", "b.txt"])
    tag(plan())
    (key,) = (file.key for file in store.files("staging/tagged") if file.name.endswith("division.json"))
    (store.root / key).write_text(damaged)
    tag(plan())
    assert "the night is divided and tagged anew: found" in capsys.readouterr().out
    assert fake.verbs == ["tag", "write-part"] * 2
    assert publish(check())["n_tagged"] == 2


def test_a_division_of_a_newer_release_is_left_alone(letters, store):
    plan()
    (key,) = (file.key for file in store.files("staging/tagged") if file.name.endswith("division.json"))
    newer = json.dumps({"schema_version": 99})
    (store.root / key).write_text(newer)
    with pytest.raises(AirflowFailException, match="found schema version 99"):
        plan()
    assert (store.root / key).read_text() == newer


def test_work_on_other_files_of_a_shard_is_not_resumed(letters, store, fake, tmp_path):
    measure_day(store, "2026-11-21", s_per_word=0.1)
    answers(fake, tmp_path, tagged=["letter0.txt"])
    tag(plan(shard_minutes=60))
    store.remove("staging/tagged")
    tag(plan(shard_minutes=3)[:1])
    one, two = (call["flags"]["inputs_version"] for call in fake.calls if call["verb"] == "tag")
    assert one != two
