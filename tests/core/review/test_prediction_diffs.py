"""The difference between two models' answers: every entity counted once, whatever the order of the documents."""

import io
import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console

from ner_tasks.errors import ArtifactBroken
from ner_tasks.review.prediction_diffs import PredictionDiff, diff_predictions, pair_entities
from tests.answers import answer, without_text, write

TEXT = "Rosa Delgado of Tampa met Jackson in New York City."


def compared(folder: Path, old: list[dict], new: list[dict], **options) -> PredictionDiff:
    return diff_predictions(write(folder / "old.jsonl", old), write(folder / "new.jsonl", new), **options)


def in_words(found: PredictionDiff) -> dict:
    return {label: {name: n for name, n in counts.items() if n} for label, counts in found.as_dict()["labels"].items()}


def test_each_kind_of_difference_is_told_apart(tmp_path: Path) -> None:
    old = answer("a", TEXT, {"Rosa Delgado": "per", "Tampa": "geo", "Jackson": "geo", "New York": "geo"})
    new = answer("a", TEXT, {"Rosa Delgado": "per", "of": "art", "Jackson": "per", "New York City": "geo"})
    found = compared(tmp_path, [old], [new]).as_dict()
    assert found["n_entities"] == {
        "old": 4,
        "new": 4,
        "kept": 1,
        "added": 1,
        "removed": 1,
        "moved": 1,
        "relabelled": 1,
    }
    assert found["labels"]["geo"] == {
        "old": 3,
        "new": 1,
        "kept": 0,
        "added": 0,
        "removed": 1,
        "moved": 1,
        "relabelled_from": 1,
        "relabelled_to": 0,
    }
    assert found["relabelled"] == [{"old": "geo", "new": "per", "n": 1}]
    assert found["n_documents"] == {"compared": 1, "changed": 1}
    (moved,) = found["examples"]["moved"]["geo"]
    assert (moved["old"]["end"], moved["new"]["end"], moved["context"]) == (45, 50, TEXT)
    assert moved["document"] == "a"
    json.dumps(found)


def test_an_entity_of_another_label_at_other_bounds_is_another_entity(tmp_path: Path) -> None:
    old, new = answer("a", TEXT, {"New York": "geo"}), answer("a", TEXT, {"New York City": "org"})
    assert in_words(compared(tmp_path, [old], [new])) == {
        "geo": {"old": 1, "removed": 1},
        "org": {"new": 1, "added": 1},
    }


def test_of_two_partners_the_larger_is_taken() -> None:
    def at(start: int, end: int) -> dict:
        return {"start": start, "end": end, "label": "x"}

    pairs = list(pair_entities((at(0, 10),), (at(0, 3), at(4, 10))))
    assert pairs == [(at(0, 10), at(4, 10)), (None, at(0, 3))]


def test_other_scores_are_no_difference(tmp_path: Path) -> None:
    lines = [[answer("a", TEXT, {"Tampa": "geo"}, score=score)] for score in (0.4, 0.9)]
    assert compared(tmp_path, *lines).n_changed == 0


ENTITIES = st.lists(
    st.tuples(st.integers(0, 50), st.integers(1, 6), st.sampled_from(["geo", "per", "org"])), max_size=12
)
DAY = st.lists(st.tuples(st.integers(0, 4), ENTITIES), max_size=6)


def day_of(documents: list[tuple[int, list[tuple[int, int, str]]]]) -> list[dict]:
    """Answers with entities that do not overlap, as a tagger gives them."""
    lines = []
    for name, entities in documents:
        line, position = answer(f"d{name}", TEXT), 0
        for start, length, label in sorted(entities):
            end = min(start + length, len(TEXT))
            if position <= start < end:
                line["entities"].append({"start": start, "end": end, "label": label, "score": 0.5})
                position = end
        lines.append(line)
    return lines


@given(DAY)
def test_a_day_does_not_differ_from_itself(tmp_path_factory: pytest.TempPathFactory, documents: list) -> None:
    lines = day_of(documents)
    found = compared(tmp_path_factory.mktemp("diff"), lines, lines)
    assert (found.n_compared, found.n_changed, found.not_compared) == (len(lines), 0, {})
    assert found.total("kept") == found.total("old") == found.total("new")
    assert found.examples == {}


@given(DAY, DAY)
@example([(0, [(25, 6, "geo"), (31, 3, "geo")])], [(0, [(30, 3, "geo"), (33, 1, "geo")])])
def test_the_counts_add_up_for_every_label(tmp_path_factory: pytest.TempPathFactory, old: list, new: list) -> None:
    folder = tmp_path_factory.mktemp("diff")
    found = compared(folder, day_of(old), day_of(new))
    both = found.n_compared
    assert both + found.not_compared.get("only_old", (0,))[0] == len(old)
    assert both + found.not_compared.get("only_new", (0,))[0] == len(new)
    n = {column: found.total(column) for column in ("old", "new", "kept", "added", "removed", "moved")}
    relabelled = found.relabelled.total()
    assert n["new"] == n["old"] + n["added"] - n["removed"]
    assert n["old"] == n["kept"] + n["removed"] + n["moved"] + relabelled
    for counts in found.labels.values():
        came = counts["added"] + counts["relabelled_to"]
        assert counts["new"] == counts["old"] + came - counts["removed"] - counts["relabelled_from"]
    back = compared(folder, day_of(new), day_of(old))
    assert (back.total("added"), back.total("removed")) == (n["removed"], n["added"])


@given(st.permutations(range(8)), st.sets(st.integers(0, 7)), st.sets(st.integers(0, 7)))
def test_the_order_of_documents_and_missing_ones_derail_nothing(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], gone_old: set[int], gone_new: set[int]
) -> None:
    lines = [answer(f"d{index}", TEXT, {"Tampa": "geo"}) for index in range(8)]
    old = [line for index, line in enumerate(lines) if index not in gone_old]
    new = [lines[index] for index in order if index not in gone_new]
    found = compared(tmp_path_factory.mktemp("diff"), old, new, n_examples=9)
    assert found.n_compared == 8 - len(gone_old | gone_new)
    assert found.total("kept") == found.n_compared
    apart = {why: sorted(names) for why, (_, names) in found.not_compared.items()}
    expected = {"only_old": sorted(gone_new - gone_old), "only_new": sorted(gone_old - gone_new)}
    assert apart == {why: [f"d{index}" for index in gone] for why, gone in expected.items() if gone}


def test_a_document_that_was_changed_in_between_is_not_compared(tmp_path: Path) -> None:
    old, new = answer("a", TEXT, {"Tampa": "geo"}), answer("a", TEXT + " More.", {"Tampa": "geo"})
    found = compared(tmp_path, [old], [new])
    assert (found.n_compared, sorted(found.not_compared)) == (0, ["only_new", "only_old"])


def test_a_file_that_was_read_into_another_text_is_not_compared(tmp_path: Path) -> None:
    old = answer("a", TEXT, {"Tampa": "geo"})
    found = compared(tmp_path, [old], [{**old, "text": TEXT.replace("of", "in")}])
    assert (found.n_compared, found.not_compared) == (0, {"other_text": (1, ["a"])})


def test_answers_without_text_are_compared_by_their_bounds(tmp_path: Path) -> None:
    old, new = answer("a", TEXT, {"Tampa": "geo"}), without_text(answer("a", TEXT, {"Jackson": "geo"}))
    found = compared(tmp_path, [old], [new])
    assert (found.total("added"), found.total("removed")) == (1, 1)
    assert found.as_dict()["examples"]["added"]["geo"][0]["context"] is None
    assert "+ [26, 33) geo" in printed(found)


def test_examples_are_bounded_and_spread_over_the_day(tmp_path: Path) -> None:
    old = [answer(f"{index:03}", TEXT) for index in range(500)]
    new = [answer(f"{index:03}", TEXT, {"Tampa": "geo"}) for index in range(500)]
    found = compared(tmp_path, old, new, n_examples=5)
    names = [example["document"] for example in found.examples["added", "geo"]]
    assert len(names) == 5 and names == sorted(names)
    assert names[-1] > "250"
    assert compared(tmp_path, old, new, n_examples=5).examples == found.examples


def printed(found: PredictionDiff) -> str:
    file = io.StringIO()
    Console(file=file, width=160).print(found)
    return file.getvalue()


def test_a_person_reads_counts_then_examples(tmp_path: Path) -> None:
    old = answer("a\x1b[2J", TEXT, {"New York": "geo", "Jackson": "geo"})
    new = answer("a\x1b[2J", TEXT, {"New York City": "geo", "Jackson": "per"})
    shown = printed(compared(tmp_path, [old, answer("b", "x")], [new]))
    assert "v1 -> v1\n1 documents compared, 1 differ" in shown
    assert "only old: 1 (b)" in shown
    assert "- Rosa Delgado of Tampa met Jackson in [New York|geo] City." in shown
    assert "+ Rosa Delgado of Tampa met Jackson in [New York City|geo]." in shown
    assert "relabelled geo -> per" in shown
    assert "\x1b" not in shown


def test_a_broken_line_is_named_and_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(ArtifactBroken, match=r"new\.jsonl, line 2"):
        compared(tmp_path, [answer("a", TEXT)], [answer("a", TEXT), {"document": "x"}])


@pytest.mark.slow
def test_memory_does_not_grow_with_the_documents(tmp_path: Path) -> None:
    peaks = []
    for n in (2_000, 20_000):
        for name, mention in (("old", "Tampa"), ("new", "Jackson")):
            lines = (json.dumps(answer(str(index), TEXT, {mention: "geo"})) + "\n" for index in range(n))
            (tmp_path / name).write_text("".join(lines))
        tracemalloc.start()
        assert diff_predictions(tmp_path / "old", tmp_path / "new").n_changed == n
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]
