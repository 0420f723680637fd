"""Surrogates are plausible values of the same kind, the same throughout a document."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_tasks.enrichment.personal_data import checksums
from ner_tasks.enrichment.personal_data.date_shifting import DateShifter
from ner_tasks.enrichment.personal_data.lexicon import read_lexicon
from ner_tasks.enrichment.personal_data.redaction import redact
from ner_tasks.enrichment.personal_data.surrogate_values import Surrogates
from ner_tasks.errors import ConfigInvalid

KEY = b"0123456789abcdef"
SHIFTER = DateShifter(read_lexicon())


def draw(kind: str, value: str, document: str = "a") -> str | None:
    return Surrogates.load().draw(KEY, document, [(kind, value)]).replace(kind, value)


VALUES = {
    "ssn": "123-45-6789",
    "npi": "1234567893",
    "mbi": "1EG4-TE5-MK73",
    "account": "4111 1111 1111 1111",
    "vehicle": "1HGCM82633A004352",
    "device": "00:1A:2B:3C:4D:5E",
    "phone": "(480) 555-0134",
    "mail": "rosa@mail.example.com",
    "url": "https://rosa.example.com/a",
    "ip": "203.0.113.77",
    "mrn": "A-12-345",
    "age": "93",
}


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("document", ["a", "b", "c"])
def test_a_surrogate_is_found_as_the_same_kind(rules, kind, document):
    surrogate = draw(kind, VALUES[kind], document)
    text = {"mrn": "MRN ", "age": "aged ", "phone": "call ", "device": "at "}.get(kind, "it is ") + surrogate
    assert [span.kind for span in rules.find(text)] == [kind]
    assert surrogate != VALUES[kind]


def test_check_digits_of_surrogates_are_right():
    assert checksums.npi(draw("npi", "1234567893"))
    assert checksums.luhn(draw("account", "4111 1111 1111 1111").replace(" ", ""))
    assert checksums.iban(draw("account", "GB82 WEST 1234 5698 7654 32").replace(" ", ""))
    assert checksums.vin(draw("vehicle", "1HGCM82633A004352"))


def test_a_surrogate_of_a_social_security_number_is_never_assigned():
    area, group, _ = draw("ssn", "123-45-6789").split("-")
    assert area[0] == "9" and 1 <= int(group) <= 49  # taxpayer numbers have groups from 50 on


def test_a_north_american_number_becomes_one_of_fiction():
    assert "555-01" in draw("phone", "(480) 231-7788 x12")


def test_names_are_the_same_throughout_a_document_and_differ_between_documents(rules):
    text = "Mr. Rosa Delgado met Ms. DELGADO and Dr. Paul Weber. Dear Paul, Mr. Delgado left."
    copies = [redact(text, rules.find(text), mode="surrogate", key=KEY, document=name).text for name in "ab"]
    family = copies[0].split()[2]
    assert f"Ms. {family.upper()}" in copies[0] and f"Mr. {family} left" in copies[0]
    assert "Delgado" not in copies[0] and "Paul" not in copies[0]
    assert copies[0] != copies[1]


def test_two_names_of_a_document_never_get_one_surrogate():
    names = [f"{a}{b}x" for a in "ABCDEFGHIJKL" for b in "abcdefghijkl"]
    drawn = Surrogates.load().draw(KEY, "a", [("name", name) for name in names])
    assert len({drawn.replace("name", name) for name in names}) == len(names)


def test_types_of_streets_and_states_stay():
    surrogate = draw("place", "12 Oak St, Apt 5, Mesa, AZ 85201")
    assert " St, Apt " in surrogate and ", AZ " in surrogate
    assert "Oak" not in surrogate and "Mesa" not in surrogate and "85201" not in surrogate


@pytest.mark.parametrize(
    ("written", "moved"),
    [
        ("03/04/1956", "02/12/1956"),
        ("3/4/56", "2/12/56"),
        ("4.3.1956", "12.2.1956"),
        ("1956-03-04T10:30", "1956-02-12T10:30"),
        ("Sunday, March 4, 1956", "Sunday, February 12, 1956"),
        ("4 MAR 1956", "12 FEB 1956"),
        ("am 4. März 1956", "am 12. Februar 1956"),
        ("March 1956", "February 1956"),
        ("19560304", "19560212"),
        ("Tuesday", "Tuesday"),
        ("28-29 March 1956", "07-08 March 1956"),
        ("4MAR1956", "12FEB1956"),
    ],
)
def test_a_date_moves_in_the_form_in_which_it_is_written(written, moved):
    assert SHIFTER.shift(written, timedelta(weeks=-3)) == moved


@pytest.mark.parametrize(
    "written", ["the 1990s and 2000", "31/31/2020", "Christmas", "", "\ud83d\0", "20-26 March 1956"]
)
def test_a_date_that_cannot_be_moved_gets_its_label(written):
    assert SHIFTER.shift(written, timedelta(weeks=-3)) is None


@given(st.dates(date(1850, 1, 1), date(2150, 1, 1)), st.dates(date(1850, 1, 1), date(2150, 1, 1)))
def test_all_dates_of_a_document_move_by_the_same_whole_weeks(first, second):
    drawn = Surrogates.load().draw(KEY, "a", [])
    moved = [date.fromisoformat(drawn.replace("date", day.isoformat()) or "") for day in (first, second)]
    assert moved[0] - moved[1] == first - second
    assert (first - moved[0]).days % 7 == 0
    assert first.year != moved[0].year


def test_words_of_a_user_replace_ours(tmp_path):
    path = tmp_path / "words.yaml"
    words = [f"Name{'abcdefghijklmnopqrstuvwxyz'[i]}" for i in range(25)]
    path.write_text(f"given_names: {words}\nfamily_names: {words}\nplaces: {words}\n".replace("'", ""))
    surrogates = Surrogates.load(path)
    assert surrogates.draw(KEY, "a", []).replace("name", "Rosa") in words
    path.write_text("given_names: [Rosa]\n")
    with pytest.raises(ConfigInvalid, match="expected the keys of surrogates.yaml"):
        Surrogates.load(path)
