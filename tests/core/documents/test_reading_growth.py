"""Reading takes time and memory linear in the bytes of a file, in every format; see `tests.manual.reading_growth`."""

import pytest

from tests.canaries.drive import read
from tests.growth import growth
from tests.manual import reading_growth
from tests.text_files import MAKERS, text_of

# Four times the text; a reader that is quadratic takes sixteen times as long.
TIMES, MOST = 4, 9


@pytest.mark.parametrize(("kind", "kib"), [("prose", 16), ("empty lines", 2)])
@pytest.mark.parametrize("suffix", MAKERS)
def test_four_times_the_text_takes_about_four_times_as_long(suffix, kind, kib):
    files = {size: MAKERS[suffix](text_of(kind, size * 1024)) for size in (kib, TIMES * kib)}
    assert growth(lambda size: read(f"file.{suffix}", files[size]), kib, TIMES * kib) < MOST


@pytest.mark.parametrize("part", reading_growth.PARTS)
def test_processes_take_memory_by_the_bytes(part):
    found = reading_growth.costs("docx", "spaced", (0.5, 2), part)
    assert reading_growth.faults(found) == []


def test_a_cost_that_grows_faster_than_the_bytes_is_a_fault():
    least = {"text_mib": 0.0, "answer": "read", "s": 0.1, "mib": 20.0}
    linear = [{**least, "text_mib": n, "s": 0.1 + n, "mib": 20.0 + 30 * n} for n in (1.0, 4.0)]
    assert reading_growth.faults([least, *linear]) == []
    assert reading_growth.faults([least, linear[0], {**linear[1], "s": 16.0}]) == ["s x15.8 from 1 to 4 MiB"]
    assert reading_growth.faults([least, linear[0], {**linear[1], "mib": 500.0}]) == ["mib x15.6 from 1 to 4 MiB"]
    assert reading_growth.faults([least, {**linear[0], "answer": "too-slow"}]) == ["1 MiB: too-slow"]
