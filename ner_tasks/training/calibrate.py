"""Fit temperatures and transitions of a trained model on the dev part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ner_tasks.data.corpus import LabelledSentence
from ner_tasks.evaluation import calibration, metrics
from ner_tasks.inference.tagger import SentenceLogits, Tagger
from ner_tasks.model import decoding


@dataclass(frozen=True)
class Calibration:
    """Decoding parameters of a trained model.

    Attributes:
        temperature: divisor of the logits of words, above 0.
        entity_temperature: temperature of the posteriors of entities, above 0; that of words until it is fitted.
        kind: origin of the transitions: `counted` in the train part or `learnt` with the weights.
        transitions: log-probabilities [K + 1, K], not weighted.
        weight: factor of the transitions, 0 to 1.
        dev_f1: entity F1 on the dev part with these parameters.
    """

    temperature: float
    entity_temperature: float
    kind: str
    transitions: decoding.Transitions
    weight: float
    dev_f1: float


def calibrate_model(
    tagger: Tagger,
    transitions: Mapping[str, decoding.Transitions],
    dev: Sequence[LabelledSentence],
    *,
    with_scores: bool = True,
) -> Calibration:
    """Fit each kind of transitions on the dev part and return the calibration with the best dev F1.

    Args:
        tagger: trained model.
        transitions: candidate log-probabilities [K + 1, K] by kind.
        dev: labelled sentences that the model was not trained on.
        with_scores: whether to fit the temperature of entities, which has no effect on F1.
    """
    gold, logits = [sentence.tags for sentence in dev], tagger.compute_logits([sentence.words for sentence in dev])
    candidates = (fit_transitions(tagger, logits, gold, kind, values) for kind, values in transitions.items())
    best = max(candidates, key=lambda one: one.dev_f1)
    summary = f"{best.kind} transitions, weight {best.weight}: dev entity F1 {best.dev_f1:.4f}"
    temperatures = f"{best.temperature:.3f} of words"
    if with_scores:
        best = fit_scores(tagger, logits, gold, best)
        temperatures += f", {best.entity_temperature:.3f} of entities"
    print(f"{summary}; temperature {temperatures}", flush=True)
    return best


def fit_scores(
    tagger: Tagger, logits: Sequence[SentenceLogits], gold: Sequence[Sequence[str]], decoding_of: Calibration
) -> Calibration:
    """Fit the temperature of entities for a way of decoding; prints a notice if too few are found for that.

    Args:
        tagger: trained model.
        logits: its logits of the dev sentences.
        gold: BIO tags of the same sentences.
        decoding_of: how to decode.
    """
    transitions = decoding_of.weight * decoding_of.transitions
    answers = tagger.decode(logits, transitions=transitions)
    fitted = calibration.fit_entity_temperature(logits, answers, gold, tagger.manifest.label_set, transitions)
    if fitted is None:
        n_entities = sum(len(answer.entities) for answer in answers)
        print(
            f"notice: found {n_entities} entities on dev, expected {calibration.MIN_ENTITIES} to calibrate their scores: "
            "they have the temperature of words",
            flush=True,
        )
    return replace(decoding_of, entity_temperature=fitted or decoding_of.temperature)


def fit_transitions(
    tagger: Tagger,
    logits: Sequence[SentenceLogits],
    gold: Sequence[Sequence[str]],
    kind: str,
    transitions: decoding.Transitions,
) -> Calibration:
    """Fit weight and temperature for one kind of transitions.

    Args:
        tagger: trained model.
        logits: its logits of the dev sentences.
        gold: BIO tags of the same sentences.
        kind: name of the transitions, kept in the result.
        transitions: log-probabilities [K + 1, K].
    """
    f1s = dict[float, float]()

    def dev_f1(weight: float) -> float:
        if weight not in f1s:
            tagged = tagger.decode(logits, transitions=weight * transitions)
            f1s[weight] = metrics.score_tags(gold, [answer.tags for answer in tagged]).overall.f1
        return f1s[weight]

    weight = decoding.fit_transition_weight(dev_f1)
    temperature = calibration.fit_on_sentences(logits, gold, tagger.manifest.label_set)
    return Calibration(temperature, temperature, kind, transitions, weight, dev_f1(weight))
