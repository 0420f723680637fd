"""No word that a file holds is lost in silence, wherever its format can hold it.

The long run is a command: `python -m tests.canaries --format eml --n 10000`.
"""

import pytest

from tests.canaries.drive import findings, makers

N_FILES = 25


@pytest.mark.parametrize("name", sorted(makers()))
def test_every_canary_is_read_or_its_holder_is_named(name):
    assert list(findings(name, N_FILES)) == []
