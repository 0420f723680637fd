"""One YAML for all gates: strict, explained, and never at odds with itself."""

import pytest

from ner_tasks.errors import ConfigInvalid, InputMissing
from ner_tasks.evaluation.policy import DEFAULT_POLICY, GateOverrides, GatePolicy


@pytest.mark.runbook("retraining", "model_gate: ConfigInvalid: ... lies above, found label")
@pytest.mark.runbook("quantization", "quantize: ConfigInvalid")
def test_the_shipped_yaml_says_what_the_defaults_are():
    assert GatePolicy.read(DEFAULT_POLICY) == GatePolicy()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("model: {champion: {max_loss: 0.1}}", "model.champion: Value error, max_loss 0.1 lies above hard_loss 0.02"),
        ("model: {labels: {only: {nat: {max_loss: 0.5, hard_loss: 0.1}}}}", "model.labels.only.nat: Value error"),
        ("model: {labels: {hard_loss: 0.01}}", "max_loss 0.03 lies above hard_loss 0.01"),
        ("int8: {size_share: {min: 0.9, max: 0.5}}", "int8.size_share: Value error, min 0.9 lies above max 0.5"),
        ("int8: {max_f1_loss: 0.2}", "max_f1_loss 0.2 lies above max_label_loss 0.05"),
        ("model: {min_f1: 1.2}", "model.min_f1: Input should be less than or equal to 1"),
        ("model: {min_f1: .nan}", "model.min_f1"),
        ("model: {champion: {confidence: 0.2}}", "model.champion.confidence: Input should be greater than"),
        ("data: {max_label_drift: 2}", "data.max_label_drift: Input should be less than or equal to 1"),
        ("model: {floor: 0.2}", "model.floor: Extra inputs are not permitted"),
        ("a: [", "expected YAML"),
        ("just words", "expected the keys of gates.yaml"),
    ],
)
def test_a_yaml_that_is_wrong_or_contradicts_itself_is_one_line(tmp_path, text, complaint):
    (tmp_path / "g.yaml").write_text(text)
    with pytest.raises(ConfigInvalid) as refused:
        GatePolicy.read(tmp_path / "g.yaml")
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_yaml_is_named(tmp_path):
    with pytest.raises(InputMissing, match="expected a YAML of gates"):
        GatePolicy.read(tmp_path / "none.yaml")


@pytest.mark.runbook("retraining", "model_gate: ConfigInvalid: ... lies above, found label")
def test_a_limit_of_a_label_that_the_model_does_not_have_is_refused():
    policy = GatePolicy.model_validate({"model": {"labels": {"only": {"persn": {"max_loss": 0, "hard_loss": 0}}}}})
    policy.check_labels(["persn"])
    with pytest.raises(ConfigInvalid, match=r"found label 'persn', expected one of \['geo', 'per'\]"):
        policy.check_labels(["per", "geo"])


def test_what_a_run_says_goes_before_the_yaml_and_takes_along_what_lies_behind_it():
    policy = GatePolicy().with_overrides(
        GateOverrides(max_f1_below_champion=0.1, max_f1_loss=0.2, min_f1=0.3, min_speed_up=0.0)
    )
    assert (policy.model.min_f1, policy.int8.min_speed_up) == (0.3, 0.0)
    assert (policy.model.champion.max_loss, policy.model.champion.hard_loss) == (0.1, 0.1)
    assert (policy.int8.max_f1_loss, policy.int8.max_label_loss) == (0.2, 0.2)
    assert GatePolicy.model_validate(policy.model_dump()) == policy


def test_what_a_run_leaves_open_the_yaml_says():
    assert GatePolicy().with_overrides(GateOverrides()) == GatePolicy()
