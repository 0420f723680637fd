"""Some of a night's files: whole, within a bound, and the same ones for each model."""

import json

import pytest

from ner_tasks.errors import ArtifactBroken, InputMissing
from ner_tasks.review.sampling import pick_parts, sample_answers
from tests import answers


def night(folder, n_words: dict[str, int], *, per_file: int = 1):
    folder.mkdir(exist_ok=True)
    lines = []
    for file, n in n_words.items():
        for part in range(per_file):
            line = answers.answer(f"{file}/{part}", "word " * n, file=file)
            lines.append(line)
    answers.write(folder / "documents.jsonl", lines)
    return folder


def names(folder):
    return [json.loads(line)["name"] for line in (folder / "files.jsonl").read_text().splitlines()]


def documents(folder):
    return [json.loads(line)["file"] for line in (folder / "documents.jsonl").read_text().splitlines()]


def test_a_sample_keeps_within_its_words_and_follows_from_its_seed(tmp_path):
    night(tmp_path / "night", {f"{index}.txt": 10 for index in range(50)})
    taken = []
    for seed in (0, 0, 1):
        said = sample_answers([tmp_path / "night"], tmp_path / "s", max_words=105, seed=seed)
        assert said == {
            "n_documents": 50,
            "n_words": 500,
            "sampled": {"n_files": 10, "n_documents": 10, "n_words": 100},
        }
        taken.append(names(tmp_path / "s"))
        assert documents(tmp_path / "s") == taken[-1]
    assert taken[0] == taken[1] != taken[2]


def test_files_stay_whole_and_in_the_order_of_the_night(tmp_path):
    night(tmp_path / "night", {f"{index:02d}.csv": 5 for index in range(20)}, per_file=3)
    sample_answers([tmp_path / "night"], tmp_path / "s", max_words=100)
    taken = names(tmp_path / "s")
    assert taken == sorted(taken)
    assert documents(tmp_path / "s") == [name for name in taken for _ in range(3)]


def test_a_file_that_does_not_fit_leaves_room_for_others_and_one_is_always_taken(tmp_path):
    night(tmp_path / "night", {"huge.txt": 1000, "large.txt": 500, "small.txt": 10})
    sample_answers([tmp_path / "night"], tmp_path / "s", max_words=20)
    assert names(tmp_path / "s") == ["small.txt"]
    sample_answers([tmp_path / "night"], tmp_path / "s", max_words=5)
    assert names(tmp_path / "s") == ["small.txt"]


def test_what_are_no_answers_is_refused(tmp_path):
    with pytest.raises(InputMissing):
        sample_answers([tmp_path], tmp_path / "s", max_words=5)
    (tmp_path / "documents.jsonl").write_text('{"file": "a"}\n')
    with pytest.raises(ArtifactBroken, match="line 1"):
        sample_answers([tmp_path], tmp_path / "s", max_words=5)


def parts_of(*n_tagged):
    counts = {"n_rejected": 0, "n_entities": 0, "sha256": "0" * 64}
    return [{"key": f"parts/d/{i:02d}-a", "number": i, "n_tagged": n, **counts} for i, n in enumerate(n_tagged)]


def test_parts_to_sample_from_follow_from_the_seed_and_are_in_their_order():
    parts = parts_of(*[10] * 64)
    picked = pick_parts(parts, 0.001, seed=3)
    numbers = [part["number"] for part in picked]
    assert len(picked) == 4 and numbers == sorted(numbers) and pick_parts(parts, 0.001, seed=3) == picked
    assert pick_parts(parts, 0.001, seed=4) != picked


def test_there_are_twice_as_many_documents_as_sampled_and_never_a_part_without_one():
    parts = parts_of(*[10] * 63, 0)
    assert len(pick_parts(parts, 0.25)) == 32
    assert pick_parts(parts, 1.0) == parts[:-1] and pick_parts([], 0.5) == [] and pick_parts(parts[-1:], 1.0) == []


def test_parts_are_picked_in_proportion_to_their_documents():
    parts = parts_of(*[10] * 60, *[100] * 4)
    n_large = sum(part["n_tagged"] == 100 for seed in range(300) for part in pick_parts(parts, 0, seed=seed))
    # the first of four is a large one with 40 %, the others of the rest
    assert 350 < n_large < 550
