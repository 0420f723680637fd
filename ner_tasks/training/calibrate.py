"""What is fitted to a trained model on the dev part: its temperature, which transitions, and how much they count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ner_tasks.data.corpus import LabelledSentence
from ner_tasks.evaluation import calibration, metrics
from ner_tasks.inference.tagger import SentenceLogits, Tagger
from ner_tasks.model import decoding


@dataclass(frozen=True)
class Calibration:
    """A trained model's temperature, its transitions and their weight, and the dev F1 that it reaches with them.

    `kind` is how the transitions were found: `counted` in the train part, or `learnt` with the weights.
    """

    temperature: float
    kind: str
    transitions: decoding.Transitions
    weight: float
    dev_f1: float


def calibrate_model(
    tagger: Tagger, transitions: Mapping[str, decoding.Transitions], dev: Sequence[LabelledSentence]
) -> Calibration:
    """Weigh transitions and logits on the dev part, and take those transitions that are best there."""
    gold, found = [sentence.tags for sentence in dev], tagger.logits([sentence.words for sentence in dev])
    best = max(
        (fit_transitions(tagger, found, gold, kind, of) for kind, of in transitions.items()), key=lambda one: one.dev_f1
    )
    said = f"{best.kind} transitions weigh {best.weight}"
    print(f"{said}: dev entity F1 {best.dev_f1:.4f}; temperature {best.temperature:.3f}", flush=True)
    return best


def fit_transitions(
    tagger: Tagger,
    found: Sequence[SentenceLogits],
    gold: Sequence[Sequence[str]],
    kind: str,
    transitions: decoding.Transitions,
) -> Calibration:
    """One kind of transitions, under the weight that is best for them."""
    f1s = dict[float, float]()

    def dev_f1(weight: float) -> float:
        if weight not in f1s:
            tagged = tagger.answers(found, transitions=weight * transitions)
            f1s[weight] = metrics.score_tags(gold, [answer.tags for answer in tagged]).overall.f1
        return f1s[weight]

    weight = decoding.fit_transition_weight(dev_f1)
    temperature = calibration.fit_on_sentences(found, gold, tagger.manifest.label_set)
    return Calibration(temperature, kind, transitions, weight, dev_f1(weight))
