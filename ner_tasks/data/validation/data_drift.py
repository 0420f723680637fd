"""How each batch of labelled data differs from what has been accepted before, or from the rest of the data.

Only what is new in a batch is judged: a sentence that was accepted once has been looked at. Corrections by people
(`review-*`) are what the model was wrong about, by choice unlike all else: only their share in quarantine counts.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ner_tasks.data.batches import REVIEW
from ner_tasks.data.corpus import LabelledSentence, read_labelled
from ner_tasks.data.snapshot import open_snapshot, read_known_parts, text_key
from ner_tasks.data.split import PARTS
from ner_tasks.data.validation.quarantine import LabelledTable, RowReview
from ner_tasks.labels import OUTSIDE, tag_label

# Less than this says nothing: a handful of sentences may be about anything.
MIN_WORDS, MIN_ENTITIES, MIN_JUDGED = 500, 100, 50
# A word teaches what it means once it has been seen so often, and more often than not with one label.
_MIN_SEEN, _MIN_MAJORITY = 3, 0.5

WordLabels = Mapping[str, Counter[str]]


@dataclass(frozen=True)
class Baseline:
    """The last accepted snapshot, as far as later data is compared with it.

    Attributes:
        version: of that snapshot.
        labels: its labels.
        known: part of each text that it or one before it has held, by `text_key`.
        words: for each word how often it bears which label, `O` among them.
        n_entities: entities of each label.
        agreement: how often its words are labelled as the others of their kind are, 0 to 1: languages of few names
            and many chemicals differ in this, so that later data is measured by it.
    """

    version: str
    labels: tuple[str, ...]
    known: dict[str, str]
    words: WordLabels
    n_entities: Counter[str]
    agreement: float

    @classmethod
    def read(cls, folder: Path) -> "Baseline":
        """Read a snapshot, every file of it checked.

        Raises:
            InputMissing: no snapshot in `folder`.
            ArtifactBroken: it has changed since it was made.
        """
        said = open_snapshot(folder)
        parts = {part: read_labelled(folder / f"{part}.csv") for part in PARTS}
        sentences = [sentence for part in PARTS for sentence in parts[part]]
        # the parts themselves beside the list: the rule must not hang on one file of ours
        known = {text_key(sentence.words): part for part in PARTS for sentence in parts[part]}
        words = count_word_labels(sentences)
        n, right = label_agreement(sentences, words, among_them=True)
        return cls(
            version=said["version"],
            labels=tuple(said["labels"]),
            known=read_known_parts(folder) | known,
            words=words,
            n_entities=count_labels(sentences),
            agreement=right / n if n else 1.0,
        )


def count_word_labels(sentences: Iterable[LabelledSentence]) -> dict[str, Counter[str]]:
    """How often each word bears which label."""
    counts: dict[str, Counter[str]] = {}
    for sentence in sentences:
        for word, tag in zip(sentence.words, sentence.tags, strict=True):
            counts.setdefault(word, Counter())[tag_label(tag) or OUTSIDE] += 1
    return counts


def count_labels(sentences: Iterable[LabelledSentence]) -> Counter[str]:
    """Entities of each label."""
    return Counter(tag[2:] for sentence in sentences for tag in sentence.tags if tag.startswith("B-"))


def label_agreement(sentences: Iterable[LabelledSentence], words: WordLabels, *, among_them: bool) -> tuple[int, int]:
    """How many words could be judged by what they are elsewhere, and how many of these are labelled so.

    Judged are words that mostly bear one label elsewhere, where that label or their own is not `O`: `O` agrees with
    `O` even in labels that somebody has shuffled.

    Args:
        words: how often each word bears which label elsewhere.
        among_them: whether `sentences` are counted in `words`; then each word is judged by the others of its kind.
    """
    verdicts: dict[tuple[str, str], bool | None] = {}
    n_judged = n_agreeing = 0
    for sentence in sentences:
        for pair in zip(sentence.words, sentence.tags, strict=True):
            if pair not in verdicts:
                word, own = pair[0], tag_label(pair[1]) or OUTSIDE
                verdicts[pair] = _verdict(own, words.get(word), among_them=among_them)
            if (verdict := verdicts[pair]) is not None:
                n_judged += 1
                n_agreeing += verdict
    return n_judged, n_agreeing


def _verdict(own: str, counts: Counter[str] | None, *, among_them: bool) -> bool | None:
    """Whether a word's label is that of its like; None if these do not say, or all say `O`."""
    if counts is None:
        return None
    others = counts - Counter({own: 1}) if among_them else counts
    n = others.total()
    if n < _MIN_SEEN:
        return None
    label, most = others.most_common(1)[0]
    if most < _MIN_MAJORITY * n or label == own == OUTSIDE:
        return None
    return label == own


def make_batch_frames(table: LabelledTable, reviewed: RowReview, past: Baseline | None) -> dict[str, pd.DataFrame]:
    """For each rule of `expectations.batch_rules` the batches that it judges, with the figure that it judges them by."""
    batches = _by_batch(table, reviewed)
    fresh = {
        name: [one for one in sound if past is None or text_key(one.words) not in past.known]
        for name, (_, _, sound) in batches.items()
        if not name.startswith(REVIEW)
    }
    words = past.words if past else count_word_labels(one for sentences in fresh.values() for one in sentences)
    usual = past.agreement if past else 1.0
    judged = {name: label_agreement(sentences, words, among_them=past is None) for name, sentences in fresh.items()}
    rows: dict[str, list[tuple[str, float]]] = {
        "batch-quarantined-share": [(name, aside / n) for name, (n, aside, _) in batches.items()],
        "word-agreement": [
            (name, min(right / n / usual, 1.0)) for name, (n, right) in judged.items() if n >= MIN_JUDGED
        ],
        "own-labels": _own_labels(fresh) if past is None else [],
        "unseen-words": _unseen(fresh, past) if past else [],
        "label-drift": _label_drift(fresh, past) if past else [],
    }
    return {
        rule: pd.DataFrame({"batch": [name for name, _ in found], "value": [float(value) for _, value in found]})
        for rule, found in rows.items()
    }


def compare_labels(table: LabelledTable, reviewed: RowReview, past: Baseline) -> pd.DataFrame:
    """A row for each label now or before; `change` is empty, `new` or `gone`, `label` says in which batches it is new."""
    where: dict[str, list[str]] = {}
    for name, (_, _, sound) in _by_batch(table, reviewed).items():
        for label in count_labels(sound):
            where.setdefault(label, []).append(name)
    new = [label for label in reviewed.labels if label not in past.labels]
    gone = [label for label in past.labels if label not in reviewed.labels]
    changes = [(f"{label} ({', '.join(where.get(label, [])[:3])})", "new") for label in new]
    changes += [(label, "gone") for label in gone]
    changes += [(label, "") for label in past.labels if label not in gone]
    return pd.DataFrame(changes, columns=["label", "change"], dtype="str")


def _by_batch(table: LabelledTable, reviewed: RowReview) -> dict[str, tuple[int, int, list[LabelledSentence]]]:
    """For each batch how many sentences it has, how many of them are in quarantine, and the sound ones."""
    batch_of = [name.partition("/")[0] for name in table.names]
    found: dict[str, tuple[int, int, list[LabelledSentence]]] = {}
    every = zip(table.sentences, table.files.tolist(), reviewed.reasons, reviewed.is_sound, strict=True)
    for sentence, file, reason, sound in every:
        n, aside, kept = found.get(batch_of[file], (0, 0, []))
        if sound:
            kept.append(sentence)
        found[batch_of[file]] = (n + 1, aside + bool(reason), kept)
    return found


def _own_labels(fresh: Mapping[str, Sequence[LabelledSentence]]) -> list[tuple[str, float]]:
    """Share of each batch's entities whose label no other batch has; nothing is said of a batch that is alone."""
    counts = {name: count_labels(sentences) for name, sentences in fresh.items()}
    counts = {name: count for name, count in counts.items() if count}
    if len(counts) < 2:
        return []
    n_batches = Counter(label for count in counts.values() for label in count)
    return [
        (name, sum(n for label, n in count.items() if n_batches[label] == 1) / count.total())
        for name, count in counts.items()
    ]


def _unseen(fresh: Mapping[str, Sequence[LabelledSentence]], past: Baseline) -> list[tuple[str, float]]:
    """Share of the words of each batch's new sentences that were never seen before."""
    found = []
    for name, sentences in fresh.items():
        words = [word for sentence in sentences for word in sentence.words]
        if len(words) >= MIN_WORDS:
            found.append((name, sum(word not in past.words for word in words) / len(words)))
    return found


def _label_drift(fresh: Mapping[str, Sequence[LabelledSentence]], past: Baseline) -> list[tuple[str, float]]:
    """How far apart the label shares of each batch's new entities lie from those before: half the sum of differences.

    Source: total variation distance; 0 for equal shares, 1 for no label in common.
    """
    found = []
    n_before = max(past.n_entities.total(), 1)
    for name, sentences in fresh.items():
        now = count_labels(sentences)
        if now.total() >= MIN_ENTITIES:
            labels = past.n_entities.keys() | now.keys()
            apart = (abs(now[label] / now.total() - past.n_entities[label] / n_before) for label in labels)
            found.append((name, sum(apart) / 2))
    return found
