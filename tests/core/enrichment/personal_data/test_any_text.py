"""Rules find spans in any text: surrogates, NULs, long runs, in time that grows as the text does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_tasks.enrichment.personal_data.redaction import redact
from tests.growth import growth

ANY_CHARACTER = st.characters(exclude_categories=())
PIECES = st.sampled_from(
    [
        *(
            "MRN: ",
            "Dr. ",
            "Rosa",
            "\ud83d",
            "\0",
            "İ",
            "’",
            "555-",
            "0134",
            "+1 (",
            ")",
            "12/",
            "2020",
            "March ",
            "@",
            "www.",
        ),
        *(
            ".org",
            "://",
            "Street ",
            "Apt ",
            "zip ",
            "\n",
            " ",
            "of ",
            "corner of ",
            "aged 99",
            "4111",
            "::",
            "GB82",
            "x",
            ",",
        ),
        *("the", "Box 7", "APO AE "),
    ]
)
TEXTS = st.one_of(st.text(ANY_CHARACTER, max_size=80), st.lists(PIECES, max_size=25).map("".join))


@given(TEXTS, st.data())
def test_spans_lie_in_the_text_in_order_and_do_not_overlap(rules, text, data):
    entities = [
        (min(a, b), max(a, b), data.draw(st.sampled_from(["per", "geo", "tim", "org"])))
        for a, b in data.draw(st.lists(st.tuples(st.integers(0, len(text)), st.integers(0, len(text))), max_size=4))
    ]
    at = 0
    for span in rules.find(text, entities):
        assert at <= span.start < span.end <= len(text)
        at = span.end


@given(TEXTS)
def test_every_text_can_be_redacted_in_every_mode(rules, text):
    spans = rules.find(text)
    for mode in ("label", "hash", "surrogate"):
        assert isinstance(redact(text, spans, mode=mode, key=b"0123456789abcdef", document="d").text, str)


HOSTILE = {
    "digits": "1",
    "letters": "a",
    "capitals": "A ",
    "at signs": "@",
    "addresses": "a@",
    "dots": "a.",
    "digits and dots": "1.",
    "digits and dashes": "1-",
    "digits and spaces": "12 ",
    "groups": "4111 1111 ",
    "colons": "a:",
    "hexadecimal": "0a:",
    "schemes": "://",
    "urls": "http://(",
    "web": "www.",
    "domains": "a.com/",
    "boxes": "1 PO Box 1 ",
    "towns": "1 A St\n Ab Cd, ",
    "brackets": "https://x)))))",
    "slashes": "1/2/",
    "months": "may ",
    "days": "3 May ",
    "labels": "MRN: ",
    "values": "MRN: 12345 ",
    "names": "Mr. A ",
    "titles": "Dr. ",
    "streets": "1 A St ",
    "units": "Apt 1, ",
    "commas": "A, ",
    "lines": "A\n",
    "addresses of streets": "Address: 1 A\n",
    "spaces": " ",
    "lines alone": "\n",
    "tabs": "1\t",
    "letters and digits": "a1-",
    "ibans": "GB82 WEST ",
    "states": "Mesa, AZ 85201 ",
    "quotes": "a'",
    "plus": "+1(",
    "zeros": "00 ",
    "brackets of numbers": "(1)",
    "years": "in 2020 ",
    "corners": "corner of A and ",
}


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE)
def test_time_grows_as_the_text_does(rules, unit):
    def find(n_characters: int) -> None:
        rules.find(unit * (n_characters // len(unit)))

    assert growth(find, 5_000, 40_000) < 24  # eight times the text; quadratic time is 64 times as long


def test_time_grows_as_the_entities_do(rules):
    def find(n_entities: int) -> None:
        rules.find("Rosa " * n_entities, [(5 * i, 5 * i + 4, "per") for i in range(n_entities)])

    assert growth(find, 4_000, 32_000) < 24


def test_time_of_surrogates_grows_as_the_names_do(rules):
    def replace(n_names: int) -> None:
        text = "".join(
            f"Mr. N{'abcdefghij'[i % 10]}{'abcdefghij'[i // 10 % 10]}{'abcdefghij'[i // 100 % 10]}x, "
            for i in range(n_names)
        )
        redact(text, rules.find(text), mode="surrogate", key=b"0123456789abcdef")

    assert growth(replace, 500, 4_000) < 24
