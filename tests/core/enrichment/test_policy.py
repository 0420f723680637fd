"""What is published, what goes to review and what is dropped: scores and lists by label."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_tasks.enrichment.mention_lists import MAX_PATTERNS, MentionList
from ner_tasks.enrichment.policy import EntityPolicy
from ner_tasks.errors import ConfigInvalid, InputMissing
from tests.growth import growth

LABELS = ("geo", "org", "per")


@pytest.fixture
def load(tmp_path):
    def load_policy(text):
        path = tmp_path / "policy.yaml"
        path.write_text(text, encoding="utf-8")
        return EntityPolicy.load(path)

    return load_policy


# --- scores


@given(st.sampled_from(LABELS), st.floats(0, 1))
def test_by_default_what_scores_a_tenth_is_published(label, score):
    assert EntityPolicy.load().decide(label, score, "x").action == ("publish" if score >= 0.1 else "drop")


@given(
    st.sampled_from(LABELS), st.floats(0, 1), st.floats(0, 1), st.dictionaries(st.sampled_from(LABELS), st.floats(0, 1))
)
def test_the_settings_of_a_deployment_say_the_least_score_of_what_is_published(label, score, min_score, scores):
    by_label = ",".join(f"{name}={value}" for name, value in scores.items())
    action = EntityPolicy.load().with_scores(min_score, by_label).decide(label, score, "x").action
    assert action == ("publish" if score >= scores.get(label, min_score) else "drop")


@pytest.mark.parametrize(
    ("score", "action"),
    [
        (1.0, "publish"),
        (0.5, "publish"),
        (0.49, "review"),
        (0.2, "review"),
        (0.19, "drop"),
        (0.0, "drop"),
        (float("nan"), "drop"),
    ],
)
def test_between_the_two_scores_an_entity_goes_to_review(load, score, action):
    policy = load("labels: {per: {publish: 0.5, review: 0.2}}")
    assert policy.decide("per", score, "Ann") == (action, "score")
    assert policy.decide("geo", 0.3, "Ann").action == "publish"


def test_a_label_takes_what_it_does_not_say_from_all(load):
    policy = load("all: {publish: 0.6, review: 0.4}\nlabels: {per: {publish: 0.8}, geo: {publish: 0.3}}")
    assert [policy.decide(label, 0.7, "x").action for label in LABELS] == ["publish", "publish", "review"]
    assert [policy.decide(label, 0.35, "x").action for label in LABELS] == ["publish", "drop", "drop"]
    assert policy.decide("geo", 0.29, "x").action == "drop"


def test_a_setting_replaces_publish_and_lowers_a_review_above_it(load):
    policy = load("all: {publish: 0.6, review: 0.4}\nlabels: {per: {publish: 0.8, review: 0.7}, geo: {review: 0.5}}")
    lowered = policy.with_scores(0.3, "per=0.5")
    assert lowered.decide("org", 0.3, "x").action == lowered.decide("geo", 0.3, "x").action == "publish"
    assert lowered.decide("per", 0.5, "x").action == "publish"
    assert lowered.decide("per", 0.49, "x").action == "drop"
    raised = policy.with_scores(0.9)
    assert raised.decide("org", 0.7, "x").action == "review"
    assert raised.decide("per", 0.85, "x").action == "publish"
    assert policy.with_scores() == policy


@pytest.mark.parametrize("by_label", ["per", "per=", "per=x", "per=2", "per=nan", "per=-0.1"])
def test_a_malformed_score_by_label_is_refused(by_label):
    with pytest.raises(
        ConfigInvalid, match=f"found '{by_label}', expected a label and 0 to 1, in min_label_scores={by_label}"
    ):
        EntityPolicy.load().with_scores(None, by_label)


def test_a_label_may_have_one_score_only():
    with pytest.raises(ConfigInvalid, match="found label 'per' twice, expected it once, in min_label_scores="):
        EntityPolicy.load().with_scores(None, "per=0.1,per=0.2")


# --- lists


@pytest.fixture
def lists(load):
    return load(
        """
all: {deny: ["claim form", "Washington"]}
labels:
  per:
    publish: 0.5
    allow: ["Ann Example", "Dr Who", "Washington"]
    deny: ["patient", "Dr *", "*@*", "non-*"]
"""
    )


@pytest.mark.parametrize(
    ("mention", "decision"),
    [
        ("Ann Example", ("publish", "allow list")),
        ("ANN  EXAMPLE", ("publish", "allow list")),
        ("Patient", ("drop", "deny list")),
        ("patients", ("publish", "score")),
        ("Dr House", ("drop", "deny list")),
        ("Dr Who", ("publish", "allow list")),  # named itself, not by a pattern
        ("Dr", ("publish", "score")),
        ("a@b", ("drop", "deny list")),
        ("Non-smoker", ("drop", "deny list")),
        ("claim-form", ("drop", "deny list")),
        ("Washington", ("publish", "allow list")),  # the label's own list comes first
    ],
)
def test_lists_decide_before_scores_whatever_the_spelling(lists, mention, decision):
    assert lists.decide("per", 0.9, mention) == decision
    if decision[1] != "score":
        assert lists.decide("per", 0.0, mention) == decision


def test_lists_of_one_label_do_not_decide_about_another(lists):
    assert lists.decide("geo", 0.9, "patient").action == "publish"
    assert lists.decide("geo", 0.9, "Claim form").action == lists.decide("geo", 0.9, "Washington").action == "drop"


@given(st.lists(st.text(alphabet="ab", max_size=3), min_size=2, max_size=5), st.text(alphabet="ab", max_size=8))
def test_a_star_stands_for_any_characters(parts, mention):
    import re

    pattern = "x" + "*".join(parts)
    expected = re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), "x" + mention) is not None
    assert MentionList.parse([pattern]).matches("x" + mention) == expected


def test_matching_takes_time_proportional_to_the_mention():
    rules = MentionList.parse(["*a*a*a*a*a*a*a*a*b", "*ab*ba*ab*c*"])
    assert growth(lambda n: rules.matches("a" * n), 200_000, 800_000) < 8


@pytest.mark.parametrize("mention", ["", "\0", "\ud800", "*", "a" * 1_000_000])
def test_a_strange_mention_is_decided_like_any_other(lists, mention):
    assert lists.decide("per", 0.9, mention).action == "publish"


# --- the file


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("labels: {per: {publish: 0.2, review: 0.5}}", "publish 0.2 lies below review 0.5"),
        ("labels: {per: {review: 0.5}}", "publish 0.1 lies below review 0.5 of per"),
        ("all: {review: 0.5}", "publish 0.1 lies below review 0.5"),
        (
            "labels: {per: {allow: [Ann], deny: [ANN]}}",
            "labels.per: Value error, 'ann' is on both lists, allow and deny",
        ),
        ("labels: {per: {allow: ['Dr  *'], deny: ['dr **']}}", "'dr *' is on both lists, allow and deny"),
        ("labels: {per: {publish: 1.5}}", "labels.per.publish: Input should be less than or equal to 1"),
        ("labels: {per: {publish: .nan}}", "labels.per.publish: Input should be "),
        ("labels: {per: {drop: 0.1}}", "labels.per.drop: Extra inputs are not permitted"),
        ("label: {}", "label: Extra inputs are not permitted"),
        ("labels: {per: {deny: [no]}}", "labels.per.deny.0: Input should be a valid string"),
        ("labels: {per: {deny: Ann}}", "labels.per.deny: Input should be a valid tuple"),
        ("labels: {per: {deny: ['* *']}}", "'* *' names no mention"),
        ('labels: {per: {deny: ["\\u00ad"]}}', "'\\xad' names no mention"),
        ("labels: {per: {deny: ['']}}", "labels.per.deny.0: String should have at least 1 character"),
        ("labels: [per]", "labels: Input should be a valid"),
        ("- per", "Input should be a valid dictionary"),
        ("labels: {per: {}, per: {}}", "key 'per' twice"),
        ("labels: {", "expected YAML"),
        (
            f"all: {{deny: [{','.join(f'a{number}*' for number in range(MAX_PATTERNS + 1))}]}}",
            "1,001 entries with *, at most 1,000",
        ),
    ],
)
def test_a_file_that_contradicts_itself_or_is_malformed_is_refused_in_one_line(load, text, message):
    with pytest.raises(ConfigInvalid) as caught:
        load(text)
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert str(caught.value).startswith("found ") and "policy.yaml" in str(caught.value)


def test_a_file_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(InputMissing, match="found nothing at .*none.yaml, expected a YAML of policies"):
        EntityPolicy.load(tmp_path / "none.yaml")


def test_rules_of_an_unknown_label_are_refused(load):
    policy = load("labels: {per: {publish: 0.5}, pers: {publish: 0.5}}")
    with pytest.raises(
        ConfigInvalid, match="found label 'pers', expected one of geo, org, per, in the policy of entities"
    ):
        policy.check_labels(LABELS)
    with pytest.raises(ConfigInvalid, match="found label 'loc'"):
        EntityPolicy.load().with_scores(None, "loc=0.5").check_labels(LABELS)
    EntityPolicy.load().check_labels(LABELS)


def test_the_version_changes_with_what_decides_and_with_nothing_else(load):
    policy = load("labels: {per: {publish: 0.5, deny: [Ann, Bob]}}")
    assert policy.version == load("# the same\nlabels:\n  per: {deny: [bob, ANN], publish: 0.50}").version
    others = ["", "labels: {per: {publish: 0.6, deny: [Ann, Bob]}}", "labels: {per: {publish: 0.5, allow: [Ann, Bob]}}"]
    versions = {load(text).version for text in others} | {policy.version, policy.with_scores(0.2).version}
    assert len(versions) == 5
    assert load("").version == EntityPolicy.load().version
