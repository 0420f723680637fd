"""The lexicon of assertion: every line shows what it does, no two disagree, and a user's file extends or replaces it."""

import re
from pathlib import Path

import pytest

from ner_tasks.enrichment.assertion import AssertionRules
from ner_tasks.enrichment.assertion_lexicon import OURS, expand, read_lexicon
from ner_tasks.errors import ConfigInvalid, InputMissing

LEXICON = read_lexicon(None)
RULES = AssertionRules.load()
KINDS = ("triggers", "pseudo_triggers", "terminators")
LINES = [(kind, place) for kind in KINDS for place in range(len(getattr(LEXICON, kind)))]


def read(tmp_path: Path, text: str) -> AssertionRules:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return AssertionRules.load(path)


def negates(rules: AssertionRules, *words: str) -> bool:
    """Whether the last word is negated."""
    return "negated" in rules.assess(words, [(len(words) - 1, len(words))])[0].statuses


@pytest.mark.parametrize(("kind", "place"), LINES)
def test_a_line_has_an_example_that_fails_without_the_line(kind, place):
    lines = list(getattr(LEXICON, kind))
    line = lines.pop(place)
    without = AssertionRules.from_lexicon(LEXICON.model_copy(update={kind: tuple(lines)}), OURS)

    RULES.check_example(line, OURS)
    assert line.example
    with pytest.raises(ConfigInvalid):
        without.check_example(line, OURS)


@pytest.mark.parametrize(("kind", "place"), LINES)
def test_an_example_holds_with_each_phrase_of_its_line(kind, place):
    line = getattr(LEXICON, kind)[place]
    phrases = [text for phrase in line.phrases for text in expand(phrase, LEXICON.groups)]
    found = [re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", line.example, re.IGNORECASE) for phrase in phrases]
    start, end = max((match.span() for match in found if match), key=lambda span: span[1] - span[0])

    for phrase in phrases:
        RULES.check_example(
            line.model_copy(update={"example": line.example[:start] + phrase + line.example[end:]}), OURS
        )


TRIGGER = "triggers: [{{phrases: [{0}], status: {1}, direction: {2}}}, {{phrases: [{3}], status: {4}, direction: {5}}}]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TRIGGER.format("nope", "negated", "both", "Nope", "uncertain", "forward"), "'nope' forward as negated and as uncertain"),
        (TRIGGER.format("once", "historical", "forward", "once", "hypothetical", "both"), "'once' forward as historical and as hypothetical"),
        ("triggers: [{phrases: denies, status: negated, direction: forward, scope: 3}]", "'denies' forward as negated in two ways"),
        ("triggers: [{phrases: x, status: negated, direction: forward, yields: true}]", "found yields with status negated"),
        ("pseudo_triggers: [{phrases: denies}]", "'denies' as a pseudo-trigger and as a phrase that acts"),
        ("pseudo_triggers: [{phrases: however}]", "'however' as a pseudo-trigger"),
        ("terminators: [{phrases: denies, ends: [negated]}]", "'denies' as a trigger and as a terminator of negated"),
        ("triggers: [{phrases: <aunts> say, status: family, direction: forward}]", "found <aunts> in '<aunts> say'"),
        (f"pseudo_triggers: [{{phrases: {'x ' * 13}}}]", "found 13 words"),
        ("pseudo_triggers: [{phrases: ' '}]", "found 0 words"),
        (f"groups: {{g: [{', '.join(f'w{n}' for n in range(300))}]}}\npseudo_triggers: [{{phrases: <g> <g>}}]", "more than 50000 phrases"),
        ("triggers: [{phrases: [no], status: negated, direction: forward}]", "triggers.0.phrases.0: Input should be a valid string"),
        ("triggers: [{phrases: [], status: negated, direction: forward}]", "triggers.0.phrases: "),
        ("triggers: [{phrases: x, status: denied, direction: forward}]", "triggers.0.status: "),
        ("triggers: [{phrases: x, status: negated, direction: forward, scope: 0}]", "triggers.0.scope: "),
        ("trigger: []", "trigger: Extra inputs"),
        ("without: [xyzzy]", "found 'xyzzy' in without"),
        ("language: de", "found language 'de' in a lexicon that extends ours"),
        ("triggers: [{phrases: sans, status: negated, direction: forward, example: 'Sans fever.'}]", "expected one mention in brackets"),
        ("triggers: [{phrases: sans, status: negated, direction: backward, example: 'Sans [fever].'}]", "expected negated"),
        ("terminators: [{phrases: sans, example: 'No [fever] sans cough.'}]", "expected none of "),
        ("[", "expected YAML"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_one_clear_message(tmp_path, text, message):
    with pytest.raises(ConfigInvalid) as error:
        read(tmp_path, text)

    assert message in str(error.value)
    assert str(error.value).endswith(str(tmp_path / "mine.yaml"))
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputMissing, match=r"none\.yaml"):
        AssertionRules.load(tmp_path / "none.yaml")


def test_a_users_lines_are_added_to_ours(tmp_path):
    rules = read(tmp_path, "triggers: [{phrases: sans, status: negated, direction: forward, example: 'Sans [fever].'}]")

    assert negates(rules, "sans", "fever")
    assert negates(rules, "denies", "fever")
    assert not negates(RULES, "sans", "fever")


def test_a_line_of_ours_that_a_user_repeats_is_no_contradiction(tmp_path):
    assert negates(
        read(tmp_path, "triggers: [{phrases: denies, status: negated, direction: forward}]"), "denies", "fever"
    )


def test_a_user_takes_a_phrase_of_ours_away_and_gives_it_another_meaning(tmp_path):
    rules = read(tmp_path, "without: [denies]\ntriggers: [{phrases: denies, status: uncertain, direction: forward}]")

    assert rules.assess(["denies", "fever"], [(1, 2)])[0].statuses == {"uncertain"}
    assert negates(rules, "denied", "fever")


def test_a_users_lexicon_replaces_ours(tmp_path):
    text = "replace: true\nlanguage: fr\nscope: 5\ntriggers: [{phrases: absence d'une, status: negated, direction: forward}]"
    rules = read(tmp_path, text)

    assert negates(rules, "Absence", "d’", "une", "fièvre")
    assert not negates(rules, "denies", "fever")
    assert rules.assess(["fever"], [(0, 1)], "family-history")[0].statuses == frozenset()


def test_a_user_sets_statuses_of_a_section(tmp_path):
    rules = read(tmp_path, "sections: {plan: [hypothetical], family-history: []}")

    assert rules.assess(["fever"], [(0, 1)], "plan")[0].statuses == {"hypothetical"}
    assert rules.assess(["fever"], [(0, 1)], "family-history")[0].statuses == frozenset()
    assert rules.assess(["fever"], [(0, 1)], "past-medical-history")[0].statuses == {"historical"}


def test_the_version_follows_what_the_lines_do(tmp_path):
    line = "triggers: [{phrases: sans, status: negated, direction: forward%s}]"

    versions = {read(tmp_path, line % more).version for more in ("", ", scope: 3", ", lists: false")}
    assert len({*versions, RULES.version}) == 4
    assert read(tmp_path, "{}").version == RULES.version
    assert read(tmp_path, line % ", example: 'Sans [fever].'").version in versions
