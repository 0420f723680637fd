"""Letters in several languages are recognized, and cut into sentences and words as their readers would cut them."""

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ner_tasks.errors import ConfigInvalid
from ner_tasks.segmentation import choose_language, split_sentences
from ner_tasks.segmentation.languages import LANGUAGES
from ner_tasks.segmentation.words import _word_pattern

LETTERS = {
    "en": "Dear Ms. Delgado,\nwe have received your claim no. 5 of March 3. Please send the bill to us by Monday.",
    "es": (
        "Estimada Sra. García:\nLe escribimos en relación con su factura núm. 5, que no ha sido pagada. "
        "¿Podría llamar al Dr. Pérez antes del 3 de marzo? El importe es de 1.250,50 euros."
    ),
    "fr": (
        "Madame,\nM. Dupont a été admis à l'hôpital d'Évreux le 3 mars. Le Dr Martin l'a examiné aujourd'hui, "
        "et il n'est pas nécessaire d'opérer. Mme Leroy vous écrira."
    ),
    "de": (
        "Sehr geehrte Frau Müller,\nam 3. März haben wir Ihren Brief erhalten. Die Kosten, z. B. für Dr. Schmidt bzw. "
        "das Labor, betragen 12,50 Euro. Wir bitten um Antwort bis zum 15. April."
    ),
    "it": (
        "Gentile Sig.ra Rossi,\nLe scriviamo in merito alla fattura dell'ospedale che non è stata pagata. "
        "Il dott. Bianchi la vedrà il 3 marzo. L'importo è di 12,50 euro."
    ),
    "pt": (
        "Prezada Sra. Silva,\nescrevemos sobre a fatura n.º 5, que não foi paga. O Dr. Costa está à sua disposição "
        "até 3 de março. O valor é de 12,50 euros."
    ),
}


def words(text: str, language: str) -> list[list[str]]:
    return [[text[start:end] for start, end in sentence] for sentence in split_sentences(text, language)]


@pytest.mark.parametrize("language", LETTERS)
def test_the_language_of_a_letter_is_recognized(language):
    assert choose_language("auto", LETTERS[language]) == language


@pytest.mark.parametrize("language", LETTERS)
@pytest.mark.parametrize("setting", ["en", "de", "nl"])
def test_a_fixed_language_holds_for_every_document(language, setting):
    assert choose_language(setting, LETTERS[language]) == setting


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12/03/2024 45 mg",
        "Rosa Delgado\nHenry Quinn",
        "Dolor torácico.",
        "el la los las un una the of and to is in",
    ],
)
def test_an_unclear_text_has_the_default_of_the_setting(text):
    assert choose_language("auto", text) == "en"
    assert choose_language("auto:es", text[:40]) == "es"


def test_a_document_of_two_languages_has_that_of_most_function_words():
    assert choose_language("auto", LETTERS["de"] * 3 + LETTERS["en"]) == "de"
    assert choose_language("auto", LETTERS["en"] * 3 + LETTERS["de"]) == "en"


def test_only_the_beginning_of_a_document_counts():
    assert choose_language("auto", LETTERS["en"] * 50 + LETTERS["de"] * 500) == "en"


@pytest.mark.parametrize("setting", ["", "EN", "english", "auto:", "auto:x", "es\n"])
def test_a_setting_that_names_no_language_is_refused(setting):
    with pytest.raises(ConfigInvalid, match="expected a code such as es, auto, or auto:es"):
        choose_language(setting, "text")


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        (
            "es",
            (
                "Estimada Sra. García :|Le escribimos en relación con su factura núm. 5 , que no ha sido pagada .|"
                "¿ Podría llamar al Dr. Pérez antes del 3 de marzo ?|El importe es de 1.250,50 euros ."
            ),
        ),
        (
            "fr",
            (
                "Madame ,|M. Dupont a été admis à l' hôpital d' Évreux le 3 mars .|Le Dr Martin l' a examiné aujourd'hui , "
                "et il n' est pas nécessaire d' opérer .|Mme Leroy vous écrira ."
            ),
        ),
        (
            "de",
            (
                "Sehr geehrte Frau Müller , am 3. März haben wir Ihren Brief erhalten .|Die Kosten , z. B. für Dr. Schmidt bzw. "
                "das Labor , betragen 12,50 Euro .|Wir bitten um Antwort bis zum 15. April ."
            ),
        ),
        (
            "it",
            (
                "Gentile Sig.ra Rossi ,|Le scriviamo in merito alla fattura dell' ospedale che non è stata pagata .|"
                "Il dott. Bianchi la vedrà il 3 marzo .|L' importo è di 12,50 euro ."
            ),
        ),
        (
            "pt",
            (
                "Prezada Sra. Silva , escrevemos sobre a fatura n.º 5 , que não foi paga .|O Dr. Costa está à sua disposição "
                "até 3 de março .|O valor é de 12,50 euros ."
            ),
        ),
    ],
)
def test_a_letter_is_cut_by_the_rules_of_its_language(language, expected):
    assert [" ".join(sentence) for sentence in words(LETTERS[language], language)] == expected.split("|")


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("es", "¡Hola! Vive en la Avda. de la Paz, EE. UU.", "¡ Hola ! Vive en la Avda. de la Paz , EE. UU."),
        ("es", "D. Luis y Dña. Ana, art. 5", "D. Luis y Dña. Ana , art. 5"),
        ("fr", "l’œdème qu’il n’a plus, jusqu’à lundi", "l’ œdème qu’ il n’ a plus , jusqu’ à lundi"),
        ("fr", "Aujourd’hui, d'abord", "Aujourd’hui , d'abord"),
        ("de", "im 2. Quartal, d. h. ab 1. Juli; Nr. 7", "im 2. Quartal , d. h. ab 1. Juli ; Nr. 7"),
        ("it", "un'ora nell'area dell’Asl, S.p.A.", "un' ora nell' area dell’ Asl , S.p.A."),
        ("pt", "a Av. Brasil, p. ex. a V. Ex.ª", "a Av. Brasil , p. ex. a V. Ex.ª"),
        ("nl", "Mary's huis, dr. Jansen", "Mary's huis , dr . Jansen"),
    ],
)
def test_words_are_those_of_the_language(language, text, expected):
    assert [word for sentence in words(text, language) for word in sentence] == expected.split(" ")


def test_a_number_at_the_end_of_a_german_sentence_ends_it():
    assert words("Das war im Jahr 3. Er kam am 4. Mai.", "de") == [
        ["Das", "war", "im", "Jahr", "3", "."],
        ["Er", "kam", "am", "4.", "Mai", "."],
    ]


def test_english_has_no_rule_of_another_language():
    pattern = _word_pattern("en").pattern
    for rule in ("März", "núm", "Sra", "Mlle", "sig"):
        assert not re.search(rf"\b{rule}\b", pattern)


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.text(),
        st.lists(
            st.sampled_from(
                [
                    *LETTERS["de"].split(),
                    *["EE.", "UU.", "p.", "ej.", "ex.", "V.", "Ex.ª", "z.", "B.", "d'", "l’"],
                    "\n",
                ]
            )
        ).map(" ".join),
        st.text(alphabet="aBlLdD1.?!,;:'’\"«»-–_*@/&$%° \n\t\u00ad\u0301ªºßéñ¿¡\ud800qunt"),
    ),
    st.sampled_from([*LANGUAGES, "nl", "ja", "xx"]),
)
def test_every_character_that_is_no_space_belongs_to_exactly_one_word(text, language):
    spans = [word for sentence in split_sentences(text, language) for word in sentence]

    assert all(before.end <= after.start for before, after in itertools.pairwise(spans))
    assert all(start < end for start, end in spans)
    assert "".join(text[start:end] for start, end in spans) == "".join(text.split())
    assert not any(char.isspace() for start, end in spans for char in text[start:end])
