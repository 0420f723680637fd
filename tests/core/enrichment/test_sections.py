"""Sections: headings in every form that people write, none in letters, and no text that takes long."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ner_tasks.enrichment.heading_lexicon import HeadingForm
from ner_tasks.enrichment.sections import SectionRules
from ner_tasks.errors import ConfigInvalid, InputMissing
from sample import documents
from tests.growth import growth

RULES = SectionRules.load()
HOSTILE = st.text(alphabet="aPL:#*-_=1.>•()[] \t\n\r\u2028\x0c\x00\x85\ud800é：&/")
PIECES = ("PLAN", "Allergies", "hpi", "S", "Medical", ":", "**", "## ", "1. ", "- ", "\n", "\n\n", " ", "\r\n", "=====")


def kinds(text: str, rules: SectionRules = RULES) -> list[str]:
    return [section.kind for section in rules.find(text)]


def names(text: str) -> list[str]:
    return [text[section.heading_start : section.heading_end] for section in RULES.find(text)]


@pytest.fixture
def extended(tmp_path):
    """Rules with a user's YAML."""

    def load(text: str) -> SectionRules:
        path = tmp_path / "headings.yaml"
        path.write_text(text, encoding="utf-8")
        return SectionRules.load(path)

    return load


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("PAST MEDICAL HISTORY\n", "PAST MEDICAL HISTORY"),
        ("Past Medical History:\n", "Past Medical History"),
        ("Past medical history: ", "Past medical history"),
        ("past medical history: ", "past medical history"),
        ("## Past Medical History\n", "Past Medical History"),
        ("### Past Medical History ###\n", "Past Medical History"),
        ("2. Past Medical History\n", "Past Medical History"),
        ("2) PAST MEDICAL HISTORY: ", "PAST MEDICAL HISTORY"),
        ("IV. Past Medical History\n", "Past Medical History"),
        ("1.2 Past Medical History\n", "Past Medical History"),
        ("Past Medical History\n--------------------\n", "Past Medical History"),
        ("Past Medical History\n====\n", "Past Medical History"),
        ("**Past Medical History**\n", "Past Medical History"),
        ("**Past Medical History:** ", "Past Medical History"),
        ("__Past Medical History__: ", "Past Medical History"),
        ("=== PAST MEDICAL HISTORY ===\n", "PAST MEDICAL HISTORY"),
        ("[Past Medical History]\n", "Past Medical History"),
        ("- PMH: ", "PMH"),
        ("Past Medical History\n\n", "Past Medical History"),
        ("Past Medical History - ", "Past Medical History"),
        ("   Past Medical History:\t", "Past Medical History"),
        ("> Past Medical History: ", "Past Medical History"),
        ("Past Medical History (PMH):\n", "Past Medical History"),
        ("Past Medical History：", "Past Medical History"),
    ],
)
def test_a_heading_is_found_in_each_form(heading, name):
    text = f"{heading}asthma since childhood"

    (section,) = RULES.find(text)

    assert section.kind == "past-medical-history"
    assert text[section.heading_start : section.heading_end] == name
    assert (section.start, section.end) == (len(text) - len(text.lstrip(" >")), len(text))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("HPI", "history-present-illness"),
        ("H.P.I.", "history-present-illness"),
        ("History of the present illness", "history-present-illness"),
        ("PMHx", "past-medical-history"),
        ("PSH", "past-surgical-history"),
        ("Fam Hx", "family-history"),
        ("Family / Social Hx", "family-and-social-history"),
        ("Review of Systems", "review-of-systems"),
        ("Vitals", "vital-signs"),
        ("Physical Exam", "exam"),
        ("A&P", "assessment-and-plan"),
        ("Assessment/Plan", "assessment-and-plan"),
        ("ASSESSMENT AND PLAN", "assessment-and-plan"),
        ("Immunisation history", "immunizations"),
        ("Current Home Meds", "medications"),
        ("Labs reviewed, 03/03/2021", "laboratory"),
        ("Alergies", None),  # one letter less makes another word of a short one
        ("Past Medcial History", "past-medical-history"),
        ("HlSTORY OF PRESENT ILLNESS", "history-present-illness"),
        ("Revue of sistems", None),
        ("Member ID", None),
    ],
)
def test_a_name_is_known_however_it_is_spelled(name, kind):
    assert kinds(f"{name}: text of it") == ([kind] if kind else [])


def test_a_section_ends_where_the_next_heading_begins_and_nothing_comes_before_the_first():
    text = "Seen on Monday.\n\nHPI: cough.\n\n## Family History\nMother: asthma.\n"

    first, second = RULES.find(text)

    assert text[first.start : first.end] == "HPI: cough.\n\n"
    assert text[second.start : second.end] == "## Family History\nMother: asthma.\n"
    assert text[second.heading_start : second.heading_end] == "Family History"


def test_headings_stand_within_a_line_when_a_note_is_one_paragraph():
    assert kinds("PAST MEDICAL HISTORY: Asthma. ALLERGIES: None. PLAN: rest") == [
        "past-medical-history",
        "allergies",
        "plan",
    ]


def test_a_system_is_no_section_of_its_own_but_a_part_of_the_examination():
    text = "PHYSICAL EXAM\n\nNeck\nSupple.\n\nSkin\nNo rash.\n\nSOCIAL HISTORY\n\nSkin\nDiver."

    assert kinds(text) == ["exam", "exam", "exam", "social-history"]
    assert names("REVIEW OF SYSTEMS\n\nNeck: no pain\nSkin: no rash") == ["REVIEW OF SYSTEMS"]


def test_a_part_of_the_past_history_has_a_kind_of_its_own():
    text = "PAST HISTORY\nMedical\nAsthma.\n\nSurgical\nAppendectomy.\n\nFamily\nFather: asthma."

    assert kinds(text) == [
        "past-medical-history",
        "past-medical-history",
        "past-surgical-history",
        "family-history",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Member: A. Kim\nMember ID: M1\nPlan: Standard\nClaim: HC-1",  # a field of a form
        "Plan:\tStandard\n\nMember:\tA. Kim",
        "Plan: Gold PPO",
        "Thank you,\nA. Kim\n\nCC: Dr. Lee",
        "HPI: cough\n\nCC: Dr. Lee",
        "cc: the file",
        "To: a@example.com\nCC: b@example.com\n\nHello",
        "All: please read this",
        "We discussed the assessment and\nplan\nfor the year.",
        "Problems:\n\n- Allergies\n- Immunizations",
        "Mediation: on Monday",
        "A: 5 Main Street\nP: 555-0100",
        "The plan: to come back",
        "Past medical history was reviewed: nothing new",
    ],
)
def test_what_only_looks_like_a_heading_is_none(text):
    assert set(kinds(text)) <= {"history-present-illness", "problem-list"}


def test_an_ambiguous_name_counts_beside_a_heading_that_is_certain():
    form = "Member ID: 7\nPlan: rest\nClaim: 9"

    assert kinds(form) == []
    assert kinds(f"Allergies: none\n\n{form}") == ["allergies", "plan"]


def test_an_ambiguous_name_counts_where_it_begins_a_paragraph_of_prose():
    assert kinds("The patient was seen on Monday.\n\nPlan: an X-ray in six weeks.") == ["plan"]


def test_single_letters_count_where_three_of_them_stand_in_a_text():
    assert kinds("S: pain\nO: no swelling\nA: sprain\nP: rest") == [
        "history-present-illness",
        "exam",
        "assessment",
        "plan",
    ]
    assert kinds("Q: who are you?\nA: a nurse") == []


def test_an_item_of_a_list_is_no_heading():
    assert kinds("ASSESSMENT AND PLAN\n\n1. Asthma\n2. Allergies\n3. Immunizations") == ["assessment-and-plan"]
    assert kinds("REVIEW OF SYSTEMS\n\n- Allergies: none\n- Skin: clear") == ["review-of-systems"]


def test_numbered_headings_go_on_behind_each_other():
    assert kinds("1. Allergies\nNone.\n2. Medications\nNone.\n3. Plan\nRest.") == ["allergies", "medications", "plan"]


@pytest.mark.parametrize("length", [101, 10_000])
def test_a_long_line_is_no_heading(length):
    name = "ALLERGIES " * (length // 10 + 1)

    assert kinds(f"{name}\n\ntext") == kinds(f"# {name}\ntext") == kinds(f"{name}: text") == []


def test_no_heading_is_found_in_letters_of_the_sample():
    letters = [documents.letter(random.Random(seed)) for seed in range(200)]

    assert [kinds(letter) for letter in letters] == [[]] * len(letters)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(), HOSTILE, st.lists(st.sampled_from(PIECES)).map("".join)))
def test_sections_lie_in_order_within_any_text(text):
    sections = RULES.find(text)

    assert all(each.start <= each.heading_start < each.heading_end <= each.end for each in sections)
    assert [each.end for each in sections] == [*(each.start for each in sections[1:]), len(text)][: len(sections)]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r", "\x0b", "\x85", "\u2028"])
def test_lines_end_in_every_way(ending):
    lines = ["HPI: cough", "", "PLAN", "", "Rest."]

    assert kinds(ending.join(lines)) == ["history-present-illness", "plan"]


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "Plan:\n",
            "Plan: x\n",
            "PLAN: x. ",
            "Plan:\n\n\n",
            "- Allergies: x\n",
            "1. Allergies\n",
            "- ",
            "# ",
            "> ",
            "*",
        ),
        *(" ", "\t", ":", "(", "A", "A ", "A-", "a b ", "A: ", "1.1.", "=", "\n", "\r\n", " \n", "\x00", "\ud800"),
        *("Medical\n\n", "PAST MEDICAL HISTORY ", "past medcial histori\n", "Skin\n", "S: x\n", "\u2028", "é"),
    ],
)
def test_time_grows_with_the_length_of_the_text(piece):
    prefix = "PAST HISTORY\n\n"

    factor = growth(lambda n: RULES.find(prefix + piece * (n // len(piece))), 20_000, 160_000)

    assert factor < 16  # 8 times the text


def test_a_user_adds_names_and_kinds(extended):
    rules = extended("kinds:\n  remarks: {names: [bemerkungen]}\n  allergies: {names: [allergien]}\n")

    text = "ALLERGIEN\n\nkeine\n\nBemerkungen: keine\n\nHPI: x"
    assert kinds(text, rules) == ["allergies", "remarks", "history-present-illness"]


def test_a_user_moves_and_removes_names(extended):
    rules = extended("remove: [vitals]\nkinds:\n  summary: {names: [impression]}\n")

    assert kinds("Impression: x\n\nVitals: y", rules) == ["summary"]


def test_a_user_replaces_our_names(extended):
    rules = extended("extend: false\nkinds:\n  remarks: {names: [remarks]}\n")

    assert kinds("HPI: x\n\nRemarks: y", rules) == ["remarks"]


def test_a_user_chooses_forms_for_all_kinds_or_for_one(extended):
    rules = extended("forms: [upper-case, inline]\nkinds:\n  remarks: {names: [remarks], forms: [markdown]}\n")

    assert kinds("HPI: x\n\n## Allergies\nnone\n\nRemarks: y\n\n# Remarks\nz", rules) == [
        "history-present-illness",
        "remarks",
    ]


def test_the_version_is_that_of_the_content(extended):
    theirs = "kinds:\n  remarks: {names: [remarks]}\n"

    assert RULES.version == SectionRules.load().version
    assert extended("# nothing\n").version == RULES.version
    assert extended(theirs).version == extended(f"# a comment\n{theirs}").version != RULES.version
    assert extended("remove: [vitals]").version != RULES.version
    assert extended("qualifiers: [my]").version != RULES.version
    assert extended("kinds:\n  plan: {unless: [savings]}").version != RULES.version
    assert extended("kinds:\n  plan: {forms: [inline]}").version != RULES.version


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "kinds:\n  a: {names: [x ray]}\n  b: {names: [X-rays]}",
            "found 'X-rays' in a.names and b.names, expected one",
        ),
        ("kinds:\n  a: {names: [x], ambiguous: [x]}", "found 'x' in a.names and a.ambiguous, expected one"),
        ("kinds:\n  a: {parts: {b: [x], c: [x]}}", "found 'x' in a.parts.b and a.parts.c, expected one"),
        ("kinds:\n  a: {names: [x]}\n  a: {names: [y]}", "found key 'a' twice"),
        ("kinds:\n  a: {names: [1]}", "valid string"),
        ("kinds:\n  A b: {names: [x]}", "found kinds.A b"),
        ("kinds:\n  a: {names: ['...']}", "found '...', expected 1 to 16 words"),
        (f"kinds:\n  a: {{names: [{'x' * 101}]}}", "at most 100 characters"),
        ("kinds:\n  a: {forms: [sung]}", "kinds.a.forms.0"),
        ('kinds:\n  a: {names: ["\\ud800"]}', "found"),
        ("words: {two words: one}", "found 'two words', expected one word"),
        ("remove: [no such name]", "found 'no such name' in remove, expected a name"),
        ("extend: false", "found no names, expected some under kinds"),
        ("colours: [red]", "found colours"),
        ("- a list", "found"),
        ("kinds: [", "expected YAML"),
    ],
)
def test_a_wrong_lexicon_is_one_clear_line(extended, text, message):
    with pytest.raises(ConfigInvalid) as error:
        extended(text)

    assert message in str(error.value)
    assert "headings.yaml" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_lexicon_is_said():
    with pytest.raises(InputMissing, match="a YAML of section headings"):
        SectionRules.load(Path("nowhere.yaml"))


def test_our_lexicon_switches_every_form_on():
    assert RULES.names.forms == {form.value for form in HeadingForm}
