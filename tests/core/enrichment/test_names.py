"""Names are compared in one spelling; what tells two of them apart is kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_tasks.enrichment.names import normalize_name, sort_words, vary_number
from tests.growth import growth


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Hypertension", "HYPERTENSION"),
        ("Ménière disease", "Meniere disease"),
        ("Ménière", "Me\u0301nie\u0300re"),
        ("  heart \t\n failure\u00a0", "heart failure"),
        ("beta-blocker", "beta blocker"),
        ("beta\u2010blocker", "beta\u2013blocker"),
        ("COVID-19", "covid 19"),
        ("Crohn\u2019s disease", "Crohn's disease"),
        ("myo\u00adcardial", "myocardial"),
        ("ｈｅａｒｔ", "heart"),
        ("Straße", "STRASSE"),
        ("ПАРАЦЕТАМОЛ", "парацетамол"),
    ],
)
def test_case_accents_white_space_and_hyphens_do_not_count(name, other):
    assert normalize_name(name) == normalize_name(other) != ""


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("HER2-", "HER2+"),
        ("HER2-", "HER2"),
        ("5-10", "5 10"),
        ("type 1 diabetes", "type 2 diabetes"),
        ("vitamin b-12", "vitamin b-2"),
        ("hypertension", "hypotension"),
        ("का", "के"),  # vowels of Devanagari are marks, and no accents
        ("asthma, acute", "asthma acute"),
    ],
)
def test_what_tells_two_names_apart_is_kept(name, other):
    assert normalize_name(name) != normalize_name(other)


@given(st.text())
def test_a_normalized_name_is_normalized_already(name):
    assert normalize_name(normalize_name(name)) == normalize_name(name)


@pytest.mark.parametrize("unit", ["a-", "-", "\u0301", " ", "\u00ad", "é", "1-"])
def test_normalizing_takes_time_proportional_to_the_length(unit):
    assert growth(lambda n: normalize_name(unit * n), 100_000, 400_000) < 8


@pytest.mark.parametrize(
    ("singular", "plural"),
    [
        ("headache", "headaches"),
        ("renal biopsy", "renal biopsies"),
        ("diagnosis", "diagnoses"),
        ("abscess", "abscesses"),
    ],
)
def test_a_singular_and_its_plural_lead_to_each_other(singular, plural):
    assert plural in vary_number(singular)
    assert singular in vary_number(plural)


@pytest.mark.parametrize("word", ["aid", "aids", "her2", "pelvis", "arthritis", "5", "", "c.", "uterus"])
def test_abbreviations_and_words_that_only_end_like_a_plural_have_no_singular(word):
    assert [other for other in vary_number(word) if len(other) < len(word)] == []


def test_the_order_and_repetition_of_words_do_not_count_for_their_set():
    assert sort_words("mellitus, diabetes") == sort_words("diabetes mellitus diabetes") == "diabetes mellitus"
