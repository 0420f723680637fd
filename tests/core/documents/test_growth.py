"""The time of each reader grows linearly with the bytes of a file, whatever is repeated or nested in it."""

import pytest

from ner_tasks.documents import Document, Limits, read_documents
from tests.growth import growth
from tests.repeated import KINDS

TIMES = 8  # the larger file; a quadratic step would take 64 times as long
LIMITS = Limits(max_members=100_000)


@pytest.mark.parametrize("kind", KINDS)
def test_time_grows_linearly(kind, tmp_path):
    suffix, n_small, make = KINDS[kind]
    for n in (n_small, TIMES * n_small):
        (tmp_path / str(n)).write_bytes(make(n))

    def read(n: int) -> None:
        found = list(read_documents(tmp_path / str(n), f"a.{suffix}", LIMITS))
        assert any("Rosa" in one.text for one in found if isinstance(one, Document))

    assert growth(read, n_small, TIMES * n_small) < 32
