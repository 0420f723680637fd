"""A user's YAML extends or replaces our words; what is wrong in it is one line; a version names the content."""

import pytest

from ner_tasks.enrichment.personal_data.rules import PersonalDataRules
from ner_tasks.errors import ConfigInvalid, InputMissing


def load(tmp_path, text: str) -> PersonalDataRules:
    path = tmp_path / "personal.yaml"
    path.write_text(text, encoding="utf-8")
    return PersonalDataRules.load(path)


def kinds(rules, text, entities=()):
    return [span.kind for span in rules.find(text, entities)]


def test_words_of_a_user_extend_ours(tmp_path):
    rules = load(tmp_path, "context: {mrn: [Fallnummer]}\nlabels: {DOCTOR: name}\n")
    assert kinds(rules, "Fallnummer: 12345") == ["mrn"]
    assert kinds(rules, "MRN: 12345") == ["mrn"]
    assert kinds(rules, "Ida", [(0, 3, "DOCTOR")]) == kinds(rules, "Ida", [(0, 3, "per")]) == ["name"]


def test_words_of_a_user_stand_alone_if_asked(tmp_path):
    rules = load(tmp_path, "extends: false\ncontext: {mrn: [Fallnummer]}\n")
    assert kinds(rules, "Fallnummer: 12345, MRN: 12345") == ["mrn"]
    assert kinds(rules, "Mr. Delgado", [(4, 11, "per")]) == []


def test_sources_can_be_ignored(tmp_path):
    rules = load(tmp_path, "ignored_sources: ['pattern:year', 'pattern:weekday']\n")
    assert kinds(rules, "in 1988 on Tuesday, 3 May 2020") == ["date"]


def test_the_bound_of_age_is_a_setting(tmp_path):
    assert kinds(load(tmp_path, "age_over: 64\n"), "a 70-year-old man") == ["age"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("context: {mrm: [x]}", "kind 'mrm' in context is none of name, place,"),
        ("labels: {per: person}", "kind 'person' in labels is none of"),
        ("context: {ssn: [MRN]}", "context 'mrn' stands for"),
        ("kinds: [name]", "kinds are not each of"),
        ("agee_over: 5", "agee_over: Extra inputs"),
        ("age_over: -1", "age_over: Input should be greater"),
        ("months: {smarch: 13}", "months.smarch: Input should be less"),
        ("ignored_sources: [years]", "ignored_sources"),
        ("titles: [unclosed", "expected YAML"),
        ("titles: ['']", "titles.0"),
        ("- a list", "expected the keys of personal_data.yaml"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path, text, message):
    with pytest.raises(ConfigInvalid) as raised:
        load(tmp_path, text)
    line = str(raised.value)
    assert message in line and "personal.yaml" in line and "\n" not in line


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(InputMissing, match="expected a YAML of personal data"):
        PersonalDataRules.load(tmp_path / "none.yaml")


def test_the_version_is_that_of_the_content(tmp_path):
    ours = PersonalDataRules.load()
    assert ours.version == PersonalDataRules.load().version == load(tmp_path, "").version
    assert ours.version != load(tmp_path, "age_over: 64\n").version
    assert load(tmp_path, "titles: [Ing]\n").version == load(tmp_path, "# mine\ntitles: ['Ing']\n").version
