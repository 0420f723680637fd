"""Assertion: what phrases around a mention say of it, how far, and what ends them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ner_tasks.enrichment.assertion import AssertionRules
from ner_tasks.enrichment.assertion_lexicon import OVERRULED, STATUSES, split_words
from tests.growth import growth

RULES = AssertionRules.load()
HOSTILE_WORDS = st.one_of(
    st.sampled_from(
        [
            "no",
            "not",
            "denies",
            "history",
            "of",
            "possible",
            ",",
            "or",
            "but",
            "if",
            "mother",
            "is",
            "likely",
            ".",
            ":",
            "-",
            "No",
            "n’t",
        ]
    ),
    st.text(max_size=4),
    st.sampled_from(["\ud800", "\x00", "İ", "", "’", "/"]),
)


def assess(sentence: str, section: str | None = None) -> list[set[str]]:
    """Statuses of the mentions in brackets."""
    words: list[str] = []
    mentions = []
    for index, part in enumerate(sentence.replace("]", "[").split("[")):
        start = len(words)
        words += split_words(part, "en")
        if index % 2:
            mentions.append((start, len(words)))
    return [set(one.statuses) for one in RULES.assess(words, mentions, section)]


@pytest.mark.parametrize(
    ("sentence", "statuses"),
    [
        ("He has [fever].", [set()]),
        ("She denies [fever], [chills], or [cough].", [{"negated"}] * 3),
        ("[Fever], [chills] and [cough] were denied.", [{"negated"}] * 3),
        ("Denies [fever] but has [cough].", [{"negated"}, set()]),
        ("No [wheezes]; [murmur] at the apex.", [{"negated"}, set()]),
        ("Denies: [fever]. ", [{"negated"}]),
        ("[Murmurs]: none.", [{"negated"}]),
        ("Denies any of the following: [fever] or [cough].", [{"negated"}] * 2),
        ("Not only [gout] but [arthritis].", [set(), set()]),
        ("The lungs show no change in the [effusion].", [set()]),
        ("Possible [pneumonia], [cough].", [{"uncertain"}, set()]),
        ("[Pneumonia] cannot be ruled out.", [{"uncertain"}]),
        ("[Pneumonia] or [abscess] cannot be excluded.", [{"uncertain"}] * 2),
        ("An [abscess] can’t be entirely excluded.", [{"uncertain"}]),
        ("Possible [abscess] was ruled out.", [{"negated"}]),
        ("History of [gout], [asthma] and [reflux], presents with [cough].", [{"historical"}] * 3 + [set()]),
        ("A 3-day history of [cough].", [set()]),
        ("Her [rash] has resolved.", [{"historical"}]),
        ("Call if you have [fever] or [vomiting], and we will see you for [pain].", [{"hypothetical"}] * 2 + [set()]),
        ("Should [fever] or [chills] develop, she will call.", [{"hypothetical"}] * 2),
        ("Should a new [rash] appear, stop the drug.", [{"hypothetical"}]),
        ("He should rest; [fever] is high.", [set()]),
        ("She should take paracetamol for [pain].", [set()]),
        ("Return to the ER for [chest pain], [fever] or [bleeding].", [{"hypothetical"}] * 3),
        ("He went to the ER for [chest pain].", [set()]),
        ("No family history of [colon cancer].", [{"negated", "family"}]),
        ("His mother had [glaucoma], but he has [cataract].", [{"family"}, set()]),
        ("His mother reports [fever].", [set()]),
        ("[Breast cancer] in her aunt.", [{"family"}]),
        ("He has a brother who has [autism].", [{"family"}]),
        ("She has no history of [stroke].", [{"negated"}]),
        ("She had [tingling] until Sunday, and [pain] now.", [{"historical"}, set()]),
        ("He no longer has [headaches].", [{"historical"}]),
        ("HE HAS NO [FEVER].", [{"negated"}]),
        ("She doesn’t have [fever].", [{"negated"}]),
    ],
)
def test_a_sentence_means_what_a_clinician_reads(sentence, statuses):
    assert assess(sentence) == statuses


def test_a_list_goes_on_however_long_it_is():
    items = [f"[symptom{n}]" for n in range(60)]

    assert assess(f"He denies {', '.join(items)} or [pain].") == [{"negated"}] * 61
    assert assess(f"{', '.join(items)} and [pain] were denied.") == [{"negated"}] * 61


def test_a_scope_has_an_end():
    assert assess(f"No fever {'word ' * 8}[cough]") == [{"negated"}]
    assert assess(f"No fever {'word ' * 9}[cough]") == [set()]


def test_a_phrase_within_a_mention_speaks_of_that_mention_alone():
    assert assess("[no fever], [cough]") == [{"negated"}, set()]
    assert assess("[bleeding without pain], [cough]") == [set(), set()]
    assert assess("[cough negative], [fever]") == [{"negated"}, set()]


def test_of_two_statuses_that_exclude_each_other_the_nearest_counts():
    assert assess("No rash, possible [gout].") == [{"uncertain"}]
    assert assess("Possible gout without [fever].") == [{"negated"}]


@pytest.mark.parametrize(
    ("section", "statuses"),
    [("family-history", {"family"}), ("past-medical-history", {"historical"}), ("plan", set()), (None, set())],
)
def test_the_section_gives_a_status_where_phrases_give_none(section, statuses):
    assert assess("[Diabetes].", section) == [statuses]
    assert assess("[Diabetes] type two, mild.", section) == [statuses]
    assert assess("No [diabetes].", section) == [(statuses - {"historical"}) | {"negated"}]


def test_what_is_feared_is_not_past_wherever_it_stands():
    assert assess("Call if [fever] occurs.", "past-medical-history") == [{"hypothetical"}]


@pytest.mark.parametrize(
    ("sentence", "section", "yields"),
    [
        ("History of [asthma].", None, True),
        ("[Asthma].", "past-medical-history", True),
        ("History of [asthma].", "past-medical-history", True),
        ("Resolved [asthma].", "past-medical-history", False),
        ("History of [asthma] in the past.", None, False),
        ("[Asthma] as a child.", "past-medical-history", False),
        ("No history of [asthma].", "past-medical-history", False),
        ("[Asthma].", "family-history", False),
        ("He has [asthma].", None, False),
    ],
)
def test_a_past_finding_yields_only_if_nothing_says_that_it_is_over(sentence, section, yields):
    before, mention, after = (split_words(part, "en") for part in sentence.replace("]", "[").split("["))
    place = len(before), len(before) + len(mention)
    assert RULES.assess([*before, *mention, *after], [place], section)[0].yields is yields


def test_statuses_come_in_the_order_of_the_mentions():
    words = ["no", "fever", "but", "cough"]

    assert [one.statuses for one in RULES.assess(words, [(3, 4), (1, 2)])] == [frozenset(), {"negated"}]
    assert RULES.assess(words, []) == []


@pytest.mark.parametrize("mention", [(1, 1), (-1, 1), (1, 3), (2, 1)])
def test_a_mention_outside_of_its_sentence_is_an_error(mention):
    with pytest.raises(ValueError, match="expected ranges within 2 words"):
        RULES.assess(["no", "fever"], [mention])


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_words_get_statuses(data):
    words = data.draw(st.lists(HOSTILE_WORDS, min_size=1, max_size=30))
    starts = data.draw(st.lists(st.integers(0, len(words) - 1), max_size=6))
    mentions = [(start, data.draw(st.integers(start + 1, len(words)))) for start in starts]

    found = RULES.assess(words, mentions, data.draw(st.sampled_from([None, "family-history", "x"])))

    assert len(found) == len(mentions)
    assert all(one.statuses <= set(STATUSES) for one in found)
    assert not any(set(pair) <= one.statuses for one in found for pair in OVERRULED)


@pytest.mark.parametrize(
    "words", [["no"], ["not", "be"], ["history", "of"], ["possible", ","], ["fever"], ["in", "the", "past"]]
)
def test_time_grows_with_the_sentence_however_hostile_it_is(words):
    def work(n_words: int) -> None:
        sentence = words * (n_words // len(words))
        RULES.assess(sentence, [(place, place + 1) for place in range(0, len(sentence), 7)])

    assert growth(work, 4_000, 32_000) < 24
