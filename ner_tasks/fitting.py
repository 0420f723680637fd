"""What is fitted to a model once it is trained, on the dev part: its temperature, and how much the transitions count."""

from collections.abc import Sequence
from dataclasses import dataclass

from ner_tasks import calibration, decoding, evaluation
from ner_tasks.corpus import LabelledSentence
from ner_tasks.inference import Tagger


@dataclass(frozen=True)
class Fitted:
    """A trained model's temperature, its transitions and their weight, and the dev F1 that it reaches with them."""

    temperature: float
    transitions: decoding.Transitions
    weight: float
    dev_f1: float


def fitted_to(tagger: Tagger, train: Sequence[LabelledSentence], dev: Sequence[LabelledSentence]) -> Fitted:
    """Count the transitions in the train part, and weigh them and the logits on the dev part."""
    label_set, gold = tagger.manifest.label_set, [sentence.tags for sentence in dev]
    found = tagger.logits([sentence.words for sentence in dev])
    transitions = decoding.transitions_of([sentence.tags for sentence in train], label_set)

    def dev_f1(weight: float) -> float:
        tagged = tagger.answers(found, transitions=weight * transitions)
        return evaluation.score(gold, [answer.tags for answer in tagged]).overall.f1

    weight = decoding.fitted_weight(dev_f1)
    temperature = calibration.fitted_to(found, gold, label_set)
    fitted = Fitted(temperature, transitions, weight, dev_f1(weight))
    print(f"transitions weigh {weight}: dev entity F1 {fitted.dev_f1:.4f}; temperature {temperature:.3f}", flush=True)
    return fitted
