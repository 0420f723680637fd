"""The scores of a model are calibrated with the way of decoding that its dev part has chosen."""

import numpy as np
import pytest

from ner_tasks.evaluation import calibration
from ner_tasks.inference.tagger import SentenceLogits, Tagger
from ner_tasks.labels import LabelSet
from ner_tasks.model.model_folder import ModelManifest
from ner_tasks.training.calibrate import Calibration, fit_scores

LABELS = LabelSet(("geo", "per"))
TAGGER = Tagger(None, None, ModelManifest("trained", LABELS.labels, {}, 32))  # type: ignore[arg-type]


def overconfident(n_sentences: int) -> tuple[list[SentenceLogits], list[tuple[str, ...]]]:
    """Logits that are sure of a `B-per` in each sentence, which two of three times is one."""
    logits = np.tile(np.array([0, 0, 0, 3, 0], np.float32), (1, 1))
    gold = [("B-per",) if number % 3 else ("O",) for number in range(n_sentences)]
    return [SentenceLogits(logits, 1, 1)] * n_sentences, gold


def test_the_temperature_of_entities_is_fitted_with_the_weighted_transitions() -> None:
    logits, gold = overconfident(600)
    transitions = np.zeros((6, 5), np.float32)
    transitions[-1, 3] = 4.0
    chosen = Calibration(1.0, 1.0, "counted", transitions, 0.5, 0.8)
    fitted = fit_scores(TAGGER, logits, gold, chosen)
    # exp(5 / t) / (exp(5 / t) + 2), as two of the four other tags may begin a sentence
    assert fitted.entity_temperature == pytest.approx(5 / np.log(4), rel=0.01)
    answers = TAGGER.decode(logits, entity_temperature=fitted.entity_temperature, transitions=0.5 * transitions)
    assert calibration.calibration_errors(gold, answers)["entities"] < 0.01


def test_too_few_entities_have_the_temperature_of_words_and_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    logits, gold = overconfident(99)
    chosen = Calibration(1.7, 1.7, "counted", np.zeros((6, 5), np.float32), 0.5, 0.8)
    assert fit_scores(TAGGER, logits, gold, chosen).entity_temperature == 1.7
    assert "notice: found 99 entities on dev, expected 100 to calibrate their scores" in capsys.readouterr().out
