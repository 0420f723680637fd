"""Data drift: differences of each batch from the last accepted snapshot, or from the other batches.

Only new sentences of a batch count, since accepted ones were validated before. Correction batches (`review-*`) contain
errors of the model and differ from other data by design; only their quarantined share is checked.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ner_tasks.data.batches import REVIEW
from ner_tasks.data.corpus import LabelledSentence, read_labelled
from ner_tasks.data.quotas import PARTS
from ner_tasks.data.snapshot import open_snapshot, read_known_parts, text_key
from ner_tasks.data.validation.quarantine import LabelledTable, RowReview
from ner_tasks.labels import OUTSIDE, tag_label

# Batches below these sizes are too small for the statistics.
MIN_WORDS, MIN_ENTITIES, MIN_JUDGED = 500, 100, 50
# A word is a reference for its label from this number of occurrences and this share of the most frequent label.
_MIN_SEEN, _MIN_MAJORITY = 3, 0.5

WordLabels = Mapping[str, Counter[str]]


@dataclass(frozen=True)
class Baseline:
    """Statistics of the last accepted snapshot for comparison with new data.

    Attributes:
        version: version of the snapshot.
        labels: its labels.
        known: part of each text in it and in earlier snapshots, by `text_key`.
        words: number of occurrences of each word by label, `O` included.
        n_entities: number of entities of each label.
        agreement: label agreement within the snapshot, 0 to 1, see `label_agreement`; it differs between domains, so new
            data is measured relative to it.
    """

    version: str
    labels: tuple[str, ...]
    known: dict[str, str]
    words: WordLabels
    n_entities: Counter[str]
    agreement: float

    @classmethod
    def read(cls, folder: Path) -> "Baseline":
        """Read a snapshot, verify its files and compute the statistics.

        Raises:
            InputMissing: there is no snapshot in `folder`.
            ArtifactBroken: a file was changed after it was written.
        """
        manifest = open_snapshot(folder)
        parts = {part: read_labelled(folder / f"{part}.csv") for part in PARTS}
        sentences = [sentence for part in PARTS for sentence in parts[part]]
        # from the parts as well as from texts.csv, so that the check does not depend on one file
        known = {text_key(sentence.words): part for part in PARTS for sentence in parts[part]}
        words = count_word_labels(sentences)
        n, right = label_agreement(sentences, words, among_them=True)
        return cls(
            version=manifest["version"],
            labels=tuple(manifest["labels"]),
            known=read_known_parts(folder) | known,
            words=words,
            n_entities=count_labels(sentences),
            agreement=right / n if n else 1.0,
        )


def count_word_labels(sentences: Iterable[LabelledSentence]) -> dict[str, Counter[str]]:
    """Count the labels of each word, `O` included."""
    counts: dict[str, Counter[str]] = {}
    for sentence in sentences:
        for word, tag in zip(sentence.words, sentence.tags, strict=True):
            counts.setdefault(word, Counter())[tag_label(tag) or OUTSIDE] += 1
    return counts


def count_labels(sentences: Iterable[LabelledSentence]) -> Counter[str]:
    """Count the entities of each label."""
    return Counter(tag[2:] for sentence in sentences for tag in sentence.tags if tag.startswith("B-"))


def label_agreement(sentences: Iterable[LabelledSentence], words: WordLabels, *, among_them: bool) -> tuple[int, int]:
    """Count the words with a majority label elsewhere, and how many of them have this label.

    Words with `O` here and elsewhere do not count, since they agree even if labels are shuffled.

    Args:
        sentences: labelled sentences.
        words: reference counts of each word by label.
        among_them: whether `words` includes `sentences`; then each occurrence is left out of its own reference.

    Returns:
        Number of words that count, and number of those that agree.
    """
    verdicts: dict[tuple[str, str], bool | None] = {}
    n_judged = n_agreeing = 0
    for sentence in sentences:
        for pair in zip(sentence.words, sentence.tags, strict=True):
            if pair not in verdicts:
                word, own = pair[0], tag_label(pair[1]) or OUTSIDE
                verdicts[pair] = _agrees(own, words.get(word), among_them=among_them)
            if (verdict := verdicts[pair]) is not None:
                n_judged += 1
                n_agreeing += verdict
    return n_judged, n_agreeing


def _agrees(own: str, counts: Counter[str] | None, *, among_them: bool) -> bool | None:
    """Return whether a label equals the majority label of the word; None without a majority, or if both are `O`."""
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
    """Compute the figure of each batch for each rule of `expectations.batch_rules`.

    Returns:
        Frames with columns `batch` and `value` by name of the rule.
    """
    batches = _group_by_batch(table, reviewed)
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
        "own-labels": _own_label_shares(fresh) if past is None else [],
        "unseen-words": _unseen_word_shares(fresh, past) if past else [],
        "label-drift": _label_distances(fresh, past) if past else [],
    }
    return {
        rule: pd.DataFrame({"batch": [name for name, _ in pairs], "value": [float(value) for _, value in pairs]})
        for rule, pairs in rows.items()
    }


def compare_labels(table: LabelledTable, reviewed: RowReview, past: Baseline) -> pd.DataFrame:
    """Compare the labels with those of the last snapshot.

    Returns:
        A row for each label: `change` is empty, `new` or `gone`; `label` of a new one includes its batches.
    """
    where: dict[str, list[str]] = {}
    for name, (_, _, sound) in _group_by_batch(table, reviewed).items():
        for label in count_labels(sound):
            where.setdefault(label, []).append(name)
    new = [label for label in reviewed.labels if label not in past.labels]
    gone = [label for label in past.labels if label not in reviewed.labels]
    changes = [(f"{label} ({', '.join(where.get(label, [])[:3])})", "new") for label in new]
    changes += [(label, "gone") for label in gone]
    changes += [(label, "") for label in past.labels if label not in gone]
    return pd.DataFrame(changes, columns=["label", "change"], dtype="str")


def _group_by_batch(table: LabelledTable, reviewed: RowReview) -> dict[str, tuple[int, int, list[LabelledSentence]]]:
    """Return number of sentences, number of quarantined sentences, and sound sentences of each batch."""
    batch_of = [name.partition("/")[0] for name in table.names]
    groups: dict[str, tuple[int, int, list[LabelledSentence]]] = {}
    every = zip(table.sentences, table.files.tolist(), reviewed.reasons, reviewed.is_sound, strict=True)
    for sentence, file, reason, sound in every:
        n, aside, kept = groups.get(batch_of[file], (0, 0, []))
        if sound:
            kept.append(sentence)
        groups[batch_of[file]] = (n + 1, aside + bool(reason), kept)
    return groups


def _own_label_shares(fresh: Mapping[str, Sequence[LabelledSentence]]) -> list[tuple[str, float]]:
    """Return the share of entities of each batch with a label that no other batch has; empty for a single batch."""
    counts = {name: count_labels(sentences) for name, sentences in fresh.items()}
    counts = {name: count for name, count in counts.items() if count}
    if len(counts) < 2:
        return []
    n_batches = Counter(label for count in counts.values() for label in count)
    return [
        (name, sum(n for label, n in count.items() if n_batches[label] == 1) / count.total())
        for name, count in counts.items()
    ]


def _unseen_word_shares(fresh: Mapping[str, Sequence[LabelledSentence]], past: Baseline) -> list[tuple[str, float]]:
    """Return the share of unseen words in the new sentences of each batch."""
    shares = []
    for name, sentences in fresh.items():
        words = [word for sentence in sentences for word in sentence.words]
        if len(words) >= MIN_WORDS:
            shares.append((name, sum(word not in past.words for word in words) / len(words)))
    return shares


def _label_distances(fresh: Mapping[str, Sequence[LabelledSentence]], past: Baseline) -> list[tuple[str, float]]:
    """Return the total variation distance between the label shares of each batch's new entities and the snapshot's.

    0 for equal shares, 1 without common labels.
    """
    distances = []
    n_before = max(past.n_entities.total(), 1)
    for name, sentences in fresh.items():
        now = count_labels(sentences)
        if now.total() >= MIN_ENTITIES:
            labels = past.n_entities.keys() | now.keys()
            differences = (abs(now[label] / now.total() - past.n_entities[label] / n_before) for label in labels)
            distances.append((name, sum(differences) / 2))
    return distances
