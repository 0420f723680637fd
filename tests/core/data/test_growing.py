"""The drill of growing data, on the sample and, where they are at hand, on real data."""

import os
from pathlib import Path

import pytest

from sample import labelled_sentences
from tests.manual.growing_data import drill

# one that is at hand is named by the variable that also names the Kaggle file
REAL = [
    pytest.param("NER_GMB", marks=[pytest.mark.gmb, pytest.mark.slow]),
    pytest.param("NER_BC5CDR", marks=[pytest.mark.gmb, pytest.mark.slow]),
]


def never_moved(data: Path, folder: Path, **options: int) -> None:
    rows = drill(data, folder, n_batches=5, **options)

    assert [row["n_moved"] for row in rows] == [0] * 5
    assert [row["train"] for row in rows] == sorted(row["train"] for row in rows)
    assert [row["test"] for row in rows] == sorted(row["test"] for row in rows)
    assert rows[-1]["n_copies"] > 0


@pytest.mark.slow
def test_five_batches_arrive_and_no_test_sentence_is_ever_learnt(tmp_path: Path):
    never_moved(labelled_sentences.OUTPUT, tmp_path, block_sentences=4)


@pytest.mark.parametrize("variable", REAL)
def test_so_it_is_with_real_data(tmp_path: Path, variable: str):
    if variable not in os.environ:
        pytest.skip(f"{variable} is not set")
    never_moved(Path(os.environ[variable]), tmp_path)
